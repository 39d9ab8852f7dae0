use super::*;

#[test]
fn each_tolerance_accepts_its_edge_and_refuses_past_it() {
    for (tolerance, inside, outside) in [
        (Tolerance::Exact, 100.0, 100.000_001),
        (Tolerance::Relative(0.01), 101.0, 101.1),
        (Tolerance::Relative(0.01), 99.0, 98.9),
        (Tolerance::Absolute(2.5), 102.5, 102.6),
        (Tolerance::AtLeast, 100.0, 99.9),
        (Tolerance::AtMost, 100.0, 100.1),
    ] {
        assert!(tolerance.accepts(100.0, inside), "{tolerance:?} {inside}");
        assert!(!tolerance.accepts(100.0, outside), "{tolerance:?} {outside}");
    }
}

#[test]
fn a_relative_tolerance_works_below_zero() {
    assert!(Tolerance::Relative(0.1).accepts(-100.0, -95.0));
    assert!(!Tolerance::Relative(0.1).accepts(-100.0, 100.0));
}

#[test]
fn what_is_not_a_number_never_holds() {
    for tolerance in [
        Tolerance::Exact,
        Tolerance::Relative(1.0),
        Tolerance::Absolute(f64::MAX),
        Tolerance::AtLeast,
        Tolerance::AtMost,
    ] {
        assert!(!tolerance.accepts(f64::NAN, 1.0));
        assert!(!tolerance.accepts(1.0, f64::NAN));
        assert!(!tolerance.accepts(1.0, f64::INFINITY));
    }
}

#[test]
fn claims_come_back_judged_in_the_order_stated() {
    let mut claims = Claims::new();
    let first = claims.predict("objects", "one each", 10.0, Unit::Objects, Tolerance::Exact);
    let second = claims.predict("bytes", "16 each", 160.0, Unit::Bytes, Tolerance::AtMost);
    let mut sealed = claims.seal();
    sealed.judge(second, 200.0);
    sealed.judge(first, 10.0);
    let judged = sealed.judged().expect("both were judged");
    assert_eq!(judged.iter().map(|claim| claim.holds).collect::<Vec<_>>(), vec![true, false]);
    assert_eq!(judged[1].stated.name, "bytes");
}

#[test]
fn a_claim_that_was_never_judged_is_named() {
    let mut claims = Claims::new();
    let judged = claims.predict("seen", "", 1.0, Unit::Count, Tolerance::Exact);
    let _forgotten = claims.predict("forgotten", "", 1.0, Unit::Count, Tolerance::Exact);
    let mut sealed = claims.seal();
    sealed.judge(judged, 1.0);
    assert_eq!(sealed.judged().expect_err("one is missing"), vec![String::from("forgotten")]);
}
