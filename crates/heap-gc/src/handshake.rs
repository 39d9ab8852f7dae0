//! Standing still: how a collector stops mutators, and why it never waits for one that sleeps.
//!
//! Every mutator has a gate, a word with three states:
//!
//! | state | who moves it there | what it means |
//! |---|---|---|
//! | `OUTSIDE` | the mutator, leaving `enter`; the collector, letting go | no reference is in the mutator's hands |
//! | `INSIDE` | the mutator, by compare-exchange from `OUTSIDE` | it runs; only it touches its own part |
//! | `HELD` | by compare-exchange from `OUTSIDE`, while stopping: the collector, or the mutator for it | the collector may touch the mutator's part; `enter` waits |
//!
//! ```text
//!   collector                                     mutator
//!   calls |= STOP             (RMW)               gate: INSIDE → OUTSIDE        (RMW)
//!   gate: OUTSIDE → HELD      (RMW), or sleep     if calls & STOP { under the bell: hold itself, ring }
//!   ... the world is stopped ...
//!   under the bell: calls &= !STOP, let all go
//! ```
//!
//! Both sides write one word and then read the other's, so all four steps are read-modify-writes or loads in the one
//! order of sequentially consistent operations: either the collector's exchange finds `OUTSIDE`, or the mutator's load
//! finds `STOP` and rings. The collector looks again under the bell's lock before it sleeps, and the mutator takes that
//! lock before it rings, so the ring is not lost. A mutator that finds `STOP` holds itself; otherwise one that leaves
//! and enters in a tight loop could slip past a collector that is slow to wake. The whole argument, and what has been
//! explored of it with every step and without, is in `docs/design/handshake.md`.
//!
//! A mutator that blocks outside `enter`, or never comes back, is held at once. One that stays inside delays the
//! collector and, since the others are already held, the others: that is what stopping the world means.
//!
//! The proof that a collector holds everybody is a [`WorldStopped`]: whatever needs it takes one. It keeps the list of
//! mutators locked, so nobody attaches or detaches meanwhile.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use heap_core::fault::step::{self, Step};
use heap_core::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use heap_core::sync::{Arc, Condvar, Mutex, MutexGuard, point};

/// No reference is in the mutator's hands.
const OUTSIDE: u32 = 0;
/// The mutator runs.
const INSIDE: u32 = 1;
/// A collector holds the mutator.
const HELD: u32 = 2;

/// In [`World::calls`]: a collector wants everybody to stand still.
pub(crate) const STOP: u32 = 1;
/// In [`World::calls`]: enough was allocated for a collection.
pub(crate) const COLLECT: u32 = 2;

/// A mutator as the world sees it, with its own part.
pub(crate) struct Member<T> {
    gate: AtomicU32,
    part: UnsafeCell<T>,
}

// SAFETY: `part` is used by one thread at a time: the mutator's while its gate says INSIDE, a collector's while it says
// HELD (the duties of `Member::part` and `WorldStopped::parts`), and the gate's transitions order the two.
unsafe impl<T: Send> Sync for Member<T> {}

impl<T> Member<T> {
    /// The mutator's part.
    ///
    /// # Safety
    /// 1. The caller is the mutator, and it is inside.
    #[inline]
    pub(crate) unsafe fn part(&self) -> &T {
        // SAFETY: inside, nobody else uses the part (duty 1).
        unsafe { &*self.part.get() }
    }

    /// Whether the mutator runs.
    #[must_use]
    pub(crate) fn is_inside(&self) -> bool {
        self.gate.load(Acquire) == INSIDE
    }

    /// Holds the mutator unless it is inside. The look at a gate that cannot be taken counts as much as the exchange:
    /// finding `HELD` is how the collector learns that the mutator held itself, so it acquires what the mutator did;
    /// finding `INSIDE` is half of the argument above, so it has its place in the one order.
    #[inline]
    fn try_hold(&self) -> bool {
        let found =
            self.gate.compare_exchange(OUTSIDE, HELD, SeqCst, step::order(Step::HeldReadRelaxed, SeqCst));
        found.unwrap_or_else(|now| now) != INSIDE
    }
}

impl<T> fmt::Debug for Member<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("inside", &self.is_inside()).finish_non_exhaustive()
    }
}

/// All mutators of a heap, and the calls they answer. See the module's text.
#[derive(Debug)]
pub(crate) struct World<T> {
    /// [`STOP`] and [`COLLECT`]. Set by read-modify-writes; `STOP` is cleared under the bell.
    calls: AtomicU32,
    members: Mutex<Vec<Arc<Member<T>>>>,
    /// Their number. Written under the lock of `members`; read without.
    count: AtomicUsize,
    bell: Mutex<()>,
    /// A mutator has left; for the collector.
    left: Condvar,
    /// The world runs again; for mutators.
    resumed: Condvar,
}

impl<T> Default for World<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> World<T> {
    /// A world without mutators.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            calls: AtomicU32::new(0),
            members: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
            bell: Mutex::new(()),
            left: Condvar::new(),
            resumed: Condvar::new(),
        }
    }

    /// Takes a mutator in, outside. Waits while the world is stopped.
    #[must_use]
    pub(crate) fn attach(&self, part: T) -> Arc<Member<T>> {
        let member = Arc::new(Member { gate: AtomicU32::new(OUTSIDE), part: UnsafeCell::new(part) });
        let mut members = self.members.lock();
        members.push(Arc::clone(&member));
        self.count.store(members.len(), Relaxed);
        member
    }

    /// Lets a mutator go for good. It is outside. Waits while the world is stopped.
    pub(crate) fn detach(&self, member: &Arc<Member<T>>) {
        let mut members = self.members.lock();
        members.retain(|other| !Arc::ptr_eq(other, member));
        self.count.store(members.len(), Relaxed);
    }

    /// How many mutators there are.
    #[must_use]
    pub(crate) fn members(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// The mutator goes inside; waits while it is held.
    #[inline]
    pub(crate) fn go_inside(&self, member: &Member<T>) {
        if step::without(Step::EnteredInTwoSteps) && member.gate.load(SeqCst) == OUTSIDE {
            member.gate.store(INSIDE, SeqCst);
        } else if member.gate.compare_exchange(OUTSIDE, INSIDE, SeqCst, Relaxed).is_err() {
            self.wait_to_go_inside(member);
        }
    }

    #[cold]
    fn wait_to_go_inside(&self, member: &Member<T>) {
        let mut bell = self.bell.lock();
        while member.gate.compare_exchange(OUTSIDE, INSIDE, SeqCst, Relaxed).is_err() {
            self.resumed.wait(&mut bell);
        }
    }

    /// The mutator goes outside, and says what it was called for meanwhile: any of [`STOP`] and [`COLLECT`]. A stop is
    /// answered already.
    #[inline]
    #[must_use]
    pub(crate) fn go_outside(&self, member: &Member<T>) -> u32 {
        let early = if step::without(Step::StopSoughtEarly) { Some(self.calls.load(SeqCst)) } else { None };
        if step::without(Step::LeftRelaxed) {
            member.gate.store(OUTSIDE, Relaxed);
        } else {
            member.gate.swap(OUTSIDE, SeqCst);
        }
        point("handshake: outside, before looking for a call");
        let calls = early.unwrap_or_else(|| self.calls.load(step::order(Step::StopReadRelaxed, SeqCst)));
        if calls & STOP != 0 && !step::without(Step::StopNotSought) {
            self.answer_stop(member);
        }
        calls
    }

    #[cold]
    fn answer_stop(&self, member: &Member<T>) {
        let bell = (!step::without(Step::AnsweredOutsideBell)).then(|| self.bell.lock());
        let called = step::without(Step::AnsweredUnlooked) || self.calls.load(SeqCst) & STOP != 0;
        if called && !step::without(Step::NotHeldBySelf) {
            // On the collector's behalf. It may have been quicker, which is as good.
            member.try_hold();
        }
        drop(bell);
        self.left.notify_all();
    }

    /// What mutators are called for. One relaxed load: an interpreter may ask in its loop.
    #[inline]
    #[must_use]
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Relaxed)
    }

    /// Calls for a collection at the next safepoint of any mutator.
    pub(crate) fn call_for_collection(&self) {
        self.calls.fetch_or(COLLECT, SeqCst);
    }

    /// The call was heard.
    pub(crate) fn collection_answered(&self) {
        self.calls.fetch_and(!COLLECT, SeqCst);
    }

    /// Stops the world: returns when every mutator is held. A caller that is inside would wait for itself.
    pub(crate) fn stop(&self) -> WorldStopped<'_, T> {
        let stopped = WorldStopped { world: self, members: self.members.lock(), not_sync: PhantomData };
        self.calls.fetch_or(STOP, SeqCst);
        point("handshake: stop is called");
        for member in stopped.members.iter() {
            if member.try_hold() {
                continue;
            }
            let mut bell = self.bell.lock();
            if step::without(Step::SleptUnlooked) {
                self.left.wait(&mut bell);
            }
            while !member.try_hold() {
                self.left.wait(&mut bell);
            }
        }
        stopped
    }

    fn resume(&self, members: &[Arc<Member<T>>]) {
        let bell = (!step::without(Step::ResumedOutsideBell)).then(|| self.bell.lock());
        if !step::without(Step::StopWithdrawnLate) {
            self.calls.fetch_and(!STOP, SeqCst);
        }
        for member in members {
            if member.gate.load(Relaxed) == HELD {
                member.gate.store(OUTSIDE, step::order(Step::ResumedRelaxed, Release));
            }
        }
        drop(bell);
        if step::without(Step::StopWithdrawnLate) {
            self.calls.fetch_and(!STOP, SeqCst);
        }
        self.resumed.notify_all();
    }
}

/// The proof that every mutator is held. Dropping it lets them go.
#[must_use]
pub(crate) struct WorldStopped<'a, T> {
    world: &'a World<T>,
    members: MutexGuard<'a, Vec<Arc<Member<T>>>>,
    /// Only the thread that stopped the world may look at the parts, which need not be `Sync`.
    not_sync: PhantomData<*mut ()>,
}

impl<T> WorldStopped<'_, T> {
    /// The parts of all mutators.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &T> {
        self.members.iter().map(|member| {
            debug_assert_eq!(member.gate.load(Acquire), HELD);
            // SAFETY: the gate is HELD, by `World::stop`, until `self` is dropped; meanwhile the mutator does not touch
            // its part, and there is one collector at a time, since it has the list locked.
            unsafe { &*member.part.get() }
        })
    }

    /// How many mutators stand still.
    #[must_use]
    pub(crate) fn members(&self) -> usize {
        self.members.len()
    }
}

impl<T> Drop for WorldStopped<'_, T> {
    fn drop(&mut self) {
        self.world.resume(&self.members);
    }
}

impl<T> fmt::Debug for WorldStopped<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorldStopped").field("members", &self.members.len()).finish()
    }
}
