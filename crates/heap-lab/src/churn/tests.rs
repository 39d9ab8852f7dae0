use super::observe::Ticks;
use super::*;

fn wish(mode: Mode, observer: Observer) -> Wish {
    Wish {
        live: 2 << 20,
        mutators: 2,
        time: Duration::from_millis(60),
        cycles: usize::from(mode != Mode::Off),
        mode,
        observer,
        floor: Floor::Beside,
        seed: 1,
    }
}

#[test]
fn every_observer_feels_every_mode() {
    for mode in Mode::ALL {
        for observer in Observer::ALL {
            let what = format!("{} {}", mode.word(), observer.word());
            let churned = churn(&Heap::builder(), &wish(*mode, *observer)).expect(&what);
            assert!(churned.operations > 0 && churned.felt.count() > 0, "{what}");
            assert_eq!(churned.gaps.len(), 2, "{what}");
            assert!(churned.took >= Duration::from_millis(60) && churned.cpu > Duration::ZERO, "{what}");
            assert_eq!(churned.cycles.is_empty(), *mode == Mode::Off, "{what}");
            let live = churned.live_bytes as f64 / f64::from(2 << 20);
            assert!((0.95..1.1).contains(&live), "{what}: {live}");
            for gaps in &churned.gaps {
                assert!(gaps.windows(2).all(|pair| pair[0].end <= pair[1].start), "{what}");
            }
            if *observer == Observer::OwnOps {
                assert_eq!(churned.felt.count(), churned.operations, "{what}");
            }
        }
    }
}

#[test]
fn a_gap_over_several_ticks_counts_once_for_each() {
    let mut felt = Latencies::new().expect("bounds");
    let start = Instant::now();
    let mut ticks = Ticks::new(start);
    let at = |micros| start + Duration::from_micros(micros);
    ticks.read(at(50), &mut felt);
    assert_eq!(felt.count(), 0);
    // Over the ends of three ticks: 300, 200 and 100 are felt, in this order.
    ticks.read(at(350), &mut felt);
    assert_eq!((felt.count(), felt.max()), (3, 300_031.0));
    assert!((felt.at(33.0) - 100_000.0).abs() < 100.0 && (felt.at(60.0) - 200_000.0).abs() < 200.0);
    // What is left of the gap, nothing, begins the fourth.
    ticks.read(at(360), &mut felt);
    ticks.read(at(400), &mut felt);
    assert_eq!(felt.count(), 4);
    assert!((felt.at(0.0) - 40_000.0).abs() < 100.0, "{}", felt.at(0.0));
}
