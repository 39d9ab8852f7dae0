//! The JSON of Chrome's trace viewer, which Perfetto opens, too ("Trace Event Format", Google, 2013 and later).
//!
//! | of the heap | in the file |
//! |---|---|
//! | a heap | a process |
//! | a [`Track`] | a thread, with a name and a place in the order |
//! | a record that takes time | a complete event (`X`) |
//! | one that does not | an instant (`i`) |
//! | [`Event::Sizes`], [`Event::Pages`] | counters (`C`) |
//! | an answer that a mutator gave | a flow (`s`, `f`) from the beginning of the round to the answer |
//!
//! Complete events need no partner, so a recording that lacks some is whole all the same. An answer lies in the time of its round,
//! since the question is put after the round's first stamp, and the last answer is found before the last one; and the rounds of a
//! heap follow each other. That is how the two are brought together.

use crate::fields::described;
use crate::json::{Object, Value};
use crate::recording::Recording;
use heap_gc::{Answerer, Event, Record, Track};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Instant;

/// The number of a track's thread in a file, which is its place in the order, too, from above. The numbers of a file's threads are the
/// file's own.
fn thread(track: Track) -> u64 {
    const WORKERS: u64 = 100;
    const THREADS: u64 = 1000;
    match track {
        Track::Collector => 1,
        Track::Sweeper => 2,
        Track::Scavenger => 3,
        Track::Worker(number) => WORKERS + u64::from(number).min(THREADS - WORKERS - 1),
        Track::Thread(number) => THREADS + u64::from(number),
        _ => 4,
    }
}

/// Nanoseconds as the microseconds of the form, with all digits.
fn micros(nanos: u64) -> Value {
    Value::Raw(format!("{}.{:03}", nanos / 1000, nanos % 1000))
}

/// What is written above a span or an instant.
fn title(event: &Event, name: &str) -> String {
    if let Event::Ended { number } = event {
        format!("cycle {number}")
    } else if let Event::Asked { round, .. } = event {
        format!("round {round}")
    } else if let Event::Answered { round, mutator, by } = event {
        match by {
            Answerer::Mutator => format!("answer {round}"),
            Answerer::Collector => format!("answer {round} for mutator {mutator}"),
        }
    } else {
        name.replace('_', " ")
    }
}

/// A file that is being written: events, with commas between.
struct File<'a> {
    out: &'a mut dyn Write,
    is_first: bool,
}

impl File<'_> {
    fn event(&mut self, event: Object) -> io::Result<()> {
        let comma = if core::mem::take(&mut self.is_first) { "" } else { "," };
        write!(self.out, "{comma}\n{}", event.end())
    }
}

/// What an event begins with.
fn begin(ph: &str, name: impl Into<Value>, heap: u64, thread: u64) -> Object {
    Object::new().with("ph", ph).with("name", name).with("pid", heap).with("tid", thread)
}

impl Recording {
    /// Writes the JSON of Chrome's trace viewer, which `ui.perfetto.dev` opens, too. A heap is a process there; its collector,
    /// scavenger and sweeper, each marking worker, and each thread with a mutator are its threads.
    ///
    /// # Errors
    /// Of `out`.
    pub fn write_chrome(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        let mut file = File { out, is_first: true };
        self.write_names(&mut file)?;
        let mut rounds: BTreeMap<u64, Round> = BTreeMap::new();
        let mut flows = 0;
        for record in &self.records {
            self.write_record(&mut file, record)?;
            if let (Event::Asked { .. }, Some(ended)) = (&record.event, record.ended) {
                rounds.insert(record.heap, Round { begun: record.begun, ended });
            }
            if let Event::Answered { by: Answerer::Mutator, .. } = record.event
                && let Some(round) = rounds.get(&record.heap).filter(|round| round.holds(record))
            {
                flows += 1;
                self.write_flow(&mut file, record, round, flows)?;
            }
        }
        let other = Object::new().with("dropped", self.dropped.to_string()).with("source", "tricolor");
        writeln!(out, "\n],\"otherData\":{}}}", other.end())
    }

    fn write_names(&self, file: &mut File<'_>) -> io::Result<()> {
        let tracks: BTreeSet<(u64, Track)> =
            self.records.iter().map(|record| (record.heap, record.track)).collect();
        let mut mutators: BTreeMap<(u64, Track), (String, Vec<String>)> = BTreeMap::new();
        for record in &self.records {
            if let Event::Attached { mutator, thread } = &record.event {
                let entry = mutators.entry((record.heap, record.track)).or_default();
                entry.0.clone_from(thread);
                entry.1.push(mutator.to_string());
            }
        }
        let heaps: BTreeSet<u64> = tracks.iter().map(|(heap, _)| *heap).collect();
        for heap in heaps {
            let args = Object::new().with("name", format!("{} (heap {heap})", self.name(heap)));
            file.event(begin("M", "process_name", heap, 0).with("args", args))?;
        }
        for (heap, track) in tracks {
            let name = match mutators.get(&(heap, track)) {
                Some((thread, numbers)) => format!("{thread}: mutator {}", numbers.join(", ")),
                None => crate::fields::place(track),
            };
            let args = Object::new().with("name", name);
            file.event(begin("M", "thread_name", heap, thread(track)).with("args", args))?;
            let args = Object::new().with("sort_index", thread(track));
            file.event(begin("M", "thread_sort_index", heap, thread(track)).with("args", args))?;
        }
        Ok(())
    }

    fn write_record(&self, file: &mut File<'_>, record: &Record) -> io::Result<()> {
        let at = self.nanos(record.begun);
        let (heap, thread) = (record.heap, thread(record.track));
        let counter = |name: &str, args: Object| {
            begin("C", name, heap, thread).with("ts", micros(at)).with("args", args)
        };
        if let Event::Sizes { heap: size, goal } = &record.event {
            file.event(counter("heap", Object::new().with("bytes", size.get() as u64)))?;
            if goal.get() != usize::MAX {
                file.event(counter("goal", Object::new().with("bytes", goal.get() as u64)))?;
            }
            return Ok(());
        }
        if let Event::Pages { in_spans, frames, retained, released } = &record.event {
            let used = in_spans.get() + frames.get();
            let args = Object::new()
                .with("in spans", in_spans.get() as u64)
                .with("frames", frames.get() as u64)
                .with("idle", retained.get().saturating_sub(used) as u64);
            file.event(counter("retained", args))?;
            return file.event(counter("released", Object::new().with("bytes", released.get() as u64)));
        }
        let (name, fields) = described(&record.event);
        let object =
            begin(if record.ended.is_some() { "X" } else { "i" }, title(&record.event, name), heap, thread)
                .with("cat", name)
                .with("ts", micros(at));
        let object = match record.ended {
            Some(ended) => object.with("dur", micros(self.nanos(ended) - at)),
            None => object.with("s", "t"),
        };
        file.event(object.with("args", Object::new().with_all(fields)))
    }

    /// From a round to an answer.
    fn write_flow(&self, file: &mut File<'_>, answer: &Record, round: &Round, id: u64) -> io::Result<()> {
        let end = |ph, track, at| {
            begin(ph, "handshake", answer.heap, thread(track))
                .with("cat", "handshake")
                .with("id", id)
                .with("ts", micros(self.nanos(at)))
        };
        file.event(end("s", Track::Collector, round.begun))?;
        file.event(end("f", answer.track, answer.begun).with("bp", "e"))
    }
}

/// The last round of a heap.
struct Round {
    begun: Instant,
    ended: Instant,
}

impl Round {
    fn holds(&self, answer: &Record) -> bool {
        self.begun <= answer.begun && answer.ended.is_some_and(|ended| ended <= self.ended)
    }
}
