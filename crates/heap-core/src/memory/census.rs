//! A census of a memory: one walk over the records of its spans. What it counts is told in [`crate::census`].
//!
//! Nobody is stopped, so the walk is right only if nothing was under way that changes what it reads: the generation is settled
//! (every mutator has heard of it) before the walk, and the same after it. In between
//!
//! * a span at rest or in a cache was swept in this generation, or made in it: its note is final;
//! * a span that is not yet swept, or being swept, ends the walk: there is no census then, and the caller sweeps, or waits for who
//!   does;
//! * a record is freed by its sweep, or while its span has no objects, and may then be another span's: nothing has survived of either.
//!
//! A walk that reads a later generation's note or layout reads what was written after the generation moved on (release, acquire),
//! so it sees at its end that it has, and throws the whole away.

use super::{MOST_LAYOUTS, Memory};
use crate::census::{Census, Count};
use crate::central::Entry;
use crate::layout::LayoutId;
use crate::span::SpanId;
use crate::span::claim::{FIRST_GENERATION, Standing, standing};
use crate::sync::atomic::Ordering::Acquire;
use crate::units::{Bytes, narrow};

impl Memory {
    /// What the last completed cycle left alive; `None` while a cycle ends, and as long as something is not swept. Takes no lock,
    /// and time in proportion to the records of spans.
    #[must_use]
    pub fn census(&self) -> Option<Census> {
        let generation = self.settled.load(Acquire);
        if self.generation() != generation {
            return None;
        }
        let mut alive = vec![Count::default(); MOST_LAYOUTS];
        for number in 0..self.pages.spans_high() {
            let span = self.map().span(SpanId::new(narrow(number)));
            match standing(span, generation) {
                Standing::Free => {}
                Standing::Swept => {
                    let survivors = span.survivors();
                    if survivors == 0 {
                        continue;
                    }
                    let entry = self.entry_if_used(span)?;
                    let class = entry.layout().class;
                    let size = if class.is_large() { span.pages().bytes() } else { class.size() };
                    let bytes = Bytes::new(survivors as usize * size.get());
                    alive[entry.id().index()] += Count { objects: u64::from(survivors), bytes };
                }
                Standing::Other => return None,
            }
        }
        if self.generation() != generation {
            return None;
        }
        let mut census = Census::new((generation - FIRST_GENERATION) / 2);
        for (number, count) in alive.iter().enumerate().filter(|(_, count)| count.objects > 0) {
            let id = LayoutId::new(narrow(number));
            census.add(id, self.known_entry(id).map(Entry::layout)?, *count);
        }
        Some(census)
    }
}

#[cfg(test)]
mod tests;
