//! Work: what one marker has on its stacks, as counts of objects and not as objects.
//!
//! ```text
//!   oldest  [ tree of n/2 | tree of n/4 | … | tree of 3 | object ]  newest       array: words not yet scanned
//!           └── given away first ─────┘      └─ scanned first ─┘
//! ```
//! A balanced tree is walked as the heap walks it, depth first: a tree of `n` objects on top is one object to scan and two trees of
//! half the rest to push. A subtree that fits into the time there is, is scanned at once, so a step takes time in proportion
//! to the logarithm of the objects in it.
//!
//! Invariants
//!   W1  objects visited, given and left add up to those that there were at the beginning
//!   W2  what is given away is the oldest half of the entries, at most [`BATCH`]

use std::collections::VecDeque;

/// Entries that a marker gives away at most (`GREY_BATCH` of the heap).
pub(crate) const BATCH: u64 = 8192;
/// A marker with no more entries gives nothing away (`SHARE_FROM` of the heap).
pub(crate) const SHARE_FROM: u64 = 8;
/// Words of an array that are scanned in one go (`PIECE_WORDS` of the heap).
pub(crate) const PIECE: u64 = 16 << 10;

/// One entry of a stack, or many alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The root of a balanced tree of so many objects.
    Tree(u64),
    /// The head of a list of so many objects.
    List(u64),
    /// So many objects that lead to nothing new.
    Leaves(u64),
}

impl Entry {
    fn entries(self) -> u64 {
        match self {
            Self::Tree(_) | Self::List(_) => 1,
            Self::Leaves(count) => count,
        }
    }

    fn objects(self) -> u64 {
        match self {
            Self::Tree(count) | Self::List(count) | Self::Leaves(count) => count,
        }
    }
}

/// What is given from one marker to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// Entries of a stack.
    Entries(Vec<Entry>),
    /// Words of an array that are not scanned.
    Array(u64),
}

/// The shape of what is reachable, as far as marking in parallel is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// An array of references to objects that lead to nothing new, and are scanned.
    Array,
    /// The same to objects without references.
    NoscanArray,
    /// A balanced tree.
    Tree,
    /// A list.
    List,
}

/// The stacks of one marker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    entries: VecDeque<Entry>,
    /// Objects of all entries together.
    objects: u64,
    /// Words of an array that nobody has begun.
    array: u64,
    /// Words of the piece that is being scanned.
    piece: u64,
    /// Whether what an array leads to is scanned.
    is_noscan: bool,
}

impl Work {
    /// Nothing, of a walk in that pattern.
    pub(crate) fn none(pattern: Pattern) -> Self {
        Self { is_noscan: pattern == Pattern::NoscanArray, ..Self::default() }
    }

    /// All of a walk over `objects` in that pattern.
    pub(crate) fn whole(pattern: Pattern, objects: u64) -> Self {
        let mut work = Self::none(pattern);
        match pattern {
            Pattern::Array | Pattern::NoscanArray => work.array = objects,
            Pattern::Tree => work.push(Entry::Tree(objects)),
            Pattern::List => work.push(Entry::List(objects)),
        }
        work
    }

    fn push(&mut self, entry: Entry) {
        if entry.objects() > 0 {
            self.objects += entry.objects();
            self.entries.push_back(entry);
        }
    }

    /// Takes over what was given.
    pub(crate) fn add(&mut self, batch: Batch) {
        match batch {
            Batch::Entries(entries) => entries.into_iter().for_each(|entry| self.push(entry)),
            Batch::Array(words) => self.array += words,
        }
    }

    /// Objects to scan that are on the stack now or below what is on it.
    pub(crate) fn objects(&self) -> u64 {
        self.objects
    }

    /// Words of an array that are to be scanned.
    pub(crate) fn words(&self) -> u64 {
        self.array + self.piece
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.words() == 0
    }

    /// Entries on the stack.
    fn len(&self) -> u64 {
        self.entries.iter().map(|entry| entry.entries()).sum()
    }

    /// What it gives to a hungry worker now, if it has enough.
    pub(crate) fn give(&mut self) -> Option<Batch> {
        if self.piece == 0 && self.entries.is_empty() && self.array > PIECE {
            // Before a piece is scanned, the rest of the array is anybody's.
            self.piece = PIECE;
            return Some(Batch::Array(std::mem::take(&mut self.array) - self.piece));
        }
        let len = self.len();
        if self.piece > 0 || len <= SHARE_FROM {
            return None;
        }
        let mut wanted = (len / 2).min(BATCH);
        let mut given = Vec::new();
        while wanted > 0 {
            let Some(oldest) = self.entries.pop_front() else { break };
            match oldest {
                Entry::Leaves(count) if count > wanted => {
                    self.entries.push_front(Entry::Leaves(count - wanted));
                    given.push(Entry::Leaves(wanted));
                    wanted = 0;
                }
                whole @ (Entry::Tree(_) | Entry::List(_) | Entry::Leaves(_)) => {
                    wanted -= whole.entries();
                    given.push(whole);
                }
            }
        }
        self.objects -= given.iter().map(|entry| entry.objects()).sum::<u64>();
        Some(Batch::Entries(given))
    }

    /// After how many nanoseconds of work it could give something, if it cannot now; `None` if it never will.
    pub(crate) fn gives_after(&self, word_ns: f64, object_ns: f64) -> Option<f64> {
        /// Objects of a tree that is walked until there is something to give: the way down.
        const STEP: u64 = 16;
        if self.piece > 0 {
            return Some(self.piece as f64 * word_ns);
        }
        let is_large = |entry: &Entry| matches!(entry, Entry::Tree(count) if *count >= 1 << (SHARE_FROM + 1));
        if self.entries.iter().any(is_large) {
            return Some(STEP as f64 * object_ns);
        }
        // The next piece begins when the stack is empty.
        (self.array > 0).then(|| (self.objects() as f64 * object_ns).max(word_ns))
    }

    /// Works for `ns`. Says how many objects that were, each counted when it is scanned, or, without references, read of; and
    /// what of the time was not used.
    pub(crate) fn run(&mut self, mut ns: f64, word_ns: f64, object_ns: f64) -> (u64, f64) {
        let mut visited = 0;
        while ns > 0.0 {
            if self.piece > 0 {
                let words = whole(ns, word_ns).min(self.piece);
                if words == 0 {
                    break;
                }
                ns -= words as f64 * word_ns;
                self.piece -= words;
                if self.is_noscan {
                    visited += words;
                } else {
                    self.push_leaves(words);
                }
            } else if self.entries.is_empty() {
                if self.array == 0 {
                    break;
                }
                self.piece = self.array.min(PIECE);
                self.array -= self.piece;
            } else {
                let most = whole(ns, object_ns);
                if most == 0 {
                    break;
                }
                let done = self.visit(most);
                ns -= done as f64 * object_ns;
                visited += done;
            }
        }
        (visited, ns)
    }

    /// Leaves lie together, so that a piece is one entry.
    fn push_leaves(&mut self, count: u64) {
        match self.entries.back_mut() {
            Some(Entry::Leaves(last)) => {
                *last += count;
                self.objects += count;
            }
            Some(Entry::Tree(_) | Entry::List(_)) | None => self.push(Entry::Leaves(count)),
        }
    }

    /// Visits so many objects, newest entries first, and says how many there were.
    fn visit(&mut self, most: u64) -> u64 {
        let mut left = most;
        while left > 0 {
            let Some(newest) = self.entries.pop_back() else { break };
            let count = newest.objects();
            // What of it is left is pushed again.
            self.objects -= count;
            if count <= left {
                left -= count;
                continue;
            }
            match newest {
                Entry::Tree(_) => {
                    left -= 1;
                    let rest = count - 1;
                    self.push(Entry::Tree(rest / 2));
                    self.push(Entry::Tree(rest - rest / 2));
                }
                Entry::List(_) => {
                    self.push(Entry::List(count - left));
                    left = 0;
                }
                Entry::Leaves(_) => {
                    self.push(Entry::Leaves(count - left));
                    left = 0;
                }
            }
        }
        most - left
    }
}

/// How many steps of `each` fit into `ns`; a step that lacks less than a millionth fits.
fn whole(ns: f64, each: f64) -> u64 {
    if each <= 0.0 {
        return u64::MAX;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, and positive")]
    let steps = (ns / each + 1e-6).floor() as u64;
    steps
}

#[cfg(test)]
mod tests;
