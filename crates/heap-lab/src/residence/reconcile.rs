//! Why the resident size of a process is not what its heap says: the difference, part by part, at one moment.
//!
//! ```text
//!   heap:     in use + idle + metadata        what the heap keeps
//!           − never touched                   accessible, and no page of the kernel's behind it yet
//!           + released and still resident     none, unless the kernel gave a huge page where a small one was asked for
//!   process:  program and libraries, stacks, the allocator's memory
//!           ────────────────────────────
//!           = resident, but for what is unexplained
//! ```
//!
//! The heap says where its memory is (`Heap::mappings`) and in what state each page is (`Heap::stretches`); the kernel says
//! of each page whether it is resident. Everything else is attributed by the kernel's areas. Two of the attributions are
//! guesses about the C library, and say so: a mapping right above an inaccessible one is a thread's stack, and one that
//! begins at a multiple of 64 MiB is an arena of the allocator. Anonymous memory that is nobody's by these rules is not
//! guessed at: it is what remains unexplained.

use crate::error::LabError;
use crate::measure::resident::resident;
use crate::measure::smaps::{Area, Pagemap, areas, page_tables};
use crate::record::Table;
use crate::unit::{Unit, digits};
use std::ops::Range;
use tricolor::Heap;
use tricolor::core::accounting::{Accounting, Holds, Mapping, PageState, Stretch};
use tricolor::core::units::PAGE_BYTES;

/// What areas that are not the heap's are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Others {
    Files,
    MainStack,
    Stacks,
    Arenas,
    Kernel,
    Unknown,
}

/// Alignment of the arenas of glibc's allocator on 64-bit machines.
const ARENA: u64 = 64 << 20;
/// The longest inaccessible area that is taken for the guard of a stack.
const GUARD: u64 = 1 << 20;

impl Others {
    fn of(area: &Area, below: Option<&Area>) -> Self {
        let below = below.filter(|below| below.range.end == area.range.start);
        match area.name.as_str() {
            "[heap]" => Self::Arenas,
            "[stack]" => Self::MainStack,
            name if name.starts_with('/') => Self::Files,
            name if !name.is_empty() => Self::Kernel,
            // The part of a file's data that begins as zeros follows the file's own.
            _ if below.is_some_and(|below| below.name.starts_with('/')) => Self::Files,
            _ if below.is_some_and(|below| !below.is_accessible && length(&below.range) <= GUARD) => {
                Self::Stacks
            }
            _ if area.range.start.is_multiple_of(ARENA) => Self::Arenas,
            _ => Self::Unknown,
        }
    }
}

fn length(range: &Range<u64>) -> u64 {
    range.end - range.start
}

/// One line: what it is, what the heap says of it, what of it is resident.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    what: &'static str,
    said: Option<u64>,
    resident: u64,
}

/// The difference, part by part.
#[derive(Clone, Debug)]
pub(crate) struct Reconciliation {
    parts: Vec<Part>,
    /// Resident bytes of the process.
    pub(crate) resident: u64,
    /// Bytes that are attributed to nobody; below zero if more was attributed than is resident, which happens when memory is
    /// touched between two looks.
    pub(crate) unexplained: f64,
    /// Bytes of the heap in huge pages.
    pub(crate) huge: u64,
    /// Bytes of page tables, which no resident size counts.
    pub(crate) page_tables: u64,
}

fn pagemap() -> Result<Pagemap, LabError> {
    Pagemap::open(heap_core::os::host().os_page().get() as u64)
}

/// Whether this kernel tells enough.
pub(crate) fn is_possible() -> bool {
    pagemap().is_ok()
}

/// Takes everything apart, now. The heap should be at rest: what moves meanwhile is attributed to where it was or is.
///
/// # Errors
/// When the kernel does not tell: without `pagemap` there is no reconciliation.
pub(crate) fn reconcile(heap: &Heap) -> Result<Reconciliation, LabError> {
    let pagemap = pagemap()?;
    let (mappings, accounting, stretches) = (heap.mappings(), heap.accounting(), heap.stretches());
    let areas = areas()?;
    let total = resident()?;
    let states = of_states(&mappings, &stretches, &pagemap)?;
    let mut parts = of_heap(&accounting, states);
    let (tables, others, huge) = of_areas(&areas, &mappings, &pagemap)?;
    parts[3].resident = tables;
    parts.extend(others);
    let attributed: u64 = parts.iter().map(|part| part.resident).sum();
    Ok(Reconciliation {
        resident: total,
        unexplained: total as f64 - attributed as f64,
        huge,
        page_tables: page_tables()?,
        parts,
    })
}

/// Resident bytes of the pages in use, idle, released, as the heap calls them.
fn of_states(mappings: &[Mapping], stretches: &[Stretch], pagemap: &Pagemap) -> Result<[u64; 3], LabError> {
    let mut sums = [0; 3];
    for mapping in mappings.iter().filter(|mapping| mapping.holds == Holds::Objects) {
        for stretch in stretches {
            let start = (mapping.start.get() + stretch.first.offset().get()) as u64;
            let index = match stretch.state {
                PageState::InUse => 0,
                PageState::Idle => 1,
                PageState::Released => 2,
            };
            sums[index] += pagemap.resident(start..start + (stretch.pages.get() * PAGE_BYTES) as u64)?;
        }
    }
    Ok(sums)
}

fn of_heap(accounting: &Accounting, [in_use, idle, released]: [u64; 3]) -> Vec<Part> {
    let part = |what, said: tricolor::core::units::Bytes, resident| Part {
        what,
        said: Some(said.get() as u64),
        resident,
    };
    vec![
        part("heap: pages in use", accounting.in_use, in_use),
        part("heap: idle pages", accounting.idle, idle),
        part("heap: released pages", accounting.released, released),
        part("heap: metadata", accounting.metadata, 0),
    ]
}

/// What of the areas is the heap's tables', what is others', and what of the heap is in huge pages.
fn of_areas(
    areas: &[Area],
    mappings: &[Mapping],
    pagemap: &Pagemap,
) -> Result<(u64, Vec<Part>, u64), LabError> {
    let mut ours: Vec<(Range<u64>, Holds)> = mappings
        .iter()
        .map(|one| (one.start.get() as u64..(one.start.get() + one.len.get()) as u64, one.holds))
        .collect();
    ours.sort_by_key(|(range, _)| range.start);
    // The kernel joins neighbours into one area; so do we, to see whole areas as ours.
    ours.dedup_by(|next, last| {
        let joins = last.1 == next.1 && last.0.end == next.0.start;
        if joins {
            last.0.end = next.0.end;
        }
        joins
    });
    let (mut tables, mut huge) = (0, 0);
    let mut sums = [0_u64; 6];
    for (index, area) in areas.iter().enumerate().filter(|(_, area)| area.resident > 0) {
        let mut left = area.resident;
        for (range, holds) in &ours {
            let common = range.start.max(area.range.start)..range.end.min(area.range.end);
            if common.is_empty() {
                continue;
            }
            huge += area.huge;
            let of_it = if common == area.range { area.resident } else { pagemap.resident(common)? };
            left = left.saturating_sub(of_it);
            if *holds == Holds::Metadata {
                tables += of_it;
            }
        }
        sums[Others::of(area, index.checked_sub(1).map(|below| &areas[below])) as usize] += left;
    }
    let named = [
        (Others::Files, "process: the program, its libraries, their data"),
        (Others::MainStack, "process: the stack of the first thread"),
        (Others::Stacks, "process: stacks of threads (mappings above a guard)"),
        (Others::Arenas, "process: memory of the allocator (its first arena, and mappings at 64 MiB)"),
        (Others::Kernel, "process: the kernel's own mappings"),
    ];
    let others =
        named.iter().map(|(kind, what)| Part { what, said: None, resident: sums[*kind as usize] }).collect();
    Ok((tables, others, huge))
}

impl Reconciliation {
    /// What is unexplained, of what is resident.
    pub(crate) fn unexplained_share(&self) -> f64 {
        self.unexplained.abs() / self.resident as f64
    }

    /// The parts as a table.
    pub(crate) fn table(&self, caption: &str) -> Table {
        let mut table = Table::new(caption, ["", "the heap says", "resident", "never touched"]);
        let bytes = |value: u64| Unit::Bytes.show(value as f64);
        for part in &self.parts {
            let is_kept = part.said.is_some() && part.what != "heap: released pages";
            table.row([
                part.what.to_owned(),
                part.said.map_or_else(String::new, bytes),
                bytes(part.resident),
                part.said
                    .filter(|_| is_kept)
                    .map_or_else(String::new, |said| bytes(said.saturating_sub(part.resident))),
            ]);
        }
        let unexplained = format!("{} B", digits(self.unexplained));
        table.row([
            String::from("unexplained: anonymous memory of nobody known"),
            String::new(),
            unexplained,
        ]);
        table.row([String::from("resident, as the kernel sums up"), String::new(), bytes(self.resident)]);
        table.row([String::from("of the heap's, in huge pages"), String::new(), bytes(self.huge)]);
        table.row([
            String::from("page tables (in no resident size)"),
            String::new(),
            bytes(self.page_tables),
        ]);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(start: u64, end: u64, name: &str, is_accessible: bool) -> Area {
        Area { range: start..end, is_accessible, name: name.to_owned(), resident: 4096, huge: 0 }
    }

    #[test]
    fn areas_are_told_apart_by_name_and_by_what_lies_below_them() {
        let file = area(0x1000, 0x2000, "/bin/a", true);
        let guard = area(0x1000, 0x2000, "", false);
        let anonymous = area(0x2000, 0x3000, "", true);
        assert_eq!(Others::of(&anonymous, Some(&file)), Others::Files);
        assert_eq!(Others::of(&anonymous, Some(&guard)), Others::Stacks);
        assert_eq!(Others::of(&anonymous, None), Others::Unknown);
        assert_eq!(Others::of(&area(0x3000, 0x4000, "", true), Some(&guard)), Others::Unknown);
        assert_eq!(Others::of(&area(ARENA, ARENA + 0x1000, "", true), None), Others::Arenas);
        assert_eq!(Others::of(&area(0x1000, 0x2000, "[vdso]", true), None), Others::Kernel);
    }

    #[test]
    fn a_heap_that_was_filled_and_one_that_was_not_are_explained() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("the first");
        let root = mutator.enter(|mu| mu.root(mu.alloc_copy(&vec![1_u8; 2 << 20])));
        let full = match reconcile(&heap) {
            Ok(full) => full,
            Err(error) => {
                eprintln!("SKIPPED: {error}");
                return;
            }
        };
        assert!(full.parts[0].resident >= 2 << 20, "{full:?}");
        assert_eq!(full.parts[2].resident, 0, "{full:?}");
        assert!(
            full.parts[3].resident > 0 && full.parts[3].said.is_some_and(|said| said < 1 << 20),
            "{full:?}"
        );
        drop(root);
        heap.collect();
        let kept = reconcile(&heap).expect("as before");
        assert!(kept.parts[1].resident >= 2 << 20 && kept.parts[0].said == Some(0), "{kept:?}");
        assert!(heap.release_free_memory() >= 2 << 20);
        let back = reconcile(&heap).expect("as before");
        assert_eq!((back.parts[1].said, back.parts[1].resident), (Some(0), 0), "{back:?}");
        assert_eq!(back.table("").rows.len(), 4 + 5 + 4);
    }
}
