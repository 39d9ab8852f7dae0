//! JSON lines: one object for each record, after one that says what they are. The fields are in `docs/events.md`.

use crate::fields::{described, place};
use crate::json::Object;
use crate::recording::Recording;
use std::io::{self, Write};

/// The version of the form. It changes when a field changes its meaning or goes; new ones may come.
const VERSION: u64 = 1;

impl Recording {
    /// Writes JSON, one object a line: `{"event":"trace",…}` first, then a line for each record, by when it began.
    ///
    /// # Errors
    /// Of `out`.
    pub fn write_lines(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = Object::new()
            .with("event", "trace")
            .with("version", VERSION)
            .with("records", self.records.len() as u64)
            .with("dropped", self.dropped);
        writeln!(out, "{}", head.end())?;
        for record in &self.records {
            let (name, fields) = described(&record.event);
            let at = self.nanos(record.begun);
            let mut line = Object::new().with("at_ns", at);
            if let Some(ended) = record.ended {
                line = line.with("took_ns", self.nanos(ended) - at);
            }
            let line = line
                .with("heap", record.heap)
                .with("name", self.name(record.heap))
                .with("track", place(record.track))
                .with("event", name)
                .with_all(fields);
            writeln!(out, "{}", line.end())?;
        }
        Ok(())
    }
}
