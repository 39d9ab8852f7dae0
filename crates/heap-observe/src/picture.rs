//! `/heap.json`: what the page draws. The map as cells, the classes, the curve, the last cycles.
//!
//! Numbers of a cell and points of the curve are arrays and not objects, to be short: the cells of a heap of 10 GiB are some 100 KB.
//! What stands where is said in `fields`.
#![forbid(unsafe_code)]

use crate::recorder::{CycleSeen, History, Point, millis};
use crate::resident::resident;
use crate::watched::{Snapshot, Watched};
use heap_gc::{Heap, LayoutUse, SpanUse, Tile, Tiles};
use serde_json::{Value, json};
use std::time::SystemTime;

/// Cells, unless another number is asked for.
pub(crate) const CELLS: usize = 2048;
/// Cells, at most.
pub(crate) const MOST_CELLS: usize = 8192;

/// What the numbers of a cell are. Pages, but for the last four.
const CELL_FIELDS: [&str; 10] =
    ["scan", "noscan", "held", "frames", "released", "idle", "spans", "lone", "occupied", "layout"];

/// The document.
pub(crate) fn of(watched: &Watched, heap: &Heap, all: &[Watched], cells: usize) -> Value {
    let snapshot = Snapshot::of(heap);
    let tiles = heap.tiles(cells.clamp(1, MOST_CELLS));
    let history = watched.recorder.copy();
    json!({
        "heap": watched.name,
        "heaps": all.iter().map(Watched::name).collect::<Vec<_>>(),
        "at": millis(SystemTime::now()),
        "has_profiler": watched.profiler.is_some(),
        "figures": figures(&snapshot),
        "map": map(&tiles),
        "layouts": snapshot.fragmentation.layouts.iter().map(layout).collect::<Vec<_>>(),
        "classes": classes(&snapshot),
        "curve": curve(&history),
        "cycles": history.cycles.iter().map(cycle).collect::<Vec<_>>(),
        "notes": history.notes.iter().map(|note| json!({ "at": note.at, "text": note.text })).collect::<Vec<_>>(),
    })
}

fn figures(of: &Snapshot) -> Value {
    let (figures, accounting, spans) = (&of.figures, &of.accounting, &of.fragmentation.total);
    json!({
        "alloc": figures.memory.heap_alloc.get(),
        "objects": figures.memory.heap_objects,
        "in_use": accounting.in_use.get(),
        "frames": accounting.frames.get(),
        "idle": accounting.idle.get(),
        "released": accounting.released.get(),
        "metadata": accounting.metadata.get(),
        "reserved": accounting.reserved.get(),
        "external": figures.external.get(),
        "goal": finite(figures.goal.get()),
        "resident": resident(),
        "allocated_ever": figures.memory.total_alloc.get(),
        "cycles": figures.cycles,
        "cpu": figures.gc_cpu_fraction,
        "mutators": figures.mutators,
        "roots": figures.roots,
        "fragmentation": figures.memory.fragmentation(),
        "at_rest": spans.ratio(),
        "spans": spans.spans,
        "lone": spans.lone,
        "pinned": spans.pinned.get(),
        "pauses": pauses(of),
    })
}

/// What mutators felt; null where that is not measured.
fn pauses(of: &Snapshot) -> Value {
    let felt = &of.figures.mutator_pauses;
    if felt.count == 0 {
        return Value::Null;
    }
    json!({
        "count": felt.count,
        "p50": felt.p50.as_secs_f64(),
        "p99": felt.p99.as_secs_f64(),
        "p999": felt.p999.as_secs_f64(),
        "max": felt.max.as_secs_f64(),
    })
}

/// A size, or null for one that is never reached.
fn finite(bytes: usize) -> Value {
    if bytes == usize::MAX { Value::Null } else { bytes.into() }
}

fn map(tiles: &Tiles) -> Value {
    json!({
        "cell_pages": tiles.pages.get(),
        "cell_bytes": tiles.pages.bytes().get(),
        "fields": CELL_FIELDS,
        "cells": tiles.tiles.iter().map(cell).collect::<Vec<_>>(),
    })
}

fn cell(tile: &Tile) -> Value {
    json!([
        tile.scan.get(),
        tile.noscan.get(),
        tile.held.get(),
        tile.frames.get(),
        tile.released.get(),
        tile.idle.get(),
        tile.spans,
        tile.lone,
        tile.occupied.get(),
        tile.layout.map(|layout| layout.index()),
    ])
}

fn layout(of: &LayoutUse) -> Value {
    json!({
        "id": of.id.index(),
        "name": of.name,
        "size": of.class.size().get(),
        "noscan": of.is_noscan,
        "drop": of.has_drop,
        "spans": of.spans.spans,
    })
}

fn classes(of: &Snapshot) -> Vec<Value> {
    let by_size = &of.figures.memory.by_size;
    let used = of.fragmentation.classes.iter().zip(by_size).filter(|(spans, _)| spans.spans > 0);
    used.map(|(spans, size)| class(size.size.get(), spans)).collect()
}

fn class(size: usize, of: &SpanUse) -> Value {
    json!({
        "size": size,
        "spans": of.spans,
        "held": of.held,
        "lone": of.lone,
        "full": of.full,
        "in_use": of.in_use().get(),
        "occupied": of.occupied.get(),
        "pinned": of.pinned.get(),
        "tail": of.tail.get(),
        "ratio": of.ratio(),
        "tenths": of.tenths,
    })
}

fn curve(history: &History) -> Value {
    let column = |of: fn(&Point) -> Value| history.points.iter().map(of).collect::<Vec<_>>();
    json!({
        "at": column(|point| point.at.into()),
        "alloc": column(|point| point.alloc.into()),
        "in_use": column(|point| point.in_use.into()),
        "goal": column(|point| finite(point.goal)),
        "released": column(|point| point.released.into()),
        "resident": column(|point| point.resident.into()),
    })
}

fn cycle(of: &CycleSeen) -> Value {
    let rounds: Vec<_> = of
        .rounds
        .iter()
        .map(|round| json!([round.name, round.wall.as_secs_f64(), round.slowest.as_secs_f64()]))
        .collect();
    json!({
        "number": of.number,
        "reason": of.reason,
        "ended": of.ended,
        "wall": of.wall.as_secs_f64(),
        "mark": of.mark.as_secs_f64(),
        "pause": of.pause.as_secs_f64(),
        "slowest": of.slowest().as_secs_f64(),
        "mark_cpu": of.mark_cpu.as_secs_f64(),
        "assist_cpu": of.assist_cpu.as_secs_f64(),
        "rounds": rounds,
        "before": of.before,
        "live": of.live,
        "goal": finite(of.goal),
    })
}
