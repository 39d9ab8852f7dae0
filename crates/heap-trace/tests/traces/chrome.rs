//! Promise: what is written for Chrome and Perfetto is what their documented format says, and says what the heap does.

use crate::order::{check_nesting, small};
use crate::storm::storm;
use crate::{LIMIT, within};
use heap_trace::{Recorder, Recording};
use serde_json::Value;
use std::collections::BTreeMap;
use tricolor::{Heap, Scavenge};

pub(crate) fn parsed(recording: &Recording) -> Vec<Value> {
    let mut file = Vec::new();
    recording.write_chrome(&mut file).expect("a vector takes everything");
    let whole: Value = serde_json::from_slice(&file).expect("it is JSON");
    assert_eq!(whole["otherData"]["dropped"], recording.dropped().to_string());
    whole["traceEvents"].as_array().expect("an array of events").clone()
}

/// Microseconds as nanoseconds: three digits are exact.
#[expect(clippy::cast_possible_truncation, reason = "a trace is shorter than centuries")]
fn nanos(event: &Value, member: &str) -> u64 {
    let micros = event[member].as_f64().unwrap_or_else(|| panic!("no number {member}: {event}"));
    assert!(micros >= 0.0);
    (micros * 1e3).round() as u64
}

/// The rules of the format ("Trace Event Format"): what each kind of event must have.
pub(crate) fn check(events: &[Value]) {
    let mut last: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut open: BTreeMap<(u64, u64), Vec<u64>> = BTreeMap::new();
    let mut flows: BTreeMap<u64, (&Value, Option<&Value>)> = BTreeMap::new();
    let (mut processes, mut threads) = (Vec::new(), Vec::new());
    for event in events {
        let place = (event["pid"].as_u64().expect("pid"), event["tid"].as_u64().expect("tid"));
        let name = event["name"].as_str().expect("name");
        let kind = event["ph"].as_str().expect("ph");
        if kind == "M" {
            match name {
                "process_name" => processes.push(place.0),
                "thread_name" => threads.push(place),
                "thread_sort_index" => _ = event["args"]["sort_index"].as_u64().expect("a number"),
                other => panic!("metadata {other}"),
            }
            continue;
        }
        assert!(processes.contains(&place.0) && threads.contains(&place), "no name: {event}");
        let at = nanos(event, "ts");
        match kind {
            "X" => {
                let end = at + nanos(event, "dur");
                let open = open.entry(place).or_default();
                while open.last().is_some_and(|outer| *outer <= at) {
                    open.pop();
                }
                assert!(open.last().is_none_or(|outer| end <= *outer), "it overlaps: {event}");
                open.push(end);
            }
            "i" => assert_eq!(event["s"], "t"),
            "C" => {
                let series = event["args"].as_object().expect("series");
                assert!(!series.is_empty() && series.values().all(Value::is_u64), "{event}");
            }
            "s" => {
                let old = flows.insert(event["id"].as_u64().expect("id"), (event, None));
                assert!(old.is_none(), "{event}");
            }
            "f" => {
                let flow = flows.get_mut(&event["id"].as_u64().expect("id")).expect("it began");
                assert!(flow.1.replace(event).is_none() && event["bp"] == "e");
                assert!(nanos(flow.0, "ts") <= at && flow.0["cat"] == event["cat"]);
            }
            other => panic!("an event of kind {other}"),
        }
        if !matches!(kind, "s" | "f") {
            assert!(event["args"].is_object(), "{event}");
            let last = last.entry(place).or_default();
            assert!(*last <= at, "{event} after {last}");
            *last = at;
        }
    }
    for (begin, end) in flows.values() {
        let end = end.unwrap_or_else(|| panic!("without an end: {begin}"));
        for (point, title) in [(begin, "round"), (&end, "answer")] {
            let holds = |slice: &&Value| {
                slice["ph"] == "X"
                    && slice["tid"] == point["tid"]
                    && slice["pid"] == point["pid"]
                    && nanos(slice, "ts") == nanos(point, "ts")
                    && slice["name"].as_str().is_some_and(|name| name.starts_with(title))
            };
            assert!(events.iter().any(|slice| holds(&slice)), "{point} binds to nothing");
        }
    }
}

#[test]
fn a_trace_of_a_storm_keeps_to_the_format() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        let heap = recorder.record(small(), "a \"heap\"\n").build().unwrap();
        recorder.start();
        storm(&heap, 11, 4, 100, true);
        heap.collect();
        drop(heap);
        let recording = recorder.stop();
        let events = parsed(&recording);
        check(&events);
        let count = |kind: &str| events.iter().filter(|event| event["ph"] == kind).count();
        assert!(count("X") > 50 && count("C") > 20, "{} spans", count("X"));
        assert!(count("s") > 0 && count("s") == count("f"), "mutators answer");
        let name = &events[0]["args"]["name"];
        assert!(name.as_str().is_some_and(|name| name.starts_with("a \"heap\"\n (heap ")), "{name}");
        let mutators = events.iter().filter(|event| {
            event["name"] == "thread_name"
                && event["args"]["name"].as_str().is_some_and(|name| name.starts_with("storm "))
        });
        assert_eq!(mutators.count(), 4);
    });
}

#[test]
fn counters_say_what_the_figures_say() {
    let recorder = Recorder::new(1 << 20);
    let heap = recorder.record(Heap::builder().scavenge(Scavenge::OnRequest), "counted").build().unwrap();
    let mut mutator = heap.attach().unwrap();
    recorder.start();
    let mut kept = Vec::new();
    for round in 1..=5 {
        kept.push(mutator.enter(|mu| {
            (0..1000 * round).for_each(|number| _ = mu.alloc([number; 4]));
            mu.root(mu.alloc_slice(1000 * round as usize, |_| 0_u64))
        }));
        mutator.collect();
        let figures = heap.figures();
        let recording = recorder.take();
        check_nesting(&recording);
        let events = parsed(&recording);
        let last = |name: &str| {
            let of = |event: &&Value| event["ph"] == "C" && event["name"] == name;
            events.iter().rev().find(of).unwrap_or_else(|| panic!("no counter {name}"))["args"].clone()
        };
        let memory = &figures.memory;
        assert_eq!(last("heap")["bytes"], memory.heap_alloc.get(), "round {round}");
        assert_eq!(last("goal")["bytes"], figures.goal.get());
        assert_eq!(last("retained")["in spans"], memory.heap_inuse.get());
        assert_eq!(last("retained")["frames"], memory.frames.get());
        assert_eq!(last("released")["bytes"], memory.heap_released.get());
        let idle = memory.heap_idle.get() - memory.heap_released.get();
        assert_eq!(last("retained")["idle"], idle);
    }
}
