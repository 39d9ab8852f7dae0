//! The pacer by tables and by simulated programs.

mod driver;
mod limits;
mod programs;
mod scenarios;
mod streams;

use super::{AssistRatio, Bound, CycleEnd, LEAST_DISTANCE, Limiting, NEVER, Pacer, Plan, Progress, Settings};
use core::time::Duration;
use heap_core::units::Bytes;

const NONE: Bytes = Bytes::ZERO;

fn mib(count: usize) -> Bytes {
    Bytes::mib(count)
}

fn planned(settings: Settings, end: CycleEnd) -> Plan {
    Pacer::new(settings).end_cycle(&end)
}

#[test]
fn goals_by_table() {
    use Bound::{Growth, HardLimit, Least, Live, MemoryLimit, Nothing};
    // percent, memory limit, hard limit | live, external, roots, overhead | goal, why
    let table = [
        ((Some(100), NEVER, NEVER), (100, 0, 0, 0), mib(200), Growth),
        ((Some(50), NEVER, NEVER), (100, 0, 0, 0), mib(150), Growth),
        ((Some(0), NEVER, NEVER), (100, 0, 0, 0), mib(100), Growth),
        ((Some(100), NEVER, NEVER), (100, 50, 0, 0), mib(300), Growth),
        ((Some(100), NEVER, NEVER), (100, 50, 7, 0), mib(307), Growth),
        ((Some(100), NEVER, NEVER), (1, 0, 0, 0), mib(4), Least),
        ((Some(400), NEVER, NEVER), (0, 0, 0, 0), mib(16), Least),
        ((None, NEVER, NEVER), (1, 0, 0, 0), NEVER, Nothing),
        // A limit of 1000 MiB leaves 970, one of 20 MiB leaves 19.
        ((None, mib(1000), NEVER), (100, 0, 0, 0), mib(970), MemoryLimit),
        ((None, mib(20), NEVER), (10, 0, 0, 0), mib(19), MemoryLimit),
        ((None, mib(1000), NEVER), (100, 0, 0, 70), mib(900), MemoryLimit),
        ((Some(100), mib(1000), NEVER), (100, 0, 0, 70), mib(200), Growth),
        ((Some(100), mib(1000), NEVER), (500, 100, 0, 70), mib(900), MemoryLimit),
        ((Some(100), mib(1000), NEVER), (950, 0, 0, 70), mib(950), Live),
        ((Some(100), mib(100), NEVER), (10, 0, 0, 500), mib(10), Live),
        // Seven eighths of the hard limit, which does not count external bytes.
        ((Some(100), NEVER, mib(160)), (100, 0, 0, 0), mib(140), HardLimit),
        ((None, NEVER, mib(160)), (100, 30, 0, 0), mib(170), HardLimit),
        ((Some(100), NEVER, mib(160)), (150, 0, 0, 0), mib(150), Live),
        ((Some(100), mib(100), mib(160)), (80, 0, 0, 0), mib(97), MemoryLimit),
    ];
    for ((percent, memory_limit, hard_limit), (live, external, roots, overhead), goal, why) in table {
        let settings = Settings { percent, memory_limit, hard_limit, ..Settings::default() };
        let end = CycleEnd {
            live: mib(live),
            external: mib(external),
            roots: mib(roots),
            overhead: mib(overhead),
            ..CycleEnd::default()
        };
        let plan = planned(settings, end);
        assert_eq!((plan.goal, plan.bound), (goal, why), "{settings:?} {end:?}");
        assert_eq!(plan.live, mib(live + external));
        let stopping = plan.stopping();
        assert_eq!(stopping.trigger, goal.max(Bytes::new(stopping.live.get().saturating_add(64 << 10))));
    }
}

/// 8 processors for 100 ms with a quarter of them marking 100 MiB; `allocated` bytes meanwhile, by mutators that have all.
fn cycle(live: usize, allocated: Bytes) -> CycleEnd {
    CycleEnd {
        live: mib(live),
        scan_work: mib(live),
        heap_at_trigger: mib(live),
        heap_at_end: mib(live) + allocated,
        background_cpu: Duration::from_millis(200),
        wall: Duration::from_millis(100),
        is_crowded: true,
        ..CycleEnd::default()
    }
}

#[test]
fn triggers_by_table() {
    let settings = Settings { processors: 8, ..Settings::default() };
    // live, allocated while marking, trigger
    let table = [
        ("as much as fits", 64, mib(10), mib(118)),
        ("no earlier than 45/64", 64, mib(60), mib(64 + 45)),
        ("no later than 61/64", 64, Bytes::kib(1), mib(64 + 61)),
        ("a large heap: 4 MiB before the goal", 640, Bytes::kib(1), mib(1280 - 4)),
        ("nothing allocated teaches nothing", 64, NONE, mib(64 + 45)),
    ];
    for (name, live, allocated, trigger) in table {
        let plan = planned(settings, cycle(live, allocated));
        let off = plan.trigger.get().abs_diff(trigger.get());
        assert!(off <= 1, "{name}: {plan:?}");
    }
    assert_eq!(Pacer::new(settings).first().trigger, Bytes::kib(4096 / 64 * 45), "the first begins early");
}

#[test]
fn a_cycle_begins_earlier_while_a_processor_is_free() {
    let limit = |limit| Settings { processors: 8, memory_limit: limit, ..Settings::default() };
    let processors = |processors| Settings { processors, ..Settings::default() };
    // A third of the time of all that mutators do: 60 MiB while a quarter marks, 20 MiB while half does.
    let part = |processors: u64, allocated| CycleEnd {
        background_cpu: Duration::from_millis(25 * processors),
        is_crowded: false,
        ..cycle(64, allocated)
    };
    for (name, settings, end, trigger) in [
        ("a share of eight", processors(8), part(8, mib(30)), mib(128 - 30)),
        ("no earlier than 24/64", processors(8), part(8, mib(60)), mib(64 + 24)),
        ("one of two is more than the share", processors(2), part(2, mib(60)), mib(128 - 20)),
        ("one of one is not free", processors(1), part(1, mib(60)), mib(64 + 45)),
        ("at a limit", limit(mib(120)), part(8, mib(60)), Bytes::new((52 << 20) / 64 * 45 + (64 << 20))),
        ("near a limit", limit(mib(140)), part(8, mib(60)), mib(64 + 45)),
        ("far from a limit", limit(mib(160)), part(8, mib(60)), mib(64 + 24)),
        ("nothing is known", processors(2), part(2, NONE), mib(64 + 45)),
    ] {
        let plan = planned(settings, end);
        let off = plan.trigger.get().abs_diff(trigger.get());
        assert!(off < 1 << 20, "{name}: {plan:?}");
    }
}

#[test]
fn a_rush_is_remembered_for_five_cycles() {
    let mut pacer = Pacer::new(Settings { processors: 8, ..Settings::default() });
    let rush = pacer.end_cycle(&cycle(64, mib(16))).trigger;
    for later in 0..6 {
        let trigger = pacer.end_cycle(&cycle(64, mib(8))).trigger;
        assert_eq!(trigger == rush, later < 4, "{later}");
        pacer.end_cycle(&cycle(64, NONE));
    }
}

#[test]
fn assists_in_a_cycle_are_taken_out_of_what_is_learnt() {
    let settings = Settings { processors: 8, ..Settings::default() };
    // Half of the processors marked: mutators had two thirds of what they would have had, in half of the time.
    let assisted = CycleEnd { assist_cpu: Duration::from_millis(200), ..cycle(64, mib(5)) };
    let plain = planned(settings, cycle(64, mib(15)));
    assert_eq!(planned(settings, assisted).trigger, plain.trigger);
}

fn progress(begun: usize, heap: usize, done: usize, most: usize) -> Progress {
    Progress { begun: mib(begun), heap: mib(heap), done: mib(done), most: mib(most) }
}

/// 64 MiB live and scannable, goal 128, trigger 118.
fn ten_before_the_goal() -> Plan {
    planned(Settings { processors: 8, ..Settings::default() }, cycle(64, mib(10)))
}

#[test]
fn ratios_by_table() {
    let plan = ten_before_the_goal();
    let table = [
        ("at the trigger", progress(118, 118, 0, 118), 6.4),
        ("marking and heap half way", progress(118, 123, 32, 118), 6.4),
        ("behind", progress(118, 126, 0, 118), 32.0),
        ("ahead", progress(118, 118, 54, 118), 1.0),
        ("begun early", progress(64, 64, 0, 64), 1.0),
        ("begun late: the distance counts from there", progress(148, 148, 0, 148), 6.4),
        // From 118 the goal is 10 * 128/64 away.
        ("more than expected", progress(118, 128, 65, 128), (128.0 - 65.0) / 10.0),
        // The goal is missed: a tenth more, and everything assumed to live.
        ("missed", progress(118, 128, 0, 118), 118.0 / 12.8),
    ];
    for (name, progress, ratio) in table {
        let found = plan.assist(&progress, Limiting::Off).per_byte();
        assert!((found / ratio - 1.0).abs() < 1e-3, "{name}: {found}, not {ratio}");
        let limited = plan.assist(&progress, Limiting::On { rest: Duration::ZERO });
        assert_eq!(limited, AssistRatio::ZERO, "{name}");
    }
}

/// The same while a processor is free. 6.4 bytes were scanned beside for each byte allocated, and twice that is left to the marker.
#[test]
fn what_a_marker_beside_will_do_is_not_owed() {
    let assist = |settings: Settings, progress| {
        let end = CycleEnd { is_crowded: false, ..cycle(64, mib(10)) };
        planned(settings, end).assist(&progress, Limiting::Off).per_byte()
    };
    let settings = Settings { processors: 8, ..Settings::default() };
    for (name, progress, ratio) in [
        ("at the trigger", progress(118, 118, 0, 118), 0.0),
        ("a little behind", progress(118, 123, 0, 118), 0.0),
        ("behind", progress(118, 126, 0, 118), 32.0 - 12.8),
        ("nearly there", progress(118, 127, 0, 118), 64.0 - 12.8),
        ("more than expected", progress(118, 128, 65, 128), (128.0 - 65.0) / 10.0),
        ("missed", progress(118, 128, 0, 118), 118.0 / 12.8),
    ] {
        let found = assist(settings, progress);
        assert!((found - ratio).abs() < 1e-3, "{name}: {found}, not {ratio}");
    }
    let end = CycleEnd { is_crowded: false, ..cycle(64, mib(10)) };
    let alone = planned(settings, end).alone();
    assert_eq!(alone.assist(&progress(118, 118, 0, 118), Limiting::Off).per_byte(), 6.4);
    let limited = Settings { memory_limit: Bytes::mib(130), ..settings };
    assert!(assist(limited, progress(118, 118, 0, 118)) > 6.4, "near a limit nothing is counted on");
    // The worst of five cycles is counted on, and half of what an assist did not do.
    let mut pacer = Pacer::new(settings);
    for (allocated, assist, beside) in [(10, 0, 6.4), (40, 0, 1.6), (20, 0, 1.6), (40, 200, 0.8)] {
        let assist_cpu = Duration::from_millis(assist);
        let end = CycleEnd { is_crowded: false, assist_cpu, ..cycle(64, mib(allocated)) };
        assert_eq!(pacer.end_cycle(&end).beside, beside, "{allocated} MiB, {assist} ms");
    }
}

#[test]
fn the_ratio_grows_as_the_goal_nears_and_stays_bounded() {
    let plan = ten_before_the_goal();
    let mut last = AssistRatio::ZERO;
    for heap in 118..128 {
        let ratio = plan.assist(&progress(118, heap, 0, 118), Limiting::Off);
        assert!(ratio > last, "at {heap} MiB");
        last = ratio;
    }
    let near = Progress { heap: mib(128) - Bytes::new(1), ..progress(118, 0, 0, 118) };
    for worst in [near, progress(118, 1 << 20, 0, 1 << 20)] {
        let ratio = plan.assist(&worst, Limiting::Off);
        assert_eq!(ratio.per_byte(), 1024.0);
        assert_eq!(ratio.debt(Bytes::kib(8)), mib(8));
        assert_eq!(AssistRatio::from_bits(ratio.to_bits()), ratio);
    }
    assert_eq!(AssistRatio::from_bits(f64::NAN.to_bits()), AssistRatio::ZERO);
    let done = plan.assist(&progress(118, 118, 64, 64), Limiting::Off);
    assert!(done.per_byte() > 0.0 && done.debt(mib(10)) == Bytes::new(1000), "the rest is somebody's");
}

#[test]
fn a_goal_is_not_extended_past_a_limit() {
    let settings = Settings { processors: 8, memory_limit: Bytes::mib(130), ..Settings::default() };
    let plan = planned(settings, cycle(64, mib(10)));
    assert!(plan.goal < mib(127) && plan.bound == Bound::MemoryLimit);
    let over = plan.assist(&progress(118, 127, 65, 118), Limiting::Off);
    assert_eq!(over.per_byte(), 1024.0);
}

#[test]
fn a_cycle_is_due_from_the_trigger_on_and_not_while_limited() {
    let plan = ten_before_the_goal();
    let before = Bytes::new(plan.trigger.get() - 1);
    let limited = Limiting::On { rest: Duration::from_millis(1) };
    for (heap, limiting, due) in [
        (before, Limiting::Off, false),
        (plan.trigger, Limiting::Off, true),
        (mib(1000), Limiting::Off, true),
        (mib(1000), limited, false),
    ] {
        assert_eq!(plan.is_due(heap, limiting), due, "{heap} {limiting:?}");
    }
}

#[test]
fn idle_moments_are_used_from_half_the_way_on() {
    let plan = ten_before_the_goal();
    for (heap, worthwhile) in [(64, false), (90, false), (92, true), (118, true)] {
        assert_eq!(plan.is_idle_cycle_worthwhile(mib(heap)), worthwhile, "{heap} MiB");
    }
    let early = CycleEnd { is_crowded: false, ..cycle(64, mib(60)) };
    let early = planned(Settings { processors: 8, ..Settings::default() }, early);
    assert_eq!(early.trigger, mib(64 + 24));
    for (heap, worthwhile) in [(86, false), (87, true)] {
        assert_eq!(early.is_idle_cycle_worthwhile(mib(heap)), worthwhile, "{heap} MiB, half of 45/64");
    }
    let tiny = planned(Settings { percent: Some(0), ..Settings::default() }, CycleEnd::default());
    assert!(!tiny.is_idle_cycle_worthwhile(LEAST_DISTANCE - Bytes::new(1)));
}

#[test]
fn a_tiny_heap_grows_further_while_mutators_have_all_processors_unless_told_otherwise() {
    let crowded = CycleEnd { is_crowded: true, ..CycleEnd::default() };
    let wished = Settings { least_heap: mib(1), least_crowded: mib(1), ..Settings::default() };
    let near = Settings { memory_limit: mib(8), ..Settings::default() };
    for (settings, goal, bound) in [
        (Settings::default(), mib(8), Bound::Least),
        (Settings { percent: Some(50), ..Settings::default() }, mib(4), Bound::Least),
        (wished, mib(1), Bound::Least),
        (near, mib(7), Bound::MemoryLimit),
    ] {
        let plan = planned(settings, crowded);
        assert_eq!((plan.goal, plan.bound), (goal, bound), "{settings:?}");
    }
}

#[test]
fn a_heap_in_which_nothing_lives_learns_when_to_begin() {
    let of = |allocated, scan_work| CycleEnd {
        scan_work,
        heap_at_end: allocated,
        background_cpu: Duration::from_micros(2),
        wall: Duration::from_micros(10),
        is_crowded: true,
        ..CycleEnd::default()
    };
    let settings = Settings { processors: 2, least_crowded: mib(4), ..Settings::default() };
    let trigger = |allocated, scan_work| planned(settings, of(allocated, scan_work)).trigger;
    // A tenth of two processors marked. While a quarter of them does, mutators allocate a third of what they did.
    assert_eq!(trigger(Bytes::kib(240), NONE), mib(4) - Bytes::kib(192), "no later than 61/64");
    let later = trigger(mib(3), NONE);
    assert!(later.get().abs_diff((mib(4) - mib(1)).get()) < 8, "{later:?}");
    assert_eq!(trigger(mib(3), Bytes::new(8)), later, "one root is no more work than none");
    assert_eq!(trigger(NONE, NONE), Bytes::kib(4096 / 64 * 45), "nothing allocated teaches nothing");
    let limited = Settings { hard_limit: mib(4), ..settings };
    let early = planned(limited, of(Bytes::kib(240), NONE));
    assert_eq!(
        (early.bound, early.trigger),
        (Bound::HardLimit, Bytes::kib(3584 / 64 * 45)),
        "a limit is near"
    );
}

#[test]
fn a_tiny_heap_grows_to_its_least_size() {
    for (live, percent, goal) in
        [(NONE, 100, mib(4)), (Bytes::kib(8), 100, mib(4)), (Bytes::kib(8), 25, mib(1))]
    {
        let settings = Settings { percent: Some(percent), ..Settings::default() };
        let plan = planned(settings, CycleEnd { live, scan_work: live, ..CycleEnd::default() });
        assert_eq!((plan.goal, plan.bound), (goal, Bound::Least));
        assert!(plan.runway().get() > goal.get() / 10 * 6, "{plan:?}");
    }
}

#[test]
fn huge_figures_saturate() {
    let most = Bytes::new(usize::MAX);
    let sizes = [NONE, Bytes::new(1), Bytes::new(usize::MAX / 2), Bytes::new(usize::MAX - 1), most];
    let settings = Settings { percent: Some(u32::MAX), processors: usize::MAX, ..Settings::default() };
    let mut pacer = Pacer::new(settings);
    for live in sizes {
        for other in sizes {
            let end = CycleEnd {
                live,
                roots: other,
                external: other,
                scan_work: most,
                heap_at_trigger: NONE,
                heap_at_end: other,
                background_cpu: Duration::MAX,
                assist_cpu: Duration::MAX,
                wall: Duration::MAX,
                is_crowded: false,
                overhead: most,
            };
            let plan = pacer.end_cycle(&end);
            if live > Bytes::new(1) {
                assert_eq!((plan.goal, plan.trigger), (most, NEVER));
            }
            let progress = Progress { begun: other, heap: live, done: other, most: live };
            let ratio = plan.assist(&progress, Limiting::Off).per_byte();
            assert!((0.0..=1024.0).contains(&ratio), "{ratio}");
            assert_eq!(AssistRatio::from_bits(1024_f64.to_bits()).debt(most), most);
        }
    }
    let odd = Settings { share: f64::NAN, processors: 0, memory_limit: NONE, ..Settings::default() };
    assert_eq!(planned(odd, CycleEnd::default()).goal, NONE);
}
