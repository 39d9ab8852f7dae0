//! Promise: each line is an object with the fields that `docs/events.md` says, and that page has all events.

use crate::order::small;
use crate::storm::storm;
use crate::{LIMIT, within};
use heap_trace::Recorder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::read_to_string;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The events of the page, with their fields.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = read_to_string(format!("{ROOT}/docs/events.md")).expect("the page");
    let mut events = BTreeMap::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _where, kind, fields, _meaning] = cells[..] else { continue };
        if !matches!(kind, "span" | "instant" | "either") {
            continue;
        }
        let words = |text: &str| -> BTreeSet<String> {
            text.split(',')
                .map(|word| word.trim().trim_matches('`').to_owned())
                .filter(|word| !word.is_empty())
                .collect()
        };
        let name = name.trim_matches('`').to_owned();
        assert!(events.insert(name.clone(), words(fields)).is_none(), "{name} twice");
    }
    events
}

/// The variants of the enum, as they are written in files.
fn variants() -> BTreeSet<String> {
    let source = read_to_string(format!("{ROOT}/crates/heap-gc/src/event.rs")).expect("the source");
    let body = source.split("pub enum Event {\n").nth(1).and_then(|rest| rest.split("\n}\n").next());
    let lines = body.expect("the enum").lines();
    let names = lines.filter_map(|line| {
        let name = line.strip_prefix("    ")?;
        name.starts_with(|first: char| first.is_ascii_uppercase()).then(|| {
            let end = name.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(name.len());
            let mut snake = String::new();
            for letter in name[..end].chars() {
                if letter.is_ascii_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            snake
        })
    });
    names.collect()
}

#[test]
fn the_page_has_every_event() {
    let documented: BTreeSet<String> = documented().into_keys().collect();
    assert_eq!(documented, variants());
}

#[test]
fn every_line_is_as_documented() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        let heap = recorder
            .record(small().memory_limit(tricolor::MemoryLimit::Bytes(3 << 20)), "lines")
            .build()
            .unwrap();
        recorder.start();
        storm(&heap, 5, 3, 150, true);
        assert!(heap.release_free_memory() > 0);
        let recording = recorder.stop();
        let mut file = Vec::new();
        recording.write_lines(&mut file).unwrap();
        let text = String::from_utf8(file).unwrap();
        let documented = documented();
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let head = lines.next().expect("the head");
        assert_eq!((&head["event"], &head["version"]), (&Value::from("trace"), &Value::from(1)));
        assert_eq!((&head["records"], &head["dropped"]), (&recording.records().len().into(), &0.into()));
        let (mut count, mut last) = (0, 0);
        for line in lines {
            count += 1;
            let object = line.as_object().expect("an object");
            let at = line["at_ns"].as_u64().expect("a stamp");
            assert!(last <= at && line["heap"].is_u64() && line["name"] == "lines", "{line}");
            last = at;
            assert!(line.get("took_ns").is_none_or(Value::is_u64), "{line}");
            assert!(line["track"].is_string());
            let name = line["event"].as_str().expect("a name");
            let fields = &documented[name];
            for member in object.keys() {
                let is_common =
                    ["at_ns", "took_ns", "heap", "name", "track", "event"].contains(&member.as_str());
                assert!(is_common || fields.contains(member), "{member} of {name} is not documented");
            }
        }
        assert_eq!(count, recording.records().len());
    });
}
