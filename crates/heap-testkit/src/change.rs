//! Changes to a vector's elements: each twice, once for the vector in the heap, and once for the model's.
//!
//! What is put in is of some type of element, so one [`Change`] is made for the model, of edges, and one for the heap, of
//! references.

use tricolor::{AllocError, GcVec, Mu, Trace};

/// A change to the order or the number of a vector's elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<E> {
    /// Put one at the end.
    Push(E),
    /// Put that many of one at the end.
    Extend(E, usize),
    /// Take the last out.
    Pop,
    /// Put one at an index.
    Insert(usize, E),
    /// Take one out.
    Remove(usize),
    /// Take one out and put the last there.
    SwapRemove(usize),
    /// Exchange two.
    Swap(usize, usize),
    /// Take all out from an index on.
    Truncate(usize),
    /// Copy all from the first index on to the second, which is not above it.
    CopyWithin(usize, usize),
    /// Turn the order round.
    Reverse,
    /// Move that many to the end.
    Rotate(usize),
    /// Make room for that many more.
    Reserve(usize),
    /// Give room back.
    Shrink,
    /// Take those from the first index to before the second out.
    Drain(usize, usize),
    /// Take every so-manieth out.
    Retain(usize),
    /// Make the vector that long.
    Resize(usize, E),
    /// Sort by a key.
    Sort,
    /// Take those out that have the same key as the one before them.
    Dedup,
    /// Put one in every place.
    Fill(E),
    /// Put that many of one over what is there, from an index on.
    Write(usize, usize, E),
    /// Move that many to the beginning.
    RotateRight(usize),
    /// Put that many of one at the end, one after another.
    ExtendEach(E, usize),
    /// Move all to a vector in the hands, and back, and give that one back to the mutator.
    ThereAndBack,
}

impl<E: Copy> Change<E> {
    /// The same change with another element.
    pub fn map<F>(self, other: impl FnOnce(E) -> F) -> Change<F> {
        match self {
            Self::Push(element) => Change::Push(other(element)),
            Self::Extend(element, count) => Change::Extend(other(element), count),
            Self::Pop => Change::Pop,
            Self::Insert(at, element) => Change::Insert(at, other(element)),
            Self::Remove(at) => Change::Remove(at),
            Self::SwapRemove(at) => Change::SwapRemove(at),
            Self::Swap(a, b) => Change::Swap(a, b),
            Self::Truncate(len) => Change::Truncate(len),
            Self::CopyWithin(from, to) => Change::CopyWithin(from, to),
            Self::Reverse => Change::Reverse,
            Self::Rotate(by) => Change::Rotate(by),
            Self::Reserve(more) => Change::Reserve(more),
            Self::Shrink => Change::Shrink,
            Self::Drain(from, end) => Change::Drain(from, end),
            Self::Retain(nth) => Change::Retain(nth),
            Self::Resize(len, element) => Change::Resize(len, other(element)),
            Self::Sort => Change::Sort,
            Self::Dedup => Change::Dedup,
            Self::Fill(element) => Change::Fill(other(element)),
            Self::Write(from, count, element) => Change::Write(from, count, other(element)),
            Self::RotateRight(by) => Change::RotateRight(by),
            Self::ExtendEach(element, count) => Change::ExtendEach(other(element), count),
            Self::ThereAndBack => Change::ThereAndBack,
        }
    }

    /// Makes the change to a plain vector: what the model does. `key` is what elements are sorted by, and is the same as in the heap.
    ///
    /// # Panics
    /// If an index is past the end.
    pub fn apply(self, to: &mut Vec<E>, key: impl Fn(E) -> u64) {
        match self {
            Self::Push(element) => to.push(element),
            Self::Extend(element, count) => to.extend(core::iter::repeat_n(element, count)),
            Self::Pop => drop(to.pop()),
            Self::Insert(at, element) => to.insert(at, element),
            Self::Remove(at) => drop(to.remove(at)),
            Self::SwapRemove(at) => drop(to.swap_remove(at)),
            Self::Swap(a, b) => to.swap(a, b),
            Self::Truncate(len) => to.truncate(len),
            Self::CopyWithin(from, at) => to.copy_within(from.., at),
            Self::Reverse => to.reverse(),
            Self::Rotate(by) => to.rotate_left(by),
            Self::Reserve(_) | Self::Shrink | Self::ThereAndBack => {}
            Self::Drain(from, end) => drop(to.drain(from..end)),
            Self::Retain(nth) => {
                let mut at = 0;
                to.retain(|_| {
                    at += 1;
                    at % nth > 0
                });
            }
            Self::Resize(len, element) => to.resize(len, element),
            Self::Sort => to.sort_by_key(|element| key(*element)),
            Self::Dedup => to.dedup_by_key(|element| key(*element)),
            Self::Fill(element) => to.fill(element),
            Self::Write(from, count, element) => to[from..from + count].fill(element),
            Self::RotateRight(by) => to.rotate_right(by),
            Self::ExtendEach(element, count) => to.extend(core::iter::repeat_n(element, count)),
        }
    }

    /// Makes the change to a vector in the heap.
    ///
    /// # Errors
    /// The heap's. The vector is as before.
    ///
    /// # Panics
    /// If an index is past the end, or the vector gives something else than was taken out.
    pub fn make<'gc>(self, mu: &Mu<'gc>, to: &GcVec<'gc, E>, key: impl Fn(E) -> u64) -> Result<(), AllocError>
    where
        E: Trace + 'gc,
    {
        match self {
            Self::Push(element) => to.try_push(mu, element)?,
            Self::Extend(element, count) => to.try_extend_from_slice(mu, &vec![element; count])?,
            Self::Pop => drop(to.pop(mu)),
            Self::Insert(at, element) => to.try_insert(mu, at, element)?,
            Self::Remove(at) => drop(to.remove(mu, at)),
            Self::SwapRemove(at) => drop(to.swap_remove(mu, at)),
            Self::Swap(a, b) => to.swap(mu, a, b),
            Self::Truncate(len) => to.truncate(mu, len),
            Self::CopyWithin(from, at) => to.copy_within(mu, from.., at),
            Self::Reverse => to.reverse(mu),
            Self::Rotate(by) => to.rotate_left(mu, by),
            Self::Reserve(more) => to.try_reserve(mu, more)?,
            Self::Shrink => to.shrink_to_fit(mu),
            Self::Drain(from, end) => {
                let there: Vec<u64> = to.iter().skip(from).take(end - from).map(&key).collect();
                assert!(to.drain(mu, from..end).map(&key).eq(there), "what was drained was not there");
            }
            Self::Retain(nth) => {
                let mut at = 0;
                to.retain(mu, |_| {
                    at += 1;
                    at % nth > 0
                });
            }
            Self::Resize(len, element) => to.try_resize(mu, len, element)?,
            Self::Sort => to.sort_by_key(mu, key),
            Self::Dedup => to.dedup_by_key(mu, key),
            Self::Fill(element) => to.fill(mu, element),
            Self::Write(from, count, element) => to.write(mu, from, &vec![element; count]),
            Self::RotateRight(by) => to.rotate_right(mu, by),
            Self::ExtendEach(element, count) => {
                // All or nothing, as the model has it.
                to.try_reserve(mu, count)?;
                let elements = core::iter::repeat_n(element, count);
                to.try_extend(mu, elements).map_err(|refusal| refusal.error)?;
            }
            Self::ThereAndBack => {
                let there = GcVec::new();
                there.try_extend(mu, to.iter()).map_err(|refusal| refusal.error)?;
                to.clear(mu);
                // There is room for them.
                to.try_extend(mu, there.iter()).map_err(|refusal| refusal.error)?;
                there.give_back(mu);
            }
        }
        Ok(())
    }
}
