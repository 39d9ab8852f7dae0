use super::*;

#[test]
fn the_csv_has_a_row_for_each_class_and_equal_cells() {
    let text = csv();
    let mut lines = text.lines();
    let columns = lines.next().map_or(0, |head| head.split(',').count());
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), SizeClass::COUNT);
    assert!(rows.iter().all(|row| row.len() == columns));
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row[0], number.to_string());
    }
}

#[test]
fn rows_known_from_go_come_out_the_same() {
    // Go 1.27, internal/runtime/gc/sizeclasses.go: class, bytes, span, objects, tail, worst waste.
    let text = csv();
    for row in [
        "3,24,8192,1,341,8,29.24,8,178956971,7",
        "25,480,8192,1,17,32,6.82,32,8947849,31",
        "67,32768,32768,4,1,0,12.50,8192,131072,4095",
    ] {
        assert!(text.lines().any(|line| line == row), "no row {row}");
    }
}

#[test]
fn a_class_is_named_by_number_or_by_request() {
    assert_eq!(class_named("3").map(SizeClass::get).ok(), Some(3));
    assert_eq!(class_named("17B").map(SizeClass::get).ok(), Some(3));
    assert_eq!(class_named("32768B").map(SizeClass::get).ok(), Some(67));
}

#[test]
fn a_class_that_does_not_exist_is_refused_with_what_does() {
    for name in ["0", "68", "-1", "x", "", "0B", "32769B", "9999999999999999999999B"] {
        let text = class_named(name).expect_err(name).to_string();
        assert!(text.contains("1 to 67") && text.contains("32768B"), "{text}");
    }
}

#[test]
fn every_class_can_be_explained_and_its_sum_is_right() {
    for class in SizeClass::small() {
        let text = explain(class);
        assert!(text.ends_with('\n') && text.lines().count() >= 6, "{text}");
        // The line "span  p × 8192 = B bytes = s × z + a tail of t bytes" adds up.
        let line = text.lines().find(|line| line.trim_start().starts_with("span")).expect("a span line");
        let numbers: Vec<usize> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [pages, page, span, slots, size, tail] = numbers[..] else { panic!("{line}") };
        assert_eq!(pages * page, span, "{line}");
        assert_eq!(slots * size + tail, span, "{line}");
    }
}

#[test]
fn pages_are_explained_by_the_tails_that_fewer_would_leave() {
    let text = explain(SizeClass::for_bytes(1408));
    assert!(text.contains("1 would leave 1152 of 8192 bytes, more than an eighth"), "{text}");
    assert!(text.contains("2 leaves 896 of 16384 bytes"), "{text}");
}
