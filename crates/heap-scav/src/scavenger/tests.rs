//! The thread and the others who release, on a simulated system: when they do, what, and what is told of it.

use super::*;
use crate::notice::Notice;
use crate::release;
use heap_core::layout::{Extent, Layout, TypeMask};
use heap_core::memory::{Memory, MemoryOptions};
use heap_core::os::sim::SimOs;
use heap_core::os::{Os, OsOp};
use heap_core::size_class::SizeClass;
use heap_core::span::SpanId;
use heap_core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use heap_core::sync::thread;
use heap_core::units::Pages;

fn memory(os: &Arc<SimOs>) -> Memory {
    let os: Arc<dyn Os> = os.clone();
    let options = MemoryOptions {
        reservation: Bytes::mib(32),
        least_reservation: Bytes::mib(32),
        hard_limit: Bytes::new(usize::MAX),
        poison: None,
        decoder: None,
        shards: 1,
    };
    // SAFETY: these tests make and free spans, each once, and put no object into them.
    unsafe { Memory::new(&os, &options) }.unwrap()
}

fn scavenger(memory: &Memory) -> Scavenger {
    Scavenger::new(memory.shared_pages(), Options::default())
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
        beside: Bytes::ZERO,
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
    let scavenger = scavenger(&memory);
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
    let scavenger = scavenger(&memory);
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
    let scavenger = scavenger(&memory);
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
    let scavenger = scavenger(&memory);
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
    let scavenger = scavenger(&memory);
    shrunk(&memory, 512, 1);
    let mut tries = 0;
    for _ in 0..3 {
        scavenger.desk.set_goals(&need(Bytes::ZERO));
        scavenger.look_with(|_| {
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
        let scavenger = scavenger(&memory);
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
    let scavenger = scavenger(&memory);
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

/// A heap with a memory limit that has `pages` in use and then frees all but `kept`.
fn limited(memory: &Memory, limit: Pages, unasked: Unasked) -> Scavenger {
    let options = Options { unasked, memory_limit: Some(limit.bytes()), ..Options::default() };
    Scavenger::new(memory.shared_pages(), options)
}

#[test]
fn the_background_keeps_a_twentieth_of_a_memory_limit_free() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = limited(&memory, Pages::new(1000), Unasked::Thread);
    shrunk(&memory, 1500, 10);
    // By growth nothing is to be released; by the limit all above 950 pages, less the 50 beside.
    let cycle =
        CycleEnd { beside: Pages::new(50).bytes(), next_goal: None, ..need(Pages::new(1500).bytes()) };
    scavenger.cycle_ended(&cycle);
    assert!(comes_true(|| memory.pages().retained() <= Pages::new(901)), "{:?}", memory.pages().retained());
    assert!(comes_true(|| memory.pages().away() == Pages::ZERO));
    assert!(memory.pages().retained() + release::QUANTUM > Pages::new(900));
}

#[test]
fn an_allocation_that_passes_the_limit_releases_what_is_over() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = limited(&memory, Pages::new(1000), Unasked::Nobody);
    shrunk(&memory, 1015, 900);
    assert!(scavenger.is_over_limit());
    // A slow machine may need several: each has 30 µs.
    let mut assists = 0;
    while scavenger.is_over_limit() {
        scavenger.assist();
        assists += 1;
        assert!(assists <= 2, "each releases a run at least");
    }
    assert_eq!(memory.pages().retained(), Pages::new(999), "two runs, and no more");
    let figures = scavenger.figures();
    assert_eq!(figures.assisted, (release::URGENT_QUANTUM + release::URGENT_QUANTUM).bytes());
    assert_eq!((figures.assists.count, figures.calls, figures.refused), (assists, 2, 0));
    assert!(!figures.has_thread);
    // The tables' growth counts when the next cycle has ended.
    scavenger.cycle_ended(&CycleEnd { beside: Pages::new(10).bytes(), ..need(Bytes::ZERO) });
    assert!(scavenger.is_over_limit());
    scavenger.assist();
    scavenger.assist();
    assert_eq!(memory.pages().retained(), Pages::new(983));
    memory.pages().with_pages(|all| all.check()).unwrap();
}

#[test]
fn an_assist_takes_dense_chunks_too_and_ends_when_nothing_is_free() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = limited(&memory, Pages::new(100), Unasked::Nobody);
    let (_a, b, _c) = (take(&memory, 507), take(&memory, 3), take(&memory, 2));
    memory.pages().free_span(b);
    scavenger.assist();
    assert_eq!(scavenger.figures().assisted, Pages::new(3).bytes());
    for _ in 0..10 {
        assert!(scavenger.is_over_limit(), "what is in spans cannot be released");
        scavenger.assist();
    }
    let figures = scavenger.figures();
    assert_eq!((figures.assisted, figures.calls), (Pages::new(3).bytes(), 1));
}

#[test]
fn an_assist_does_not_wait_for_another_who_releases() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = limited(&memory, Pages::new(100), Unasked::Nobody);
    shrunk(&memory, 512, 1);
    let turn = scavenger.desk.turn.lock();
    assert_eq!(scavenger.assist(), Duration::ZERO);
    drop(turn);
    assert_eq!(scavenger.figures().assists.count, 0, "it was not kept");
    scavenger.assist();
    assert!(scavenger.figures().assisted > Bytes::ZERO);
}

#[test]
fn a_refused_assist_is_told_of_after_the_next_cycle() {
    let os = SimOs::new();
    let memory = memory(&os);
    let told = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&told);
    let options = Options {
        unasked: Unasked::Nobody,
        memory_limit: Some(Pages::new(100).bytes()),
        listener: Some(Arc::new(move |notice| theirs.lock().push(*notice))),
        ..Options::default()
    };
    let scavenger = Scavenger::new(memory.shared_pages(), options);
    shrunk(&memory, 512, 1);
    os.fail_nth_of(OsOp::Release, 1);
    scavenger.assist();
    assert_eq!(told.lock().len(), 0, "not in the middle of an allocation");
    assert_eq!((scavenger.figures().refused, memory.pages().retained()), (1, Pages::new(512)));
    scavenger.cycle_ended(&need(Bytes::ZERO));
    let notices = core::mem::take(&mut *told.lock());
    assert!(
        matches!(notices[..], [Notice::Refused(error)] if error.bytes == release::URGENT_QUANTUM.bytes()),
        "{notices:?}"
    );
    scavenger.cycle_ended(&need(Bytes::ZERO));
    assert_eq!(told.lock().len(), 0, "once");
}

#[test]
fn idle_moments_release_the_surplus_and_say_when_there_is_none() {
    for unasked in [Unasked::Thread, Unasked::Host, Unasked::Nobody] {
        let os = SimOs::new();
        let memory = memory(&os);
        let options = Options { unasked, ..Options::default() };
        let scavenger = Scavenger::new(memory.shared_pages(), options);
        shrunk(&memory, 1500, 10);
        scavenger.desk.set_goals(&need(Pages::new(600).bytes()));
        if unasked == Unasked::Nobody {
            assert!(!scavenger.idle(None));
            assert_eq!(memory.pages().retained(), Pages::new(1500));
            continue;
        }
        assert!(scavenger.idle(Some(Instant::now())), "no time, and much to do");
        assert_eq!(memory.pages().retained(), Pages::new(1500));
        assert!(!scavenger.idle(None), "all is done");
        let retained = memory.pages().retained();
        assert!(retained <= Pages::new(661) && retained + release::QUANTUM > Pages::new(660));
        let figures = scavenger.figures();
        assert_eq!(figures.idle, (Pages::new(1500) - retained).bytes());
        assert!(!figures.has_thread);
    }
}

#[test]
fn an_idle_moment_does_not_wait_for_another_who_releases() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = scavenger(&memory);
    shrunk(&memory, 1500, 10);
    scavenger.desk.set_goals(&need(Bytes::ZERO));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let turn = scavenger.desk.turn.lock();
        scope.spawn(|| {
            assert!(
                scavenger.idle(Instant::now().checked_add(Duration::from_millis(5))),
                "there is more to do"
            );
            ended.store(true, Relaxed);
        });
        let has_ended = comes_true(|| ended.load(Relaxed));
        drop(turn);
        assert!(has_ended, "a moment of 5 ms lasts for as long as somebody releases");
    });
    assert_eq!(scavenger.figures().idle, Bytes::ZERO);
    assert!(!scavenger.idle(None), "all is done");
    assert_eq!(memory.pages().retained(), Pages::new(10));
}

#[test]
fn what_assists_released_is_told_of_once_also_if_two_rounds_end_at_once() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = scavenger(&memory);
    // The second of two rounds has looked before the first, and comes after it.
    let told: usize =
        [20, 10, 30].into_iter().map(|now| scavenger.desk.news_of_assists(Bytes::new(now)).get()).sum();
    assert_eq!(told, 30);
}

#[test]
fn a_round_is_told_of_once_with_what_it_did() {
    let os = SimOs::new();
    let memory = memory(&os);
    let told = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&told);
    let listener: Listener = Arc::new(move |notice| theirs.lock().push(*notice));
    let options = Options { listener: Some(listener), ..Options::default() };
    let scavenger = Scavenger::new(memory.shared_pages(), options);
    shrunk(&memory, 1500, 10);
    scavenger.cycle_ended(&need(Bytes::ZERO));
    assert!(comes_true(|| !told.lock().is_empty()));
    let notices = core::mem::take(&mut *told.lock());
    let [Notice::Scavenged(round)] = notices[..] else { panic!("{notices:?}") };
    assert_eq!((round.by, round.released), (By::Background, Pages::new(1490).bytes()));
    assert_eq!((round.retained, round.in_spans), (Pages::new(10).bytes(), Pages::new(10).bytes()));
    assert_eq!((round.refused, round.assisted, round.goal), (0, Bytes::ZERO, Some(Bytes::ZERO)));
    assert!(round.calls >= 1490 / 64 && round.wall > round.cpu, "{round:?}");
    shrunk(&memory, 50, 5);
    let released = scavenger.release_free();
    let notices = core::mem::take(&mut *told.lock());
    let [Notice::Scavenged(round)] = notices[..] else { panic!("{notices:?}") };
    assert_eq!((round.by, round.released, round.calls), (By::Request, released.bytes, released.calls));
    assert_eq!(scavenger.release_free().calls, 0);
    assert!(told.lock().is_empty(), "nothing was done");
}

#[test]
fn a_listener_that_panics_ends_nothing() {
    let os = SimOs::new();
    let memory = memory(&os);
    let listener: Listener = Arc::new(|_| panic!("a listener's"));
    let options = Options { listener: Some(listener), ..Options::default() };
    let scavenger = Scavenger::new(memory.shared_pages(), options);
    for _ in 0..2 {
        shrunk(&memory, 700, 1);
        scavenger.cycle_ended(&need(Bytes::ZERO));
        let in_spans = || Bytes::new(memory.pages().counters().inuse.load(Relaxed)).pages_floor();
        assert!(comes_true(|| memory.pages().retained() == in_spans()));
    }
}

#[test]
fn chunks_that_were_dense_when_the_cycle_ended_go_last() {
    let os = SimOs::new();
    let memory = memory(&os);
    let scavenger = scavenger(&memory);
    let mut walk = Walk::new(memory.pages(), Which::Rested);
    let (_a, b, c) = (take(&memory, 200), take(&memory, 312), take(&memory, 512));
    memory.pages().free_span(b);
    memory.pages().with_pages(heap_core::page::PageAlloc::cycle_ended);
    memory.pages().free_span(c);
    // The second chunk is higher and quite free, and was full when the cycle ended.
    let steps: Vec<Step> =
        core::iter::from_fn(|| Some(walk.step(memory.pages())).filter(|step| *step != Step::Nothing))
            .collect();
    let released: Bytes = steps.iter().fold(Bytes::ZERO, |sum, step| match step {
        Step::Released(bytes) => sum + *bytes,
        Step::Passed | Step::Refused(_) | Step::Nothing => sum,
    });
    assert_eq!(released, Pages::new(312).bytes());
    // The thread does the rest when the cycle is long enough ago.
    scavenger.cycle_ended(&need(Bytes::ZERO));
    assert!(comes_true(|| memory.pages().retained() == Pages::new(200)));
}
