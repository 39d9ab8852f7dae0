//! The end of a vector: elements are put there and taken from there, one or many, and the others stay where they are.
//!
//! Who puts some there makes the room first, and reads the length after that or knows that it has not changed: an iterator is
//! a user's code, an allocation is not.

use super::GcVec;
use crate::barrier::bulk;
use crate::mutator::{Mu, Refusal, refused};
use crate::trace::Trace;
use heap_core::error::AllocError;

/// The end.
impl<'gc, T: Trace + Copy + 'gc> GcVec<'gc, T> {
    /// Puts an element at the end.
    ///
    /// # Panics
    /// If the vector has to grow and there is no memory for it; [`GcVec::try_push`] returns the error instead.
    #[inline]
    pub fn push(&self, mu: &Mu<'gc>, value: T) {
        if self.len() >= self.capacity() {
            self.push_slow(mu);
        }
        self.put(mu, value);
    }

    /// The slow twin of [`GcVec::push`].
    #[cold]
    #[inline(never)]
    fn push_slow(&self, mu: &Mu<'gc>) {
        self.grow_or_panic(mu, 1);
    }

    /// Puts an element at the end, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The vector is as before.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{AllocError, GcVec, Heap};
    /// let heap = Heap::builder().hard_limit(1 << 20).build()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcVec::new();
    ///     let error = (0_u64..).find_map(|number| numbers.try_push(mu, number).err());
    ///     assert!(matches!(error, Some(AllocError::Limit { .. })));
    ///     assert_eq!(numbers.last(), Some(numbers.len() as u64 - 1));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push(&self, mu: &Mu<'gc>, value: T) -> Result<(), AllocError> {
        self.try_reserve(mu, 1)?;
        self.put(mu, value);
        Ok(())
    }

    /// Takes the last element out.
    #[inline]
    pub fn pop(&self, mu: &Mu<'gc>) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        let value = self.get(last);
        self.truncate(mu, last);
        value
    }

    /// Takes all elements from that length on out. The room for them stays.
    #[inline]
    pub fn truncate(&self, mu: &Mu<'gc>, len: usize) {
        let Some(removed @ 1..) = self.len().checked_sub(len) else { return };
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: places that hold values (V2) and that only this thread uses (V4). 2: `T` is `Copy`. 3: V5.
        unsafe { bulk::erase(barrier, to, self.place(len), removed) };
        self.len.set(len);
    }

    /// Takes all elements out. The room for them stays.
    pub fn clear(&self, mu: &Mu<'gc>) {
        self.truncate(mu, 0);
    }

    /// Makes the vector that long: by leaving out what is behind, or by adding `value` as often as it takes.
    ///
    /// # Panics
    /// If it has to grow and there is no memory for it; [`GcVec::try_resize`] returns the error instead.
    pub fn resize(&self, mu: &Mu<'gc>, len: usize, value: T) {
        self.try_resize(mu, len, value).unwrap_or_else(|error| refused(&error));
    }

    /// Makes the vector that long: by leaving out what is behind, or by adding `value` as often as it takes. Or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The vector is as before.
    pub fn try_resize(&self, mu: &Mu<'gc>, len: usize, value: T) -> Result<(), AllocError> {
        self.truncate(mu, len);
        let more = len - self.len();
        self.try_reserve(mu, more)?;
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: there is room for as many more (`reserve`), in places that only this thread uses (V4). 2: they hold nothing
        // (V3), in which is no reference. 3: V5.
        unsafe { bulk::fill(barrier, to, self.place(self.len()), more, value) };
        self.len.set(len);
        Ok(())
    }

    /// Puts copies of values at the end.
    ///
    /// # Panics
    /// If the vector has to grow and there is no memory for it; [`GcVec::try_extend_from_slice`] returns the error instead.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let bytes = GcVec::with_capacity(mu, 11);
    ///     bytes.extend_from_slice(mu, b"tri");
    ///     bytes.extend_from_slice(mu, b"color");
    ///     assert!(bytes.iter().eq(*b"tricolor"));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend_from_slice(&self, mu: &Mu<'gc>, values: &[T]) {
        self.try_extend_from_slice(mu, values).unwrap_or_else(|error| refused(&error));
    }

    /// Puts copies of values at the end, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The vector is as before.
    pub fn try_extend_from_slice(&self, mu: &Mu<'gc>, values: &[T]) -> Result<(), AllocError> {
        let (len, count) = (self.len(), values.len());
        self.try_reserve(mu, count)?;
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: there is room for as many more (`reserve`), in places that only this thread uses (V4). 2: V3. 3: a slice is
        // whole, and is not of this vector, which hands none out (V4). 4: V5.
        unsafe { bulk::append(barrier, to, values.as_ptr(), self.place(len), count) };
        self.len.set(len + count);
        Ok(())
    }

    /// Puts what an iterator gives at the end. The iterator may use the vector, too.
    ///
    /// # Panics
    /// If the vector has to grow and there is no memory for it ([`GcVec::try_extend`] returns the error instead), and with the
    /// panics of the iterator; what it gave before is in the vector.
    pub fn extend(&self, mu: &Mu<'gc>, values: impl IntoIterator<Item = T>) {
        self.try_extend(mu, values).unwrap_or_else(|refusal| refused(&refusal.error));
    }

    /// Puts what an iterator gives at the end, as far as there is memory. The iterator may use the vector, too.
    ///
    /// # Errors
    /// The element for which there was no memory, and why. Those before it are in the vector, and the iterator was not asked for
    /// those after it.
    ///
    /// # Panics
    /// With the panics of the iterator; what it gave before is in the vector.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::builder().hard_limit(64 << 10).build()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcVec::new();
    ///     let mut source = 0_u64..100_000;
    ///     let refusal = numbers.try_extend(mu, &mut source).expect_err("there is room for some thousands");
    ///     assert_eq!(refusal.value, numbers.len() as u64);
    ///     assert_eq!(source.next(), Some(refusal.value + 1));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_extend(&self, mu: &Mu<'gc>, values: impl IntoIterator<Item = T>) -> Result<(), Refusal<T>> {
        let mut values = values.into_iter();
        while let Some(value) = values.next() {
            if self.len() == self.capacity() {
                // As many as it says, but not more memory than a push would take if that is nonsense.
                let more = values.size_hint().0.saturating_add(1);
                let made = self.try_reserve(mu, more).or_else(|_| self.try_reserve(mu, 1));
                made.map_err(|error| Refusal { error, value })?;
            }
            self.put(mu, value);
        }
        Ok(())
    }

    /// Puts an element into the place after the last, which there is.
    #[inline(always)]
    fn put(&self, mu: &Mu<'gc>, value: T) {
        let len = self.len();
        let barrier = mu.barrier().0;
        // SAFETY: 1: callers have seen that there is another place; only this thread uses it (V4). 2: V3. 3: V5.
        unsafe { bulk::put(barrier, || mu.barrier().1, self.place(len), value) };
        self.len.set(len + 1);
    }

    /// Takes the last element out, which there is.
    pub(super) fn pop_known(&self, mu: &Mu<'gc>) -> T {
        let last = self.len() - 1;
        // SAFETY: a place that holds a value (V2).
        let value = unsafe { self.place(last).read() };
        self.truncate(mu, last);
        value
    }
}
