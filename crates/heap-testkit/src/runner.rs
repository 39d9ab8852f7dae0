//! The runner of one program: each operation on the heap and on the model, and the comparison of the two.
//!
//! Each operation is one `enter`, so in a heap that collects at every allocation there is a cycle between any two.
//! After a collection the runner looks at everything the model reaches: address, shape, contents, and every place.
//! With the heap for itself it also counts, before it looks: slots, roots, drops.
//!
//! Called by [`crate::run`], which decides on settings, heaps and threads.

use crate::change::Change;
use crate::drops::Register;
use crate::model::{Edge, Id, Model, Object};
use crate::program::{Kind, Op};
use crate::random::Random;
use crate::shape::{Any, AnyRoot, Held, Place, Shape};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tricolor::{Heap, Mu, Mutator};

/// What a run did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    /// Operations.
    pub ops: u64,
    /// Objects allocated.
    pub objects: u64,
    /// Objects compared with the model, each time one was.
    pub looks: u64,
    /// Cycles of the heap.
    pub cycles: u64,
    /// Drops that ran.
    pub drops: u64,
}

impl Stats {
    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        self.ops += other.ops;
        self.objects += other.objects;
        self.looks += other.looks;
        self.cycles += other.cycles;
        self.drops += other.drops;
    }
}

/// A program under way: the heap, the model, and what belongs to both.
pub(crate) struct Runner {
    roots: Vec<AnyRoot>,
    model: Model,
    register: Arc<Register>,
    /// Whether nobody else uses the heap.
    alone: bool,
    next: Id,
    /// Dead objects whose slot may be kept for their drop.
    kept: usize,
    stats: Stats,
    /// `None` only for a moment.
    mutator: Option<Mutator>,
    heap: Heap,
}

/// Roots a program keeps, at most: more make reaching everything easier and forgetting something harder.
const MOST_ROOTS: usize = 40;

/// How often each shape is allocated.
const SHAPES: [(Shape, u32); 20] = [
    (Shape::Tiny, 8),
    (Shape::Words, 8),
    (Shape::Text, 5),
    (Shape::Chain, 10),
    (Shape::Hub, 24),
    (Shape::Node1, 6),
    (Shape::Node2, 6),
    (Shape::Node3, 5),
    (Shape::Node5, 4),
    (Shape::Node7, 4),
    (Shape::Node12, 4),
    (Shape::Node70, 3),
    (Shape::Refs, 6),
    (Shape::Pairs, 4),
    (Shape::Anys, 5),
    (Shape::Vector, 6),
    (Shape::AnyVector, 4),
    (Shape::Stone, 5),
    (Shape::Stones, 2),
    (Shape::Hand, 5),
];

fn shape_of(random: &mut Random) -> Shape {
    let sum: u32 = SHAPES.iter().map(|(_, weight)| weight).sum();
    let mut left = random.word() % sum;
    for (shape, weight) in SHAPES {
        if left < weight {
            return shape;
        }
        left -= weight;
    }
    Shape::Tiny
}

/// Mostly short; one in 16 fills size classes, one in 64 is a large object, one in 1024 one scanned in pieces.
fn len_of(shape: Shape, random: &mut Random) -> usize {
    let lot = random.below(1024);
    let span = match (shape, lot) {
        (Shape::Hand | Shape::Stones, _) => (0, 7),
        (Shape::Refs, 0) => (17_000, 40_000),
        (Shape::Words | Shape::Refs | Shape::Pairs | Shape::Vector, 1..=15) => (4100, 6000),
        (Shape::Anys | Shape::AnyVector, 1..=15) => (2050, 2500),
        (_, 16..=80) => (20, 500),
        _ => (0, 12),
    };
    span.0 + random.index(span.1 - span.0)
}

/// Picks an object: the one a root leads to, or one some way from there.
fn pick<'gc>(
    mu: &Mu<'gc>,
    model: &Model,
    roots: &[AnyRoot],
    random: &mut Random,
) -> Result<Option<(Id, Any<'gc>)>, String> {
    if roots.is_empty() {
        return Ok(None);
    }
    let root = random.index(roots.len());
    let (mut id, mut at) = (model.roots[root], roots[root].get(mu));
    for _ in 0..random.below(6) {
        let edges = &model.object(id).edges;
        let steps = edges.iter().filter_map(|(place, edge)| match edge {
            Edge::To(next) => Some((*place, *next)),
            Edge::Hidden(..) | Edge::Number(_) => None,
        });
        let steps: Vec<_> = steps.collect();
        if steps.is_empty() {
            break;
        }
        let (place, next) = steps[random.index(steps.len())];
        let Held::Object(found) = at.held(place) else {
            return Err(format!("place {place} of {id:#x} holds no object"));
        };
        same(model, next, found)?;
        (id, at) = (next, found);
    }
    Ok(Some((id, at)))
}

/// Picks an object that a place can hold.
fn pick_for<'gc>(
    place: Place,
    mu: &Mu<'gc>,
    model: &Model,
    roots: &[AnyRoot],
    random: &mut Random,
) -> Result<Option<(Id, Any<'gc>)>, String> {
    let fits = |shape: Shape| match place {
        Place::Hub | Place::Fixed => shape == Shape::Hub,
        Place::Chain => shape == Shape::Chain,
        Place::Any => true,
    };
    let found = pick(mu, model, roots, random)?;
    if found.is_some_and(|(id, _)| fits(model.object(id).shape)) {
        return Ok(found);
    }
    let from = random.word() as usize;
    let any = (0..roots.len()).map(|at| (from % roots.len() + at) % roots.len());
    let fitting = any.into_iter().find(|&at| fits(model.object(model.roots[at]).shape));
    Ok(fitting.map(|at| (model.roots[at], roots[at].get(mu))))
}

/// Whether a reference leads to the object the model says.
fn same(model: &Model, id: Id, found: Any<'_>) -> Result<(), String> {
    let wanted = model.object(id);
    if found.shape() != Some(wanted.shape) || found.addr() != wanted.addr {
        return Err(format!(
            "{found:p} of {:?} is found for {id:#x}, {wanted:?}",
            found.shape(),
            found = found.addr() as *const u8
        ));
    }
    Ok(())
}

impl Runner {
    pub(crate) fn new(heap: Heap, thread: u64, alone: bool) -> Result<Self, String> {
        let mutator = Some(heap.attach().map_err(|error| error.to_string())?);
        Ok(Self {
            roots: Vec::new(),
            model: Model::default(),
            register: Register::new(),
            alone,
            next: (thread << 40) + 1,
            kept: 0,
            stats: Stats::default(),
            mutator,
            heap,
        })
    }

    /// What is left at the end, and what was done: for a program that shares its heap.
    pub(crate) fn end(&mut self) -> Result<(usize, Stats), String> {
        self.look()?;
        self.model.bury();
        self.stats.drops = self.register.total();
        Ok((self.model.slots(), self.stats))
    }

    /// Drops all roots.
    pub(crate) fn clear_roots(&mut self) {
        self.roots.clear();
        self.model.roots.clear();
    }

    fn mutator(&mut self) -> &mut Mutator {
        self.mutator.as_mut().unwrap_or_else(|| panic!("the runner is attached"))
    }

    /// Runs `f` inside, with the model and the roots.
    fn enter<R>(&mut self, f: impl for<'gc> FnOnce(&Mu<'gc>, &mut Model, &mut Vec<AnyRoot>) -> R) -> R {
        let Self { mutator, model, roots, .. } = self;
        let Some(mutator) = mutator else { panic!("the runner is attached") };
        mutator.enter(|mu| f(mu, model, roots))
    }

    pub(crate) fn step(&mut self, op: Op) -> Result<(), String> {
        self.stats.ops += 1;
        let mut random = Random::new(u64::from(op.a) << 32 | u64::from(op.b) ^ u64::from(op.c) << 16);
        match op.kind {
            Kind::Alloc => self.alloc(&mut random, true)?,
            Kind::Litter => {
                for _ in 0..4 {
                    self.alloc(&mut random, false)?;
                }
            }
            Kind::Store => self.store(&mut random)?,
            Kind::Clear => self.enter(|mu, model, roots| {
                let Some((id, at)) = pick(mu, model, roots, &mut random)? else { return Ok(()) };
                let Some(place) = place_of(model.object(id), &mut random) else { return Ok(()) };
                at.hold(mu, place, Held::Nothing);
                model.hold(id, place, None);
                Ok::<_, String>(())
            })?,
            Kind::Hide => self.hide(&mut random)?,
            Kind::Change => self.change(&mut random)?,
            Kind::Load => self.enter(|mu, model, roots| {
                if let Some((id, at)) = pick(mu, model, roots, &mut random)? {
                    roots.push(at.root(mu));
                    model.roots.push(id);
                }
                Ok::<_, String>(())
            })?,
            Kind::Clone => {
                if !self.roots.is_empty() {
                    let root = random.index(self.roots.len());
                    self.roots.push(self.roots[root].clone());
                    self.model.roots.push(self.model.roots[root]);
                }
            }
            Kind::Point => self.enter(|mu, model, roots| {
                let Some((id, at)) = pick(mu, model, roots, &mut random)? else { return Ok(()) };
                let root = random.index(roots.len());
                if roots[root].set(mu, at) {
                    model.roots[root] = id;
                }
                Ok::<_, String>(())
            })?,
            Kind::Drop => self.forget(&mut random),
            Kind::Safepoint => self.mutator().safepoint(),
            Kind::Look => self.look()?,
            Kind::Collect => {
                self.mutator().collect();
                self.after_collection()?;
            }
            Kind::Settle => self.settle()?,
            Kind::Release => {
                self.mutator().release_free_memory();
                self.after_collection()?;
                if self.alone {
                    let memory = self.heap.figures().memory;
                    if memory.heap_idle != memory.heap_released {
                        return Err(format!(
                            "{} are free, {} released",
                            memory.heap_idle, memory.heap_released
                        ));
                    }
                }
            }
            Kind::Verify => self.verify()?,
            Kind::Attach => {
                self.mutator = None;
                self.mutator = Some(self.heap.attach().map_err(|error| error.to_string())?);
            }
        }
        while self.roots.len() > MOST_ROOTS {
            self.forget(&mut random);
        }
        Ok(())
    }

    fn forget(&mut self, random: &mut Random) {
        if !self.roots.is_empty() {
            let root = random.index(self.roots.len());
            self.roots.swap_remove(root);
            self.model.roots.swap_remove(root);
        }
    }

    fn alloc(&mut self, random: &mut Random, keep: bool) -> Result<(), String> {
        let id = self.next;
        self.next += 1;
        self.stats.objects += 1;
        let register = Arc::clone(&self.register);
        self.enter(|mu, model, roots| {
            let shape = shape_of(random);
            let mut len = len_of(shape, random);
            let mut first = Vec::new();
            let mut edges = BTreeMap::new();
            if let Some(place) = shape.place() {
                let most = shape.places(len).min(if place == Place::Fixed { len } else { 4 });
                for _ in 0..most {
                    match pick_for(place, mu, model, roots, random)? {
                        Some((to, object)) if place == Place::Fixed || random.below(3) > 0 => {
                            edges.insert(first.len(), Edge::To(to));
                            first.push(Held::Object(object));
                        }
                        Some(_) | None if place == Place::Fixed => {}
                        Some(_) | None => first.push(Held::Nothing),
                    }
                }
                if place == Place::Fixed {
                    len = edges.len();
                }
            }
            let object = shape.alloc(mu, id, len, &first, &register).map_err(|error| error.to_string())?;
            object.check(id, len)?;
            let slots_beside = object.slots_beside();
            model.add(id, Object { shape, len, addr: object.addr(), slots_beside, edges });
            if keep {
                roots.push(object.root(mu));
                model.roots.push(id);
            }
            Ok(())
        })
    }

    fn store(&mut self, random: &mut Random) -> Result<(), String> {
        self.enter(|mu, model, roots| {
            let Some((id, at)) = pick(mu, model, roots, random)? else { return Ok(()) };
            let Some(place) = place_of(model.object(id), random) else { return Ok(()) };
            let Some(kind) = model.object(id).shape.place() else { return Ok(()) };
            let (held, edge) = match pick_for(kind, mu, model, roots, random)? {
                Some((to, object)) => (Held::Object(object), Some(Edge::To(to))),
                None => (Held::Nothing, None),
            };
            at.hold(mu, place, held);
            model.hold(id, place, edge);
            Ok(())
        })
    }

    /// Changes the elements of a vector a few times.
    fn change(&mut self, random: &mut Random) -> Result<(), String> {
        self.enter(|mu, model, roots| {
            // Vectors are not many among all objects, so look for one.
            let from = random.word() as usize;
            let mut vectors = (0..roots.len()).map(|at| (from % roots.len() + at) % roots.len());
            let Some(root) = vectors.find(|&at| model.object(model.roots[at]).shape.is_vector()) else {
                return Ok(());
            };
            let (id, at) = (model.roots[root], roots[root].get(mu));
            let Some(kind) = model.object(id).shape.place() else { return Ok(()) };
            for _ in 0..1 + random.below(6) {
                let (held, edge) = match pick_for(kind, mu, model, roots, random)? {
                    Some((to, object)) if random.below(4) > 0 => (Held::Object(object), Some(Edge::To(to))),
                    Some(_) | None => (Held::Nothing, None),
                };
                let change = change_of(model.object(id).len, random);
                at.change(mu, change.map(|()| held));
                model.change(id, |places| change.map(|()| edge).apply(places), at.slots_beside());
            }
            Ok(())
        })
    }

    /// Stores an object's address as a number: somewhere inside the object, as an ambiguous word may be.
    fn hide(&mut self, random: &mut Random) -> Result<(), String> {
        self.enter(|mu, model, roots| {
            let Some((id, at)) = pick_for(Place::Any, mu, model, roots, random)? else { return Ok(()) };
            if model.object(id).shape.place() != Some(Place::Any) {
                return Ok(());
            }
            let Some(place) = place_of(model.object(id), random) else { return Ok(()) };
            let (number, edge) = match pick(mu, model, roots, random)? {
                Some((to, object)) if random.below(4) > 0 => {
                    // Every slot is eight bytes or longer.
                    let number = object.addr() as u64 + random.below(8);
                    (number, Edge::Hidden(to, number))
                }
                Some(_) | None => {
                    let number = 1 + random.below(1 << 20);
                    (number, Edge::Number(number))
                }
            };
            at.hold(mu, place, Held::Number(number));
            model.hold(id, place, Some(edge));
            Ok(())
        })
    }

    /// Compares everything the roots lead to with the model.
    fn look(&mut self) -> Result<(), String> {
        let looked = self.enter(|mu, model, roots| {
            let mut seen: HashSet<Id> = HashSet::new();
            let mut list = Vec::new();
            for (id, root) in model.roots.iter().zip(roots.iter()) {
                let at = root.get(mu);
                same(model, *id, at).map_err(|what| format!("a root: {what}"))?;
                if seen.insert(*id) {
                    list.push((*id, at));
                }
            }
            while let Some((id, at)) = list.pop() {
                let object = model.object(id);
                at.check(id, object.len).map_err(|what| format!("{id:#x}, {:?}: {what}", object.shape))?;
                for place in 0..object.shape.places(object.len) {
                    let wanted = object.edges.get(&place).copied();
                    match (at.held(place), wanted) {
                        (Held::Nothing, None) => {}
                        (Held::Number(found), Some(Edge::Number(number) | Edge::Hidden(_, number)))
                            if found == number => {}
                        (Held::Object(found), Some(Edge::To(next))) => {
                            same(model, next, found)?;
                            if seen.insert(next) {
                                list.push((next, found));
                            }
                        }
                        (found, wanted) => {
                            return Err(format!(
                                "place {place} of {id:#x} holds {}, not {wanted:?}",
                                said(found)
                            ));
                        }
                    }
                }
            }
            Ok(seen.len() as u64)
        })?;
        self.stats.looks += looked;
        Ok(())
    }

    /// What must hold after a full collection.
    fn after_collection(&mut self) -> Result<(), String> {
        let droppable = self.model.droppable();
        self.model.bury();
        self.kept += droppable - self.model.droppable();
        if self.alone {
            // Before anything is looked at: what was freed by mistake must not be read.
            let (slots, found) = (self.model.slots() as u64, self.heap.figures().memory.heap_objects);
            if !(slots..=slots + self.kept as u64).contains(&found) {
                return Err(format!(
                    "{found} slots are allocated, not {slots} and at most {} more",
                    self.kept
                ));
            }
        }
        self.look()?;
        for stone in self.model.live_stones() {
            if self.register.times(stone) != 0 {
                return Err(format!("the drop of {stone:#x} ran, which is alive"));
            }
        }
        if self.alone {
            self.check_dead()?;
        }
        Ok(())
    }

    /// All drops of the dead ran, once.
    fn check_dead(&self) -> Result<(), String> {
        let dead = self.model.dead_stones();
        let total = self.register.total();
        for stone in dead {
            let times = self.register.times(*stone);
            if times != 1 {
                return Err(format!("the drop of {stone:#x}, which is dead, ran {times} times"));
            }
        }
        if total != dead.len() as u64 {
            return Err(format!("{total} drops ran, {} are dead", dead.len()));
        }
        Ok(())
    }

    /// Two collections, after which nothing dead is left.
    fn settle(&mut self) -> Result<(), String> {
        self.mutator().collect();
        self.after_collection()?;
        self.mutator().collect();
        self.kept = 0;
        self.after_collection()?;
        if self.alone {
            let figures = self.heap.figures();
            figures.memory.check()?;
            if figures.roots != self.roots.len() {
                return Err(format!("{} roots, not {}", figures.roots, self.roots.len()));
            }
        }
        Ok(())
    }

    fn verify(&self) -> Result<(), String> {
        match self.heap.verify().as_slice() {
            [] => Ok(()),
            found => {
                let first: Vec<_> = found.iter().take(5).map(ToString::to_string).collect();
                Err(format!("{} violations, the first are {}", found.len(), first.join("; ")))
            }
        }
    }

    /// The end: what is left is right, then nothing is left.
    pub(crate) fn finish(mut self) -> Result<Stats, String> {
        self.settle()?;
        self.verify()?;
        self.clear_roots();
        self.settle()?;
        self.verify()?;
        let memory = self.heap.figures().memory;
        if memory.heap_objects != 0 {
            return Err(format!("{} slots are allocated in an empty heap", memory.heap_objects));
        }
        self.stats.cycles = self.heap.figures().cycles;
        self.stats.drops = self.register.total();
        Ok(self.stats)
    }
}

/// A change to a vector of that many elements.
fn change_of(len: usize, random: &mut Random) -> Change<()> {
    let index = |random: &mut Random| random.index(len.max(1));
    match random.below(14) {
        0 | 1 => Change::Push(()),
        2 => Change::Extend((), random.index(9)),
        3 => Change::Pop,
        4 => Change::Insert(random.index(len + 1), ()),
        5 if len > 0 => Change::Remove(index(random)),
        6 if len > 0 => Change::SwapRemove(index(random)),
        7 if len > 0 => Change::Swap(index(random), index(random)),
        8 => Change::Truncate(random.index(len + 1)),
        9 if len > 0 => {
            let from = index(random);
            Change::CopyWithin(from, random.index(from + 1))
        }
        10 => Change::Reverse,
        11 => Change::Rotate(random.index(len + 1)),
        12 => Change::Reserve(random.index(20)),
        _ => Change::Shrink,
    }
}

/// A place of an object that can be changed.
fn place_of(object: &Object, random: &mut Random) -> Option<usize> {
    let places = object.shape.places(object.len);
    let changes = object.shape.place().is_some_and(|place| place != Place::Fixed);
    // Low places twice as often as high ones: stores should meet.
    (changes && places > 0).then(|| {
        let most = 1 + random.index(places);
        random.index(most)
    })
}

fn said(held: Held<'_>) -> String {
    match held {
        Held::Nothing => "nothing".into(),
        Held::Number(number) => format!("the number {number:#x}"),
        Held::Object(object) => format!("a {:?} at {:#x}", object.shape(), object.addr()),
    }
}
