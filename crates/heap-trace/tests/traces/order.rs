//! Promise: records of generated programs are in the order that `docs/events.md` says.

use crate::storm::storm;
use crate::{LIMIT, within};
use heap_trace::{Recorder, Recording};
use std::collections::BTreeMap;
use std::time::Instant;
use tricolor::{Answerer, Collector, Event, Heap, HeapBuilder, Record, Track};

/// A record that takes time.
fn span(record: &Record) -> (Instant, Instant) {
    (record.begun, record.ended.unwrap_or_else(|| panic!("{record:?} takes time")))
}

/// Spans of one place follow each other or lie in each other, and instants and spans do not end before they begin.
pub(crate) fn check_nesting(recording: &Recording) {
    let mut open: BTreeMap<(u64, Track), Vec<&Record>> = BTreeMap::new();
    let mut last = None;
    for record in recording.records() {
        assert!(last.is_none_or(|last| last <= record.begun), "by when they begin");
        last = Some(record.begun);
        let open = open.entry((record.heap, record.track)).or_default();
        while open.last().is_some_and(|outer| span(outer).1 <= record.begun) {
            open.pop();
        }
        let Some(ended) = record.ended else { continue };
        assert!(record.begun <= ended, "{record:?}");
        if let Some(outer) = open.last() {
            assert!(ended <= span(outer).1, "{record:?} begins in {outer:?}, and ends after it");
        }
        open.push(record);
    }
}

/// The records of one heap in a time, both ends included.
fn inside<'a>(records: &[&'a Record], (from, to): (Instant, Instant)) -> Vec<&'a Record> {
    records.iter().copied().filter(|record| from <= record.begun && record.begun <= to).collect()
}

/// The steps of a cycle, in order, by name.
fn steps(cycle: &[&Record]) -> Vec<String> {
    let named = cycle.iter().filter(|record| record.track == Track::Collector).filter_map(|record| {
        Some(match &record.event {
            Event::Began { .. } => "began".to_owned(),
            Event::Marking { .. } => "marking".to_owned(),
            Event::Asked { round, .. } => (*round).to_owned(),
            Event::Marked { .. } => "marked".to_owned(),
            _ => return None,
        })
    });
    let mut steps: Vec<_> = named.collect();
    // As often as it takes.
    steps.dedup_by(|again, first| again == "dry" && first == "dry");
    steps
}

fn check_cycle(cycle: &[&Record], number: u64, collector: Collector) {
    let steps = steps(cycle);
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let expected: &[&[&str]] = match collector {
        Collector::Concurrent => &[
            &["began", "marking", "barrier on", "settled", "roots", "dry", "marked", "off"],
            &["began", "marking", "barrier on", "settled", "roots", "dry", "weak", "marked", "off"],
        ],
        Collector::StopTheWorld => &[&["began", "marking", "marked"]],
    };
    assert!(expected.contains(&steps.as_slice()), "cycle {number}: {steps:?}");
    assert!(matches!(cycle[0].event, Event::Ended { .. }), "the cycle itself");
    let began = cycle.iter().find(|record| matches!(record.event, Event::Began { .. })).expect("it is there");
    assert!(matches!(began.event, Event::Began { number: its, .. } if its == number));
    let sizes = cycle.iter().filter(|record| matches!(record.event, Event::Sizes { .. })).count();
    assert_eq!(sizes, 2, "at its beginning and its end");
}

/// Every answer lies in its round, and nobody who was there from its beginning to its end is missing.
fn check_answers(records: &[&Record]) {
    let mut lives: BTreeMap<u64, (Instant, Option<Instant>, Track)> = BTreeMap::new();
    for record in records {
        match record.event {
            Event::Attached { mutator, .. } => {
                assert!(lives.insert(mutator, (record.begun, None, record.track)).is_none(), "{record:?}");
            }
            Event::Detached { mutator } => {
                let life = lives.get_mut(&mutator).expect("it attached before");
                assert_eq!((life.1.replace(record.begun), life.2), (None, record.track), "{record:?}");
            }
            _ => {}
        }
    }
    let rounds: Vec<_> = records
        .iter()
        .filter_map(|record| match record.event {
            Event::Asked { round, .. } => Some((round, span(record))),
            _ => None,
        })
        .collect();
    let mut answers = vec![Vec::new(); rounds.len()];
    for record in records {
        let Event::Answered { round, mutator, by } = record.event else { continue };
        let (begun, ended) = span(record);
        let at = rounds.partition_point(|(_, (from, _))| *from <= begun).checked_sub(1);
        let at = at.unwrap_or_else(|| panic!("{record:?} before any round"));
        let (name, (_, to)) = rounds[at];
        assert!(name == round && ended <= to, "{record:?} is no answer to {:?}", rounds[at]);
        // The first stamp of a mutator is after it has attached, and an answer may come before.
        if let Some(life) = lives.get(&mutator) {
            assert!(life.1.is_none_or(|gone| ended <= gone), "{record:?} after {life:?}");
            assert_eq!(by == Answerer::Mutator, record.track == life.2, "{record:?}, {life:?}");
        }
        assert!(!answers[at].contains(&mutator), "{record:?} again");
        answers[at].push(mutator);
    }
    for ((round, (from, to)), answered) in rounds.iter().zip(&answers) {
        for (mutator, (attached, gone, _)) in &lives {
            if attached < from && gone.is_none_or(|gone| *to < gone) {
                assert!(answered.contains(mutator), "{mutator} has not answered {round}");
            }
        }
    }
}

/// Marking is done between the round of roots and the end of marking, by whomever; and workers wait only while they work.
fn check_marking(records: &[&Record], collector: Collector) {
    let mut times = Vec::new();
    let mut from = None;
    for record in records {
        match record.event {
            Event::Asked { round: "roots", .. } => from = record.ended,
            Event::Marking { .. } if collector == Collector::StopTheWorld => from = Some(record.begun),
            Event::Marked { .. } => times.extend(from.take().map(|from| (from, record.begun))),
            _ => {}
        }
    }
    // A last cycle that the end of the heap has cut short.
    times.extend(from.zip(records.iter().filter_map(|record| record.ended).max()));
    for record in records {
        if let Event::Assisted { .. } | Event::Worked { .. } | Event::Idled = record.event {
            let (begun, ended) = span(record);
            let is_inside = |(from, to): &(Instant, Instant)| *from <= begun && ended <= *to;
            assert!(times.iter().any(is_inside), "{record:?} outside of marking");
        }
        if let Event::Idled = record.event {
            let (begun, ended) = span(record);
            let holds = |other: &&&Record| {
                matches!(other.event, Event::Worked { .. })
                    && other.track == record.track
                    && span(other).0 <= begun
                    && ended <= span(other).1
            };
            assert!(records.iter().any(|other| holds(&other)), "{record:?} outside of work");
        }
    }
}

/// All of the above, for recordings of which nothing is missing.
pub(crate) fn check(recording: &Recording, collector: Collector) -> u64 {
    assert_eq!(recording.dropped(), 0);
    check_nesting(recording);
    let heaps: std::collections::BTreeSet<u64> = recording.records().iter().map(|one| one.heap).collect();
    let mut cycles = 0;
    for heap in heaps {
        let records: Vec<&Record> = recording.records().iter().filter(|one| one.heap == heap).collect();
        let mut last = None;
        for record in &records {
            let Event::Ended { number } = record.event else { continue };
            assert!(last.is_none_or(|last| number == last + 1), "{number} after {last:?}");
            last = Some(number);
            check_cycle(&inside(&records, span(record)), number, collector);
            cycles += 1;
        }
        check_answers(&records);
        check_marking(&records, collector);
    }
    cycles
}

pub(crate) fn small() -> HeapBuilder {
    Heap::builder().reservation(1 << 30).least_heap(128 << 10).gc_percent(50)
}

#[test]
fn records_of_generated_programs_are_in_order() {
    within(LIMIT, || {
        let kinds: [(Collector, HeapBuilder); 4] = [
            (Collector::Concurrent, small()),
            (Collector::Concurrent, small().workers(3).cpu_share(1.0)),
            (Collector::Concurrent, small().own_threads(false)),
            (Collector::StopTheWorld, small().collector(Collector::StopTheWorld)),
        ];
        let mut answered = [false; 2];
        for (kind, (collector, builder)) in kinds.into_iter().enumerate() {
            for seed in 0..3 {
                let recorder = Recorder::new(1 << 20);
                let heap = recorder.record(builder.clone(), "storm").build().unwrap();
                recorder.start();
                storm(&heap, seed, 4, 150, true);
                heap.collect();
                // Its thread ends with it, and what it was about to put is there.
                drop(heap);
                let recording = recorder.stop();
                let cycles = check(&recording, collector);
                assert!(cycles > 3, "kind {kind}, seed {seed}: {cycles} cycles");
                let has = |what: fn(&Event) -> bool| recording.records().iter().any(|one| what(&one.event));
                assert!(has(|event| matches!(event, Event::Grown { .. })));
                assert!(has(|event| matches!(event, Event::RanDue { .. })));
                if collector == Collector::StopTheWorld {
                    assert!(has(|event| matches!(event, Event::Stopped { .. })));
                    continue;
                }
                for (by, seen) in [Answerer::Mutator, Answerer::Collector].into_iter().zip(&mut answered) {
                    let is = |one: &Record| matches!(one.event, Event::Answered { by: its, .. } if its == by);
                    *seen |= recording.records().iter().any(is);
                }
            }
        }
        assert_eq!(answered, [true; 2], "by mutators, and for them");
    });
}

/// Two heaps in one recording, at the same time.
#[test]
fn heaps_that_share_a_recorder_are_told_apart() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        recorder.start();
        let heaps = ["one", "two"].map(|name| recorder.record(small(), name).build().unwrap());
        std::thread::scope(|scope| {
            for (seed, heap) in heaps.iter().enumerate() {
                scope.spawn(move || storm(heap, seed as u64, 2, 60, true));
            }
        });
        heaps.iter().for_each(Heap::collect);
        drop(heaps);
        let recording = recorder.stop();
        check(&recording, Collector::Concurrent);
        let mut numbers: Vec<u64> = recording.records().iter().map(|one| one.heap).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let names: Vec<_> = numbers.into_iter().map(|number| recording.name(number)).collect();
        assert_eq!(names, ["one", "two"]);
    });
}
