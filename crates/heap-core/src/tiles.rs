//! Tiles: a picture of a heap's pages, as coarse as its reader wants it.
//!
//! A tile is so many pages next to each other, a power of two, that at most as many tiles as were asked for show all pages that
//! the heap has grown to. Of each it is said what its pages are:
//!
//! ```text
//!   pages = scan + noscan + frames + released + idle
//! ```
//!
//! and of the spans among them how many begin there, how many of those have one object, and how many bytes objects occupy. The span
//! of a large object that reaches over several tiles is shared out by its pages.
//!
//! It is a picture and not a count: spans and pages are looked at one after the other while the program goes on, and each may have moved on
//! when the next is looked at. Where nothing runs it is exact, and the tests hold it to [`crate::accounting`] and
//! [`crate::fragmentation`].
#![forbid(unsafe_code)]

use crate::layout::LayoutId;
use crate::occupancy::{Level, Resting};
use crate::units::{Bytes, Pages};

/// Pages next to each other. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Tile {
    /// Pages of spans whose objects have references.
    pub scan: Pages,
    /// Pages of spans whose objects have none.
    pub noscan: Pages,
    /// Of `scan` and `noscan`: in mutators' hands, or being swept.
    pub held: Pages,
    /// Pages of frames, and kept for them.
    pub frames: Pages,
    /// Pages in neither whose memory is with the system.
    pub released: Pages,
    /// Pages in neither whose memory the heap keeps.
    pub idle: Pages,
    /// Spans that begin here.
    pub spans: u32,
    /// Of them, those at rest with one object that have room for more.
    pub lone: u32,
    /// Bytes of objects in spans at rest, and of dead ones not swept yet.
    pub occupied: Bytes,
    /// The layout that more than half of the pages of spans have, if one has; otherwise one that some of them have. None
    /// where there is no span.
    pub layout: Option<LayoutId>,
}

impl Tile {
    /// Pages of spans.
    #[must_use]
    pub fn in_spans(&self) -> Pages {
        self.scan + self.noscan
    }
}

/// A heap's pages. See the module's text.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Tiles {
    /// Pages of a tile.
    pub pages: Pages,
    /// The tiles, lowest address first.
    pub tiles: Vec<Tile>,
}

/// A span, as a picture sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) first: usize,
    pub(crate) pages: usize,
    pub(crate) layout: LayoutId,
    pub(crate) is_noscan: bool,
    /// How full it is; none in somebody's hands, where that is not known.
    pub(crate) resting: Option<Resting>,
}

/// A picture while it is made.
pub(crate) struct Canvas {
    /// All pages that are shown.
    pages: usize,
    tile: usize,
    tiles: Vec<Tile>,
    /// By how many pages the layout of a tile leads over all others that it has: what finds a majority in one pass.
    leads: Vec<usize>,
}

impl Canvas {
    /// An empty picture of that many pages, with at most that many tiles, and at least one.
    pub(crate) fn new(pages: usize, most: usize) -> Self {
        let tile = pages.div_ceil(most.max(1)).next_power_of_two();
        let count = pages.div_ceil(tile);
        Self { pages, tile, tiles: vec![Tile::default(); count], leads: vec![0; count] }
    }

    /// The parts of some pages, tile by tile: the tile and how many. What lies outside of the picture is left out.
    fn parts(&self, first: usize, pages: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (end, tile) = (first.saturating_add(pages).min(self.pages), self.tile);
        let mut at = first;
        core::iter::from_fn(move || {
            (at < end).then(|| {
                let (number, next) = (at / tile, end.min((at / tile + 1) * tile));
                let part = (number, next - at);
                at = next;
                part
            })
        })
    }

    /// Adds a span.
    pub(crate) fn span(&mut self, span: &Seen) {
        let mut begins = true;
        for (number, pages) in self.parts(span.first, span.pages) {
            let (tile, lead) = (&mut self.tiles[number], &mut self.leads[number]);
            let part = Pages::new(pages);
            *(if span.is_noscan { &mut tile.noscan } else { &mut tile.scan }) += part;
            match &span.resting {
                Some(resting) => {
                    tile.occupied += Bytes::new(share(resting.occupied.get(), pages, span.pages));
                    tile.lone += u32::from(begins && resting.level() == Level::LONE);
                }
                None => tile.held += part,
            }
            tile.spans += u32::from(begins);
            begins = false;
            if *lead == 0 || tile.layout == Some(span.layout) {
                tile.layout = Some(span.layout);
                *lead += pages;
            } else if *lead < pages {
                tile.layout = Some(span.layout);
                *lead = pages - *lead;
            } else {
                *lead -= pages;
            }
        }
    }

    /// Adds pages of a frame.
    pub(crate) fn frame(&mut self, first: usize, pages: Pages) {
        for (number, part) in self.parts(first, pages.get()) {
            self.tiles[number].frames += Pages::new(part);
        }
    }

    /// Adds 64 pages, from that one up: those of the set bits are released.
    pub(crate) fn released(&mut self, first: usize, bits: u64) {
        if bits == 0 {
            return;
        }
        let each = self.tile.min(64);
        for at in (0..64).step_by(each) {
            let some = bits >> at & (u64::MAX >> (64 - each));
            if let Some(tile) = self.tiles.get_mut((first + at) / self.tile) {
                tile.released += Pages::new(some.count_ones() as usize);
            }
        }
    }

    /// The picture: what was not added is idle.
    pub(crate) fn finish(mut self) -> Tiles {
        for (number, tile) in self.tiles.iter_mut().enumerate() {
            let pages = self.tile.min(self.pages - number * self.tile);
            let told = tile.scan + tile.noscan + tile.frames + tile.released;
            tile.idle = Pages::new(pages.saturating_sub(told.get()));
        }
        Tiles { pages: Pages::new(self.tile), tiles: self.tiles }
    }
}

/// `all * part / of`, for a span of any size.
fn share(all: usize, part: usize, of: usize) -> usize {
    if part == of {
        return all;
    }
    let share = all as u128 * part as u128 / (of as u128).max(1);
    usize::try_from(share).unwrap_or(all)
}

#[cfg(test)]
mod tests;
