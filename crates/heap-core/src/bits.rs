//! Bits: bitmaps kept in plain machine words.
//!
//! A span remembers which of its slots hold objects in one bit a slot, at most 1024 bits in sixteen words; a page
//! chunk remembers its pages the same way. Bit `i` is bit `i % 64` of word `i / 64`, so counting upwards in a
//! bitmap is counting upwards in memory:
//!
//! ```text
//!   word 0                     word 1
//!   bit 0 ........... bit 63   bit 64 .......... bit 127
//!   1 1 0 0 0 1 1 1 ... 0 0    0 0 1 ...
//!       `---.---'       `-------.----'
//!   a zero run of 3           a zero run that crosses a word
//! ```
//!
//! These are functions over `&[u64]` rather than a type: the words belong to whoever keeps them (a span's side
//! table, a chunk, an array on the stack). All of them work a word at a time; none loops over single bits.
//! [`next_zero_run`] is on the road of a cache refill, where it turns a swept bitmap into a run of free slots
//! for the bump pointer.
//!
//! Invariants
//!   I1  a function touches no bit outside the range it is given, and reads no word that holds none of them;
//!   I2  the result of a search lies in `from..limit`; bits at and above `limit` never count, so a bitmap whose
//!       last word is partly used needs no particular value in its tail.
//!
//! Called by the modules that keep bitmaps. Calls nobody. Holds no atomics: whoever shares a bitmap between
//! threads owns the protocol for it.
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

/// Bits in a word of a bitmap.
pub const WORD_BITS: usize = 64;

/// The words that hold `bits` bits, the last one perhaps in part.
#[inline]
#[must_use]
pub const fn words_for(bits: usize) -> usize {
    bits.div_ceil(WORD_BITS)
}

/// Where a bit lives: its word, and its place in the word.
#[inline]
const fn place(index: usize) -> (usize, usize) {
    (index / WORD_BITS, index % WORD_BITS)
}

/// A word with the `len` low bits set; `len` is at most 64.
#[inline]
const fn low_mask(len: usize) -> u64 {
    if len >= WORD_BITS { u64::MAX } else { (1 << len) - 1 }
}

/// Whether bit `index` is set.
///
/// # Panics
/// If `index` lies beyond the words.
#[inline]
#[must_use]
pub const fn get(words: &[u64], index: usize) -> bool {
    let (word, bit) = place(index);
    words[word] >> bit & 1 != 0
}

/// Sets bit `index`.
///
/// # Panics
/// If `index` lies beyond the words.
#[inline]
pub const fn set(words: &mut [u64], index: usize) {
    let (word, bit) = place(index);
    words[word] |= 1 << bit;
}

/// Clears bit `index`.
///
/// # Panics
/// If `index` lies beyond the words.
#[inline]
pub const fn clear(words: &mut [u64], index: usize) {
    let (word, bit) = place(index);
    words[word] &= !(1 << bit);
}

/// Calls `visit(word number, mask of the wanted bits in it)` for every word that holds one of the `len` bits from
/// `from` on.
#[inline]
fn for_each_mask(from: usize, len: usize, mut visit: impl FnMut(usize, u64)) {
    let (mut word, mut bit) = place(from);
    let mut left = len;
    while left > 0 {
        let here = left.min(WORD_BITS - bit);
        visit(word, low_mask(here) << bit);
        left -= here;
        word += 1;
        bit = 0;
    }
}

/// Sets the `len` bits from `from` on.
///
/// # Panics
/// If a bit of the range lies beyond the words.
#[inline]
pub fn set_range(words: &mut [u64], from: usize, len: usize) {
    for_each_mask(from, len, |word, mask| words[word] |= mask);
}

/// Clears the `len` bits from `from` on.
///
/// # Panics
/// If a bit of the range lies beyond the words.
#[inline]
pub fn clear_range(words: &mut [u64], from: usize, len: usize) {
    for_each_mask(from, len, |word, mask| words[word] &= !mask);
}

/// How many bits of the words are set.
#[inline]
#[must_use]
pub fn count_ones(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// How many of the `len` bits from `from` on are set.
///
/// # Panics
/// If a bit of the range lies beyond the words.
#[inline]
#[must_use]
pub fn count_range(words: &[u64], from: usize, len: usize) -> usize {
    let mut ones = 0;
    for_each_mask(from, len, |word, mask| ones += (words[word] & mask).count_ones() as usize);
    ones
}

/// The first set bit in `from..limit`.
///
/// # Panics
/// If a bit of the range lies beyond the words.
#[inline]
#[must_use]
pub const fn next_one(words: &[u64], from: usize, limit: usize) -> Option<usize> {
    search(words, from, limit, 0)
}

/// The first clear bit in `from..limit`.
///
/// # Panics
/// If a bit of the range lies beyond the words.
#[inline]
#[must_use]
pub const fn next_zero(words: &[u64], from: usize, limit: usize) -> Option<usize> {
    search(words, from, limit, u64::MAX)
}

/// The first bit in `from..limit` that differs from the bits of `skip`, which are all zeros or all ones.
#[inline]
const fn search(words: &[u64], from: usize, limit: usize, skip: u64) -> Option<usize> {
    if from >= limit {
        return None;
    }
    let (mut word, bit) = place(from);
    let mut found = (words[word] ^ skip) & (u64::MAX << bit);
    while found == 0 {
        word += 1;
        if word * WORD_BITS >= limit {
            return None;
        }
        found = words[word] ^ skip;
    }
    let index = word * WORD_BITS + found.trailing_zeros() as usize;
    if index < limit { Some(index) } else { None }
}

/// The first run of clear bits in `from..limit`: where it begins and how long it is, at most `max_len`. The run
/// is maximal unless `max_len` or `limit` cuts it.
///
/// # Panics
/// If a bit of the range lies beyond the words. In debug builds, if `max_len` is zero.
#[inline]
#[must_use]
pub const fn next_zero_run(
    words: &[u64],
    from: usize,
    limit: usize,
    max_len: usize,
) -> Option<(usize, usize)> {
    debug_assert!(max_len > 0, "a run of no bits was asked for");
    let Some(start) = next_zero(words, from, limit) else { return None };
    let cap = if max_len < limit - start { max_len } else { limit - start };
    let (mut word, bit) = place(start);
    // The start is clear, so the bits from it on in its word end at a one, or the word does.
    let above = words[word] >> bit;
    let mut len = if above == 0 { WORD_BITS - bit } else { above.trailing_zeros() as usize };
    if above == 0 {
        while len < cap {
            word += 1;
            let zeros = words[word].trailing_zeros() as usize;
            len += zeros;
            if zeros < WORD_BITS {
                break;
            }
        }
    }
    Some((start, if len < cap { len } else { cap }))
}

/// The numbers of the set bits, upwards.
#[inline]
#[must_use]
pub fn iter_ones(words: &[u64]) -> Ones<'_> {
    match words.split_first() {
        Some((&first, rest)) => Ones { left: first, base: 0, rest },
        None => Ones { left: 0, base: 0, rest: &[] },
    }
}

/// The set bits of a bitmap, from [`iter_ones`]. One step is one `trailing_zeros` and one cleared lowest bit.
#[derive(Clone, Debug)]
pub struct Ones<'a> {
    /// The bits of the current word that are still to come.
    left: u64,
    /// The number of the current word's lowest bit.
    base: usize,
    rest: &'a [u64],
}

impl Iterator for Ones<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            let (&next, rest) = self.rest.split_first()?;
            self.left = next;
            self.rest = rest;
            self.base += WORD_BITS;
        }
        let bit = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(self.base + bit)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.left.count_ones() as usize + count_ones(self.rest);
        (left, Some(left))
    }

    #[inline]
    fn fold<B, F: FnMut(B, usize) -> B>(self, init: B, mut step: F) -> B {
        let mut so_far = init;
        let mut word = self.left;
        let mut base = self.base;
        let mut rest = self.rest;
        loop {
            while word != 0 {
                so_far = step(so_far, base + word.trailing_zeros() as usize);
                word &= word - 1;
            }
            let Some((&next, after)) = rest.split_first() else { return so_far };
            word = next;
            rest = after;
            base += WORD_BITS;
        }
    }
}

impl ExactSizeIterator for Ones<'_> {}

impl core::iter::FusedIterator for Ones<'_> {}
