//! Small programs, and what Go 1.27.3 says of them.
//!
//! `programs/NAME.m1` has the lines that `go tool compile -p p -m -l NAME.go` printed, `NAME.m2` those of `-m=2`; in the order of the
//! source, without the lines about other files. The numbers of the compiler's own variables (`.autotmp_7`) are 0.

use heap_escape_go::{Options, Source, analyse};
use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is said of a program, as it comes.
fn said(name: &str, explain: bool) -> Vec<String> {
    let source = Source { path: format!("{name}.go"), text: read(&format!("{name}.go")) };
    let options = Options { explain, ..Options::default() };
    let lines = analyse(&[source], &options).unwrap_or_else(|mistake| panic!("{mistake}"));
    lines.iter().flat_map(|line| line.to_string().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// What is said of a program, and what Go says, as sorted lines.
fn both(name: &str, explain: bool) -> (Vec<String>, Vec<String>) {
    let mut ours = said(name, explain);
    let golden = read(&format!("{name}.{}", if explain { "m2" } else { "m1" }));
    let mut theirs: Vec<String> = golden.lines().map(str::to_owned).collect();
    ours.sort();
    theirs.sort();
    (ours, theirs)
}

fn check(name: &str, explain: bool) {
    let (ours, theirs) = both(name, explain);
    let missing: Vec<_> = theirs.iter().filter(|line| !ours.contains(line)).collect();
    let more: Vec<_> = ours.iter().filter(|line| !theirs.contains(line)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:#?}\ntoo many: {more:#?}");
    assert_eq!(ours, theirs);
}

#[test]
fn pointers() {
    check("pointers", false);
}

#[test]
fn closures_and_what_is_put_off() {
    check("closures", false);
}

#[test]
fn statements_and_dynamic_calls() {
    check("flow", false);
}

#[test]
fn switches_and_constants_in_sizes() {
    check("switches", false);
}

#[test]
fn places_that_line_directives_move() {
    check("moved", false);
    check("moved", true);
}

#[test]
fn generic_code_and_loops_over_functions() {
    check("generic", false);
}

#[test]
fn expressions_as_they_are_quoted() {
    check("text", false);
}

#[test]
fn unsafe_code_and_sizes() {
    check("low", false);
}

#[test]
fn shapes_and_constraints() {
    check("shapes", false);
}

#[test]
fn what_is_put_off_and_captured() {
    check("putoff", false);
}

#[test]
fn variables_declared_several_at_once() {
    check("several", false);
}

#[test]
fn places_of_types_and_offsets_of_fields() {
    check("places", false);
}

#[test]
fn constants_behind_names_and_values_that_nobody_gets() {
    check("values", false);
}

#[test]
fn reasons() {
    check("pointers", true);
    check("putoff", true);
}

#[test]
fn the_result_does_not_depend_on_the_run() {
    for name in ["flow", "generic"] {
        let first = said(name, true);
        for _ in 0..3 {
            assert_eq!(said(name, true), first);
        }
    }
}

/// The places of the lines that say one of these.
fn places(lines: &[String], says: &[&str]) -> Vec<String> {
    let said = lines.iter().filter(|line| says.iter().any(|words| line.contains(words)));
    said.map(|line| line.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")).collect()
}

/// Imports without a table: more may be told than Go tells, but nothing that it puts on the heap is missing.
#[test]
fn what_is_given_to_unknown_packages_is_on_the_heap() {
    let (ours, theirs) = both("unknown", false);
    for says in [["escapes to heap", "moved to heap"], ["leaking param", "leaking param"]] {
        let (found, wanted) = (places(&ours, &says), places(&theirs, &says));
        let missing: Vec<_> = wanted.iter().filter(|place| !found.contains(place)).collect();
        assert!(!wanted.is_empty() && missing.is_empty(), "missing: {missing:#?}\nof ours: {ours:#?}");
    }
    // What is a pointer is not boxed.
    let boxed = places(&ours, &["escapes to heap"]);
    let pointers = ["unknown.go:45", "unknown.go:46", "unknown.go:47"];
    assert!(!boxed.iter().any(|place| pointers.iter().any(|line| place.starts_with(line))), "{ours:#?}");
}
