//! The page that says which claim answers what (`docs/guide/src/criteria.md`), and that of the experiments: what they name is there.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/src");

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(GUIDE).join(name)).expect("a page of the guide")
}

fn lab(args: &[&str]) -> Vec<Value> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_heap-lab")).args(args).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

fn listed() -> Vec<(String, bool)> {
    let [Value::Array(all)] = &lab(&["list", "--json"])[..] else { panic!("one array") };
    let listed = |one: &Value| (one["id"].as_str().expect("an id").to_owned(), !one["extension"].is_null());
    all.iter().map(listed).collect()
}

/// Whether it is after a task of the practice text.
fn is_task(id: &str) -> bool {
    id.starts_with(['t', 's']) && id[1..].parse::<u32>().is_ok()
}

/// A section: its lines, by the id in its heading.
fn sections(text: &str) -> BTreeMap<String, Vec<&str>> {
    let mut sections: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut id = String::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            id = heading.split(':').next().unwrap_or_default().to_owned();
            assert!(sections.insert(id.clone(), Vec::new()).is_none(), "{id} is there twice");
        } else if let Some(lines) = sections.get_mut(&id) {
            lines.push(line);
        }
    }
    sections
}

/// Whether a claim is meant by a name in which `…` stands for anything.
fn is_meant(named: &str, claim: &str) -> bool {
    match named.split_once('…') {
        None => named == claim,
        Some((before, after)) => {
            claim.len() >= before.len() + after.len() && claim.starts_with(before) && claim.ends_with(after)
        }
    }
}

#[test]
fn every_claim_that_the_page_names_is_one_of_the_lab_and_every_task_has_its_rows() {
    let text = page("criteria.md");
    let sections = sections(&text);
    let tasks: Vec<String> = listed().into_iter().map(|(id, _)| id).filter(|id| is_task(id)).collect();
    assert_eq!(tasks.len(), 23);
    assert_eq!(sections.keys().cloned().collect::<BTreeSet<_>>(), tasks.iter().cloned().collect());
    let words = ["run", "--quick", "--predict", "--json", "--go", "off"];
    let args: Vec<&str> = words.into_iter().chain(tasks.iter().map(String::as_str)).collect();
    let mut wrong = Vec::new();
    let mut named = 0;
    for record in lab(&args) {
        let id = record["id"].as_str().expect("an id");
        let claims: Vec<(&str, bool)> = record["claims"]
            .as_array()
            .expect("claims")
            .iter()
            .map(|claim| (claim["name"].as_str().expect("a name"), claim["extension"] == true))
            .collect();
        let mut beyond = false;
        let rows = sections[id].iter().filter(|line| line.starts_with("| ")).skip(2);
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [asked, _, names] = cells[..] else { panic!("{id}: three cells, and not {row}") };
            let extension = asked.starts_with("extension: ");
            beyond |= extension;
            let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "{id}: no claim answers `{asked}`");
            for name in names {
                named += 1;
                let meant = claims.iter().find(|(claim, _)| is_meant(name, claim));
                // What answers a task without the extension has to be there if the extension is off.
                if meant.is_none_or(|(_, of_extension)| *of_extension != extension) {
                    wrong.push(format!("{id}: `{name}` for `{asked}`: {meant:?}"));
                }
            }
        }
        assert_eq!(beyond, !record["extension"].is_null(), "{id}: a row for the extension");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(named >= 150, "only {named} names were found: the test looks at the wrong place");
}

#[test]
fn every_experiment_has_its_section_with_sources_a_prediction_a_result_and_what_would_change_it() {
    let text = page("experiments.md");
    let sections = sections(&text);
    let ids: BTreeSet<String> = listed().into_iter().map(|(id, _)| id).collect();
    assert_eq!(sections.keys().cloned().collect::<BTreeSet<_>>(), ids);
    for (id, lines) in &sections {
        let text = lines.join(" ");
        for part in ["? Read [", "Prediction: ", "Result: ", " would "] {
            assert!(text.contains(part), "{id} has no `{part}`");
        }
        let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(links.iter().any(|link| link.ends_with(".rs")), "{id}: no source of ours is to be read");
        for link in links {
            let file = link.split('#').next().unwrap_or_default();
            assert!(Path::new(GUIDE).join(file).exists(), "{id}: {link} leads nowhere");
        }
    }
}

#[test]
fn what_is_predicted_alone_is_what_a_run_states() {
    let args = ["run", "t02", "t10", "--quick", "--json", "--go", "off"];
    let [ran, predicted] = [&args[..], &[&args[..], &["--predict"]].concat()].map(lab);
    for (ran, predicted) in ran.iter().zip(&predicted) {
        let stated = |record: &Value| {
            let claims = record["claims"].as_array().expect("claims").iter();
            let keys = ["name", "model", "predicted", "unit", "tolerance", "extension"];
            claims.map(|claim| keys.map(|key| claim[key].clone())).collect::<Vec<_>>()
        };
        assert_eq!(stated(ran), stated(predicted));
        assert!(predicted["claims"][0]["measured"].is_null());
    }
    let off = lab(&[&args[..], &["--extension", "off"]].concat());
    for (on, off) in ran.iter().zip(&off) {
        let claims = |record: &Value| record["claims"].as_array().expect("claims").clone();
        let asked: Vec<Value> = claims(on).into_iter().filter(|claim| claim["extension"] == false).collect();
        assert_eq!(claims(off), asked);
        assert!(asked.len() < claims(on).len());
    }
}
