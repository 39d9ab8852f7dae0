use super::*;
use crate::record::tests::sample;
use crate::scratch::Scratch;
use serde_json::json;

#[test]
fn what_is_saved_is_read_again_run_by_run() {
    let folder = Scratch::with(&[("twice.jsonl", "")]);
    let path = folder.file("twice.jsonl");
    let mut run = Run::here(&Machine::here(), "heap-lab run t00");
    let mut record = sample(1_602_816.0);
    for (name, value) in [
        ("allocs_per_op x", json!(2)),
        ("cpu_ns_per_op x", json!({"samples": [3.0, 1.0, 2.0]})),
        ("bytes_per_op x", json!(24.5)),
        ("words", json!(7)),
        ("go: cpu ns", json!({"samples": [3.0]})),
        ("here over Go: ns", json!(0.5)),
    ] {
        record.figures.insert(String::from(name), value);
    }
    run.record("heap-gc", &record);
    run.append(&path).expect("appended");
    run.append(&path).expect("appended");
    let read = read(&path).expect("read");
    assert_eq!(read, [run.clone(), run.clone()]);
    let of = |name: &str| run.measures.iter().find(|one| one.name == name).map(|one| (one.kind, one.value));
    assert_eq!(of("allocs_per_op x"), Some((Kind::Allocs, 2.0)));
    assert_eq!(of("cpu_ns_per_op x"), Some((Kind::Time, 2.0)));
    assert_eq!(of("bytes_per_op x"), Some((Kind::Bytes, 24.5)));
    assert_eq!(of("words"), None);
    // Another Go is no change of ours.
    assert_eq!(of("go: cpu ns"), None);
    assert_eq!(of("here over Go: ns"), None);
}

#[test]
fn a_bad_file_is_an_error_that_says_what_is_wrong_and_where() {
    let good = serde_json::to_string(&Run::here(&Machine::here(), "x")).expect("JSON");
    for (name, text, expected) in [
        ("cut.jsonl", format!("{good}\n{}", &good[..good.len() - 5]), "line 2: the JSON is cut off"),
        ("old.jsonl", good.replace("heap-lab/1", "heap-lab/0"), "its schema is `heap-lab/0`"),
        ("record.jsonl", String::from("{\"id\":\"t04\"}"), "it has no schema"),
        ("lacks.jsonl", good.replace("\"machine\"", "\"other\""), "missing field `machine`"),
        ("empty.jsonl", String::from("\n"), "there is no run in it"),
        ("text.jsonl", String::from("hello"), "no JSON"),
    ] {
        let error = read(&Scratch::with(&[(name, text)]).file(name)).expect_err(name).to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
    }
    let missing = read(Path::new("/none/such.jsonl")).expect_err("missing").to_string();
    assert!(missing.contains("cannot read /none/such.jsonl"), "{missing}");
}

#[test]
fn words_of_a_figures_name_decide_what_it_counts() {
    assert_eq!(Kind::of("1,000,000 × three nulls: mark CPU, ns"), Some(Kind::Time));
    assert_eq!(Kind::of("one mutator: refills"), Some(Kind::Allocs));
    assert_eq!(Kind::of("resident_after_0_s"), Some(Kind::Bytes));
    assert_eq!(Kind::of("columns"), None);
    assert_eq!(Kind::of("transients"), None);
}
