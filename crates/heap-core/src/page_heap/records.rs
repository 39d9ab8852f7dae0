//! The numbers of spans' records, and the blocks of their mark bytes and alloc bits: which were never used, and which are free.
//!
//! A record that is free is the next span's, but not while markers run. A marker that asks where a word leads reads which record the page
//! has, and then the record and its bits. A span without objects may be freed between the two, for an allocation that would be
//! refused, and if its record were another span's then, or its block, the marker would find an object where there is none, by the shape of
//! one span and the bits of another. So both are *withheld* until marking has ended: the record keeps its shape, and its
//! bits say that nothing is allocated.
#![forbid(unsafe_code)]

use super::ahead::Extent;
use crate::chain::{Chain, Spare};
use crate::fault::{self, Fault};
use crate::span::SpanId;
use crate::span::map::{BLOCKS_PER_PAGE, FIRST_BLOCK, SpanMap};

/// The records and blocks of a heap. See the module's text.
#[derive(Debug)]
pub(super) struct Records {
    /// Freed span numbers.
    spans: Chain,
    /// The lowest span number never used.
    pub(super) next_span: u32,
    /// Freed blocks, by length.
    blocks: [Chain; BLOCKS_PER_PAGE + 1],
    /// The lowest block never used.
    pub(super) next_block: u32,
    withheld: Withheld,
    spare: Spare,
    /// What is memory of the tables because somebody asked for it ahead.
    pub(super) backed: Extent,
}

/// What becomes of the record and the block of a span that is freed.
#[derive(Debug)]
enum Withheld {
    /// The next span may have them.
    Nothing,
    /// They are kept as they are: the span, its first block, and how many it has.
    Freed(Vec<(SpanId, u32, usize)>),
}

/// Blocks of a span of so many slots.
fn blocks_of(slots: u32) -> usize {
    (slots as usize).div_ceil(64)
}

impl Records {
    /// None is used.
    pub(super) fn new() -> Self {
        Self {
            spans: Chain::default(),
            next_span: 0,
            blocks: core::array::from_fn(|_| Chain::default()),
            next_block: FIRST_BLOCK,
            withheld: Withheld::Nothing,
            spare: Spare::default(),
            backed: Extent::default(),
        }
    }

    /// A free record and a free block for so many slots. `None` if the numbers of blocks are used up, which a 32-bit number is for
    /// reservations of some TiB full of 8-byte objects; or if all pages are in use, and something is withheld.
    pub(super) fn take(&mut self, slots: u32, map: &SpanMap) -> Option<(SpanId, u32)> {
        let blocks = blocks_of(slots);
        let block = match self.blocks[blocks].pop(&mut self.spare) {
            Some(block) => block,
            None => {
                let block = self.next_block;
                let next = u32::try_from(blocks).ok().and_then(|blocks| block.checked_add(blocks))?;
                if next as usize > map.blocks() {
                    return None;
                }
                self.next_block = next;
                block
            }
        };
        let span = match self.spans.pop(&mut self.spare) {
            Some(span) => span,
            None if self.next_span as usize == map.capacity() => {
                self.blocks[blocks].push(block, &mut self.spare);
                return None;
            }
            None => {
                self.next_span += 1;
                self.next_span - 1
            }
        };
        Some((SpanId::new(span), block))
    }

    /// A span was freed.
    pub(super) fn free(&mut self, id: SpanId, block: u32, slots: u32) {
        match &mut self.withheld {
            Withheld::Freed(freed) if !fault::on(Fault::RecordsReused) => {
                freed.push((id, block, blocks_of(slots)));
            }
            Withheld::Freed(_) | Withheld::Nothing => self.give_back(id, block, blocks_of(slots)),
        }
    }

    /// Withholds what is freed from now on. What was withheld stays so.
    pub(super) fn withhold(&mut self) {
        if let Withheld::Nothing = self.withheld {
            self.withheld = Withheld::Freed(Vec::new());
        }
    }

    /// What was withheld is free, and what is freed from now on.
    pub(super) fn reuse(&mut self) {
        if let Withheld::Freed(freed) = core::mem::replace(&mut self.withheld, Withheld::Nothing) {
            freed.into_iter().for_each(|(id, block, blocks)| self.give_back(id, block, blocks));
        }
    }

    fn give_back(&mut self, id: SpanId, block: u32, blocks: usize) {
        self.spans.push(id.get(), &mut self.spare);
        self.blocks[blocks].push(block, &mut self.spare);
    }
}
