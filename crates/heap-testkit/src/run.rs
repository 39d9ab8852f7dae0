//! The runner: executes a program on a heap and compares the heap with the model.
//!
//! Each operation is one `enter`, so in a heap that collects at every allocation there is a cycle between any two.
//! After a collection the runner looks at everything the model reaches: address, shape, contents, and every place.
//! With the heap for itself it also counts: slots, roots, bytes, drops.
//!
//! [`run`] is one program on a heap of its own; [`run_threads`] is several on one heap, each on a thread, while another
//! thread collects. There, what is counted is counted at the end.

use crate::drops::Register;
use crate::model::{Edge, Id, Model, Object};
use crate::program::{Kind, Op, Program};
use crate::random::Random;
use crate::shape::{Any, AnyRoot, Held, Place, Shape};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::core::os::sim::SimOs;
use tricolor::{Heap, HeapBuilder, LayoutPolicy, Mu, Mutator};

/// The settings every program is run under. A heap's faults hide in some of them and show in others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// Collect at every allocation.
    EveryAlloc,
    /// Fill free slots, verify in every cycle.
    PoisonVerify,
    /// Collect when the heap has grown by one percent.
    SmallPercent,
    /// A layout for each type, verify in every cycle.
    PerType,
}

impl Cell {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::EveryAlloc, Self::PoisonVerify, Self::SmallPercent, Self::PerType];

    /// The settings. One seed in eight gets a simulated system, which checks every transition of memory.
    #[must_use]
    pub fn builder(self, seed: u64) -> HeapBuilder {
        let builder = Heap::builder().reservation(256 << 20).workers(1 + (seed % 2) as usize);
        let builder =
            if seed.is_multiple_of(8) { builder.reservation(16 << 20).os(SimOs::new()) } else { builder };
        match self {
            Self::EveryAlloc => builder.collect_every(1),
            Self::PoisonVerify => builder.poison(0xDD).verify_every(1).gc_percent(5),
            Self::SmallPercent => builder.gc_percent(1),
            Self::PerType => builder.layouts(LayoutPolicy::PerType).verify_every(1).gc_percent(5),
        }
    }
}

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

/// A program and what it showed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The program.
    pub program: Program,
    /// The settings.
    pub cell: Cell,
    /// The number of the operation; `None` if it was none's.
    pub at: Option<usize>,
    /// What heap and model disagree about.
    pub what: String,
}

/// Operations of a program that a failure shows.
const MOST_SHOWN: usize = 60;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, cell, at, what } = self;
        writeln!(f, "{}: {what}", at.map_or("at the end".into(), |at| format!("operation {at}")))?;
        write!(f, "{}", repro(program, *cell))?;
        // A program that was not shrunk is best had from its seed.
        if program.ops.len() <= MOST_SHOWN { write!(f, "\n{:#?}", program.ops) } else { Ok(()) }
    }
}

/// The line that says how to see a failure again.
#[must_use]
pub fn repro(program: &Program, cell: Cell) -> String {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("REPRO: seed={:#x} ops={} cell={cell:?} build={build}", program.seed, program.ops.len())
}

/// Runs a program on a heap of its own.
///
/// # Errors
/// If heap and model disagree, or something panics.
pub fn run(program: &Program, cell: Cell) -> Result<Stats, Failure> {
    run_on(program, cell, &cell.builder(program.seed))
}

/// Runs a program on a heap of its own with other settings than the cell's.
///
/// # Errors
/// As [`run`].
pub fn run_on(program: &Program, cell: Cell, builder: &HeapBuilder) -> Result<Stats, Failure> {
    let at = std::cell::Cell::new(None);
    let outcome = caught(|| {
        let heap = builder.build().map_err(|error| error.to_string())?;
        let mut runner = Runner::new(heap, 0, true)?;
        for (number, op) in program.ops.iter().enumerate() {
            at.set(Some(number));
            runner.step(*op)?;
        }
        at.set(None);
        runner.finish()
    });
    outcome.map_err(|what| Failure { program: program.clone(), cell, at: at.get(), what })
}

/// A panic is an error like any other.
fn caught<R>(f: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!(
            "panic: {}",
            text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("of an unknown type")
        ))
    })
}

/// Runs a program on each of several threads, all on one heap, while the calling thread collects again and again.
///
/// # Errors
/// If a thread's part of the heap and its model disagree, something panics, or the counts are wrong in the end.
pub fn run_threads(programs: &[Program], builder: &HeapBuilder) -> Result<Stats, String> {
    let heap = builder.build().map_err(|error| error.to_string())?;
    let (report, reports) = mpsc::channel();
    let mut stats = Stats::default();
    let mut first = None;
    thread::scope(|scope| {
        // Dropped when all have reported and all is counted: until then the threads keep their roots.
        let mut leave = Vec::new();
        for (number, program) in programs.iter().enumerate() {
            let (end, ended) = mpsc::channel::<()>();
            leave.push(end);
            let (report, heap) = (report.clone(), heap.clone());
            scope.spawn(move || {
                let mut kept = None;
                let outcome = caught(|| {
                    let runner = kept.insert(Runner::new(heap, number as u64 + 1, false)?);
                    program.ops.iter().enumerate().try_for_each(|(at, op)| {
                        runner.step(*op).map_err(|what| format!("thread {number}, operation {at}: {what}"))
                    })?;
                    runner.look()?;
                    runner.model.bury();
                    runner.stats.drops = runner.register.total();
                    Ok((runner.model.slots(), runner.stats))
                });
                report
                    .send(
                        outcome
                            .map_err(|what| format!("{what}\nseed {:#x} of thread {number}", program.seed)),
                    )
                    .ok();
                // A closed channel is the signal.
                ended.recv().ok();
                if let Some(runner) = &mut kept {
                    runner.roots.clear();
                }
            });
        }
        let (mut slots, mut waiting) = (0, programs.len());
        while waiting > 0 {
            heap.collect();
            match reports.recv_timeout(Duration::from_micros(200)) {
                Ok(Ok((theirs, did))) => {
                    slots += theirs;
                    stats.add(&did);
                    waiting -= 1;
                }
                Ok(Err(what)) => {
                    first.get_or_insert(what);
                    waiting -= 1;
                }
                Err(_) => {}
            }
        }
        if first.is_none() {
            heap.collect();
            heap.collect();
            let figures = heap.figures();
            stats.cycles = figures.cycles;
            if figures.memory.heap_objects != slots as u64 {
                first = Some(format!(
                    "{} slots are allocated, the models have {slots}",
                    figures.memory.heap_objects
                ));
            }
            if let Some(violation) = heap.verify().first() {
                first.get_or_insert(violation.to_string());
            }
        }
        drop(leave);
    });
    match first {
        Some(what) => Err(what),
        None => Ok(stats),
    }
}

/// A program under way: the heap, the model, and what belongs to both.
struct Runner {
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
const SHAPES: [(Shape, u32); 18] = [
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
        (Shape::Words | Shape::Refs | Shape::Pairs, 1..=15) => (4100, 6000),
        (Shape::Anys, 1..=15) => (2050, 2500),
        (_, 16..=80) => (20, 500),
        _ => (0, 12),
    };
    (span.0 + random.below(span.1 - span.0)) as usize
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
    let root = random.below(roots.len() as u64) as usize;
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
        let (place, next) = steps[random.below(steps.len() as u64) as usize];
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
    fn new(heap: Heap, thread: u64, alone: bool) -> Result<Self, String> {
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

    fn mutator(&mut self) -> &mut Mutator {
        self.mutator.as_mut().unwrap_or_else(|| panic!("the runner is attached"))
    }

    /// Runs `f` inside, with the model and the roots.
    fn enter<R>(&mut self, f: impl for<'gc> FnOnce(&Mu<'gc>, &mut Model, &mut Vec<AnyRoot>) -> R) -> R {
        let Self { mutator, model, roots, .. } = self;
        let Some(mutator) = mutator else { panic!("the runner is attached") };
        mutator.enter(|mu| f(mu, model, roots))
    }

    fn step(&mut self, op: Op) -> Result<(), String> {
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
            Kind::Load => self.enter(|mu, model, roots| {
                if let Some((id, at)) = pick(mu, model, roots, &mut random)? {
                    roots.push(at.root(mu));
                    model.roots.push(id);
                }
                Ok::<_, String>(())
            })?,
            Kind::Clone => {
                if !self.roots.is_empty() {
                    let root = random.below(self.roots.len() as u64) as usize;
                    self.roots.push(self.roots[root].clone());
                    self.model.roots.push(self.model.roots[root]);
                }
            }
            Kind::Point => self.enter(|mu, model, roots| {
                let Some((id, at)) = pick(mu, model, roots, &mut random)? else { return Ok(()) };
                let root = random.below(roots.len() as u64) as usize;
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
            let root = random.below(self.roots.len() as u64) as usize;
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
            model.add(id, Object { shape, len, addr: object.addr(), edges });
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
    fn finish(mut self) -> Result<Stats, String> {
        self.settle()?;
        self.verify()?;
        self.roots.clear();
        self.model.roots.clear();
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

/// A place of an object that can be changed.
fn place_of(object: &Object, random: &mut Random) -> Option<usize> {
    let places = object.shape.places(object.len) as u64;
    let changes = object.shape.place().is_some_and(|place| place != Place::Fixed);
    // Low places twice as often as high ones: stores should meet.
    (changes && places > 0).then(|| random.below(1 + random.clone().below(places)) as usize)
}

fn said(held: Held<'_>) -> String {
    match held {
        Held::Nothing => "nothing".into(),
        Held::Number(number) => format!("the number {number:#x}"),
        Held::Object(object) => format!("a {:?} at {:#x}", object.shape(), object.addr()),
    }
}
