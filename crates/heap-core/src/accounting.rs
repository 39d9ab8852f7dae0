//! Accounting: every byte of a heap's address space is in exactly one of five states.
//!
//! A heap has address space of two kinds: the reservation that objects live in, and the side tables
//! ([`crate::meta`]). Each page of the reservation, and each page of the system in a table, is one of:
//!
//! | state | what it is | the system may count it as resident |
//! | --- | --- | --- |
//! | in use | a page of a span, whatever of the span is occupied; a page of a frame, or kept for one | yes, once it was touched |
//! | idle | a page of neither whose memory the heap keeps: free, in a mutator's stock, or at a scavenger's | yes, once it was touched |
//! | released | a free page whose memory is with the system, also because it was never used | no |
//! | metadata | a table's page up to the highest entry in use | yes |
//! | reserved | address space that the heap has not grown to, and what lies past that entry in a table | no |
//!
//! Invariants (checked by [`crate::verify`])
//!   B8  reserved + idle + released + in use + metadata = the address space, and a walk over the pages one by one
//!       ([`Stretch`]) finds each state as often as it is counted
//!
//! What the heap keeps outside its address space (the lists of its centrals, its threads) is the process's, and not here.
#![forbid(unsafe_code)]

use crate::units::{Addr, Bytes, PageIndex, Pages};

/// Where the bytes of a heap's address space are. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Accounting {
    /// All of it: the reservation and the tables.
    pub address_space: Bytes,
    /// Address space only: the heap has not grown to it, or it is a table's end that was never needed.
    pub reserved: Bytes,
    /// In no span and no frame, and kept. Errs high by what of a mutator's stock of pages is with the system.
    pub idle: Bytes,
    /// In no span and no frame, and with the system.
    pub released: Bytes,
    /// In spans, and in frames.
    pub in_use: Bytes,
    /// Of `in_use`: in frames, or kept by a mutator for its next. Errs low while it changes.
    pub frames: Bytes,
    /// Of tables, in whole pages of the system. Errs high by entries of pages that were never used.
    pub metadata: Bytes,
}

impl Accounting {
    /// The most that can be resident: `idle + in_use + metadata`.
    #[must_use]
    pub fn retained(&self) -> Bytes {
        self.idle + self.in_use + self.metadata
    }

    /// Checks that the five states add up to the address space (B8).
    ///
    /// # Errors
    /// Says which figures do not add up. A snapshot adds up at any time, also while mutators run.
    pub fn check(&self) -> Result<(), String> {
        let sum = self.reserved + self.idle + self.released + self.in_use + self.metadata;
        if sum == self.address_space {
            Ok(())
        } else {
            Err(format!("B8: {sum:?} are accounted for: {self:?}"))
        }
    }
}

/// The state of a page that the heap has grown to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PageState {
    /// In a span or a frame.
    InUse,
    /// In neither, and kept.
    Idle,
    /// In neither, and with the system.
    Released,
}

/// Pages of one state next to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The first page.
    pub first: PageIndex,
    /// How many.
    pub pages: Pages,
    /// Their state.
    pub state: PageState,
}

/// What a part of a heap's address space holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Holds {
    /// Objects: the reservation.
    Objects,
    /// A side table.
    Metadata,
}

/// A part of the process's address space that is a heap's: what to look for in `/proc/self/smaps`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The first byte.
    pub start: Addr,
    /// How many.
    pub len: Bytes,
    /// What it holds.
    pub holds: Holds,
}
