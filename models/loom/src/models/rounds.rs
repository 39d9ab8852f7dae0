//! Rounds: each mutator answers each once, by itself or by the collector for it; its part is touched by one thread at a
//! time; the collector has what was handed over; nobody sleeps for good.
//!
//! Answers carry something both ways without a lock: they read what the collector wrote before it asked ([`Desk::question`]),
//! and write what it reads when all have answered ([`Handed`]). Both are cells of loom's, as the part is.

use super::handshake::world;
use super::{Bound, explore, fails_without};
use crate::fault::step::Step;
use crate::handshake::{Member, World};
use crate::round::Round;
use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const RACE: &str = "Causality violation";
const STUCK: &str = "deadlock";
const UNANSWERED: &str = "a round is over and not answered";
const PASSED_OVER: &str = "a round was passed over or answered twice";
const IN_HAND: &str = "roots were taken with references in a mutator's hands";

/// A cell that reports two threads in it without an order.
struct Cell<T>(UnsafeCell<T>);

// SAFETY: the value is touched only through loom's cell, which reports two threads in it at once.
unsafe impl<T: Send> Send for Cell<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Cell<T> {}

impl<T: Copy> Cell<T> {
    fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn change(&self, how: impl FnOnce(&mut T)) -> T {
        self.0.with_mut(|value| {
            // SAFETY: loom's cell has checked that nobody else is in it.
            let value = unsafe { &mut *value };
            how(value);
            *value
        })
    }

    fn read(&self) -> T {
        // SAFETY: loom's cell has checked that nobody writes meanwhile.
        self.0.with(|value| unsafe { *value })
    }
}

/// What the collector writes before it asks.
struct Desk {
    question: Cell<Round>,
}

/// What answers hand over, of one mutator: the collector's from the end of a round to the next question.
struct Handed {
    round: Cell<Round>,
    /// Written once, before the mutator goes for good.
    last: Cell<bool>,
    /// Whether the last round was answered. Not loom's, as no part of the protocol.
    is_answered: AtomicBool,
}

/// A mutator's part.
struct Part {
    desk: Arc<Desk>,
    handed: Arc<Handed>,
    work: Cell<Work>,
}

#[derive(Clone, Copy)]
struct Work {
    /// Times the mutator was inside.
    turns: u32,
    /// Times a collector came by.
    stops: u32,
    /// Whether it has references.
    has_in_hand: bool,
    /// The last round answered.
    round: Round,
}

impl Part {
    fn joining(desk: &Arc<Desk>, handed: &Arc<Handed>, round: Round) -> Self {
        let work = Work { turns: 0, stops: 0, has_in_hand: false, round };
        Self { desk: Arc::clone(desk), handed: Arc::clone(handed), work: Cell::new(work) }
    }
}

/// A mutator, as its thread and the collector see it.
#[derive(Clone)]
struct Mutator {
    world: Arc<World<Part>>,
    member: Arc<Member<Part>>,
    handed: Arc<Handed>,
}

impl Mutator {
    fn attach(world: &Arc<World<Part>>, desk: &Arc<Desk>) -> Self {
        let handed = Arc::new(Handed {
            round: Cell::new(Round::Off),
            last: Cell::new(false),
            is_answered: AtomicBool::new(false),
        });
        let member = world.attach(|round| Part::joining(desk, &handed, round));
        Self { world: Arc::clone(world), member, handed }
    }

    /// The part, inside.
    fn change(&self, how: impl FnOnce(&mut Work)) -> Work {
        // SAFETY: the mutator's thread calls this, inside.
        unsafe { self.member.part() }.work.change(how)
    }

    fn enter(&self) {
        self.world.go_inside(&self.member, &answer);
        self.change(|work| (work.turns, work.has_in_hand) = (work.turns + 1, true));
    }

    fn leave(&self) {
        self.change(|work| work.has_in_hand = false);
        // Nobody calls for a collection, and what there is of stops is answered.
        let _ = self.world.go_outside(&self.member, &answer);
    }

    fn turn(&self) {
        self.enter();
        self.leave();
    }

    fn polling_turn(&self) {
        self.enter();
        self.world.poll(&self.member, &answer);
        self.change(|_| ());
        self.leave();
    }

    fn go(self) {
        self.world.go_inside(&self.member, &answer);
        self.handed.last.change(|last| *last = true);
        self.world.detach(&self.member);
    }
}

/// The answer to a round. The rounds of a model follow each other as those of a cycle do.
fn answer(part: &Part, round: Round) {
    let question = part.desk.question.read();
    assert!(question == round, "{PASSED_OVER}: {round:?} while {question:?} is asked");
    part.work.change(|work| {
        assert!(round != Round::Roots || !work.has_in_hand, "{IN_HAND}");
        assert!(work.round as u8 + 1 == round as u8, "{PASSED_OVER}: {round:?} after {:?}", work.round);
        work.round = round;
    });
    part.handed.round.change(|handed| *handed = round);
    part.handed.is_answered.store(true, Relaxed);
}

/// A world with a desk, and so many mutators.
fn setting(mutators: usize) -> (Arc<World<Part>>, Arc<Desk>, Vec<Mutator>) {
    let world = world();
    let desk = Arc::new(Desk { question: Cell::new(Round::Off) });
    let mutators = (0..mutators).map(|_| Mutator::attach(&world, &desk)).collect();
    (world, desk, mutators)
}

/// One round. `mutators` are those who are there before and after.
fn ask(world: &World<Part>, desk: &Desk, round: Round, mutators: &[Mutator]) {
    desk.question.change(|question| *question = round);
    world.ask(round, &answer, &mut |_, _| ());
    for mutator in mutators {
        assert!(mutator.handed.round.read() == round, "{UNANSWERED}");
    }
}

/// Runs what a mutator does in a thread.
fn spawn(mutator: &Mutator, what: impl FnOnce(Mutator) + 'static) -> thread::JoinHandle<()> {
    let mutator = mutator.clone();
    thread::spawn(move || what(mutator))
}

const TIGHT: &[(Step, &str)] = &[
    (Step::StopNotSought, STUCK),
    (Step::StopSoughtEarly, STUCK),
    (Step::StopReadRelaxed, STUCK),
    (Step::LeftRelaxed, RACE),
    (Step::AnsweredOutsideBell, STUCK),
    (Step::EnteredInTwoSteps, RACE),
    (Step::AnsweredRelaxed, RACE),
    (Step::NotRung, STUCK),
    (Step::AskedSleptUnlooked, STUCK),
    (Step::HeldUnanswered, UNANSWERED),
    (Step::ResumedOutsideBell, STUCK),
    (Step::LetGoRelaxed, RACE),
    (Step::HeededOld, PASSED_OVER),
];

/// Exhausted for 2 threads and at most 5 preemptions: a mutator that goes in and out three times, 3 rounds meanwhile and one
/// when it has ended. 6 s.
#[test]
fn a_mutator_in_a_tight_loop_answers_every_round_once() {
    explore(Bound::Preemptions(5), TIGHT, || {
        let (world, desk, mutators) = setting(1);
        let thread = spawn(&mutators[0], |mutator| (0..3).for_each(|_| mutator.turn()));
        for round in [Round::BarrierOn, Round::Settled, Round::Roots] {
            ask(&world, &desk, round, &mutators);
        }
        thread.join().expect("the mutator does not panic");
        ask(&world, &desk, Round::Dry, &mutators);
    });
}

const ONE_ROUND: &[(Step, &str)] = &[
    (Step::StopNotSought, STUCK),
    (Step::StopSoughtEarly, STUCK),
    (Step::StopReadRelaxed, STUCK),
    (Step::AnsweredRelaxed, RACE),
    (Step::AnswerReadRelaxed, RACE),
    (Step::NotRung, STUCK),
    (Step::AskedSleptUnlooked, STUCK),
    (Step::HeldUnanswered, UNANSWERED),
    (Step::ResumedOutsideBell, STUCK),
    (Step::LetGoRelaxed, RACE),
];

/// Exhausted for 3 threads and at most 4 preemptions: a mutator that stays outside, two that go in and out once, 1 round. 8 s.
#[test]
fn one_sleeps_outside_and_two_run() {
    explore(Bound::Preemptions(4), ONE_ROUND, || {
        let (world, desk, mutators) = setting(3);
        let threads =
            [spawn(&mutators[0], |mutator| mutator.turn()), spawn(&mutators[1], |mutator| mutator.turn())];
        ask(&world, &desk, Round::BarrierOn, &mutators);
        for thread in threads {
            thread.join().expect("a mutator does not panic");
        }
    });
}

const JOINING: &[(Step, &str)] = &[
    (Step::JoinedEarly, PASSED_OVER),
    (Step::LeftRelaxed, RACE),
    (Step::NotRung, STUCK),
    (Step::AskedSleptUnlooked, STUCK),
    (Step::HeldUnanswered, PASSED_OVER),
    (Step::LetGoRelaxed, RACE),
];

/// Exhausted for 2 threads and at most 6 preemptions: a mutator that attaches, goes in and out, and detaches; 2 rounds. Under a
/// second.
#[test]
fn a_mutator_joins_with_the_last_round_and_goes() {
    explore(Bound::Preemptions(6), JOINING, || {
        let (world, desk, _) = setting(0);
        let thread = {
            let (world, desk) = (Arc::clone(&world), Arc::clone(&desk));
            thread::spawn(move || {
                let mutator = Mutator::attach(&world, &desk);
                mutator.turn();
                mutator.go();
            })
        };
        ask(&world, &desk, Round::BarrierOn, &[]);
        ask(&world, &desk, Round::Settled, &[]);
        thread.join().expect("the mutator does not panic");
        assert_eq!(world.members(), 0);
    });
}

const GOING: &[(Step, &str)] = &[
    (Step::LeftRelaxed, RACE),
    (Step::AnsweredOutsideBell, STUCK),
    (Step::NotRung, STUCK),
    (Step::AskedSleptUnlooked, STUCK),
    (Step::HeldUnanswered, UNANSWERED),
    (Step::LetGoRelaxed, RACE),
];

/// Exhausted for 2 threads: a mutator that goes in and out, and detaches; 1 round meanwhile and one after. If it did not answer,
/// it has gone, and the collector reads what it left. Under a second.
#[test]
fn who_has_gone_has_handed_over_and_is_not_waited_for() {
    explore(Bound::None, GOING, || {
        let (world, desk, mut mutators) = setting(1);
        let thread = spawn(&mutators[0], |mutator| {
            mutator.turn();
            mutator.go();
        });
        ask(&world, &desk, Round::BarrierOn, &[]);
        let mutator = mutators.pop().expect("there is one");
        if !mutator.handed.is_answered.load(Relaxed) {
            assert!(mutator.handed.last.read(), "{UNANSWERED}");
        }
        thread.join().expect("the mutator does not panic");
        ask(&world, &desk, Round::Settled, &[]);
        assert_eq!(world.members(), 0);
    });
}

const INSIDE: &[(Step, &str)] = &[
    (Step::AnsweredOutsideBell, STUCK),
    (Step::AnsweredRelaxed, RACE),
    (Step::NotRung, STUCK),
    (Step::AskedSleptUnlooked, STUCK),
];

/// Exhausted for 2 threads: a mutator that polls inside and, if it has answered by then, stays there until the round is over;
/// 1 round. Under a second.
#[test]
fn an_answer_inside_ends_the_round() {
    explore(Bound::None, INSIDE, || {
        let (world, desk, mutators) = setting(1);
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = {
            let over = Arc::clone(&over);
            spawn(&mutators[0], move |mutator| {
                mutator.enter();
                mutator.world.poll(&mutator.member, &answer);
                if mutator.handed.is_answered.load(Relaxed) {
                    let mut is_over = over.0.lock().expect("nobody panics");
                    while !*is_over {
                        is_over = over.1.wait(is_over).expect("nobody panics");
                    }
                }
                mutator.leave();
            })
        };
        ask(&world, &desk, Round::BarrierOn, &mutators);
        *over.0.lock().expect("nobody panics") = true;
        over.1.notify_all();
        thread.join().expect("the mutator does not panic");
    });
}

const ALL_ROUNDS_INSIDE: &[(Step, &str)] = &[
    (Step::RootsInside, IN_HAND),
    (Step::AnsweredRelaxed, RACE),
    (Step::NotRung, STUCK),
    (Step::AskedSleptUnlooked, STUCK),
    (Step::HeldUnanswered, UNANSWERED),
    (Step::LetGoRelaxed, RACE),
    (Step::HeededOld, PASSED_OVER),
];

/// Exhausted for 2 threads and at most 5 preemptions: a mutator that goes in, polls and goes out, twice; 3 rounds, the last of
/// which does not fit inside. 4 s.
#[test]
fn roots_are_taken_at_the_edge() {
    explore(Bound::Preemptions(5), ALL_ROUNDS_INSIDE, || {
        let (world, desk, mutators) = setting(1);
        let thread = spawn(&mutators[0], |mutator| (0..2).for_each(|_| mutator.polling_turn()));
        for round in [Round::BarrierOn, Round::Settled, Round::Roots] {
            ask(&world, &desk, round, &mutators);
        }
        thread.join().expect("the mutator does not panic");
    });
}

const ROUND_AND_STOP: &[(Step, &str)] = &[
    (Step::StopNotSought, STUCK),
    (Step::StopSoughtEarly, STUCK),
    (Step::StopReadRelaxed, STUCK),
    (Step::LeftRelaxed, RACE),
    (Step::AnsweredOutsideBell, STUCK),
    (Step::AnsweredUnlooked, STUCK),
    (Step::SleptUnlooked, STUCK),
    (Step::ResumedRelaxed, RACE),
    (Step::NotRung, STUCK),
    (Step::AskedSleptUnlooked, STUCK),
    (Step::HeldUnanswered, UNANSWERED),
    (Step::LetGoRelaxed, RACE),
    (Step::HeededOld, PASSED_OVER),
];

/// Exhausted for 2 threads and at most 5 preemptions: a mutator that goes in and out twice; a round, a stop, a round; and a stop
/// when the mutator has ended. 6 s.
#[test]
fn a_stop_between_two_rounds() {
    explore(Bound::Preemptions(5), ROUND_AND_STOP, || {
        let (world, desk, mutators) = setting(1);
        let thread = spawn(&mutators[0], |mutator| (0..2).for_each(|_| mutator.turn()));
        ask(&world, &desk, Round::BarrierOn, &mutators);
        {
            let stopped = world.stop();
            for part in stopped.parts() {
                let work = part.work.change(|work| work.stops += 1);
                assert!(work.round == Round::BarrierOn && !work.has_in_hand);
            }
        }
        ask(&world, &desk, Round::Settled, &mutators);
        thread.join().expect("the mutator does not panic");
        let stopped = world.stop();
        for part in stopped.parts() {
            let work = part.work.read();
            assert_eq!((work.turns, work.stops), (2, 1), "every turn and every stop is seen");
        }
    });
}

#[test]
fn the_models_fail_without_a_step() {
    fails_without("models::rounds::a_mutator_in_a_tight_loop_answers_every_round_once", TIGHT);
    fails_without("models::rounds::one_sleeps_outside_and_two_run", ONE_ROUND);
    fails_without("models::rounds::a_mutator_joins_with_the_last_round_and_goes", JOINING);
    fails_without("models::rounds::who_has_gone_has_handed_over_and_is_not_waited_for", GOING);
    fails_without("models::rounds::an_answer_inside_ends_the_round", INSIDE);
    fails_without("models::rounds::roots_are_taken_at_the_edge", ALL_ROUNDS_INSIDE);
    fails_without("models::rounds::a_stop_between_two_rounds", ROUND_AND_STOP);
}
