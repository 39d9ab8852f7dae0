//! Simulated scavengers, and inputs nobody would send.

use super::*;

/// A stream of words that are as good as random.
struct Stream(u64);

impl Stream {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Any float there is, now and then an odd one.
    fn float(&mut self) -> f64 {
        match self.word() % 8 {
            0 => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, -0.0]
                [wrapped(self.word(), 6)],
            1 | 2 => (self.word() >> 11) as f64 / (1_u64 << 53) as f64,
            _ => f64::from_bits(self.word()),
        }
    }
}

fn wrapped(word: u64, len: usize) -> usize {
    usize::try_from(word % len as u64).unwrap()
}

#[test]
fn the_output_is_a_ratio_in_its_bounds_whatever_comes_in() {
    let mut stream = Stream(1);
    let (mut ratios, mut failures) = (0, 0);
    for _ in 0..2000 {
        let mut controller = Controller::new(SHARE);
        for _ in 0..50 {
            match controller.next(stream.float(), stream.float()) {
                Output::Ratio(ratio) => {
                    assert!((LEAST..=MOST).contains(&ratio), "{ratio}");
                    ratios += 1;
                }
                Output::Failed => {
                    assert_eq!(controller, Controller::new(SHARE), "it starts again");
                    failures += 1;
                }
            }
            assert!(controller.integral.is_finite());
        }
    }
    assert!(
        ratios > 1000 && failures > 1000,
        "{ratios} and {failures}: the inputs are not as hostile as meant"
    );
}

#[test]
fn any_work_and_any_sleep_leads_to_a_sleep() {
    let mut stream = Stream(2);
    let durations = [Duration::ZERO, Duration::MAX, Duration::from_nanos(1), Duration::from_secs(1 << 40)];
    let mut pace = Pace::new(SHARE);
    for _ in 0..20_000 {
        let any = |stream: &mut Stream| match stream.word() % 2 {
            0 => durations[wrapped(stream.word(), 4)],
            _ => Duration::from_nanos(stream.word() >> (stream.word() % 64)),
        };
        let (worked, slept) = (any(&mut stream), any(&mut stream));
        pace.slept(worked, slept);
        assert!((LEAST..=MOST).contains(&pace.ratio), "{pace:?}");
        assert!(pace.sleep_after(worked) >= Duration::from_micros(1));
    }
}

#[test]
fn after_a_failure_the_least_ratio_holds_for_five_seconds() {
    let mut pace = Pace::new(SHARE);
    pace.slept(Duration::from_millis(1), Duration::from_secs(1));
    assert!(pace.ratio > first(SHARE), "so much sleep was too much");
    pace.controller.integral = f64::INFINITY;
    pace.slept(Duration::from_millis(1), Duration::from_millis(10));
    assert_eq!((pace.ratio, pace.cool_down), (LEAST, COOL_DOWN));
    for left in [4, 3, 2, 1, 0] {
        pace.slept(Duration::from_millis(1), Duration::from_secs(1));
        assert_eq!((pace.ratio, pace.cool_down), (LEAST, Duration::from_secs(left)));
    }
    pace.slept(Duration::from_millis(1), Duration::from_secs(1));
    assert!(pace.ratio > LEAST, "the controller is back");
}

#[test]
fn the_first_sleep_is_right_for_the_share() {
    for (share, millis) in [(0.01, 99), (0.02, 49), (0.5, 1)] {
        let pace = Pace::new(share);
        let expected = Duration::from_millis(millis);
        for work in [Duration::from_millis(1), Duration::ZERO] {
            let sleep = pace.sleep_after(work);
            assert!(sleep.abs_diff(expected) < Duration::from_micros(1), "{share}: {sleep:?}");
        }
    }
    let least = Pace::new(1e-9).sleep_after(Duration::from_millis(1));
    assert_eq!(least, Duration::from_secs(1), "the least ratio");
}

/// Simulates a scavenger whose work and sleep are off by `work` and `oversleep`, and says what share it used once it has
/// settled.
fn share(
    of: f64,
    seed: u64,
    work: impl Fn(&mut Stream) -> Duration,
    oversleep: impl Fn(&mut Stream, Duration) -> Duration,
) -> f64 {
    let mut stream = Stream(seed);
    let mut pace = Pace::new(of);
    let (mut worked_all, mut all) = (Duration::ZERO, Duration::ZERO);
    let mut time = Duration::ZERO;
    while time < Duration::from_secs(120) {
        let worked = work(&mut stream);
        let asked = pace.sleep_after(worked);
        let slept = oversleep(&mut stream, asked);
        pace.slept(worked, slept);
        time += worked + slept;
        if time > Duration::from_secs(20) {
            worked_all += worked;
            all += worked + slept;
        }
    }
    worked_all.as_secs_f64() / all.as_secs_f64()
}

#[test]
fn a_simulated_scavenger_settles_at_its_share_of_a_processor() {
    let millis = Duration::from_millis;
    let exact = |_: &mut Stream, asked: Duration| asked;
    let noisy =
        |stream: &mut Stream, asked: Duration| asked + Duration::from_nanos(stream.word() % 3_000_000);
    let late = |_: &mut Stream, asked: Duration| asked.mul_f64(1.5) + millis(5);
    let steady = |_: &mut Stream| millis(1);
    let varied = |stream: &mut Stream| Duration::from_nanos(1_000_000 + stream.word() % 1_000_000);
    for of in [0.01, SHARE, 0.05, 0.2] {
        let rows = [
            ("exact", share(of, 1, steady, exact)),
            ("sleeps up to 3 ms too long", share(of, 2, steady, noisy)),
            ("sleeps half as long again and 5 ms", share(of, 3, steady, late)),
            ("work of one to two milliseconds", share(of, 4, varied, exact)),
            ("both vary", share(of, 5, varied, noisy)),
        ];
        for (name, share) in rows {
            let (got, wanted) = (share * 100.0, of * 100.0);
            assert!((share - of).abs() <= of / 2.0, "{name}: {got:.3} % of a processor for {wanted} %");
        }
    }
}
