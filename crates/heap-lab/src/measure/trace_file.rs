//! The trace file: what the heaps of a run did, for Chrome's and Perfetto's viewers, when `--trace FILE` asks for it.
//!
//! Heaps are built in many places and all over a run, so the recorder is the process's: there is one, or none. Each heap that is built
//! after [`begin`] is recorded, whatever it is for; [`end`] writes the file. What the file has is in `docs/events.md`.

use crate::error::LabError;
use heap_trace::Recorder;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::OnceLock;
use tricolor::HeapBuilder;

/// Records kept: some 75 MB of them. A run of minutes drops what comes later, and says so.
const MOST: usize = 500_000;

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// A builder whose heaps are recorded, if a trace is asked for.
pub(crate) fn recorded(builder: HeapBuilder) -> HeapBuilder {
    match RECORDER.get() {
        Some(recorder) => recorder.record(builder, "lab"),
        None => builder,
    }
}

/// Begins to record, and makes sure that the file can be written.
///
/// # Errors
/// If it cannot.
pub(crate) fn begin(path: &Path) -> Result<(), LabError> {
    File::options().append(true).create(true).open(path).map_err(LabError::io("write", path))?;
    RECORDER.get_or_init(|| Recorder::new(MOST)).start();
    Ok(())
}

/// Ends it, and writes the file. Says what is in it.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn end(path: &Path) -> Result<String, LabError> {
    let Some(recorder) = RECORDER.get() else { return Ok(String::new()) };
    let recording = recorder.stop();
    let file = File::create(path).map_err(LabError::io("write", path))?;
    let mut out = BufWriter::new(file);
    recording.write_chrome(&mut out).and_then(|()| out.flush()).map_err(LabError::io("write", path))?;
    let dropped = match recording.dropped() {
        0 => String::new(),
        some => format!(", and {some} were dropped"),
    };
    Ok(format!("{}: {} records{dropped}", path.display(), recording.records().len()))
}
