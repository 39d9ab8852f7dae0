use super::*;

fn spread(samples: &[f64]) -> Spread {
    Spread::of(samples.to_vec()).expect("finite samples")
}

#[test]
fn the_median_of_an_odd_and_an_even_count() {
    assert_eq!(spread(&[9.0, 1.0, 5.0]).median(), 5.0);
    assert_eq!(spread(&[9.0, 1.0, 5.0, 7.0]).median(), 6.0);
    assert_eq!(spread(&[4.0]).median(), 4.0);
}

#[test]
fn the_mad_ignores_one_wild_sample() {
    let quiet = spread(&[10.0, 11.0, 9.0, 10.0, 11.0]);
    let wild = spread(&[10.0, 11.0, 9.0, 10.0, 1000.0]);
    assert_eq!(quiet.mad(), 1.0);
    assert_eq!(wild.mad(), 1.0);
    assert_eq!(wild.max(), 1000.0);
    assert_eq!(wild.median(), 10.0);
}

#[test]
fn an_outlier_is_named_and_kept() {
    let wild = spread(&[10.0, 11.0, 9.0, 10.0, 1000.0]);
    assert_eq!(wild.outliers(), vec![1000.0]);
    assert_eq!(wild.samples(), &[10.0, 11.0, 9.0, 10.0, 1000.0]);
    assert!(spread(&[10.0, 11.0, 9.0, 10.5, 9.5]).outliers().is_empty());
}

#[test]
fn equal_samples_have_no_width_and_no_outliers() {
    let flat = spread(&[3.0, 3.0, 3.0, 3.0001]);
    assert_eq!(flat.mad(), 0.0);
    assert!(flat.outliers().is_empty());
    assert_eq!(spread(&[3.0, 3.0, 3.0, 4.0]).outliers(), vec![4.0]);
}

#[test]
fn no_samples_and_no_numbers_have_no_spread() {
    assert_eq!(Spread::of(vec![]), None);
    assert_eq!(Spread::of(vec![1.0, f64::NAN]), None);
    assert_eq!(Spread::of(vec![f64::INFINITY]), None);
}

#[test]
fn the_invariants_hold_over_generated_samples() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 1..60usize {
        let samples: Vec<f64> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f64
            })
            .collect();
        let it = spread(&samples);
        assert!(it.min() <= it.median() && it.median() <= it.max(), "S1 {it:?}");
        let near = samples.iter().filter(|s| (*s - it.median()).abs() <= it.mad()).count();
        assert!(near * 2 >= length, "S2: {near} of {length} within one MAD");
    }
}
