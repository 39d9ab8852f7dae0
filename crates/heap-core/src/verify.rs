//! The verifier of a heap's memory: walks everything and reports what does not hold, by name.
//!
//! It is the slow, plain reading of the tables: no quick road, no tricks. It runs while nobody else touches the heap
//! (every mutator held, every run handed back, every span swept), on request or in debugging modes, in any build.
//!
//! | name | what must hold |
//! |---|---|
//! | A2 | a page of a span in use has it as owner, and is in use in the page bitmap; any other page has no owner |
//! | A3 | spans do not overlap; their pages add up to the bytes in use, and with those of frames and at a scavenger's to those in use in the bitmap |
//! | A4 | the pages of frames are in use in the bitmap, in no span and in one frame, and add up to what is counted |
//! | B | the page allocator's own invariants ([`crate::page::PageAlloc::check`]) |
//! | C1 | slots and stride are those of the layout's class |
//! | C2 | the count of allocated slots is the number of ones |
//! | C4 | no alloc bit at or above the number of slots |
//! | C5 | every span in use is swept in the current generation |
//! | C6 | a span's home is the one list it is on, once |
//! | C8 | a free slot of a span that is not dirty is zero; with poisoning, one of a dirty span is poison |
//! | C9 | a span without allocated slots has gone back to the page heap, unless it came from a mutator just now |
//! | C10 | a slot with the mark of the last epoch is in a span that says that one of its slots was reached in it |
//! | D1 | no mask bit at or past the end of the slot |
//! | D2 | an exact word is null or leads into an allocated slot of this heap |
//! | D3 | a noscan layout has an all-zero scan word |
//! | B8 | each page is in one state, as often as is counted, and all states add up to the address space ([`crate::accounting`]) |
//! | I2 | of each layout as many spans rest at each level of occupancy as are counted |
//! | I3 | how full the spans are adds up by layout, by class, and to the bytes in use ([`crate::fragmentation`]) |
//! | I1, B6 | the figures add up ([`crate::figures::MemoryFigures::check`]) |

use crate::central::Entry;
use crate::layout::{Extent, LayoutId};
use crate::memory::Memory;
use crate::occupancy::{Occupancy, Resting};
use crate::page::CHUNK_PAGES;
use crate::size_class::SizeClass;
use crate::span::claim::is_swept;
use crate::span::marks::{DROPPED, QUEUED};
use crate::span::{Home, Span, SpanId, slots};
use crate::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed},
};
use crate::units::{Bytes, PageIndex, Pages, WORD_BYTES, narrow};
use core::ptr::NonNull;
use std::collections::HashMap;

/// Something that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The invariant's name.
    pub name: &'static str,
    /// The figures that show it.
    pub what: String,
}

impl core::fmt::Display for Violation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.name, self.what)
    }
}

/// A word of an object, as its layout sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// Null or a reference.
    Exact(usize),
    /// Anything.
    Ambiguous(usize),
}

/// Calls `visit` with every word of an object that may hold a reference: the plain form of the marker's scan.
/// References that a trace function reports come as exact words.
///
/// The slot is allocated and initialised, and the words that its masks name are written by atomics only, if at all.
pub fn each_word(memory: &Memory, span: &Span, slot: u32, visit: impl FnMut(usize, Word)) {
    /// # Safety
    /// 1. `at` is aligned and valid for reads, and who writes there meanwhile does so by atomics.
    unsafe fn atomic(at: NonNull<usize>) -> usize {
        // SAFETY: duty 1.
        unsafe { AtomicUsize::from_ptr(at.as_ptr()) }.load(Acquire)
    }
    each_word_read(memory, span, slot, atomic, visit);
}

/// The same with a way to read: others may write to the object, if that is one for it. `read` is called with words of the object.
pub fn each_word_read(
    memory: &Memory,
    span: &Span,
    slot: u32,
    read: unsafe fn(NonNull<usize>) -> usize,
    mut visit: impl FnMut(usize, Word),
) {
    let layout = memory.entry_of(span).layout();
    let object = memory.slot_ptr(span, slot);
    let word_at = |index: usize| -> usize {
        // SAFETY: the index is below the slot's words by D1 and the loops below; the memory is ready.
        let at = unsafe { object.cast::<usize>().add(index) };
        // SAFETY: aligned, and valid for reads; who writes meanwhile does so as `read` is ready for.
        unsafe { read(at) }
    };
    if let Some(trace) = layout.trace {
        // SAFETY: an allocated, initialised slot of the function's layout; what it reads does not change.
        unsafe { (trace.0)(object.as_ptr(), &mut |word| visit(usize::MAX, Word::Exact(word))) };
    }
    if layout.exact.is_empty() && layout.ambiguous.is_empty() {
        return;
    }
    let period = (layout.period as usize).max(1);
    let words = span.used().get() / WORD_BYTES;
    let (from, to) = match layout.extent {
        Extent::Object => (0, period),
        Extent::Whole => (0, words),
        Extent::Slice { header } => (header as usize, header as usize + word_at(0) * period),
    };
    for base in (from..to).step_by(period) {
        for offset in 0..period {
            let has =
                |blocks: &[u64]| blocks.get(offset / 64).is_some_and(|block| block >> (offset % 64) & 1 == 1);
            let index = base + offset;
            if index < words && has(&layout.exact) {
                visit(index, Word::Exact(word_at(index)));
            } else if index < words && has(&layout.ambiguous) {
                visit(index, Word::Ambiguous(word_at(index)));
            }
        }
    }
}

/// Calls `f` with every span in use.
pub fn each_span(memory: &Memory, mut f: impl FnMut(SpanId, &Span)) {
    for number in 0..memory.pages().spans_high() {
        let id = SpanId::new(narrow(number));
        let span = memory.map().span(id);
        if span.home() != Home::Free {
            f(id, span);
        }
    }
}

/// Walks the whole memory. See the module's text; an empty answer is a sound heap.
#[must_use]
pub fn check(memory: &Memory) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |name: &'static str, what: String| {
        // One broken table breaks thousands of rows; the first ones tell the story.
        if found.len() < 50 {
            found.push(Violation { name, what });
        }
    };
    pages(memory, &mut report);
    homes(memory, &mut report);
    each_span(memory, |id, span| one_span(memory, id, span, &mut report));
    counters(memory, &mut report);
    accounting(memory, &mut report);
    occupancy(memory, &mut report);
    if let Err(what) = memory.figures().check() {
        report("I1", what);
    }
    found
}

type Report<'a> = dyn FnMut(&'static str, String) + 'a;

fn pages(memory: &Memory, report: &mut Report<'_>) {
    let map = memory.map();
    let mut owner: HashMap<usize, SpanId> = HashMap::new();
    let mut in_spans = Pages::ZERO;
    each_span(memory, |id, span| {
        in_spans += span.pages();
        for page in span.first().get()..span.first().plus(span.pages()).get() {
            if let Some(other) = owner.insert(page, id) {
                report("A3", format!("page {page} is in spans {other:?} and {id:?}"));
            }
            if map.owner(PageIndex::new(page)) != Some(id) {
                report(
                    "A2",
                    format!("page {page} of {id:?} has owner {:?}", map.owner(PageIndex::new(page))),
                );
            }
        }
    });
    let counted = memory.pages().counters().in_spans();
    if in_spans.bytes() != counted {
        report("A3", format!("{} bytes in spans, {} counted", in_spans.bytes().get(), counted.get()));
    }
    let in_frames = frames(memory, &owner, report);
    memory.pages().with_pages(|all| {
        if let Err(what) = all.check() {
            report("B", what.to_string());
        }
        // Exact: a scavenger moves pages away and back under the lock held here.
        let away = memory.pages().away();
        if all.in_use() != in_spans + in_frames + away {
            report(
                "A3",
                format!(
                    "{:?} in use in the bitmap, {in_spans:?} in spans, {in_frames:?} in frames, {away:?} away",
                    all.in_use()
                ),
            );
        }
        for page in 0..all.grown().get() {
            if !owner.contains_key(&page)
                && let Some(id) = map.owner(PageIndex::new(page))
            {
                report("A2", format!("page {page} is in no span and has owner {id:?}"));
            }
        }
    });
}

/// A4. Says how many pages are in frames.
fn frames(memory: &Memory, owner: &HashMap<usize, SpanId>, report: &mut Report<'_>) -> Pages {
    let mut sum = Pages::ZERO;
    let mut above = PageIndex::new(0);
    for run in memory.pages().frame_runs() {
        sum += run.pages;
        if run.base < above {
            report("A4", format!("{run:?} is in two frames"));
        }
        above = run.base.plus(run.pages);
        for page in run.base.get()..above.get() {
            let is_in_use = memory.pages().with_pages(|all| {
                let (chunk, at) = (page / CHUNK_PAGES.get(), page % CHUNK_PAGES.get());
                all.bitmaps(chunk).0[at / 64] >> (at % 64) & 1 == 1
            });
            if !is_in_use || owner.contains_key(&page) {
                let span = owner.get(&page);
                report(
                    "A4",
                    format!("page {page} of a frame is in use: {is_in_use}, and in a span: {span:?}"),
                );
            }
        }
    }
    let counted = memory.pages().counters().frames.load(Relaxed);
    if sum.bytes().get() != counted {
        report("A4", format!("{} bytes in frames, {counted} counted", sum.bytes().get()));
    }
    sum
}

/// I1 and B6, on the counters themselves: a snapshot of the figures is made plausible before it is shown.
fn counters(memory: &Memory, report: &mut Report<'_>) {
    let mut allocated = [0_u64; SizeClass::COUNT];
    let mut large = Bytes::ZERO;
    each_span(memory, |_, span| {
        allocated[memory.entry_of(span).layout().class.index()] += u64::from(span.allocated());
        if span.is_large() {
            large += span.pages().bytes();
        }
    });
    let (counters, totals) = (memory.pages().counters(), memory.totals());
    for (class, &allocated) in allocated.iter().enumerate() {
        let (allocs, frees) = (totals.allocs[class], totals.frees[class]);
        if allocs.wrapping_sub(frees) != allocated {
            report(
                "I1",
                format!("class {class}: {allocs} allocated - {frees} freed, {allocated} in the spans"),
            );
        }
    }
    let (allocs, frees) = (counters.large_alloc_bytes.load(Relaxed), counters.large_free_bytes.load(Relaxed));
    if allocs.wrapping_sub(frees) != large.get() as u64 {
        report(
            "I1",
            format!("{allocs} bytes of large objects - {frees} freed, {} in the spans", large.get()),
        );
    }
    let (grown, released) = memory.pages().page_figures();
    let inuse = counters.inuse.load(Relaxed);
    if inuse > grown.bytes().get() || released.bytes().get() > grown.bytes().get() - inuse {
        report("B6", format!("{inuse} bytes in use and {released:?} released of {grown:?}"));
    }
}

/// B8, page by page.
fn accounting(memory: &Memory, report: &mut Report<'_>) {
    let told = memory.accounting();
    if let Err(what) = told.check() {
        report("B8", what);
    }
    if let Err(what) = memory.pages().check_accounting() {
        report("B8", what);
    }
    let space: Bytes = memory.mappings().iter().map(|mapping| mapping.len).sum();
    if space != told.address_space {
        report("B8", format!("{space:?} are mapped, {:?} counted", told.address_space));
    }
}

/// I2 and I3. Spans in a mutator's hands are held, all others rest.
fn occupancy(memory: &Memory, report: &mut Report<'_>) {
    let mut found: HashMap<LayoutId, (usize, Occupancy)> = HashMap::new();
    each_span(memory, |_, span| {
        let (spans, layout) = found.entry(memory.entry_of(span).id()).or_default();
        *spans += 1;
        if matches!(span.home(), Home::Partial | Home::Full | Home::Large) {
            layout.rest(Resting::of(span));
        }
    });
    let mut can_be_added = true;
    for entry in memory.all_entries() {
        let (spans, walked) = found.remove(&entry.id()).unwrap_or_default();
        let (counted, walked) = (entry.occupancy(), walked.figures(spans));
        // A count below zero is a very large one.
        can_be_added &= counted.resting.iter().all(|spans| isize::try_from(*spans).is_ok());
        if counted != walked {
            report("I2", format!("{:?}: {counted:?} are counted, {walked:?} found", entry.layout()));
        }
    }
    if can_be_added && let Err(what) = memory.fragmentation().check(memory.pages().counters().in_spans()) {
        report("I3", what);
    }
}

/// C6: every list entry is at home there, once, and every span with a list for a home is on it.
fn homes(memory: &Memory, report: &mut Report<'_>) {
    let mut listed: HashMap<SpanId, Home> = HashMap::new();
    for entry in memory.all_entries() {
        let (partial, full) = entry.resting(memory.generation());
        for (list, home) in [(partial, Home::Partial), (full, Home::Full)] {
            for span in list {
                if let Some(other) = listed.insert(span, home) {
                    report("C6", format!("{span:?} is on two lists: {other:?} and {home:?}"));
                }
                if memory.map().span(span).home() != home {
                    report(
                        "C6",
                        format!(
                            "{span:?} is on the list {home:?}, its home is {:?}",
                            memory.map().span(span).home()
                        ),
                    );
                }
            }
        }
    }
    each_span(memory, |id, span| match span.home() {
        Home::Partial | Home::Full => {
            if listed.get(&id) != Some(&span.home()) {
                report("C6", format!("{id:?} is at home in {:?}, and on {:?}", span.home(), listed.get(&id)));
            }
        }
        Home::Large => {
            if !span.is_large() {
                report("C6", format!("{id:?} of small objects is at home with the large"));
            }
        }
        home @ (Home::Free | Home::Cached | Home::Moving) => {
            report("C6", format!("{id:?} is {home:?} while every mutator is flushed"));
        }
    });
}

fn one_span(memory: &Memory, id: SpanId, span: &Span, report: &mut Report<'_>) {
    let map = memory.map();
    let entry: &Entry = memory.entry_of(span);
    let class = entry.layout().class;
    let (slots, stride) =
        if class.is_large() { (1, span.pages().bytes()) } else { (class.slots(), class.size()) };
    if span.slots() != slots || span.stride() != stride || class.is_large() != span.is_large() {
        report("C1", format!("{id:?} of {class:?} has {} slots of {:?}", span.slots(), span.stride()));
        return;
    }
    if !class.is_large() && class.span_pages() != span.pages() {
        report("C1", format!("{id:?} of {class:?} has {:?}", span.pages()));
    }
    let bits = map.bits_of(span);
    if slots::count(bits) != span.allocated() {
        report(
            "C2",
            format!("{id:?} counts {} allocated, {} bits are set", span.allocated(), slots::count(bits)),
        );
    }
    let past = bits.len() * 64 - span.slots() as usize;
    if past > 0 && bits[bits.len() - 1].load(Relaxed) >> (64 - past) != 0 {
        report("C4", format!("{id:?} has an alloc bit above its {} slots", span.slots()));
    }
    if !is_swept(span, memory.generation()) {
        report("C5", format!("{id:?} is not swept in generation {}: {span:?}", memory.generation()));
    }
    if span.allocated() == 0 && span.is_large() {
        report("C9", format!("{id:?} is the empty span of a large object"));
    }
    let layout = entry.layout();
    let top = |blocks: &[u64]| {
        blocks.iter().rposition(|&b| b != 0).map(|i| i * 64 + 63 - blocks[i].leading_zeros() as usize)
    };
    let words = span.stride().get() / WORD_BYTES;
    // An empty slice may have elements longer than its slot; its masks lie over nothing.
    let lies_over_slot = !matches!(layout.extent, Extent::Slice { .. });
    for mask in [&layout.exact, &layout.ambiguous].into_iter().filter(|_| lies_over_slot) {
        if top(mask).is_some_and(|bit| bit >= words) {
            report("D1", format!("{id:?} has slots of {words} words and a mask bit past them"));
        }
    }
    if layout.is_noscan()
        && !map.is_noscan_page(span.first())
        && !span.is_large()
        && span.pages() == Pages::new(1)
    {
        report("D3", format!("{id:?} is noscan and its pages say otherwise"));
    }
    let (epoch, is_reached) = (memory.epoch_byte(), map.may_be_reached(span, memory.epoch()));
    for slot in 0..span.slots() {
        let mark = map.mark_of(span, slot).get();
        if mark == epoch && !is_reached {
            report(
                "C10",
                format!("slot {slot} of {id:?} was reached in epoch {mark}, and the span does not say so"),
            );
        }
        if !slots::is_taken(bits, slot) {
            free_slot(memory, id, span, slot, report);
        } else if mark != QUEUED && mark != DROPPED {
            each_word(memory, span, slot, |index, word| {
                if let Word::Exact(word) = word
                    && word != 0
                    && map.resolve(word).is_none()
                {
                    report(
                        "D2",
                        format!(
                            "word {index} of slot {slot} of {id:?} ({layout:?}) is {word:#x}, which is no object"
                        ),
                    );
                }
            });
        }
    }
}

/// C8.
fn free_slot(memory: &Memory, id: SpanId, span: &Span, slot: u32, report: &mut Report<'_>) {
    let wanted = match (span.is_dirty(), memory.poison()) {
        // Free slots may not even be read then.
        _ if cfg!(feature = "asan") => return,
        (false, _) => 0,
        (true, Some(poison)) if !span.is_large() => poison,
        (true, _) => return,
    };
    let start = memory.slot_ptr(span, slot);
    let bytes = if span.is_large() { span.used() } else { span.stride() };
    // SAFETY: a free slot of a span in use is ready memory that was zeroed by the system or written since; nobody writes
    // to it meanwhile.
    let slice = unsafe { core::slice::from_raw_parts(start.as_ptr(), bytes.get()) };
    if let Some(at) = slice.iter().position(|&byte| byte != wanted) {
        report("C8", format!("byte {at} of free slot {slot} of {id:?} is {:#x}, not {wanted:#x}", slice[at]));
    }
}

/// Size classes that have a span in use, with their count: for tests that want to see variety.
#[must_use]
pub fn classes_in_use(memory: &Memory) -> HashMap<SizeClass, usize> {
    let mut classes = HashMap::new();
    each_span(memory, |_, span| *classes.entry(memory.entry_of(span).layout().class).or_default() += 1);
    classes
}

#[cfg(test)]
mod tests;
