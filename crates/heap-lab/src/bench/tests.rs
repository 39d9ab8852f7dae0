use super::*;

fn parse(line: &str) -> Result<Bench, LabError> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let kind = words.next().unwrap_or_default();
    Bench::parse(&kind, &words.collect::<Vec<_>>(), &pause::Typed::default())
}

#[test]
fn only_pause_has_all_options() {
    let options = pause::Typed { mutators: Some(3), ..pause::Typed::default() };
    let pause = Bench::parse("pause", &[], &options).expect("in range");
    assert!(matches!(pause, Bench::Pause(Wish { mutators: 3, .. })));
    for shape in scav::Shape::ALL {
        let options = pause::Typed { live: Some(String::from("1MiB")), ..pause::Typed::default() };
        assert!(Bench::parse("scav", &[shape.word().to_owned()], &options).is_ok());
        let options = pause::Typed { mutators: Some(1), ..pause::Typed::default() };
        let text =
            Bench::parse("scav", &[shape.word().to_owned()], &options).expect_err("no option").to_string();
        assert!(text.contains("`bench scav` has no --mutators"), "{text}");
    }
    let text = Bench::parse("trees", &[String::from("18")], &options).expect_err("no option").to_string();
    assert!(text.contains("`bench trees` has no --mutators"), "{text}");
}

#[test]
fn the_documented_forms_are_understood() {
    assert_eq!(parse("trees 18").ok(), Some(Bench::Trees { depth: 18, threads: 1 }));
    assert_eq!(parse("trees 18 2").ok(), Some(Bench::Trees { depth: 18, threads: 2 }));
    assert_eq!(
        parse("alloc n16 gc64").ok(),
        Some(Bench::Alloc { shape: AllocShape::N16, mode: AllocMode::Gc64 })
    );
    assert_eq!(
        parse("mark ptr3 10M 5").ok(),
        Some(Bench::Mark { shape: MarkShape::Ptr3, count: 10_000_000, cycles: 5 })
    );
    assert_eq!(
        parse("mark bytes 250k 1").ok(),
        Some(Bench::Mark { shape: MarkShape::Bytes, count: 250_000, cycles: 1 })
    );
}

#[test]
fn every_shape_and_mode_is_reachable_by_its_word() {
    for shape in AllocShape::ALL {
        for mode in AllocMode::ALL {
            let line = format!("alloc {} {}", shape.word(), mode.word());
            assert_eq!(parse(&line).ok(), Some(Bench::Alloc { shape: *shape, mode: *mode }));
        }
    }
    for shape in MarkShape::ALL {
        let line = format!("mark {} 10 1", shape.word());
        assert_eq!(parse(&line).ok(), Some(Bench::Mark { shape: *shape, count: 10, cycles: 1 }));
    }
}

#[test]
fn a_wrong_word_is_answered_with_those_that_exist() {
    for (line, expected) in [
        ("sort 3", "trees alloc mark pause scav"),
        ("pause 1GiB", "pause [--live SIZE]"),
        ("scav", "SHAPE: dropped idle demand limit below"),
        ("scav away", "dropped idle demand limit below"),
        ("alloc n17 gc", "n8 n16 s16 s32 s64 n64 n256 n1k s1k n8k n32k n64k n128k"),
        ("alloc n16 later", "fresh gc gc64 reuse"),
        ("mark ring 10 1", "ptr3 ptr3n int3 list listr tree graph wide widenil sparse table bytes"),
        ("alloc n16", "alloc SHAPE MODE"),
        ("mark ptr3 10", "mark SHAPE COUNT CYCLES"),
        ("trees", "trees DEPTH [THREADS]"),
        ("trees 18 2 2", "trees DEPTH [THREADS]"),
    ] {
        let text = parse(line).expect_err(line).to_string();
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    for line in
        ["trees 3", "trees 32", "trees 18 0", "trees x", "mark ptr3 0 1", "mark ptr3 10 0", "mark ptr3 -1 1"]
    {
        let text = parse(line).expect_err(line).to_string();
        assert!(text.contains("must be a whole number from"), "{line}: {text}");
    }
    assert!(parse("mark ptr3 99999999999999999999M 1").is_err());
    assert!(parse("mark ptr3 18446744073709551615k 1").is_err());
}

#[test]
fn keys_that_do_not_apply_are_left_out() {
    let outcome = Outcome {
        bench: "alloc",
        args: vec![String::from("n16"), String::from("gc")],
        wall_s: 1.0,
        cpu_s: 1.0,
        ns_per_op: Some(3.5),
        cpu_ns_per_op: Some(3.5),
        objects: 7,
        cycles: 2,
        cycle_wall_ms: None,
        mark_cpu_ns_per_object: None,
        mark_mb_per_s: None,
        walk_cpu_ns_per_object: None,
        heap_inuse_bytes: None,
        heap_alloc_bytes: None,
        peak_rss_bytes: 1 << 20,
    };
    let value = object(outcome);
    let keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "bench",
            "args",
            "wall_s",
            "cpu_s",
            "ns_per_op",
            "cpu_ns_per_op",
            "objects",
            "cycles",
            "peak_rss_bytes"
        ]
    );
    assert!(text(&value).lines().count() == keys.len());
}
