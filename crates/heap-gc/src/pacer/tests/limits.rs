//! The limiter by scripts.

use crate::pacer::{CpuLimiter, Limiting, Window};
use core::time::Duration;

const PROCESSORS: usize = 14;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn window(wall: u64, gc: u64) -> Window {
    Window { wall: ms(wall), gc_cpu: ms(gc), idle_cpu: Duration::ZERO }
}

fn is_on(limiting: Limiting) -> bool {
    limiting != Limiting::Off
}

/// The capacity is 14,000 ms; four fourteenths of mutators' time drain it by three quarters.
#[test]
fn a_bucket_by_script() {
    let mut limiter = CpuLimiter::new(PROCESSORS);
    let rest = |milliseconds| Limiting::On { rest: ms(milliseconds) };
    // window, what holds after it
    let script = [
        ("nothing", window(1000, 0), Limiting::Off),
        ("half full", window(500, 7_000), Limiting::Off),
        ("nearly", window(500, 6_999), Limiting::Off),
        // 1 ms of processor time in 8 more: 1 - 0.75 * 111 < 0.
        ("a little drained", window(8, 1), Limiting::Off),
        ("full: a sixteenth of it is 83.3 ms of mutators", window(6, 84), rest(83)),
        ("a twentieth of a second later", window(50, 0), rest(33)),
        ("overfull: collecting in spite of it", window(1000, 14_000), rest(1_367)),
        ("over", window(1_368, 0), Limiting::Off),
        ("drained", window(10_000, 0), Limiting::Off),
        ("three seconds of stopped world", window(3_000, 42_000), rest(2_750)),
        ("more than is remembered", window(60_000, 840_000), rest(12_083)),
        ("an hour", window(3_600_000, 0), Limiting::Off),
    ];
    for (name, window, expected) in script {
        match (limiter.spend(window), expected) {
            (Limiting::Off, Limiting::Off) => {}
            (Limiting::On { rest }, Limiting::On { rest: expected }) => {
                let off = rest.abs_diff(expected);
                assert!(off < ms(2), "{name}: {rest:?}, not {expected:?}");
            }
            (found, expected) => panic!("{name}: {found:?}, not {expected:?} ({limiter:?})"),
        }
    }
}

#[test]
fn resting_ends_the_limit_and_nothing_less_does() {
    let mut limiter = CpuLimiter::new(PROCESSORS);
    let Limiting::On { rest } = limiter.spend(window(1_000, 14_000)) else { panic!("{limiter:?}") };
    let nearly = Window { wall: rest - Duration::from_nanos(2), ..Window::default() };
    assert!(is_on(limiter.spend(nearly)), "{limiter:?}");
    assert!(!is_on(limiter.spend(Window { wall: Duration::from_nanos(2), ..Window::default() })));
}

#[test]
fn background_marking_alone_is_never_limited_and_ends_a_limit() {
    let mut limiter = CpuLimiter::new(8);
    for _ in 0..100_000 {
        assert!(!is_on(limiter.spend(window(1, 2))));
    }
    assert!(is_on(limiter.spend(window(1_000, 8_000))));
    let on = (0..).take_while(|_| is_on(limiter.spend(window(10, 20)))).count();
    assert!((18..=20).contains(&on), "{on} times 10 ms");
}

/// One thread of a program on 14 processors that does nothing but collect.
#[test]
fn idle_processors_do_not_pay() {
    let mut limiter = CpuLimiter::new(PROCESSORS);
    assert!(!is_on(limiter.spend(window(60_000, 60_000))), "thought busy");
    let busy = Window { idle_cpu: ms(13 * 14_500), ..window(14_500, 14_500) };
    assert!(is_on(limiter.spend(busy)), "{limiter:?}");
}

/// L1, against the worst caller that keeps the rules: collects whenever it may, marks at 3/7 otherwise.
#[test]
fn no_window_of_eight_seconds_is_more_than_half_collecting() {
    const TICK: u64 = 10;
    for (name, when_off, when_on) in [("rests", 80, 0), ("marks on", 80, 34), ("assists a little", 60, 20)] {
        let mut limiter = CpuLimiter::new(8);
        let mut spent = Vec::new();
        for _ in 0..6_000 {
            let gc = if is_on(limiter.limiting()) { when_on } else { when_off };
            limiter.spend(window(TICK, gc));
            spent.push(gc);
        }
        for (seconds, most) in [(8, 0.501), (10, 0.4871), (30, 0.449)] {
            let ticks = seconds * 100;
            let worst = spent.windows(ticks).map(|part| part.iter().sum::<u64>()).max().expect("long enough");
            let part = worst as f64 / (ticks as f64 * 80.0);
            assert!(part <= most, "{name}: {part} of {seconds} s");
            assert!(part >= 0.25, "{name}: limits too much: {part} of {seconds} s");
        }
    }
}
