use super::*;
use crate::record::Source;

#[test]
fn linear_ticks_are_round_and_cover_the_values() {
    assert_eq!(linear_ticks(0.0, 8.0), vec![0.0, 2.0, 4.0, 6.0, 8.0]);
    let ticks = linear_ticks(0.0, 37.0);
    assert_eq!(ticks.first(), Some(&0.0));
    assert!(ticks.last().is_some_and(|last| *last >= 37.0), "{ticks:?}");
    assert!(ticks.len() <= 7, "{ticks:?}");
}

#[test]
fn ticks_of_bytes_are_powers_of_two_and_their_multiples() {
    let mib = f64::from(1 << 20);
    assert_eq!(binary_ticks(0.0, 140.0 * mib), [0.0, 64.0, 128.0, 192.0].map(|tick| tick * mib));
    assert_eq!(binary_ticks(0.0, 0.5), [0.0, 1.0]);
    assert!((1..200).all(|high| binary_ticks(0.0, f64::from(high) * 1000.0).len() <= 6));
}

#[test]
fn log_ticks_are_powers_that_cover_the_values() {
    assert_eq!(log_ticks(1.0, 1000.0, 10.0), vec![1.0, 10.0, 100.0, 1000.0]);
    let wide = log_ticks(1.0, 1e12, 10.0);
    assert!(wide.len() <= 8 && wide.last().is_some_and(|last| *last >= 1e12), "{wide:?}");
    let bytes = log_ticks((1u64 << 30) as f64, (1u64 << 44) as f64, 2.0);
    assert!(bytes.len() <= 8 && (bytes[0] - (1u64 << 30) as f64).abs() < 1.0, "{bytes:?}");
}

#[test]
fn a_ruler_places_its_ends_at_the_ends() {
    let axis = |scale| Axis { label: String::new(), scale, ticks: Ticks::Unit(Unit::Count) };
    let log = Ruler::over(&axis(Scale::Log), [10.0, 1000.0].into_iter(), false);
    assert!((log.share(100.0) - 0.5).abs() < 1e-9);
    let linear = Ruler::over(&axis(Scale::Linear), [5.0, 10.0].into_iter(), true);
    assert_eq!(linear.share(0.0), 0.0);
    assert!((linear.share(5.0) - 0.5).abs() < 1e-9);
}

#[test]
fn values_without_a_place_do_not_reach_the_drawing() {
    let series = vec![Series {
        label: String::from("broken"),
        points: vec![(1.0, f64::NAN), (f64::INFINITY, 2.0), (2.0, 0.0), (3.0, 5.0)],
        source: Source::Measured,
    }];
    let axis = |scale| Axis { label: String::from("axis"), scale, ticks: Ticks::Unit(Unit::Count) };
    for scale in [Scale::Linear, Scale::Log] {
        for between in [Between::Line, Between::Nothing] {
            let (_, body) = draw_lines(&axis(Scale::Linear), &axis(scale), &series, between);
            assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
            assert_eq!(body.contains("<polyline"), between == Between::Line);
        }
    }
    let (_, body) = draw_bars(
        Unit::Bytes,
        &[Bar {
            label: String::from("b"),
            value: f64::NAN,
            samples: vec![f64::NAN],
            source: Source::Measured,
        }],
    );
    assert!(!body.contains("NaN"), "{body}");
}

#[test]
fn an_empty_plot_is_still_a_drawing() {
    let axis = || Axis { label: String::new(), scale: Scale::Log, ticks: Ticks::Unit(Unit::Nanos) };
    let plot = Plot {
        title: String::from("empty"),
        reading: String::new(),
        shape: Shape::Lines { x: axis(), y: axis(), series: vec![] },
    };
    assert!(svg(&plot, "p").starts_with("<svg"));
    let (height, _) = draw_bars(Unit::Bytes, &[]);
    assert_eq!(height, 0.0);
}
