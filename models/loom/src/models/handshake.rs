//! Stops: a part is touched by one thread at a time, a collector sees everybody's work, everybody goes on.
//!
//! Each mutator's part is a cell of loom's, which reports two threads in it that are not ordered. So one model looks
//! for both kinds of mistake: somebody who touches a part that another has (or had, without a happens-before), and
//! somebody who sleeps for good.

use super::{Bound, explore, fails_without};
use crate::fault::step::Step;
use crate::handshake::{Member, STOP, World};
use crate::round::Round;
use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

const RACE: &str = "Causality violation";
const STUCK: &str = "deadlock";
const PASSED: &str = "slipped past a stop";

/// What a mutator owns while it is inside, and a collector while the world is stopped.
struct Part(UnsafeCell<Work>);

#[derive(Clone, Copy, Default)]
struct Work {
    /// Times the mutator was inside.
    turns: u32,
    /// Times a collector came by.
    stops: u32,
}

// SAFETY: the work is touched only through loom's cell, which reports two threads in it at once.
unsafe impl Send for Part {}
// SAFETY: as above.
unsafe impl Sync for Part {}

impl Part {
    fn new() -> Self {
        Self(UnsafeCell::new(Work::default()))
    }

    fn change(&self, how: impl FnOnce(&mut Work)) -> Work {
        self.0.with_mut(|work| {
            // SAFETY: loom's cell has checked that nobody else is in it.
            let work = unsafe { &mut *work };
            how(work);
            *work
        })
    }
}

/// A world that has been stopped before. Its first stop also replaces the initial value of `calls`, which loom may
/// return to a sequentially consistent load although a newer value was written by a sequentially consistent operation.
pub(super) fn world<T>() -> Arc<World<T>> {
    let world = Arc::new(World::new());
    world.collection_answered();
    world
}

/// No round is asked here.
fn unasked(_: &Part, round: Round) {
    panic!("nobody asked for {round:?}");
}

/// In and out once. Returns what the mutator was called for, and its work.
fn turn(world: &World<Part>, member: &Member<Part>) -> (u32, Work) {
    world.go_inside(member, &unasked);
    // SAFETY: this thread is the mutator, and it is inside.
    let part = unsafe { member.part() };
    let work = part.change(|work| work.turns += 1);
    (world.go_outside(member, &unasked), work)
}

/// One stop: the collector touches every part. Returns the turns it saw.
fn stop(world: &World<Part>) -> u32 {
    let stopped = world.stop();
    stopped.parts().map(|part| part.change(|work| work.stops += 1).turns).sum()
}

const TIGHT: &[(Step, &str)] = &[
    (Step::StopNotSought, STUCK),
    (Step::StopSoughtEarly, STUCK),
    (Step::StopReadRelaxed, STUCK),
    (Step::LeftRelaxed, RACE),
    (Step::AnsweredOutsideBell, STUCK),
    (Step::AnsweredUnlooked, STUCK),
    (Step::NotHeldBySelf, PASSED),
    (Step::EnteredInTwoSteps, RACE),
    (Step::HeldReadRelaxed, RACE),
    (Step::SleptUnlooked, STUCK),
    (Step::ResumedOutsideBell, STUCK),
    (Step::StopWithdrawnLate, STUCK),
    (Step::ResumedRelaxed, RACE),
];

/// Exhausted for 2 threads: a mutator that goes in and out three times, a collector that stops the world once. Who has
/// left and found the call does not get in again before the collector came by. Under a second.
#[test]
fn a_mutator_in_a_tight_loop_is_stopped() {
    explore(Bound::None, TIGHT, || {
        let world = world();
        let member = world.attach(|_| Part::new());
        let mutator = {
            let world = Arc::clone(&world);
            let member = Arc::clone(&member);
            thread::spawn(move || {
                let mut called = false;
                for _ in 0..3 {
                    let (calls, work) = turn(&world, &member);
                    assert!(!called || work.stops == 1, "{PASSED}");
                    called |= calls & STOP != 0;
                }
            })
        };
        stop(&world);
        mutator.join().expect("the mutator does not panic");
        assert_eq!(stop(&world), 3, "every turn is seen");
        world.go_inside(&member, &unasked);
        world.detach(&member);
    });
}

const TWO_STOPS: &[(Step, &str)] = &[
    (Step::AnsweredUnlooked, STUCK),
    (Step::HeldReadRelaxed, RACE),
    (Step::StopWithdrawnLate, STUCK),
    (Step::ResumedRelaxed, RACE),
];

/// Exhausted for 2 threads and at most 5 preemptions: a mutator that goes in and out twice, a collector that stops the
/// world twice. 3 s.
#[test]
fn two_stops_follow_each_other() {
    explore(Bound::Preemptions(5), TWO_STOPS, || {
        let world = world();
        let member = world.attach(|_| Part::new());
        let mutator = {
            let world = Arc::clone(&world);
            let member = Arc::clone(&member);
            thread::spawn(move || {
                turn(&world, &member);
                turn(&world, &member);
            })
        };
        let seen = stop(&world);
        assert!(seen <= stop(&world), "what was seen stays");
        mutator.join().expect("the mutator does not panic");
        world.go_inside(&member, &unasked);
        world.detach(&member);
    });
}

const TWO_MUTATORS: &[(Step, &str)] = &[
    (Step::StopNotSought, STUCK),
    (Step::AnsweredOutsideBell, STUCK),
    (Step::HeldReadRelaxed, RACE),
    (Step::SleptUnlooked, STUCK),
    (Step::ResumedOutsideBell, STUCK),
];

/// Exhausted for 3 threads and at most 3 preemptions: two mutators that go in and out twice, one stop.
/// 3 s.
#[test]
fn two_mutators_are_held_together() {
    explore(Bound::Preemptions(3), TWO_MUTATORS, || {
        let world = world();
        let mutators: Vec<_> = (0..2)
            .map(|_| {
                let world = Arc::clone(&world);
                let member = world.attach(|_| Part::new());
                thread::spawn(move || {
                    turn(&world, &member);
                    turn(&world, &member);
                })
            })
            .collect();
        let stopped = world.stop();
        let first: Vec<u32> = stopped.parts().map(|part| part.change(|work| work.stops += 1).turns).collect();
        // Both stand still from the first look to the last.
        let again: Vec<u32> = stopped.parts().map(|part| part.change(|_| ()).turns).collect();
        assert_eq!(first, again);
        drop(stopped);
        for mutator in mutators {
            mutator.join().expect("a mutator does not panic");
        }
        assert_eq!(stop(&world), 4, "every turn is seen");
    });
}

const TWO_COLLECTORS: &[(Step, &str)] = &[
    (Step::StopNotSought, STUCK),
    (Step::AnsweredUnlooked, STUCK),
    (Step::HeldReadRelaxed, RACE),
    (Step::StopWithdrawnLate, STUCK),
    (Step::ResumedRelaxed, RACE),
];

/// Exhausted for 3 threads and at most 4 preemptions: two collectors that stop the world once each, a mutator that goes
/// in and out twice. 10 s.
#[test]
fn two_collectors_take_turns() {
    explore(Bound::Preemptions(4), TWO_COLLECTORS, || {
        let world = world();
        let member = world.attach(|_| Part::new());
        let other = {
            let world = Arc::clone(&world);
            thread::spawn(move || stop(&world))
        };
        let mutator = {
            let world = Arc::clone(&world);
            let member = Arc::clone(&member);
            thread::spawn(move || {
                turn(&world, &member);
                turn(&world, &member);
            })
        };
        stop(&world);
        other.join().expect("the other collector does not panic");
        mutator.join().expect("the mutator does not panic");
        let stopped = world.stop();
        let stops: u32 = stopped.parts().map(|part| part.change(|_| ()).stops).sum();
        assert_eq!(stops, 2, "each collector came by once");
    });
}

const COMING_AND_GOING: &[(Step, &str)] = &[
    (Step::LeftRelaxed, RACE),
    (Step::HeldReadRelaxed, RACE),
    (Step::NotRung, STUCK),
    (Step::SleptUnlooked, STUCK),
];

/// Exhausted for 2 threads: a mutator attaches, goes in and out, and detaches, while a collector stops the world.
/// Under a second.
#[test]
fn a_mutator_comes_and_goes() {
    explore(Bound::None, COMING_AND_GOING, || {
        let world = world();
        let mutator = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let member = world.attach(|_| Part::new());
                turn(&world, &member);
                world.go_inside(&member, &unasked);
                world.detach(&member);
                // Nobody else touches it any more.
                // SAFETY: the member is this thread's alone.
                unsafe { member.part() }.change(|_| ()).stops
            })
        };
        let stopped = world.stop();
        let mut held = 0;
        for part in stopped.parts() {
            part.change(|work| work.stops += 1);
            held += 1;
        }
        drop(stopped);
        let stops = mutator.join().expect("the mutator does not panic");
        assert_eq!(stops, held, "held if and only if it was there");
        assert_eq!(world.members(), 0);
    });
}

#[test]
fn the_models_fail_without_a_step() {
    fails_without("models::handshake::a_mutator_in_a_tight_loop_is_stopped", TIGHT);
    fails_without("models::handshake::two_stops_follow_each_other", TWO_STOPS);
    fails_without("models::handshake::two_mutators_are_held_together", TWO_MUTATORS);
    fails_without("models::handshake::two_collectors_take_turns", TWO_COLLECTORS);
    fails_without("models::handshake::a_mutator_comes_and_goes", COMING_AND_GOING);
}
