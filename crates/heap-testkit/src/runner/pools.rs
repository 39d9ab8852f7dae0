//! Pools: what is put is there after one collection, and gone after two.
//!
//! A pool ages when its mutator answers a cycle's first round, which is at some moment between the cycle's begin and its end. So
//! how often it has aged since something was put is known up to the cycles that were under way: [`Cycles`] counts both, and what
//! must be there, what may be, and what must not follows. It lets go of the oldest first.

use super::pick::pick_for;
use super::{Runner, Stop, add};
use crate::drops::Stone;
use crate::model::Model;
use crate::random::Random;
use crate::shape::{Any, Hub, Place, Shape, content};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tricolor::{Event, Gc, Heap, HeapBuilder, Leaf, Lent, Mu, Pool};

/// Cycles that a heap has begun and ended. See the module's text.
#[derive(Clone, Debug)]
pub(crate) enum Cycles {
    /// Counted by a listener.
    Counted {
        /// Those begun.
        begun: Arc<AtomicU64>,
        /// Those ended.
        ended: Arc<AtomicU64>,
    },
    /// Of a heap that has other listeners: one may be under way.
    Of(Heap),
}

impl Cycles {
    /// Builds a heap whose cycles are counted.
    pub(crate) fn build(builder: &HeapBuilder) -> Result<(Heap, Self), String> {
        let (begun, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let counted = Self::Counted { begun: Arc::clone(&begun), ended: Arc::clone(&ended) };
        let builder = builder.clone().on_event(move |event| {
            if matches!(event, Event::Began { .. }) {
                begun.fetch_add(1, SeqCst);
            } else if matches!(event, Event::Ended { .. }) {
                ended.fetch_add(1, SeqCst);
            }
        });
        Ok((builder.build().map_err(|error| error.to_string())?, counted))
    }

    /// So many have ended, at least.
    fn ended(&self) -> u64 {
        match self {
            Self::Counted { ended, .. } => ended.load(SeqCst),
            Self::Of(heap) => heap.figures().cycles,
        }
    }

    /// So many have begun, at most.
    fn begun(&self) -> u64 {
        match self {
            Self::Counted { begun, .. } => begun.load(SeqCst),
            Self::Of(heap) => heap.figures().cycles + 1,
        }
    }
}

/// Something in a pool.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// An object's name, or a stone's.
    name: u64,
    /// Cycles that had ended before it was put.
    ended: u64,
    /// Cycles that had begun when it had been put.
    begun: u64,
}

/// What a pool should have, the oldest first.
#[derive(Debug, Default)]
struct Shadow(Vec<Kept>);

impl Shadow {
    /// The pool has so many. Returns what it has let go of.
    fn look(&mut self, len: usize, ended: u64, cycles: &Cycles) -> Result<Vec<Kept>, String> {
        let begun = cycles.begun();
        let Some(went) = self.0.len().checked_sub(len) else {
            return Err(format!("a pool has {len} values, of which {} were put", self.0.len()));
        };
        let went: Vec<Kept> = self.0.drain(..went).collect();
        for kept in &went {
            let most = begun - kept.ended;
            if most < 2 {
                return Err(format!("a pool has let go of {:#x} after {most} collections", kept.name));
            }
        }
        for kept in &self.0 {
            let least = ended.saturating_sub(kept.begun);
            if least >= 2 {
                return Err(format!("a pool has {:#x} after {least} collections", kept.name));
            }
        }
        Ok(went)
    }

    fn put(&mut self, name: u64, ended: u64, cycles: &Cycles) {
        self.0.push(Kept { name, ended, begun: cycles.begun() });
    }

    /// What was taken must be the last that was put.
    fn take(&mut self, found: Option<u64>) -> Result<(), String> {
        match (self.0.pop(), found) {
            (Some(kept), Some(found)) if kept.name == found => Ok(()),
            (None, None) => Ok(()),
            (kept, found) => Err(format!("{found:x?} was taken from a pool, not {kept:x?}")),
        }
    }
}

/// The most stones in a pool.
const MOST: usize = 6;

/// Two pools, and what they should have.
#[derive(Debug)]
pub(super) struct Pools {
    hubs: Pool<Gc<'static, Hub<'static>>>,
    stones: Pool<Leaf<Stone>>,
    cycles: Cycles,
    hub_shadow: Shadow,
    stone_shadow: Shadow,
    /// Stones that have been let go of: their drops are due.
    went: Vec<u64>,
    taken: u64,
    expired: u64,
}

impl Pools {
    pub(super) fn new(heap: &Heap, cycles: Cycles) -> Self {
        Self {
            hubs: Pool::new(heap),
            stones: Pool::with_most(heap, MOST),
            cycles,
            hub_shadow: Shadow::default(),
            stone_shadow: Shadow::default(),
            went: Vec::new(),
            taken: 0,
            expired: 0,
        }
    }

    /// Compares what is there with what should be, and tells the model. Inside nothing ages but when something is allocated.
    pub(super) fn look(&mut self, mu: &Mu<'_>, model: &mut Model) -> Result<(), String> {
        if self.hub_shadow.0.is_empty() && self.stone_shadow.0.is_empty() {
            return Ok(());
        }
        let ended = self.cycles.ended();
        let hubs = self.hub_shadow.look(self.hubs.len(mu), ended, &self.cycles)?;
        let stones = self.stone_shadow.look(self.stones.len(mu), ended, &self.cycles)?;
        self.expired += (hubs.len() + stones.len()) as u64;
        self.went.extend(stones.iter().map(|kept| kept.name));
        hubs.iter().for_each(|kept| model.doubt(kept.name));
        model.pooled = self.hub_shadow.0.iter().map(|kept| kept.name).collect();
        Ok(())
    }

    /// The mutator has gone, and what was in its pools.
    pub(super) fn forget(&mut self, model: &mut Model) {
        let went = self.stone_shadow.0.drain(..).map(|kept| kept.name);
        self.went.extend(went);
        self.hub_shadow.0.drain(..).for_each(|kept| model.doubt(kept.name));
        model.pooled.clear();
    }

    /// Stones that were let go of before the last collection: their drops have run.
    pub(super) fn take_went(&mut self) -> Vec<u64> {
        core::mem::take(&mut self.went)
    }

    /// Stones whose drops are due, or may have run.
    pub(super) fn waiting_stones(&self) -> usize {
        self.went.len()
    }

    /// Values that were taken from pools.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Values that pools have let go of.
    pub(super) fn expired(&self) -> u64 {
        self.expired
    }
}

impl Runner {
    /// Puts something into a pool, takes something out, or borrows something.
    pub(super) fn pool(&mut self, random: &mut Random) -> Result<(), Stop> {
        let new = self.next;
        self.next += 1;
        let register = Arc::clone(&self.register);
        self.enter_pools::<_, Stop>(|mu, model, roots, pools| {
            let ended = pools.cycles.ended();
            match random.below(12) {
                0..3 => {
                    let Some((id, hub)) = pick_for(Place::Hub, mu, model, roots, random)? else {
                        return Ok(());
                    };
                    let Any::Hub(hub) = hub else { return Ok(()) };
                    pools.hubs.put(mu, hub);
                    pools.hub_shadow.put(id, ended, &pools.cycles);
                    model.pooled.push(id);
                }
                3..6 => {
                    let found = pools.hubs.take(mu);
                    let last = pools.hub_shadow.0.last().map(|kept| kept.name);
                    pools.hub_shadow.take(found.and(last))?;
                    let (Some(hub), Some(id)) = (found, last) else { return Ok(()) };
                    super::pick::same(model, id, Any::Hub(hub))?;
                    Any::Hub(hub).check(id, 0)?;
                    model.pooled.pop();
                    roots.push(Any::Hub(hub).root(mu));
                    model.roots.push(id);
                    pools.taken += 1;
                }
                6 => {
                    // What is made is put when the loan ends; what was there is the youngest again.
                    let last = pools.hub_shadow.0.pop().map(|kept| kept.name);
                    let made = if last.is_none() {
                        Some(add(mu, model, &register, new, (Shape::Hub, 0), (&[], BTreeMap::new()))?)
                    } else {
                        None
                    };
                    let lent = pools.hubs.lend(mu, || match made {
                        Some(Any::Hub(hub)) => hub,
                        _ => panic!("a pool that has a hub makes another"),
                    });
                    let id = last.unwrap_or(new);
                    super::pick::same(model, id, Any::Hub(*lent))?;
                    Any::Hub(*lent).check(id, 0)?;
                    if random.below(4) == 0 {
                        let hub = Any::Hub(Lent::keep(lent));
                        model.pooled.pop();
                        roots.push(hub.root(mu));
                        model.roots.push(id);
                    } else {
                        drop(lent);
                        pools.hub_shadow.put(id, ended, &pools.cycles);
                        if last.is_none() {
                            model.pooled.push(id);
                        }
                    }
                }
                7..10 => {
                    let name = content(new, 0);
                    pools.stones.put(mu, Leaf::new(Stone::new(name, &register)));
                    if pools.stone_shadow.0.len() < MOST {
                        pools.stone_shadow.put(name, ended, &pools.cycles);
                        register.check_times(name, 0)?;
                    } else {
                        register.check_times(name, 1)?;
                        model.drop_stone(name);
                    }
                }
                _ => {
                    let found = pools.stones.take(mu);
                    let name = found.as_ref().map(|stone| stone.name());
                    pools.stone_shadow.take(name)?;
                    drop(found);
                    if let Some(name) = name {
                        register.check_times(name, 1)?;
                        model.drop_stone(name);
                        pools.taken += 1;
                    }
                }
            }
            Ok(())
        })
    }
}
