//! What a memory says of itself: figures, where its address space went, and how full its spans are.
//!
//! All of it is for readers beside the program. Nothing here stops anybody, and locks are held for as long as it takes to read
//! numbers: that of the pages ([`Memory::accounting`]), that of the span records, that of the tallies ([`crate::tally`]), those of a layout's shards.

use super::Memory;
use crate::accounting::{Accounting, Holds, Mapping, PageState, Stretch};
use crate::figures::{BySize, MemoryFigures};
use crate::fragmentation::Fragmentation;
use crate::layout::FIXED_LAYOUTS;
use crate::meta::TableAccount;
use crate::size_class::SizeClass;
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::{Addr, Bytes, Pages, wide};

impl Memory {
    /// A snapshot of the figures.
    #[must_use]
    pub fn figures(&self) -> MemoryFigures {
        let counters = self.pages.counters();
        let (grown, released) = self.pages.page_figures();
        let totals = self.totals();
        let mut by_size = [BySize::default(); SizeClass::COUNT];
        let (mut total, mut live) = (Bytes::ZERO, Bytes::ZERO);
        for (index, class) in by_size.iter_mut().enumerate() {
            class.frees = totals.frees[index];
            class.mallocs = totals.allocs[index].max(class.frees);
            if index > 0 {
                class.size =
                    SizeClass::new(u8::try_from(index).unwrap_or(0)).map_or(Bytes::ZERO, SizeClass::size);
                total += Bytes::new(class.size.get() * wide(class.mallocs));
                live += Bytes::new(class.size.get() * wide(class.mallocs - class.frees));
            }
        }
        let large_frees = counters.large_free_bytes.load(Relaxed);
        let large = counters.large_alloc_bytes.load(Relaxed).max(large_frees);
        total += Bytes::new(wide(large));
        live += Bytes::new(wide(large - large_frees));
        let tiny_allocs = counters.tiny_allocs.load(Relaxed);
        let slots: u64 = by_size.iter().map(|class| class.mallocs).sum();
        let freed: u64 = by_size.iter().map(|class| class.frees).sum();
        let heap_sys = grown.bytes();
        let heap_inuse = Bytes::new(counters.in_spans().get().min(heap_sys.get()));
        let frames = Bytes::new(counters.frames.load(Relaxed).min((heap_sys - heap_inuse).get()));
        let heap_idle = heap_sys - heap_inuse - frames;
        let span_sys = self.pages.record_bytes();
        MemoryFigures {
            heap_alloc: live,
            total_alloc: total,
            mallocs: slots + tiny_allocs,
            frees: freed + tiny_allocs,
            heap_objects: slots - freed,
            tiny_allocs,
            heap_sys,
            frames,
            heap_idle,
            heap_inuse,
            heap_released: released.bytes().min(heap_idle),
            span_sys,
            sys: heap_sys + span_sys,
            reserved: self.pages.space().len(),
            refills: totals.refills,
            runs: counters.runs.load(Relaxed),
            spans_made: counters.spans_made.load(Relaxed),
            spans_swept: totals.swept,
            page_cache_hits: counters.page_cache_hits.load(Relaxed),
            spans: counters.spans.load(Relaxed) as u64,
            by_size,
        }
    }

    /// How full the spans are, by layout and by class. Takes each layout's locks for a moment, and time in proportion to the layouts in use, not to the
    /// heap.
    #[must_use]
    pub fn fragmentation(&self) -> Fragmentation {
        let mut all = Fragmentation::new();
        for entry in self.all_entries() {
            all.add(entry.id(), entry.layout(), &entry.occupancy());
        }
        all
    }

    /// Where every byte of the address space is.
    #[must_use]
    pub fn accounting(&self) -> Accounting {
        let (mut tables, mut metadata) = (Bytes::ZERO, Bytes::ZERO);
        for table in self.tables() {
            tables += table.mapping.len;
            metadata += table.used;
        }
        let mut accounting = self.pages.accounting();
        accounting.address_space += tables;
        accounting.reserved += tables - metadata;
        accounting.metadata = metadata;
        accounting
    }

    fn tables(&self) -> Vec<TableAccount> {
        let mut tables = self.pages.tables();
        tables.push(self.entries.account(FIXED_LAYOUTS + self.registered.lock().len()));
        tables
    }

    /// The parts of the process's address space that are this memory's.
    #[must_use]
    pub fn mappings(&self) -> Vec<Mapping> {
        let space = self.pages.space();
        let start = Addr::new(space.base().addr().get());
        let objects = Mapping { start, len: space.len(), holds: Holds::Objects };
        core::iter::once(objects).chain(self.tables().iter().map(|table| table.mapping)).collect()
    }

    /// The state of every page that the heap has grown to, lowest first, as stretches that differ from their neighbours.
    /// Looks at every page: some milliseconds for each GiB. While mutators run, a page may have moved on when it is told.
    #[must_use]
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut all: Vec<Stretch> = Vec::new();
        self.pages.each_page(|page, state: PageState| match all.last_mut() {
            Some(last) if last.state == state => last.pages += Pages::new(1),
            Some(_) | None => all.push(Stretch { first: page, pages: Pages::new(1), state }),
        });
        all
    }
}

#[cfg(test)]
mod tests;
