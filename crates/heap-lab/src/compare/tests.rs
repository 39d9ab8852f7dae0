use super::*;
use crate::saved::{Measure, SCHEMA};

const DEMAND: Demand = Demand { alpha: 0.05, effect: 0.05, exact: 0.01 };

fn measure(bench: &str, name: &str, kind: Kind, value: f64) -> Measure {
    Measure { krate: String::from("heap-gc"), bench: bench.to_owned(), name: name.to_owned(), kind, value }
}

fn site(function: &str, objects: f64, bytes: f64) -> Site {
    Site { krate: pprof::package(function).to_owned(), function: function.to_owned(), objects, bytes }
}

fn run(measures: Vec<Measure>, sites: Vec<Site>) -> Run {
    Run {
        schema: String::from(SCHEMA),
        version: String::from("0.1.0"),
        machine: String::from("a machine"),
        command: String::new(),
        measures,
        sites,
    }
}

/// Ten runs of a list: times that vary a little, counts that do not.
fn side(time: f64, bytes: f64, allocs: f64, sites: &[Site]) -> Side {
    let run = |index: usize| {
        let measures = vec![
            measure("list", "ns", Kind::Time, time * (1.0 + 0.002 * (index * 7 % 10) as f64)),
            measure("list", "bytes", Kind::Bytes, bytes),
            measure("list", "allocs", Kind::Allocs, allocs),
        ];
        run(measures, sites.to_vec())
    };
    Side::of((0..10).map(run).collect())
}

fn dearer(base: &Side, new: &Side) -> Vec<String> {
    let comparison = compare(base, new, DEMAND, false).expect("compared");
    comparison.dearer().map(|row| row.key.2.clone()).collect()
}

#[test]
fn each_kind_of_regression_is_found_by_itself() {
    let base = side(10.0, 16.0, 1.0, &[]);
    assert_eq!(dearer(&base, &base), Vec::<String>::new());
    assert_eq!(dearer(&base, &side(12.0, 16.0, 1.0, &[])), ["ns"]);
    assert_eq!(dearer(&base, &side(10.0, 24.0, 1.0, &[])), ["bytes"]);
    assert_eq!(dearer(&base, &side(10.0, 16.0, 2.0, &[])), ["allocs"]);
    assert_eq!(dearer(&side(12.0, 24.0, 2.0, &[]), &base), Vec::<String>::new());
}

#[test]
fn a_new_site_is_one_that_base_has_nowhere_and_new_has_often() {
    let (old, rare, fresh) =
        (site("a::old", 1000.0, 16_000.0), site("a::rare", 5.0, 80.0), site("b::fresh", 20.0, 320.0));
    let base = side(10.0, 16.0, 1.0, std::slice::from_ref(&old));
    let new = side(10.0, 16.0, 1.0, &[old.clone(), rare, fresh.clone()]);
    let found = compare(&base, &new, DEMAND, false).expect("compared");
    assert!(found.has_regressions() && found.dearer().next().is_none());
    let names: Vec<&str> = found.new_sites.iter().map(|(site, _)| site.function.as_str()).collect();
    assert_eq!(names, ["b::fresh"], "below a hundredth is not worth a word");
    // The other way round it is gone, which is no regression.
    let back = compare(&new, &base, DEMAND, false).expect("compared");
    assert!(!back.has_regressions());
    assert_eq!(back.gone_sites.len(), 1);
    // In one profile of ten it is an accident.
    let mut once = base.clone();
    once.profiles[3].push(fresh);
    assert!(!compare(&base, &once, DEMAND, false).expect("compared").has_regressions());
}

#[test]
fn times_of_two_machines_are_not_compared_and_counts_are() {
    let base = side(10.0, 16.0, 1.0, &[]);
    let mut new = side(30.0, 24.0, 1.0, &[]);
    new.runs.iter_mut().for_each(|run| run.machine = String::from("another"));
    let found = compare(&base, &new, DEMAND, false).expect("compared");
    assert_eq!(found.dearer().map(|row| row.key.2.as_str()).collect::<Vec<_>>(), ["bytes"]);
    assert!(found.notes.iter().any(|note| note.contains("1 figures of time are left out")), "{found:?}");
}

#[test]
fn what_cannot_be_compared_is_an_error_that_says_why() {
    let base = side(10.0, 16.0, 1.0, &[]);
    let error = |base: &Side, new: &Side| compare(base, new, DEMAND, false).expect_err("bad").to_string();
    let mut other = base.clone();
    other.runs.iter_mut().for_each(|run| run.measures.push(measure("map", "ns", Kind::Time, 1.0)));
    assert!(error(&base, &other).contains("only NEW has map of heap-gc"));
    assert!(error(&other, &base).contains("only BASE has map of heap-gc"));
    let common = compare(&base, &other, DEMAND, true).expect("what both have");
    assert!(common.rows.len() == 3 && common.notes.iter().any(|note| note.contains("map of heap-gc")));
    let mut apart = base.clone();
    apart.runs.iter_mut().flat_map(|run| &mut run.measures).for_each(|one| one.bench = String::from("x"));
    assert!(
        compare(&base, &apart, DEMAND, true)
            .expect_err("nothing")
            .to_string()
            .contains("no program in common")
    );
    let few = |count: usize| Side::of(base.runs[..count].to_vec());
    assert!(error(&few(1), &few(1)).contains("one run does not say"));
    assert!(error(&few(3), &few(3)).contains("save at least 4"), "{}", error(&few(3), &few(3)));
    let profile = Side { runs: Vec::new(), profiles: vec![vec![site("a::b", 1.0, 8.0)]] };
    assert!(error(&base, &profile).contains("profiles only"));
    assert!(compare(&profile, &profile, DEMAND, false).is_ok());
}

#[test]
fn markdown_has_a_table_for_each_crate_and_what_is_worse_comes_first() {
    let base = side(10.0, 16.0, 1.0, &[site("a::old", 10.0, 160.0)]);
    let new = side(10.0, 24.0, 1.0, &[site("a::old", 10.0, 160.0), site("b::pi|pe", 10.0, 160.0)]);
    let found = compare(&base, &new, DEMAND, false).expect("compared");
    let text = markdown::show(&found, "old", "new");
    assert!(text.starts_with("# Regressions\n") && text.contains("1 of 3 figures dearer"), "{text}");
    let (crate_b, crate_gc) = (text.find("## `b`").expect("b"), text.find("## `heap-gc`").expect("heap-gc"));
    assert!(crate_b < crate_gc && text.contains("`b::pi\\|pe`"), "{text}");
    let (worse, same) =
        (text.find("**dearer** (+50.0 %)").expect("dearer"), text.find("| same |").expect("same"));
    assert!(worse < same, "{text}");
    let value = found.json();
    assert_eq!(value["regressions"], true);
    assert_eq!(value["figures"].as_array().map(Vec::len), Some(3));
    assert_eq!(value["new_sites"][0]["function"], "b::pi|pe");
}
