//! Generate: how the sizes of the table are chosen.
//!
//! The rules are those of Go's generator (`runtime/_mkmalloc/mksizeclasses.go` in Go 1.27), written anew:
//!
//! ```text
//!   walk    8, 16, 24, 32, 48, 64, ... 32768        steps grow with the size: fine where objects are many
//!   cut     one page, or as many as keep the tail at an eighth of the span or less
//!   merge   a size packed exactly as the one before replaces it: same span, same slots, larger slots
//!   widen   a slot grows to its share of the span, rounded down to 128 bytes: a smaller tail for nothing
//! ```
//!
//! Invariants
//!   I1  every walked size up to [`MAX_SMALL`] is held by some row: merging and widening only grow slots;
//!   I2  rows rise strictly in size.
//!
//! Nothing at run time calls this: the test of `table.rs` does, and whoever explains a class. It allocates
//! and is not fast.
#![forbid(unsafe_code)]

use super::MAX_SMALL;
use crate::units::PAGE_BYTES;

/// The least that any object is aligned to.
const MIN_ALIGN: usize = 8;
/// A widened slot keeps at least this alignment.
const WIDE_ALIGN: usize = 128;
/// The tail of a span may be one part in so many.
const TAIL_PART: usize = 8;

/// One class, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Bytes of a slot.
    pub size: usize,
    /// Pages of a span.
    pub span_pages: usize,
    /// Slots of a span.
    pub slots: usize,
    /// The sizes of the walk that ended in this row, upwards: more than one if rows were merged. The last is the
    /// slot size before it was widened.
    pub walked: Vec<usize>,
}

impl Row {
    /// Whether the slot was made larger than the walk made it, to use up the tail.
    #[must_use]
    pub fn is_widened(&self) -> bool {
        self.walked.last() != Some(&self.size)
    }

    /// The number that divides by the slot size: `ceil(2^32 / size)`.
    #[must_use]
    pub fn magic(&self) -> u64 {
        (1u64 << 32).div_ceil(self.size as u64)
    }
}

/// The classes of small objects, upwards: row `i` is class `i + 1`.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for size in walk() {
        let row = cut(size);
        match rows.last_mut() {
            Some(last) if last.span_pages == row.span_pages && last.slots == row.slots => {
                last.size = size;
                last.walked.push(size);
            }
            _ => rows.push(row),
        }
    }
    for row in &mut rows {
        row.size = row.size.max(widened(row));
    }
    rows
}

/// The sizes to begin with, upwards to [`MAX_SMALL`].
fn walk() -> impl Iterator<Item = usize> {
    let mut step = MIN_ALIGN;
    core::iter::successors(Some(MIN_ALIGN), move |&size| {
        step = step_after(size, step);
        Some(size + step)
    })
    .take_while(|&size| size <= MAX_SMALL)
}

/// The distance to the next size. It changes at powers of two only, so that sizes stay multiples of it.
fn step_after(size: usize, step: usize) -> usize {
    match size {
        _ if !size.is_power_of_two() => step,
        2048.. => 256,
        128.. => size / 8,
        32.. => 16,
        _ => step,
    }
}

/// A span for slots of this size: the fewest pages whose tail is small enough.
fn cut(size: usize) -> Row {
    let span_pages = (1..)
        .find(|pages| {
            let span = pages * PAGE_BYTES;
            span >= size && span % size <= span / TAIL_PART
        })
        .expect("as many pages as the size has bytes leave no tail");
    Row { size, span_pages, slots: span_pages * PAGE_BYTES / size, walked: vec![size] }
}

/// A slot's share of its span.
fn widened(row: &Row) -> usize {
    let share = row.span_pages * PAGE_BYTES / row.slots;
    share - share % WIDE_ALIGN
}
