use super::*;
use tricolor::Heap;

#[test]
fn percentiles_are_samples() {
    let work = Work::of_samples((1..=1000).rev().map(Duration::from_micros).collect()).expect("samples");
    let micros = [work.p50, work.p99, work.p999, work.max].map(|one| one.as_micros());
    assert_eq!((work.count, micros), (1000, [500, 990, 999, 1000]));
    let one = Work::of_samples(vec![Duration::from_micros(3)]).expect("a sample");
    assert_eq!((one.p50, one.p999), (one.max, one.max));
    assert!(Work::of_samples(Vec::new()).is_none());
}

#[test]
fn only_what_lies_in_the_window_counts_of_a_heap_that_stops_the_world() {
    let heap = Mode::StopTheWorld.configure(&Heap::builder()).build().expect("a heap");
    let mut mutator = heap.attach().expect("attached");
    mutator.collect();
    assert!(Window::open(&heap).close(&heap).is_none());
    let window = Window::open(&heap);
    mutator.collect();
    mutator.collect();
    assert_eq!(window.close(&heap).map(|work| work.count), Some(2));
    let cycle = Cycle::of(&heap.figures().last_cycle.expect("a cycle"));
    assert_eq!((cycle.number, cycle.reason, cycle.rounds[0].name), (3, "asked", "stop"));
    assert!(cycle.stopped().is_some() && cycle.assist_cpu.is_none());
}

#[test]
fn a_concurrent_cycle_has_rounds_and_stops_nobody() {
    let heap = Mode::Concurrent.configure(&Heap::builder()).build().expect("a heap");
    let mut mutator = heap.attach().expect("attached");
    let window = Window::open(&heap);
    mutator.enter(|mu| {
        mu.alloc(1_u64);
    });
    mutator.collect();
    let cycle = Cycle::of(&heap.figures().last_cycle.expect("a cycle"));
    let names: Vec<&str> = cycle.rounds.iter().map(|round| round.name).collect();
    assert_eq!(names, ["barrier on", "settled", "roots", "dry", "off"]);
    assert!(cycle.stopped().is_none() && cycle.heap_at_end.is_some() && cycle.trigger.is_some());
    let work = window.close(&heap).expect("a refill");
    assert_eq!((work.count, work.kinds.iter().map(|kind| kind.count).sum::<u64>()), (1, 1));
    assert!(work.cpu.is_some());
    // The window is closed, and a heap that stopped nobody has no pauses to show.
    assert!(Window::open(&heap).close(&heap).is_none());
}

#[test]
fn every_mode_builds_a_heap_and_is_reported() {
    for mode in Mode::ALL {
        assert!(mode.configure(&Heap::builder()).build().is_ok(), "{}", mode.word());
        assert!(Mode::REPORTED.contains(mode));
    }
}
