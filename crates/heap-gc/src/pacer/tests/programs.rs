//! Programs that change, and programs at their limits.

use super::driver::{Cycle, KIB, Program, Run, run};
use super::streams::Stream;
use crate::pacer::{Bound, CycleEnd, Limiting, NEVER, Pacer, Settings};
use heap_core::units::Bytes;

const MIB: f64 = KIB * KIB;

/// 64 MiB live from the beginning.
fn steady() -> Program {
    Program {
        growth: Stream::constant(1.0),
        first: 64.0 * KIB,
        alloc: Stream::constant(66.0),
        ..Program::default()
    }
}

fn assert_settled(name: &str, cycles: &[Cycle]) {
    for cycle in cycles {
        assert!((0.97..=1.03).contains(&cycle.peak_over_goal()), "{name}: {cycle:?}");
        assert!(cycle.used < 0.26, "{name}: {cycle:?}");
    }
}

/// By name: what lives from cycle to cycle, the cycles after which all is calm again, and the largest peak over goal
/// and utilisation meanwhile.
#[test]
fn a_change_of_phase_is_over_after_a_few_cycles() {
    let table = [
        ("steady", Stream::constant(1.0), 3..50, 1.03, 0.26),
        ("growth by 5 percent", Stream::constant(1.05), 8..50, 1.06, 0.30),
        ("a quarter lives on", Stream::constant(1.0).pulse(20, -0.75), 26..50, 1.01, 0.26),
        ("four times as much lives", Stream::constant(1.0).pulse(20, 3.0), 26..50, 2.0, 0.26),
        ("spike", Stream::constant(1.0).pulse(20, 3.0).pulse(21, -0.75), 27..50, 2.0, 0.26),
    ];
    for (name, growth, calm, peak, used) in table {
        let run = run(&Program { growth, ..steady() });
        let growing = name.starts_with("growth");
        if !growing {
            assert_settled(name, &run.cycles[calm]);
        }
        for cycle in run.from(5) {
            assert!(cycle.peak_over_goal() <= peak, "{name}: {cycle:?}");
            assert!(cycle.used <= used, "{name}: {cycle:?}");
        }
        // The percentage is of what lives: peak, not only goal, is about twice that.
        for pair in run.cycles[5..].windows(2) {
            let calm = (pair[1].live / pair[0].live - 1.0).abs() < 0.06;
            assert!(!calm || pair[1].peak <= 2.1 * pair[0].live, "{name}: {pair:?}");
            assert!(!calm || pair[1].peak >= 1.9 * pair[0].live, "{name}: {pair:?}");
        }
    }
}

/// Allocation that becomes eight times faster is paid for by mutators, not by memory.
#[test]
fn a_rush_is_paid_by_assists_until_it_is_known() {
    let run = run(&Program { alloc: Stream::constant(33.0).step(20, 231.0), ..steady() });
    assert_settled("before", &run.cycles[5..20]);
    let rush = run.cycles[20];
    assert!(rush.assisted > MIB && rush.used > 0.35, "{rush:?}");
    assert!(rush.peak_over_goal() < 1.03, "{rush:?}");
    let known = run.cycles[30];
    assert!(known.begun / known.goal < rush.begun / rush.goal - 0.02, "begins earlier: {known:?} {rush:?}");
    assert!(known.used < rush.used, "{known:?} {rush:?}");
}

/// One of two processors allocates three quarters as fast as the other marks.
fn beside() -> Program {
    Program {
        settings: Settings { processors: 2, ..Settings::default() },
        alloc: Stream::constant(768.0),
        leaves_one: true,
        ..steady()
    }
}

/// Where mutators leave a processor they do not mark, as long as that suffices, and the heap ends at its goal.
#[test]
fn a_processor_that_mutators_leave_marks_for_them() {
    for (name, burst, least, assisted) in [("even", 0.0, 0.99, 0.0), ("in bursts", 4.0, 0.9, 0.01)] {
        let run = run(&Program { burst, ..beside() });
        for cycle in run.from(10) {
            assert!((least..=1.01).contains(&cycle.peak_over_goal()), "{name}: {cycle:?}");
            assert!(cycle.assisted <= assisted * cycle.live, "{name}: {cycle:?}");
        }
    }
    let crowded = run(&Program { leaves_one: false, ..beside() });
    assert!(crowded.from(10).iter().all(|cycle| cycle.assisted > 0.2 * cycle.live), "the same without it");
}

/// A quiet phase has taught that nothing is to be owed. Of eight processors a quarter marks.
#[test]
fn a_rush_after_a_quiet_phase_passes_the_goal_by_a_twentieth_at_most() {
    let alloc = Stream::constant(8.0).step(20, 256.0);
    let run = run(&Program { alloc, leaves_one: true, ..steady() });
    let rush = run.cycles[20];
    assert!(rush.assisted > MIB && rush.peak_over_goal() < 1.055, "{rush:?}");
    for cycle in run.from(21) {
        assert!(cycle.peak_over_goal() < 1.03, "{cycle:?}");
    }
}

/// What it marks is counted on, and it falls behind: mutators pay in time all the same.
#[test]
fn a_processor_that_falls_behind_is_helped_before_the_goal() {
    let alloc = Stream::constant(768.0).step(20, 8.0 * 768.0);
    for burst in [0.0, 4.0] {
        let run = run(&Program { alloc: alloc.clone(), burst, ..beside() });
        for cycle in run.from(20) {
            assert!(cycle.peak_over_goal() < 1.03 && cycle.assisted > MIB, "{cycle:?}");
        }
    }
}

/// 30 MiB of room above 64 MiB of live heap, instead of 64.
#[test]
fn near_a_limit_the_limit_is_kept() {
    let settings = Settings { memory_limit: Bytes::mib(100), processors: 8, ..Settings::default() };
    for leaves_one in [false, true] {
        let run = run(&Program { settings, limited: true, leaves_one, ..steady() });
        for cycle in &run.cycles {
            assert!(cycle.peak < 97.0 * MIB * 1.01, "{cycle:?}");
            assert!(cycle.used < 0.80, "{cycle:?}");
        }
        assert!(run.from(1).iter().all(|cycle| cycle.bound == Bound::MemoryLimit));
        assert!(run.worst_gc(100.0) < 0.5, "{}", run.worst_gc(100.0));
    }
}

fn below_live(limited: bool) -> Run {
    let settings = Settings { memory_limit: Bytes::mib(256), processors: 8, ..Settings::default() };
    run(&Program {
        settings,
        first: 512.0 * KIB,
        growth: Stream::constant(1.0),
        alloc: Stream::constant(330.0),
        limited,
        cycles: 400,
        ..Program::default()
    })
}

#[test]
fn a_limit_below_what_lives_costs_half_of_the_processors_and_the_program_goes_on() {
    let run = below_live(true);
    let elapsed: f64 = run.time.iter().map(|stretch| stretch.wall).sum();
    assert!(elapsed > 30_000.0, "only {elapsed} ms");
    assert!(run.from(1).iter().all(|cycle| cycle.bound == Bound::Live));
    for seconds in [8.0, 10.0, 20.0] {
        let worst = run.worst_gc(seconds * 1e3);
        assert!(worst <= 0.50, "{worst} in {seconds} s");
        assert!(worst >= 0.25, "collecting goes on: {worst} in {seconds} s");
    }
    // Memory is given up, but not without end: what mutators allocate while the collector rests and marks.
    let peak = run.cycles.iter().map(|cycle| cycle.peak).fold(0.0, f64::max);
    assert!(peak < 2.0 * 512.0 * MIB, "{} MiB", peak / MIB);
}

#[test]
fn without_the_limiter_it_would_cost_nearly_all_of_them() {
    let worst = below_live(false).worst_gc(5_000.0);
    assert!(worst > 0.9, "{worst}: the test above tests nothing");
}

#[test]
fn without_a_percentage_and_limits_nothing_is_ever_due() {
    let mut pacer = Pacer::new(Settings { percent: None, ..Settings::default() });
    let huge = Bytes::new(usize::MAX - 1);
    let end = CycleEnd { live: Bytes::mib(1), scan_work: Bytes::mib(1), ..CycleEnd::default() };
    for plan in [pacer.first(), pacer.end_cycle(&end), pacer.end_cycle(&end).stopping()] {
        assert_eq!((plan.goal, plan.trigger, plan.bound), (NEVER, NEVER, Bound::Nothing));
        assert!(!plan.is_due(huge, Limiting::Off) && !plan.is_idle_cycle_worthwhile(huge));
    }
}

/// A thousand heaps that did something once, under every kind of setting.
#[test]
fn a_heap_that_allocates_nothing_is_never_collected() {
    for heap in 0..1000_usize {
        let settings = Settings {
            percent: [Some(100), Some(0), None][heap % 3],
            memory_limit: [NEVER, Bytes::kib(heap), Bytes::mib(heap)][heap / 3 % 3],
            hard_limit: [NEVER, Bytes::kib(4 * heap)][heap / 9 % 2],
            ..Settings::default()
        };
        let mut pacer = Pacer::new(settings);
        assert!(!pacer.first().is_due(Bytes::ZERO, Limiting::Off), "new: {settings:?}");
        let end = CycleEnd { live: Bytes::kib(heap), scan_work: Bytes::kib(heap), ..CycleEnd::default() };
        for plan in [pacer.end_cycle(&end), pacer.end_cycle(&end).stopping()] {
            for more in [Bytes::ZERO, Bytes::kib(63)] {
                assert!(!plan.is_due(plan.live + more, Limiting::Off), "{plan:?} {settings:?}");
                assert!(!plan.is_idle_cycle_worthwhile(plan.live + more), "{plan:?} {settings:?}");
            }
        }
    }
}

/// Half of what the program keeps and allocates is external.
#[test]
fn external_bytes_bring_the_next_cycle_as_others_do() {
    let inside = run(&steady());
    let outside = run(&Program { external: 0.5, ..steady() });
    assert_settled("external", outside.from(5));
    let (inside, outside) = (inside.cycles[49], outside.cycles[49]);
    assert!((inside.goal / outside.goal - 1.0).abs() < 0.15, "{inside:?} {outside:?}");
    assert!(outside.begun > inside.begun * 0.95 && outside.assisted == 0.0, "half the work: {outside:?}");
}
