//! The runner of one program: each operation on the heap and on the model, and the comparison of the two.
//!
//! Each operation is one `enter`, so in a heap that collects at every allocation there is a cycle between any two.
//! After a collection the runner looks at everything the model reaches: address, shape, contents, and every place.
//! With the heap for itself it also counts, before it looks: slots, roots, drops.
//!
//! Called by [`crate::run`], which decides on settings, heaps and threads.

mod changes;
mod graph;
mod pick;
mod watches;

use self::pick::{pick, pick_for, place_of, same};
use crate::drops::Register;
use crate::model::{Edge, Id, Model, Object};
use crate::program::{Kind, Op};
use crate::random::Random;
use crate::shape::{Any, AnyRoot, Eye, Held, Place, Seen, Shape, content};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tricolor::{AllocError, Heap, Mu, Mutator};

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
    /// Operations that the heap's limit refused.
    pub refused: u64,
    /// Weak references that found an object, and that did not.
    pub found: u64,
    /// See `found`.
    pub gone: u64,
}

impl Stats {
    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        self.ops += other.ops;
        self.objects += other.objects;
        self.looks += other.looks;
        self.cycles += other.cycles;
        self.drops += other.drops;
        self.refused += other.refused;
        self.found += other.found;
        self.gone += other.gone;
    }
}

/// Why an operation was not done.
enum Stop {
    /// Heap and model disagree.
    Wrong(String),
    /// The heap refused it. Nothing was changed.
    Refused(AllocError),
}

impl From<String> for Stop {
    fn from(what: String) -> Self {
        Self::Wrong(what)
    }
}

impl From<AllocError> for Stop {
    fn from(error: AllocError) -> Self {
        Self::Refused(error)
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
const SHAPES: [(Shape, u32); 24] = [
    (Shape::Tiny, 8),
    (Shape::Words, 8),
    (Shape::Text, 4),
    (Shape::Bytes, 3),
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
    (Shape::Map, 6),
    (Shape::AnyMap, 5),
    (Shape::Watch, 7),
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
        (Shape::Map | Shape::AnyMap, 0..=15) => (1200, 2000),
        (Shape::Map | Shape::AnyMap, 17..) => (4, 40),
        (Shape::Refs, 0) => (17_000, 40_000),
        (Shape::Words | Shape::Refs | Shape::Pairs | Shape::Vector, 1..=15) => (4100, 6000),
        (Shape::Anys | Shape::AnyVector, 1..=15) => (2050, 2500),
        (_, 16..=80) => (20, 500),
        _ => (0, 12),
    };
    span.0 + random.index(span.1 - span.0)
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
        match self.operate(op.kind, &mut random) {
            Ok(()) => {}
            Err(Stop::Wrong(what)) => return Err(what),
            // A heap without a limit never says so.
            Err(Stop::Refused(AllocError::Limit { .. })) => {
                self.stats.refused += 1;
                self.mutator().collect();
                self.after_collection()?;
            }
            Err(Stop::Refused(error)) => return Err(error.to_string()),
        }
        while self.roots.len() > MOST_ROOTS {
            self.forget(&mut random);
        }
        Ok(())
    }

    fn operate(&mut self, kind: Kind, random: &mut Random) -> Result<(), Stop> {
        match kind {
            Kind::Alloc => self.alloc(random, true)?,
            Kind::Litter => {
                for _ in 0..4 {
                    self.alloc(random, false)?;
                }
            }
            Kind::Store => self.store(random)?,
            Kind::Clear => self.enter(|mu, model, roots| {
                let Some((id, at)) = pick(mu, model, roots, random)? else { return Ok(()) };
                let Some(place) = place_of(model.object(id), random) else { return Ok(()) };
                hold(mu, model, (id, at), place, Held::Nothing, None)
            })?,
            Kind::Hide => self.hide(random)?,
            Kind::Change => self.change(random)?,
            Kind::Turn => self.turn(random)?,
            Kind::Watch => self.watch(random)?,
            Kind::Upgrade => self.upgrade(random)?,
            Kind::Load => self.enter(|mu, model, roots| {
                if let Some((id, at)) = pick(mu, model, roots, random)? {
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
                let Some((id, at)) = pick(mu, model, roots, random)? else { return Ok(()) };
                let root = random.index(roots.len());
                if roots[root].set(mu, at) {
                    model.roots[root] = id;
                }
                Ok::<_, String>(())
            })?,
            Kind::Drop => self.forget(random),
            Kind::Safepoint => self.mutator().safepoint(),
            Kind::Look => self.look()?,
            Kind::Collect => {
                self.mutator().collect();
                self.after_collection()?;
            }
            Kind::Settle => self.settle()?,
            Kind::Release => self.release()?,
            Kind::Verify => self.verify()?,
            Kind::Attach => {
                self.mutator = None;
                self.mutator = Some(self.heap.attach().map_err(|error| error.to_string())?);
            }
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), String> {
        self.mutator().release_free_memory();
        self.after_collection()?;
        if self.alone {
            let memory = self.heap.figures().memory;
            if memory.heap_idle != memory.heap_released {
                return Err(format!("{} are free, {} released", memory.heap_idle, memory.heap_released));
            }
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

    fn alloc(&mut self, random: &mut Random, keep: bool) -> Result<(), Stop> {
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
            let object = add(mu, model, &register, id, (shape, len), (&first, edges))?;
            if keep {
                roots.push(object.root(mu));
                model.roots.push(id);
            }
            Ok(())
        })
    }

    fn store(&mut self, random: &mut Random) -> Result<(), Stop> {
        self.enter(|mu, model, roots| {
            let Some((id, at)) = pick(mu, model, roots, random)? else { return Ok(()) };
            let Some(place) = place_of(model.object(id), random) else { return Ok(()) };
            let Some(kind) = model.object(id).shape.place() else { return Ok(()) };
            let (held, edge) = match pick_for(kind, mu, model, roots, random)? {
                Some((to, object)) => (Held::Object(object), Some(Edge::To(to))),
                None => (Held::Nothing, None),
            };
            hold(mu, model, (id, at), place, held, edge)
        })
    }

    /// Stores an object's address as a number: somewhere inside the object, as an ambiguous word may be.
    fn hide(&mut self, random: &mut Random) -> Result<(), Stop> {
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
            hold(mu, model, (id, at), place, Held::Number(number), Some(edge))
        })
    }

    /// Compares everything the roots lead to with the model.
    fn look(&mut self) -> Result<(), String> {
        let register = Arc::clone(&self.register);
        let (looked, found, gone) = self.enter(|mu, model, roots| {
            let mut watches = Vec::new();
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
                if at.entries().is_some_and(|entries| entries != object.edges.len()) {
                    return Err(format!("{:?} entries of {id:#x}, {object:?}", at.entries()));
                }
                if object.shape == Shape::Watch {
                    watches.push((id, at));
                }
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
            let mut counts = (0, 0);
            for (id, at) in watches {
                for eye in [Eye::Hub, Eye::Stone] {
                    match watches::look_through(mu, model, &register, (id, at), eye, &seen)? {
                        Seen::Nowhere => {}
                        Seen::Object(_) => counts.0 += 1,
                        Seen::Gone => counts.1 += 1,
                    }
                }
            }
            Ok((seen.len() as u64, counts.0, counts.1))
        })?;
        self.stats.looks += looked;
        self.stats.found += found;
        self.stats.gone += gone;
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

    /// The heap verifies, and a snapshot of it is the model.
    fn verify(&self) -> Result<(), String> {
        let snapshot = self.heap.snapshot().map_err(|error| error.to_string())?;
        graph::compare(&self.model, &snapshot, self.alone).map_err(|what| format!("a snapshot: {what}"))?;
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

/// Makes an object, and enters it: its shape, what it is allocated with, and what its first places hold, here and in the model.
fn add<'gc>(
    mu: &Mu<'gc>,
    model: &mut Model,
    register: &Arc<Register>,
    id: Id,
    (shape, len): (Shape, usize),
    (first, edges): (&[Held<'gc>], BTreeMap<usize, Edge>),
) -> Result<Any<'gc>, Stop> {
    let object = shape.alloc(mu, id, len, first, register).inspect_err(|_| {
        // Of a slice none was made.
        if shape != Shape::Stones && shape.stones(len) > 0 {
            model.drop_stone(content(id, 0));
        }
    })?;
    object.check(id, len)?;
    let (addr, slots_beside) = (object.addr(), object.slots_beside());
    model.add(id, Object { shape, len, addr, slots_beside, edges, sights: BTreeMap::new() });
    Ok(object)
}

/// Changes what a place holds.
fn hold<'gc>(
    mu: &Mu<'gc>,
    model: &mut Model,
    (id, at): (Id, Any<'gc>),
    place: usize,
    what: Held<'gc>,
    edge: Option<Edge>,
) -> Result<(), Stop> {
    at.hold(mu, place, what)?;
    model.hold(id, place, edge);
    model.turn(id, |_| {}, at.slots_beside());
    Ok(())
}

fn said(held: Held<'_>) -> String {
    match held {
        Held::Nothing => "nothing".into(),
        Held::Number(number) => format!("the number {number:#x}"),
        Held::Object(object) => format!("a {:?} at {:#x}", object.shape(), object.addr()),
    }
}
