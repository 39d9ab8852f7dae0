//! The thread, on a simulated system: when it is there, what it does, and when it is gone.

use super::*;
use heap_core::layout::{Extent, Layout, TypeMask};
use heap_core::memory::{Memory, MemoryOptions};
use heap_core::os::sim::SimOs;
use heap_core::os::{Os, OsOp};
use heap_core::size_class::SizeClass;
use heap_core::span::SpanId;
use heap_core::units::Pages;

fn memory(os: &Arc<SimOs>) -> Memory {
    let os: Arc<dyn Os> = os.clone();
    let options = MemoryOptions {
        reservation: Bytes::mib(32),
        least_reservation: Bytes::mib(32),
        hard_limit: Bytes::new(usize::MAX),
        poison: None,
    };
    // SAFETY: these tests make and free spans, each once, and put no object into them.
    unsafe { Memory::new(&os, &options) }.unwrap()
}

fn take(memory: &Memory, pages: usize) -> SpanId {
    let layout = Layout::of(SizeClass::LARGE, Extent::Whole, &TypeMask::noscan(8));
    let id = memory.register(&layout).unwrap();
    memory.take_large(memory.entry(id), Pages::new(pages).bytes(), memory.generation()).unwrap()
}

/// A heap that had `pages` in use and has `kept` of them yet.
fn shrunk(memory: &Memory, pages: usize, kept: usize) {
    let _kept = take(memory, kept);
    memory.pages().free_span(take(memory, pages - kept));
}

/// The end of a cycle after which that many bytes are the need.
fn need(bytes: Bytes) -> CycleEnd {
    CycleEnd {
        in_spans: bytes,
        heap: bytes,
        last_goal: Some(Bytes::mib(4)),
        next_goal: Some(Bytes::mib(4).max(bytes)),
    }
}

/// Waits until `is_so`, and says whether it came to be.
fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn without_a_surplus_there_is_no_thread() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = Scavenger::new(memory.shared_pages());
    shrunk(&memory, 100, 95);
    for cycle in [
        need(Bytes::mib(1)),
        CycleEnd { next_goal: None, ..need(Bytes::ZERO) },
        CycleEnd { last_goal: None, ..need(Bytes::ZERO) },
    ] {
        scavenger.cycle_ended(&cycle);
    }
    assert_eq!(scavenger.figures(), ScavengeFigures::default());
    assert_eq!(os.calls_of(OsOp::Release), 0);
}

#[test]
fn a_surplus_goes_back_down_to_the_goal_and_no_further() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = Scavenger::new(memory.shared_pages());
    shrunk(&memory, 1500, 10);
    // 600 pages are the need, a tenth more stays.
    scavenger.cycle_ended(&need(Pages::new(600).bytes()));
    let goal = Pages::new(660);
    assert!(
        comes_true(|| memory.pages().retained() <= goal + Pages::new(1)),
        "{:?}",
        memory.pages().retained()
    );
    assert!(comes_true(|| memory.pages().away() == Pages::ZERO));
    let retained = memory.pages().retained();
    assert!(retained + release::QUANTUM > goal, "{retained:?} is less than the goal");
    let figures = scavenger.figures();
    assert!(figures.has_thread);
    assert_eq!((figures.on_request, figures.refused), (Bytes::ZERO, 0));
    assert!(
        comes_true(|| scavenger.figures().background == (Pages::new(1500) - retained).bytes()),
        "{figures:?}"
    );
    // The lowest are left.
    let run = memory.pages().with_pages(|all| all.take(retained - Pages::new(10))).unwrap();
    assert_eq!((run.base.get(), run.uncovered), (10, Pages::ZERO));
    memory.pages().with_pages(|all| all.give_back(run.base, run.pages));
    memory.pages().with_pages(|all| all.check()).unwrap();
}

#[test]
fn dense_chunks_are_left_alone_in_the_background_and_not_on_request() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = Scavenger::new(memory.shared_pages());
    // 16 free pages at the end of the first chunk, 17 at the end of the second.
    let (_a, b, _c, d) = (take(&memory, 496), take(&memory, 16), take(&memory, 495), take(&memory, 17));
    memory.pages().free_span(b);
    memory.pages().free_span(d);
    scavenger.cycle_ended(&need(Bytes::ZERO));
    assert!(comes_true(|| scavenger.figures().background == Pages::new(17).bytes()));
    // Another round finds nothing; that the thread is parked again shows that it looked.
    scavenger.cycle_ended(&need(Bytes::ZERO));
    assert_eq!(scavenger.release_free().bytes, Pages::new(16).bytes());
    let figures = scavenger.figures();
    assert_eq!((figures.background, figures.on_request), (Pages::new(17).bytes(), Pages::new(16).bytes()));
}

#[test]
fn a_refusal_ends_the_round_and_the_next_cycle_tries_again() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = Scavenger::new(memory.shared_pages());
    shrunk(&memory, 512, 100);
    os.fail_from(1);
    scavenger.cycle_ended(&need(Bytes::ZERO));
    assert!(comes_true(|| scavenger.figures().refused == 1));
    assert_eq!(memory.pages().retained(), Pages::new(512));
    assert!(comes_true(|| memory.pages().away() == Pages::ZERO));
    os.fail_never();
    scavenger.cycle_ended(&need(Bytes::ZERO));
    assert!(comes_true(|| memory.pages().retained() == Pages::new(100)));
    assert_eq!(scavenger.figures().refused, 1, "one call a round");
    memory.pages().with_pages(|all| all.check()).unwrap();
}

#[test]
fn a_heap_whose_thread_is_refused_does_without() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = Scavenger::new(memory.shared_pages());
    shrunk(&memory, 512, 1);
    let mut tries = 0;
    for _ in 0..3 {
        scavenger.cycle_ended_with(&need(Bytes::ZERO), |_| {
            tries += 1;
            Thread::Refused
        });
    }
    assert_eq!(tries, 1, "it is not tried again");
    assert!(!scavenger.figures().has_thread);
    assert_eq!(scavenger.release_free().bytes, Pages::new(511).bytes(), "on request all is as ever");
}

#[test]
fn the_thread_is_gone_when_the_scavenger_is() {
    // Dropped at once, while it works, while it sleeps, and while it is parked.
    for wait in [0, 0, 1, 5, 40] {
        let os = SimOs::new();
        let memory = memory(&os);
        let scavenger = Scavenger::new(memory.shared_pages());
        shrunk(&memory, 4000, 1);
        scavenger.cycle_ended(&need(Bytes::ZERO));
        thread::sleep(Duration::from_millis(wait));
        let begun = Instant::now();
        let desk = Arc::downgrade(&scavenger.desk);
        drop(scavenger);
        assert!(desk.upgrade().is_none(), "somebody holds the desk yet");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        memory.pages().with_pages(|all| all.check()).unwrap();
        drop(memory);
        assert_eq!((os.live(), os.ready_bytes()), (0, Bytes::ZERO));
    }
}

#[test]
fn pages_taken_and_freed_beside_it_stay_sound() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = Scavenger::new(memory.shared_pages());
    shrunk(&memory, 3000, 20);
    for round in 0..400 {
        scavenger.cycle_ended(&need(Bytes::ZERO));
        let spans: Vec<_> = (1..20).map(|pages| take(&memory, pages * (1 + round % 7))).collect();
        if round % 50 == 0 {
            scavenger.release_free();
        }
        spans.into_iter().for_each(|span| memory.pages().free_span(span));
        // In spans and away is in use, under the lock; there are no stocks here.
        let pages = memory.pages();
        let in_spans = Bytes::new(pages.counters().inuse.load(Relaxed)).pages_floor();
        pages.with_pages(|all| assert_eq!(all.in_use(), in_spans + pages.away()));
    }
    memory.pages().with_pages(|all| all.check()).unwrap();
    assert!(scavenger.figures().on_request > Bytes::ZERO);
}
