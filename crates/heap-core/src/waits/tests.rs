use super::*;

#[test]
fn a_wait_is_in_the_first_bucket_that_ends_above_it() {
    let rows = [0, 1, 999, 1000, 1999, 2000, 3999, 4000, 99_999, 100_000, 8_000_000_000, u64::MAX];
    for nanos in rows {
        let waits = Waits::new();
        waits.add(Duration::from_nanos(nanos), Duration::ZERO);
        let figures = waits.figures();
        let at = figures.buckets.iter().position(|&count| count == 1).unwrap();
        assert!(WaitFigures::end_of(at).is_none_or(|end| nanos == 0 || Duration::from_nanos(nanos) < end));
        let before = at.checked_sub(1).and_then(WaitFigures::end_of).unwrap_or_default();
        assert!(Duration::from_nanos(nanos) >= before, "{nanos} is in bucket {at}");
    }
}

#[test]
fn the_longest_and_the_sum_are_exact() {
    let waits = Waits::default();
    assert_eq!(waits.figures(), WaitFigures::default());
    for (wall, cpu) in [(5, 4), (70, 6), (20, 20)] {
        waits.add(Duration::from_micros(wall), Duration::from_micros(cpu));
    }
    let figures = waits.figures();
    assert_eq!((figures.count, figures.total), (3, Duration::from_micros(95)));
    assert_eq!((figures.max, figures.max_cpu), (Duration::from_micros(70), Duration::from_micros(20)));
}
