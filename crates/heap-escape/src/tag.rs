//! Tags: where the argument of a parameter may go, as far as a caller must know.
//!
//! ```text
//!   byte   0      1        2       3 …  7
//!          heap   written  called  result 0 … result 4
//!   0: it does not go there.  n + 1: what n loads from it give goes there.
//! ```
//!
//! A tag is all that is kept of a function when its callers are analysed. Results past the [fifth](RESULTS) have no byte: what
//! flows to them counts as going to the heap.

use std::fmt;

/// The results that a tag tells apart. More would make tags longer for functions that few write.
pub const RESULTS: usize = 5;
const HEAP: usize = 0;
const WRITTEN: usize = 1;
const CALLED: usize = 2;
const FIRST_RESULT: usize = 3;

/// Where the argument of one parameter may go. A *level* is a number of loads: at level 0 the argument itself goes there, at
/// level 1 what it points to, and so on.
///
/// # Examples
/// ```
/// use heap_escape::Tag;
/// let tag = Tag::NOWHERE.to_result(0, 1);
/// assert_eq!(tag.result(0), Some(1));
/// assert_eq!(tag.to_string(), "leaks to result 0 with level 1");
/// assert_eq!(Tag::decode(&tag.encode()), tag);
/// assert_eq!(Tag::decode(b"what is this"), Tag::LEAKS, "what cannot be read is heap");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tag {
    bytes: [u8; FIRST_RESULT + RESULTS],
}

impl Tag {
    /// The argument goes nowhere.
    pub const NOWHERE: Self = Self { bytes: [0; FIRST_RESULT + RESULTS] };
    /// The argument itself goes to the heap; so, nothing is known of it.
    pub const LEAKS: Self = Self { bytes: [1, 0, 0, 0, 0, 0, 0, 0] };

    /// The level at which it goes to the heap.
    #[must_use]
    pub fn heap(self) -> Option<u32> {
        self.level(HEAP)
    }

    /// The level at which memory may be written through it.
    #[must_use]
    pub fn written(self) -> Option<u32> {
        self.level(WRITTEN)
    }

    /// The level at which it may be called, with its results used.
    #[must_use]
    pub fn called(self) -> Option<u32> {
        self.level(CALLED)
    }

    /// The level at which it goes to a result.
    #[must_use]
    pub fn result(self, result: usize) -> Option<u32> {
        if result < RESULTS { self.level(FIRST_RESULT + result) } else { None }
    }

    /// Whether it leaves the function neither by the heap nor by a result.
    #[must_use]
    pub fn stays(self) -> bool {
        self.heap().is_none() && (0..RESULTS).all(|result| self.result(result).is_none())
    }

    /// This tag, going to the heap at `level` too.
    #[must_use]
    pub fn to_heap(self, level: u32) -> Self {
        self.lowered(HEAP, level)
    }

    /// This tag, written through at `level` too.
    #[must_use]
    pub fn to_written(self, level: u32) -> Self {
        self.lowered(WRITTEN, level)
    }

    /// This tag, called at `level` too.
    #[must_use]
    pub fn to_called(self, level: u32) -> Self {
        self.lowered(CALLED, level)
    }

    /// This tag, going to `result` at `level` too: to the heap if a tag does not tell that result apart.
    #[must_use]
    pub fn to_result(self, result: usize, level: u32) -> Self {
        if result < RESULTS { self.lowered(FIRST_RESULT + result, level) } else { self.to_heap(level) }
    }

    /// This tag without what follows from its level of the heap: what goes to the heap at a level may do anything from there on.
    #[must_use]
    pub fn shortest(mut self) -> Self {
        let heap = self.bytes[HEAP];
        if heap != 0 {
            for byte in &mut self.bytes[1..] {
                if *byte >= heap {
                    *byte = 0;
                }
            }
        }
        self
    }

    /// The tag as bytes, without those at the end that are zero.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let used = self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        self.bytes[..used].to_vec()
    }

    /// The tag of these bytes; [`Tag::LEAKS`] if there are too many.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let mut tag = Self::NOWHERE;
        let Some(place) = tag.bytes.get_mut(..bytes.len()) else { return Self::LEAKS };
        place.copy_from_slice(bytes);
        tag
    }

    fn level(self, at: usize) -> Option<u32> {
        self.bytes[at].checked_sub(1).map(u32::from)
    }

    fn lowered(mut self, at: usize, level: u32) -> Self {
        // Errs low: a level that does not fit counts as a smaller one, so more is held for leaked.
        let byte = u8::try_from(level.saturating_add(1)).unwrap_or(u8::MAX);
        if self.bytes[at] == 0 || byte < self.bytes[at] {
            self.bytes[at] = byte;
        }
        self
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stays() {
            return f.write_str("does not escape");
        }
        let mut between = "";
        match self.heap() {
            None => {}
            Some(0) => {
                f.write_str("leaks to heap")?;
                between = ", ";
            }
            Some(level) => {
                write!(f, "content leaks to heap with level {level}")?;
                between = ", ";
            }
        }
        for result in 0..RESULTS {
            if let Some(level) = self.result(result) {
                write!(f, "{between}leaks to result {result} with level {level}")?;
                between = ", ";
            }
        }
        Ok(())
    }
}
