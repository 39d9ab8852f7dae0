use super::*;

const DEMAND: Demand = Demand { alpha: 0.05, effect: 0.05, exact: 0.01 };

/// So many runs of something that takes about `centre`, as they come on a busy machine: a spread of so much, and one run in twenty
/// half as long again.
fn runs(random: &mut Random, count: usize, centre: f64, spread: f64) -> Vec<f64> {
    (0..count)
        .map(|_| {
            // The sum of twelve even numbers is as good as normal.
            let even = |random: &mut Random| random.below(1 << 30) as f64 / f64::from(1u32 << 30);
            let normal: f64 = (0..12).map(|_| even(random)).sum::<f64>() - 6.0;
            let late = if random.below(20) == 0 { 1.5 } else { 1.0 };
            centre * (normal * spread).exp() * late
        })
        .collect()
}

fn pairs(random: &mut Random, figures: usize, count: usize, spread: f64) -> Vec<Pair> {
    (0..figures)
        .map(|figure| {
            let centre = 10.0 * (figure + 1) as f64;
            Pair { base: runs(random, count, centre, spread), new: runs(random, count, centre, spread) }
        })
        .collect()
}

#[test]
fn chance_is_as_probable_as_counting_says() {
    // Three and three, all of one beyond all of the other: 2 of the 20 ways to deal them.
    assert!((rank_test(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]) - 0.1).abs() < 1e-12);
    assert!((rank_test(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]) - 0.1).abs() < 1e-12);
    // One pair the other way: P(U >= 8) = 2 of 20, twice.
    assert!((rank_test(&[1.0, 2.0, 4.5], &[4.0, 5.0, 6.0]) - 0.2).abs() < 1e-12);
    assert_eq!(rank_test(&[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0]), 1.0);
    assert!((smallest_p(3, 3) - 0.1).abs() < 1e-12);
    // A table is as good as counting every way to deal them.
    for (base, new) in [(1usize, 4usize), (3, 2), (4, 4), (5, 3)] {
        for at_least in 0..=base * new {
            let mut hits = 0.0;
            let mut all = 0.0;
            for deal in 0u32..1 << (base + new) {
                if deal.count_ones() as usize == new {
                    let larger: usize = (0..base + new)
                        .filter(|at| deal >> at & 1 == 1)
                        .map(|at| (0..at).filter(|under| deal >> under & 1 == 0).count())
                        .sum();
                    all += 1.0;
                    hits += f64::from(larger >= at_least);
                }
            }
            let table = upper_tail(base, new, at_least);
            assert!((table - hits / all).abs() < 1e-12, "{base} {new} {at_least}: {table}");
        }
    }
}

#[test]
fn beyond_the_table_the_normal_tail_goes_on() {
    let exact = upper_tail(99, 101, 5_600);
    let spread = (99.0 * 101.0 * 201.0 / 12.0_f64).sqrt();
    let normal = normal_tail((5_600.0 - 0.5 - 99.0 * 101.0 / 2.0) / spread);
    assert!((exact - normal).abs() < 2e-4, "{exact} {normal}");
    assert!((normal_tail(1.96) - 0.025).abs() < 1e-4 && (normal_tail(-1.96) - 0.975).abs() < 1e-4);
    assert!(upper_tail(200, 200, 30_000) < 1e-9);
}

#[test]
fn two_hundred_pairs_of_noise_raise_fewer_alarms_than_promised() {
    for (seed, figures, count, spread) in [(1, 20, 9, 0.03), (2, 5, 8, 0.1)] {
        let mut random = Random::new(seed);
        let alarms = (0..200)
            .filter(|_| {
                let pairs = pairs(&mut random, figures, count, spread);
                judge(&pairs, DEMAND, Intervals::Needed).iter().any(|one| one.verdict != Verdict::Same)
            })
            .count();
        // 5 % of 200 are 10, and the least effect makes it fewer.
        assert!(alarms <= 10, "{alarms} alarms with {figures} figures of {count} runs");
    }
}

#[test]
fn without_a_least_effect_it_is_the_rank_test_that_keeps_the_promise() {
    let mut random = Random::new(4);
    let demand = Demand { effect: 0.0, ..DEMAND };
    let alarms = (0..200)
        .filter(|_| {
            let pairs = pairs(&mut random, 10, 9, 0.03);
            judge(&pairs, demand, Intervals::Needed).iter().any(|one| one.verdict != Verdict::Same)
        })
        .count();
    // 10 are expected at most; three standard deviations more are no reason to doubt.
    assert!(alarms <= 19, "{alarms}");
}

#[test]
fn planted_regressions_of_several_sizes_are_found_and_named_and_nothing_else_is() {
    for (planted, spread) in [(1.08, 0.01), (1.15, 0.03), (1.3, 0.05), (2.0, 0.1)] {
        let mut random = Random::new(7);
        let found = (0..50)
            .filter(|_| {
                let mut pairs = pairs(&mut random, 20, 12, spread);
                pairs[13].new.iter_mut().for_each(|value| *value *= planted);
                let judged = judge(&pairs, DEMAND, Intervals::Needed);
                let others = judged.iter().enumerate().filter(|(at, _)| *at != 13);
                judged[13].verdict == Verdict::Dearer
                    && others.into_iter().all(|(_, one)| one.verdict == Verdict::Same)
            })
            .count();
        assert!(found >= 45, "{planted} at a spread of {spread}: {found} of 50");
    }
}

#[test]
fn what_is_too_small_to_matter_is_no_regression_however_certain() {
    let base: Vec<f64> = (0..20).map(|run| 100.0 + f64::from(run) * 0.01).collect();
    let new = base.iter().map(|value| value * 1.03).collect();
    let judged = judge(&[Pair { base, new }], DEMAND, Intervals::All);
    assert!(judged[0].p.is_some_and(|p| p < 1e-6) && judged[0].interval.is_some_and(|(low, _)| low > 1.0));
    assert_eq!(judged[0].verdict, Verdict::Same);
}

#[test]
fn figures_that_are_equal_in_all_runs_need_no_test() {
    let pair = |base: f64, new: f64| Pair { base: vec![base; 3], new: vec![new; 3] };
    let pairs = [
        pair(2.0, 3.0),
        pair(3.0, 2.0),
        pair(2.0, 2.0),
        pair(0.0, 1.0),
        pair(0.0, 0.0),
        pair(1000.0, 1001.0),
    ];
    let verdicts: Vec<Verdict> =
        judge(&pairs, DEMAND, Intervals::All).iter().map(|one| one.verdict).collect();
    use Verdict::{Cheaper, Dearer, Same};
    assert_eq!(verdicts, [Dearer, Cheaper, Same, Dearer, Same, Same]);
}

#[test]
fn sides_exchanged_exchange_the_verdict() {
    let mut random = Random::new(11);
    let mut pairs = pairs(&mut random, 4, 10, 0.02);
    pairs[1].new.iter_mut().for_each(|value| *value *= 1.4);
    let swapped: Vec<Pair> =
        pairs.iter().map(|pair| Pair { base: pair.new.clone(), new: pair.base.clone() }).collect();
    for (one, other) in
        judge(&pairs, DEMAND, Intervals::All).iter().zip(judge(&swapped, DEMAND, Intervals::All))
    {
        assert!((one.ratio * other.ratio - 1.0).abs() < 1e-12);
        let expected = match one.verdict {
            Verdict::Dearer => Verdict::Cheaper,
            Verdict::Cheaper => Verdict::Dearer,
            Verdict::Same => Verdict::Same,
        };
        assert_eq!(other.verdict, expected);
    }
}

#[test]
fn the_interval_holds_the_true_ratio_and_narrows_with_runs() {
    let mut random = Random::new(5);
    let mut width = |count: usize| {
        let pair =
            Pair { base: runs(&mut random, count, 10.0, 0.03), new: runs(&mut random, count, 12.0, 0.03) };
        let (low, high) = bootstrap(&pair, 0.01).expect("no zeros");
        assert!(low < 1.2 && 1.2 < high, "{low} {high}");
        high - low
    };
    let (few, many) = (width(8), width(80));
    assert!(many < few / 2.0, "{few} {many}");
}

#[test]
fn too_few_runs_can_say_nothing_and_it_is_known_how_many_can() {
    assert_eq!(runs_needed(1, 0.05), 4);
    assert_eq!(runs_needed(20, 0.05), 6);
    let far = Pair { base: vec![1.0, 1.1, 1.2], new: vec![9.0, 9.1, 9.2] };
    assert_eq!(judge(&[far], DEMAND, Intervals::All)[0].verdict, Verdict::Same);
}
