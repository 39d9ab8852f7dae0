//! A picture of a memory's pages: one walk over the records of its spans, one over the bitmaps. What it shows is told in
//! [`crate::tiles`].

use super::Memory;
use crate::occupancy::Resting;
use crate::span::{Home, SpanId};
use crate::tiles::{Canvas, Seen, Tiles};
use crate::units::narrow;

impl Memory {
    /// The pages, as at most so many tiles. Takes the lock of the pages for a few words at a time, once for each chunk of 4 MiB, and time
    /// in proportion to the records of spans.
    #[must_use]
    pub fn tiles(&self, most: usize) -> Tiles {
        let mut canvas = Canvas::new(self.pages.grown_pages().get(), most);
        self.pages.each_released(|first, bits| canvas.released(first.get(), bits));
        for run in self.pages.frame_runs() {
            canvas.frame(run.base.get(), run.pages);
        }
        for number in 0..self.pages.spans_high() {
            let span = self.map().span(SpanId::new(narrow(number)));
            if !span.is_in_use() {
                continue;
            }
            // A record that is freed meanwhile has no layout any more.
            let Some(entry) = self.entry_if_used(span) else { continue };
            let is_held = matches!(span.home(), Home::Cached | Home::Moving | Home::Free);
            canvas.span(&Seen {
                first: span.first().get(),
                pages: span.pages().get(),
                layout: entry.id(),
                is_noscan: entry.layout().is_noscan(),
                resting: (!is_held).then(|| Resting::of(span)),
            });
        }
        canvas.finish()
    }
}

#[cfg(test)]
mod tests;
