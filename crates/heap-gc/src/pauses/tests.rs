use super::*;

#[test]
fn every_duration_is_in_a_bucket_that_is_no_more_than_a_part_too_long() {
    let mut last = 0;
    let mut nanos: u64 = 0;
    while nanos <= 100_000_000_000 {
        let found = bucket(nanos);
        assert!(found >= last && found < BUCKETS, "{nanos}");
        let most = longest(found);
        assert!(most >= nanos && (most - nanos) * PARTS as u64 <= nanos, "{nanos}: {most}");
        assert_eq!(bucket(most), found, "{nanos}");
        last = found;
        nanos += 1 + nanos / 97;
    }
    assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    assert!(longest(BUCKETS - 1) > 100_000_000_000);
}

#[test]
fn buckets_follow_each_other_without_a_hole() {
    for one in 1..BUCKETS {
        assert_eq!(bucket(longest(one - 1) + 1), one);
    }
}

#[test]
fn percentiles_are_those_of_the_samples_and_whole_cycles_are_apart() {
    let pauses = Pauses::new(true);
    let counts = pauses.counts.as_ref().expect("measured");
    for micros in 1..=1000 {
        let kind = if micros % 2 == 0 { Kind::Assist } else { Kind::Refill };
        counts.add(kind, Duration::from_micros(micros), Duration::from_micros(micros / 2));
    }
    counts.add(Kind::Cycle, Duration::from_secs(1), Duration::ZERO);
    let figures = pauses.figures();
    assert_eq!((figures.count, figures.assists.count, figures.refills.count), (1000, 500, 500));
    assert_eq!((figures.max.as_micros(), figures.refills.max.as_micros()), (1000, 999));
    assert_eq!((figures.max_cpu.as_micros(), figures.total.as_micros()), (500, 500_500));
    assert_eq!((figures.cycles.count, figures.cycles.max.as_secs()), (1, 1));
    for (found, micros) in [(figures.p50, 500.0), (figures.p99, 990.0), (figures.p999, 999.0)] {
        let off = found.as_secs_f64() * 1e6 / micros - 1.0;
        assert!((0.0..0.032).contains(&off), "{found:?}: {off}");
    }
    assert!(figures.p999 <= figures.max);
    assert_eq!((figures.p9999_cpu, figures.max_cpu.as_micros()), (figures.max_cpu, 500));
    assert!(figures.p999_cpu >= Duration::from_micros(499));
    assert_eq!(figures.total_cpu.as_micros(), 250_000);
}

#[test]
fn a_piece_whose_thread_was_taken_off_is_not_the_worst_unbroken_one() {
    let pauses = Pauses::new(true);
    let counts = pauses.counts.as_ref().expect("measured");
    let micros = Duration::from_micros;
    counts.add(Kind::Refill, micros(9000), micros(3000));
    counts.add(Kind::Refill, micros(80), micros(70));
    // The clocks are not read at the same moment.
    counts.add(Kind::Assist, micros(90), micros(91));
    // What is booked late is not this piece's.
    counts.add(Kind::Refill, micros(2), micros(241));
    counts.add(Kind::Cycle, micros(500), micros(500));
    let figures = pauses.figures();
    assert_eq!((figures.max_cpu, figures.max_cpu_unbroken), (micros(3000), micros(90)));
    assert_eq!((figures.long, figures.total_cpu), (1, micros(3162)), "a whole cycle is not among them");
    counts.add(Kind::Assist, micros(210), micros(201));
    counts.add(Kind::Assist, micros(210), PauseFigures::LONG);
    assert_eq!(pauses.figures().long, 2);
    assert!(!PauseFigures::is_unbroken(micros(100), micros(80)));
}

#[test]
fn taking_begins_anew() {
    let pauses = Pauses::new(true);
    pauses.end(Kind::Answer, pauses.begin());
    assert_eq!(pauses.take().answers.count, 1);
    assert_eq!(pauses.take(), PauseFigures::default());
}

#[test]
fn what_is_not_measured_reads_no_clock_and_is_zero() {
    let pauses = Pauses::new(false);
    assert!(pauses.begin().is_none());
    pauses.end(Kind::Wait, pauses.begin());
    assert_eq!(pauses.figures(), PauseFigures::default());
}
