//! The runner of one program: each operation on the heap and on the model, and the comparison of the two.
//!
//! Each operation is one `enter`, so in a heap that collects at every allocation there is a cycle between any two.
//! After a collection the runner looks at everything the model reaches: address, shape, contents, and every place.
//! With the heap for itself it also counts, before it looks: slots, roots, drops.
//!
//! Called by [`crate::run`], which decides on settings, heaps and threads.

mod arenas;
mod births;
mod changes;
mod ends;
mod frames;
mod graph;
mod looks;
mod notes;
mod pick;
mod pools;
mod watches;

pub(crate) use self::pools::Cycles;

use self::births::add;
use self::ends::Ends;
use self::pick::{pick, pick_for, place_of};
use self::pools::Pools;
use crate::drops::Register;
use crate::model::{Edge, Id, Model};
use crate::program::{Kind, Op};
use crate::random::Random;
use crate::shape::{Any, AnyRoot, Held, Place};
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
    /// Values that weak maps had for their keys.
    pub noted: u64,
    /// Values in frames.
    pub locals: u64,
    /// Values that were taken from pools, and that pools have let go of.
    pub taken: u64,
    /// See `taken`.
    pub expired: u64,
    /// Objects in chunks of arenas.
    pub packed: u64,
    /// Cleanups that ran.
    pub cleaned: u64,
    /// Finalizers that ran.
    pub finalized: u64,
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
        self.noted += other.noted;
        self.locals += other.locals;
        self.taken += other.taken;
        self.expired += other.expired;
        self.packed += other.packed;
        self.cleaned += other.cleaned;
        self.finalized += other.finalized;
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
    pools: Pools,
    ends: Ends,
    stats: Stats,
    /// `None` only for a moment.
    mutator: Option<Mutator>,
    heap: Heap,
}

/// Collections after which all that waits for others has had its turn, in a program that sets no more.
const MOST_SETTLING: usize = 60;

/// Roots a program keeps, at most: more make reaching everything easier and forgetting something harder.
const MOST_ROOTS: usize = 40;

impl Runner {
    pub(crate) fn new(heap: Heap, thread: u64, alone: bool, cycles: Cycles) -> Result<Self, String> {
        let mutator = Some(heap.attach().map_err(|error| error.to_string())?);
        Ok(Self {
            roots: Vec::new(),
            model: Model::default(),
            register: Register::new(),
            alone,
            next: (thread << 40) + 1,
            kept: 0,
            pools: Pools::new(&heap, cycles),
            ends: Ends::default(),
            stats: Stats::default(),
            mutator,
            heap,
        })
    }

    /// What is left at the end, and what was done: for a program that shares its heap. Nothing is in a pool any more, and nothing
    /// waits for a finalizer of this thread.
    pub(crate) fn end(&mut self) -> Result<(usize, Stats), String> {
        self.attach_again()?;
        self.look()?;
        self.collect_until_sure()?;
        self.note_totals();
        Ok((self.model.slots(), self.stats))
    }

    fn note_totals(&mut self) {
        self.stats.drops = self.register.total();
        self.stats.cleaned = self.ends.cleaned();
        self.stats.taken = self.pools.taken();
        self.stats.expired = self.pools.expired();
    }

    /// Drops all roots, and stays until nothing waits for a finalizer that somebody must run.
    pub(crate) fn leave(&mut self) -> Result<(), String> {
        self.clear_roots();
        for _ in 0..MOST_SETTLING {
            if self.model.due().is_empty() {
                break;
            }
            self.mutator().collect();
            self.notice_ends()?;
        }
        Ok(())
    }

    /// Drops all roots.
    pub(crate) fn clear_roots(&mut self) {
        self.roots.clear();
        self.model.roots.clear();
    }

    fn mutator(&mut self) -> &mut Mutator {
        self.mutator.as_mut().unwrap_or_else(|| panic!("the runner is attached"))
    }

    /// Runs `f` inside, with the model and the roots. The model knows what is in pools then.
    fn enter<R, E: From<String>>(
        &mut self,
        f: impl for<'gc> FnOnce(&Mu<'gc>, &mut Model, &mut Vec<AnyRoot>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.enter_pools(|mu, model, roots, _| f(mu, model, roots))
    }

    /// The same with the pools.
    fn enter_pools<R, E: From<String>>(
        &mut self,
        f: impl for<'gc> FnOnce(&Mu<'gc>, &mut Model, &mut Vec<AnyRoot>, &mut Pools) -> Result<R, E>,
    ) -> Result<R, E> {
        let Self { mutator, model, roots, pools, .. } = self;
        let Some(mutator) = mutator else { panic!("the runner is attached") };
        mutator.enter(|mu| {
            pools.look(mu, model)?;
            f(mu, model, roots, pools)
        })
    }

    pub(crate) fn step(&mut self, op: Op) -> Result<(), String> {
        self.stats.ops += 1;
        let mut random = Random::new(u64::from(op.a) << 32 | u64::from(op.b) ^ u64::from(op.c) << 16);
        self.notice_ends()?;
        let outcome = self.operate(op.kind, &mut random);
        self.notice_ends()?;
        match outcome {
            Ok(()) => {}
            Err(Stop::Wrong(what)) => return Err(what),
            // A heap without a limit never says so.
            Err(Stop::Refused(AllocError::Limit { .. })) => {
                self.stats.refused += 1;
                self.collect()?;
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
            Kind::Note => self.note(random)?,
            Kind::Name => self.name(random)?,
            Kind::Exchange => self.exchange(random)?,
            Kind::Frame => self.frame(random)?,
            Kind::Pack => self.pack(random)?,
            Kind::Pool => self.pool(random)?,
            Kind::Cleanup => self.cleanup(random)?,
            Kind::Finalize => self.finalize(random)?,
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
            Kind::Collect => self.collect()?,
            Kind::Settle => self.settle()?,
            Kind::Release => self.release()?,
            Kind::Verify => self.verify()?,
            Kind::Attach => self.attach_again()?,
        }
        Ok(())
    }

    /// The thread goes and comes: what is in pools goes, and finalizers are forgotten.
    fn attach_again(&mut self) -> Result<(), String> {
        self.mutator = None;
        self.notice_ends()?;
        self.model.forget_finalizers();
        self.pools.forget(&mut self.model);
        self.mutator = Some(self.heap.attach().map_err(|error| error.to_string())?);
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

    /// The end: what is left is right, then nothing is left.
    pub(crate) fn finish(mut self) -> Result<Stats, String> {
        self.settle()?;
        self.verify()?;
        self.clear_roots();
        self.settle()?;
        self.verify()?;
        // What leads back to itself is never finalized, and what was may have been brought back.
        self.attach_again()?;
        self.clear_roots();
        self.settle()?;
        self.settle()?;
        let memory = self.heap.figures().memory;
        if memory.heap_objects != 0 {
            return Err(format!("{} slots are allocated in an empty heap", memory.heap_objects));
        }
        self.stats.cycles = self.heap.figures().cycles;
        self.note_totals();
        Ok(self.stats)
    }
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
