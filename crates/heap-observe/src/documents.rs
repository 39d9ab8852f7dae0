//! The documents that take longer than some microseconds: the map of a heap, its census, its profile.
//!
//! They are made on a thread beside the server's loop ([`crate::desk`]), so that `/metrics` never waits for them.
#![forbid(unsafe_code)]

use crate::limits::Limits;
use crate::picture;
use crate::reply::{Kind, Reply, Status};
use crate::watched::Watched;
use core::time::Duration;
use heap_gc::{Census, Heap};
use heap_profile::Shown;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// A document that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Document {
    /// `/heap.json`, with at most so many cells.
    Picture { cells: usize },
    /// `/census.json`.
    Census,
    /// `/debug/pprof/heap` or `allocs`; as text if that is wanted.
    Profile { shown: Shown, is_text: bool },
}

/// How long a census is waited for before the next look whether the server shall end.
const SLICE: Duration = Duration::from_millis(20);

impl Document {
    /// Makes it, of that heap among those that are watched; gives up when `quits`.
    pub(crate) fn make(
        self,
        watched: &Watched,
        all: &[Watched],
        limits: &Limits,
        quits: &AtomicBool,
    ) -> Reply {
        let Some(heap) = watched.heap.upgrade() else { return Reply::error(Status::Gone) };
        match self {
            Self::Picture { cells } => as_json(&picture::of(watched, &heap, all, cells)),
            Self::Census => census_in_time(&heap, limits.census_time, quits).map_or_else(
                || Reply::error(Status::Unavailable),
                |census| as_json(&census_document(watched.name(), &census)),
            ),
            Self::Profile { shown, is_text } => profile(watched, &heap, shown, is_text),
        }
    }
}

fn as_json(value: &Value) -> Reply {
    Reply::of(Kind::Json, value.to_string().into_bytes())
}

/// A census, if there is one within that time, and the server does not end first.
fn census_in_time(heap: &Heap, limit: Duration, quits: &AtomicBool) -> Option<Census> {
    let begun = Instant::now();
    loop {
        if let Some(census) = heap.census_within(SLICE.min(limit)) {
            return Some(census);
        }
        if begun.elapsed() >= limit || quits.load(Relaxed) {
            return None;
        }
    }
}

fn census_document(name: &str, census: &Census) -> Value {
    let types: Vec<_> = census
        .types()
        .iter()
        .map(|kind| json!([kind.label, kind.alive.objects, kind.alive.bytes.get()]))
        .collect();
    let layouts: Vec<_> = census
        .layouts
        .iter()
        .map(|layout| {
            json!({
                "id": layout.id.index(),
                "label": layout.label,
                "size": layout.class.size().get(),
                "objects": layout.alive.objects,
                "bytes": layout.alive.bytes.get(),
            })
        })
        .collect();
    json!({
        "heap": name,
        "cycle": census.cycle,
        "objects": census.total.objects,
        "bytes": census.total.bytes.get(),
        "types": types,
        "layouts": layouts,
    })
}

fn profile(watched: &Watched, heap: &Heap, shown: Shown, is_text: bool) -> Reply {
    let Some(profiler) = &watched.profiler else {
        return Reply {
            status: Status::NotFound,
            kind: Kind::Text,
            body: b"This heap has no profiler: see HeapBuilder::sampler and Watched::profiler.\n".into(),
        };
    };
    let profile = profiler.profile(watched.name(), heap);
    let mut bytes = Vec::new();
    let (kind, written) = match (is_text, shown) {
        (true, Shown::InUse) => (Kind::Text, profile.write_folded(&mut bytes, |counts| counts.in_use.bytes)),
        (true, Shown::Allocated) => {
            (Kind::Text, profile.write_folded(&mut bytes, |counts| counts.allocated.bytes))
        }
        (false, Shown::InUse) => {
            (Kind::Profile("heap.pb.gz"), profile.write_pprof_showing(&mut bytes, shown))
        }
        (false, Shown::Allocated) => {
            (Kind::Profile("allocs.pb.gz"), profile.write_pprof_showing(&mut bytes, shown))
        }
    };
    match written {
        Ok(()) => Reply::of(kind, bytes),
        Err(_) => Reply::error(Status::Failed),
    }
}
