//! Handshakes: how a collector asks every mutator, one by one, and why it never waits for one that sleeps.
//!
//! Every mutator has a gate, a word with four states:
//!
//! | state | who moves it there | what it means |
//! |---|---|---|
//! | `OUTSIDE` | the mutator, leaving `enter`; the collector, letting go | no reference is in the mutator's hands |
//! | `INSIDE` | the mutator, by compare-exchange from `OUTSIDE` | it runs; only it touches its own part |
//! | `HELD` | by compare-exchange from `OUTSIDE`: the collector; in a stop, the mutator for it | the holder may touch its part |
//! | `GONE` | the mutator, for good | it has detached |
//!
//! A **round** ([`World::ask`]) asks everybody on the list once, and not all at the same time. Who is outside is answered
//! for: the collector holds the gate for as long as the answer takes. Who is inside answers at its next safepoint, or
//! in the middle of `enter` if the round allows it. Nobody waits for anybody but the collector.
//!
//! ```text
//!   collector                                     mutator
//!   calls: the next number, the round   (RMW)     gate: INSIDE → OUTSIDE        (RMW)
//!   gate: OUTSIDE → HELD, answer, let go          calls: a number not answered yet?
//!     or INSIDE: sleep under the bell               gate: OUTSIDE → INSIDE, answer, leave; ring
//! ```
//!
//! Both sides write one word and then read the other's, so all four steps are read-modify-writes or loads in the one
//! order of sequentially consistent operations: either the collector's exchange finds `OUTSIDE`, or the mutator's load
//! finds the number and rings. The collector looks again under the bell's lock before it sleeps, and the mutator takes
//! that lock before it rings, so the ring is not lost.
//!
//! A **stop** ([`World::stop`]) holds everybody at the same time, with the same four steps and the bit [`STOP`] for the
//! number. A mutator that finds it holds itself; otherwise one that leaves and enters in a tight loop could slip past a
//! collector that is slow to wake. Only stop-the-world collections and the verifier stop.
//!
//! A mutator that blocks outside `enter`, or never comes back, is answered for or held at once. One that stays inside
//! delays a round and nobody else; it delays a stop and, since the others are already held, the others.
//!
//! The whole argument, and what has been explored of it with every step and without, is in `docs/design/handshake.md`.
//!
//! The proof that a collector holds everybody is a [`WorldStopped`]: whatever needs it takes one. It keeps the list of
//! mutators locked, so nobody attaches or detaches meanwhile. Who attaches during a cycle takes the last round's answer
//! with it, under the same lock under which rounds are asked.

use crate::pauses::{Kind, Pauses};
use crate::round::{Answer, Round};
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use heap_core::fault::step::{self, Step};
use heap_core::fault::{self, Fault};
use heap_core::sync::atomic::{
    AtomicBool, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};
use heap_core::sync::{Arc, Condvar, Mutex, MutexGuard, point, thread};
use std::time::Instant;

/// No reference is in the mutator's hands.
const OUTSIDE: u32 = 0;
/// The mutator runs.
const INSIDE: u32 = 1;
/// A collector holds the mutator.
const HELD: u32 = 2;
/// The mutator has detached.
const GONE: u32 = 3;

/// In [`World::calls`]: a collector wants everybody to stand still.
pub(crate) const STOP: u32 = 1;
/// In [`World::calls`]: enough was allocated for a collection.
pub(crate) const COLLECT: u32 = 2;
/// In [`World::calls`]: the round asked last, from this bit on.
const ROUND_SHIFT: u32 = 2;
const ROUND_MASK: u32 = 7 << ROUND_SHIFT;
/// In [`World::calls`]: the number of the round asked last, from this bit on. It may come round: a mutator that has not
/// answered keeps the next from being asked.
const NUMBER_SHIFT: u32 = 5;

/// The round asked last, in [`World::calls`].
fn asked(calls: u32) -> Round {
    Round::of((calls & ROUND_MASK) >> ROUND_SHIFT)
}

/// Looks at a gate before sleeping, or before the bell: some microseconds, the length of an answer or of a short `enter`.
const LOOKS: u32 = if cfg!(any(loom, miri)) { 0 } else { 200 };

/// How long the collector sleeps before it looks again, and says that it is waiting.
pub(crate) const PATIENCE: Duration = Duration::from_millis(10);

/// A mutator as the world sees it, with its own part.
pub(crate) struct Member<T> {
    gate: AtomicU32,
    /// The number of the last round answered. Written by who has the gate `INSIDE` or `HELD`, before it is let go; read by
    /// both sides.
    answered: AtomicU32,
    /// The calls when the mutator last looked and nothing was asked of it, without [`STOP`] and [`COLLECT`]. The mutator's own.
    calm: AtomicU32,
    /// The last look for its answer before sleeping was in vain, in this cycle. Written and read, relaxed, by who asks: one at a
    /// time, under a lock.
    was_slow: AtomicBool,
    /// Who it is, for people.
    thread: thread::Thread,
    part: UnsafeCell<T>,
}

// SAFETY: `part` is used by one thread at a time: the mutator's while its gate says INSIDE, a collector's while it says
// HELD (the duties of `Member::part` and `WorldStopped::parts`, and `World::answer_for`), and the gate's transitions order
// the two.
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

    /// The thread's name, or its number.
    pub(crate) fn name(&self) -> String {
        self.thread.name().map_or_else(|| format!("{:?}", self.thread.id()), str::to_owned)
    }

    /// Whether the mutator runs.
    #[must_use]
    pub(crate) fn is_inside(&self) -> bool {
        self.gate.load(Acquire) == INSIDE
    }

    /// Whether the mutator has detached.
    #[must_use]
    pub(crate) fn has_gone(&self) -> bool {
        self.gate.load(Acquire) == GONE
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

/// How long a round took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    /// From the question to the last answer.
    pub(crate) wall: Duration,
    /// The longest that the collector waited for one mutator.
    pub(crate) slowest: Duration,
}

/// All mutators of a heap, and the calls they answer. See the module's text.
#[derive(Debug)]
pub(crate) struct World<T> {
    /// [`STOP`], [`COLLECT`], a [`Round`] and its number. Set by read-modify-writes; `STOP` is cleared under the bell, rounds
    /// are asked under the lock of `members`.
    calls: AtomicU32,
    members: Mutex<Vec<Arc<Member<T>>>>,
    /// Their number. Written under the lock of `members`; read without.
    count: AtomicUsize,
    bell: Mutex<()>,
    /// A mutator has left or answered; for the collector.
    left: Condvar,
    /// A gate was let go; for mutators.
    resumed: Condvar,
    /// How long mutators were kept.
    pauses: Pauses,
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
            pauses: Pauses::new(false),
        }
    }

    /// The same, with pauses that may be measured.
    #[must_use]
    pub(crate) fn with_pauses(self, pauses: Pauses) -> Self {
        Self { pauses, ..self }
    }

    /// How long mutators were kept.
    #[inline]
    pub(crate) fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    // ---- the mutator's side ----

    /// Takes a mutator in, outside, with a part that has answered the last round. Waits while the world is stopped.
    #[must_use]
    pub(crate) fn attach(&self, part: impl FnOnce(Round) -> T) -> Arc<Member<T>> {
        let early = step::without(Step::JoinedEarly).then(|| self.calls.load(SeqCst));
        let mut members = self.members.lock();
        let calls = early.unwrap_or_else(|| self.calls.load(SeqCst));
        let member = Arc::new(Member {
            gate: AtomicU32::new(OUTSIDE),
            answered: AtomicU32::new(calls >> NUMBER_SHIFT),
            calm: AtomicU32::new(calls & !(STOP | COLLECT)),
            was_slow: AtomicBool::new(false),
            thread: thread::current(),
            part: UnsafeCell::new(part(asked(calls))),
        });
        members.push(Arc::clone(&member));
        self.count.store(members.len(), Relaxed);
        member
    }

    /// Lets a mutator go for good. It is inside, has handed over what it had, and does not touch its part again. Waits while
    /// the world is stopped.
    pub(crate) fn detach(&self, member: &Arc<Member<T>>) {
        // Before the list, which a collector has locked while it stops the world and waits for this one.
        member.gate.swap(GONE, SeqCst);
        self.ring();
        let mut members = self.members.lock();
        members.retain(|other| !Arc::ptr_eq(other, member));
        self.count.store(members.len(), Relaxed);
    }

    /// How many mutators there are.
    #[must_use]
    pub(crate) fn members(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// How many mutators are inside just now: a moment's picture, for guesses.
    #[must_use]
    pub(crate) fn inside(&self) -> usize {
        self.members.lock().iter().filter(|member| member.gate.load(Relaxed) == INSIDE).count()
    }

    /// The mutator goes inside; waits while it is held. Answers what was asked of it meanwhile.
    #[inline]
    pub(crate) fn go_inside(&self, member: &Member<T>, answer: Answer<'_, T>) {
        if step::without(Step::EnteredInTwoSteps) && member.gate.load(SeqCst) == OUTSIDE {
            member.gate.store(INSIDE, SeqCst);
        } else if member.gate.compare_exchange(OUTSIDE, INSIDE, SeqCst, Relaxed).is_err() {
            self.wait_to_go_inside(member);
        }
        if self.calls.load(Relaxed) != member.calm.load(Relaxed) {
            self.answer_entering(member, answer);
        }
    }

    #[cold]
    fn wait_to_go_inside(&self, member: &Member<T>) {
        assert!(
            !member.has_gone(),
            "this thread ends, and its mutator has been detached: it cannot be used any more"
        );
        let begun = self.pauses.begin();
        self.look_or_sleep_to_go_inside(member);
        self.pauses.end(Kind::Wait, begun);
    }

    fn look_or_sleep_to_go_inside(&self, member: &Member<T>) {
        for _ in 0..LOOKS {
            if member.gate.compare_exchange(OUTSIDE, INSIDE, SeqCst, Relaxed).is_ok() {
                return;
            }
            core::hint::spin_loop();
        }
        let mut bell = self.bell.lock();
        while member.gate.compare_exchange(OUTSIDE, INSIDE, SeqCst, Relaxed).is_err() {
            self.resumed.wait(&mut bell);
        }
    }

    /// The mutator is inside and has nothing in its hands yet: the best moment to answer.
    #[cold]
    fn answer_entering(&self, member: &Member<T>, answer: Answer<'_, T>) {
        let calls = self.calls.load(SeqCst);
        self.answer_and_ring(member, calls, answer);
        member.calm.store(calls & !(STOP | COLLECT), Relaxed);
    }

    /// The mutator is inside: answers what it has not, and tells the collector.
    fn answer_and_ring(&self, member: &Member<T>, calls: u32, answer: Answer<'_, T>) {
        let begun = self.pauses.begin();
        if self.answer_if_asked(member, calls, answer) {
            self.ring();
            self.pauses.end(Kind::Answer, begun);
        }
    }

    /// Answers in the middle of `enter`, if something is asked that can be answered there.
    #[inline]
    pub(crate) fn poll(&self, member: &Member<T>, answer: Answer<'_, T>) {
        if self.calls.load(Relaxed) != member.calm.load(Relaxed) {
            self.answer_inside(member, answer);
        }
    }

    #[cold]
    fn answer_inside(&self, member: &Member<T>, answer: Answer<'_, T>) {
        let calls = self.calls.load(SeqCst);
        if !asked(calls).fits_inside() && !step::without(Step::RootsInside) {
            return;
        }
        self.answer_and_ring(member, calls, answer);
        member.calm.store(calls & !(STOP | COLLECT), Relaxed);
    }

    /// The mutator is inside, or the caller holds it. Says whether there was anything to answer.
    fn answer_if_asked(&self, member: &Member<T>, calls: u32, answer: Answer<'_, T>) -> bool {
        let number = calls >> NUMBER_SHIFT;
        if member.answered.load(Relaxed) == number {
            return false;
        }
        // SAFETY: the gate is INSIDE, by the mutator, or HELD, by the collector: in both cases by the caller.
        answer(unsafe { &*member.part.get() }, asked(calls));
        point("handshake: answered, before saying so");
        member.answered.store(number, step::order(Step::AnsweredRelaxed, Release));
        true
    }

    /// The mutator goes outside, and says what it was called for meanwhile: any of [`STOP`] and [`COLLECT`]. A stop and a
    /// round are answered already.
    #[inline]
    #[must_use]
    pub(crate) fn go_outside(&self, member: &Member<T>, answer: Answer<'_, T>) -> u32 {
        let early = if step::without(Step::StopSoughtEarly) { Some(self.calls.load(SeqCst)) } else { None };
        if step::without(Step::LeftRelaxed) {
            member.gate.store(OUTSIDE, Relaxed);
        } else {
            member.gate.swap(OUTSIDE, SeqCst);
        }
        point("handshake: outside, before looking for a call");
        let calls = early.unwrap_or_else(|| self.calls.load(step::order(Step::StopReadRelaxed, SeqCst)));
        if calls == member.calm.load(Relaxed) || step::without(Step::StopNotSought) {
            return 0;
        }
        self.heed(member, calls, answer);
        calls & (STOP | COLLECT)
    }

    /// The mutator is outside and was called.
    #[cold]
    fn heed(&self, member: &Member<T>, mut calls: u32, answer: Answer<'_, T>) {
        point("handshake: called, before it is answered");
        loop {
            if calls & STOP != 0 {
                self.answer_stop(member);
            }
            if member.answered.load(Relaxed) == calls >> NUMBER_SHIFT {
                break;
            }
            // Inside again, for as long as the answer takes. If that fails a collector has the gate, and answers.
            if member.gate.compare_exchange(OUTSIDE, INSIDE, SeqCst, Relaxed).is_err() {
                break;
            }
            // Outside, a collector may have answered that call, and others after it. Inside, nothing is asked past this mutator:
            // what is read now is the last call, or the one after what is answered.
            if !step::without(Step::HeededOld) && !fault::on(Fault::OldCallAnswered) {
                calls = self.calls.load(SeqCst);
            }
            let begun = self.pauses.begin();
            self.answer_if_asked(member, calls, answer);
            member.gate.swap(OUTSIDE, SeqCst);
            self.ring();
            self.pauses.end(Kind::Answer, begun);
            calls = self.calls.load(SeqCst);
        }
        member.calm.store(calls & !(STOP | COLLECT), Relaxed);
    }

    /// Wakes a collector that waits for a mutator. What the mutator did before is seen when the collector looks again: it
    /// looks under the bell.
    fn ring(&self) {
        if step::without(Step::NotRung) {
            return;
        }
        let bell = (!step::without(Step::AnsweredOutsideBell)).then(|| self.bell.lock());
        drop(bell);
        self.left.notify_all();
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

    /// Whether the mutator is wanted at a safepoint: there is something that it has not answered, or not answered for good.
    /// Two relaxed loads: an interpreter may ask in its loop.
    #[inline]
    #[must_use]
    pub(crate) fn wants(&self, member: &Member<T>) -> bool {
        self.calls.load(Relaxed) != member.calm.load(Relaxed)
    }

    /// Calls for a collection at the next safepoint of any mutator.
    pub(crate) fn call_for_collection(&self) {
        self.calls.fetch_or(COLLECT, SeqCst);
    }

    /// The call was heard.
    pub(crate) fn collection_answered(&self) {
        self.calls.fetch_and(!COLLECT, SeqCst);
    }

    // ---- the collector's side ----

    /// Asks every mutator, and returns when all have answered. `answer` is done here for those who are outside. `late` is told
    /// of a mutator that keeps the collector waiting, again and again, and for how long.
    ///
    /// One collector at a time, whose own mutator, if it has one, is outside.
    pub(crate) fn ask(
        &self,
        round: Round,
        answer: Answer<'_, T>,
        late: &mut dyn FnMut(&Member<T>, Duration),
    ) -> Asked {
        let begun = Instant::now();
        let mut slowest = Duration::ZERO;
        let (calls, asked) = {
            let members = self.members.lock();
            (self.next_call(round), members.clone())
        };
        point("handshake: a round is asked");
        for member in &asked {
            let waiting = Instant::now();
            self.wait_for(member, calls, answer, &mut |member| late(member, waiting.elapsed()));
            slowest = slowest.max(waiting.elapsed());
        }
        Asked { wall: begun.elapsed(), slowest }
    }

    /// The calls with the next number, set.
    fn next_call(&self, round: Round) -> u32 {
        let mut now = self.calls.load(Relaxed);
        loop {
            let number = (now >> NUMBER_SHIFT).wrapping_add(1) << NUMBER_SHIFT;
            let next = number | (round as u32) << ROUND_SHIFT | now & (STOP | COLLECT);
            match self.calls.compare_exchange(now, next, SeqCst, Relaxed) {
                Ok(_) => return next,
                Err(other) => now = other,
            }
        }
    }

    /// Returns when a mutator has answered a call, was answered for, or has gone.
    fn wait_for(
        &self,
        member: &Member<T>,
        calls: u32,
        answer: Answer<'_, T>,
        late: &mut dyn FnMut(&Member<T>),
    ) {
        let number = calls >> NUMBER_SHIFT;
        // Who has kept the collector waiting in this cycle may wait for its processor: every other mutator answers within the looks.
        if asked(calls) == Round::BarrierOn {
            member.was_slow.store(false, Relaxed);
        }
        let looks = if member.was_slow.load(Relaxed) { 0 } else { LOOKS };
        for _ in 0..=looks {
            if self.is_answered(member, calls, answer) {
                return;
            }
            core::hint::spin_loop();
        }
        member.was_slow.store(true, Relaxed);
        let mut bell = self.bell.lock();
        if step::without(Step::AskedSleptUnlooked) {
            self.left.wait(&mut bell);
        }
        loop {
            // The answer for one who is outside takes its time: not under the bell, where others ring.
            let inside = member.answered.load(Acquire) != number && member.gate.load(SeqCst) == INSIDE;
            if inside {
                if self.left.wait_for(&mut bell, PATIENCE).timed_out() {
                    drop(bell);
                    late(member);
                    bell = self.bell.lock();
                }
                continue;
            }
            drop(bell);
            if self.is_answered(member, calls, answer) {
                return;
            }
            bell = self.bell.lock();
        }
    }

    /// Whether a mutator has answered a call or has gone; if it is outside, answers for it.
    fn is_answered(&self, member: &Member<T>, calls: u32, answer: Answer<'_, T>) -> bool {
        if member.answered.load(step::order(Step::AnswerReadRelaxed, Acquire)) == calls >> NUMBER_SHIFT {
            return true;
        }
        match member.gate.compare_exchange(OUTSIDE, HELD, SeqCst, SeqCst) {
            Ok(_) => {
                if !step::without(Step::HeldUnanswered) {
                    self.answer_if_asked(member, calls, answer);
                }
                let bell = (!step::without(Step::ResumedOutsideBell)).then(|| self.bell.lock());
                member.gate.store(OUTSIDE, step::order(Step::LetGoRelaxed, Release));
                drop(bell);
                self.resumed.notify_all();
                true
            }
            Err(gate) => gate == GONE,
        }
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
        let held = self
            .members
            .iter()
            .filter(|member| member.gate.load(step::order(Step::HeldReadRelaxed, Acquire)) != GONE);
        held.map(|member| {
            debug_assert_eq!(member.gate.load(Acquire), HELD);
            // SAFETY: the gate is HELD, by `World::stop`, until `self` is dropped; meanwhile the mutator does not touch
            // its part, and there is one collector at a time, since it has the list locked.
            unsafe { &*member.part.get() }
        })
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
