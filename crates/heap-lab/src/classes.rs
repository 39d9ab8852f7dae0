//! Classes: the table of size classes, as text, as CSV, and one class explained.
//!
//! Everything is computed from [`heap_core::size_class`], the table that the allocator itself uses; an explanation
//! replays the generator's reasoning for that class (which sizes were walked, why so many pages, what was widened).
//! The CSV has the columns of Go's published table that mean something here; Go's counts of objects differ, because
//! Go keeps bitmaps inside its spans, and so does its largest pointerful object, because Go puts a header before it.

use crate::error::LabError;
use crate::unit::digits;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use heap_core::size_class::{MAX_SMALL, SizeClass, generate};
use heap_core::units::PAGE_BYTES;
use std::fmt::Write as _;

/// How the classes are to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// The whole table.
    Table,
    /// The whole table as comma-separated values.
    Csv,
    /// These classes, in sentences. Each is a class number (`3`) or a request in bytes (`100B`).
    Explain(Vec<String>),
}

/// The text that was asked for, ending in a newline.
///
/// # Errors
/// When a class to explain does not exist.
pub(crate) fn show(show: &Show) -> Result<String, LabError> {
    match show {
        Show::Table => Ok(table()),
        Show::Csv => Ok(csv()),
        Show::Explain(names) => {
            let parts: Result<Vec<String>, LabError> =
                names.iter().map(|name| class_named(name).map(explain)).collect();
            Ok(parts?.join("\n"))
        }
    }
}

/// The class that `name` means: a number from 1 to 67, or a request such as `100B`.
fn class_named(name: &str) -> Result<SizeClass, LabError> {
    let wrong = || {
        LabError::Argument(format!(
            "`{name}` is no size class: give a number from 1 to {}, or a request from 1B to {MAX_SMALL}B",
            SizeClass::COUNT - 1
        ))
    };
    let class = match name.strip_suffix(['B', 'b']) {
        Some(bytes) => bytes.parse().ok().filter(|bytes| *bytes > 0).map(SizeClass::for_bytes),
        None => name.parse().ok().and_then(SizeClass::new),
    };
    class.filter(|class| !class.is_large()).ok_or_else(wrong)
}

fn table() -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["class", "slot", "pages", "slots", "tail", "worst waste", "align"]);
    for class in SizeClass::small() {
        table.add_row([
            class.get().to_string(),
            digits(class.size().get() as f64),
            class.span_pages().get().to_string(),
            digits(f64::from(class.slots())),
            class.tail_waste().get().to_string(),
            format!("{:.2} %", class.max_waste_percent()),
            digits(class.align() as f64),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut out: String = table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let _ = writeln!(
        out,
        "\nBytes, in spans of {PAGE_BYTES}-byte pages. A request takes the smallest slot that holds it; above \
         {MAX_SMALL} bytes an object has a span of its own.\nheap-lab classes --explain 3 100B says why a class is as it is."
    );
    out
}

fn csv() -> String {
    let mut out = String::from(
        "class,size_bytes,span_bytes,span_pages,objects_nominal,tail_waste_bytes,max_waste_percent,min_align,\
         div_magic,max_internal_waste_per_object\n0,0,0,0,0,0,0.00,0,0,0\n",
    );
    for class in SizeClass::small() {
        let _ = writeln!(
            out,
            "{},{},{},{},{},{},{:.2},{},{},{}",
            class.get(),
            class.size().get(),
            class.span_bytes().get(),
            class.span_pages().get(),
            class.slots(),
            class.tail_waste().get(),
            class.max_waste_percent(),
            class.align(),
            class.magic(),
            class.max_slot_waste().get(),
        );
    }
    out
}

/// Why a class is as it is, in sentences that end in a newline.
pub(crate) fn explain(class: SizeClass) -> String {
    let rows = generate::rows();
    let row = &rows[class.index() - 1];
    let (size, pages, slots) = (row.size, row.span_pages, row.slots);
    let span = pages * PAGE_BYTES;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "class {}: {} bytes a slot, {} a span, {} slots",
        class.get(),
        digits(size as f64),
        if pages == 1 { String::from("1 page") } else { format!("{pages} pages") },
        digits(slots as f64)
    );
    let _ = writeln!(
        out,
        "  serves   requests of {} to {} bytes; the smallest leaves {} bytes of its slot unused",
        class.smallest_request().get(),
        size,
        class.max_slot_waste().get()
    );
    let _ = writeln!(
        out,
        "  span     {pages} × {PAGE_BYTES} = {span} bytes = {slots} × {size} + a tail of {} bytes",
        span - slots * size
    );
    let _ = writeln!(out, "  pages    {}", why_pages(row));
    if row.walked.len() > 1 {
        let _ = writeln!(
            out,
            "  merged   the sizes {} cut a span into the same {slots} slots, so the largest stands for all",
            row.walked.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
        );
    }
    if let Some(last) = row.walked.last().filter(|_| row.is_widened()) {
        let _ = writeln!(
            out,
            "  widened  from {last}: {span} / {slots}, rounded down to a multiple of 128, is {size} and costs nothing"
        );
    }
    let _ = writeln!(
        out,
        "  waste    at worst {:.2} % of a span: every slot holds a request of {} bytes, and the tail is lost",
        class.max_waste_percent(),
        class.smallest_request().get()
    );
    let _ = writeln!(
        out,
        "  slot     number of an address: (offset × {}) >> 32, instead of a division by {size}; slots start at multiples of {}",
        row.magic(),
        class.align()
    );
    out
}

/// Why a span of this class has as many pages as it has: fewer would leave too large a tail.
fn why_pages(row: &generate::Row) -> String {
    // The pages were chosen for the size as walked, before the slot was widened.
    let size = row.walked.last().copied().unwrap_or(row.size);
    let tails: Vec<String> = (1..=row.span_pages)
        .map(|pages| {
            let span = pages * PAGE_BYTES;
            let tail = span % size;
            if size > span {
                format!("{pages} does not hold one slot of {size}")
            } else if tail > span / 8 {
                format!("{pages} would leave {tail} of {span} bytes, more than an eighth")
            } else {
                format!("{pages} leaves {tail} of {span} bytes: an eighth or less")
            }
        })
        .collect();
    tails.join("; ")
}

#[cfg(test)]
mod tests;
