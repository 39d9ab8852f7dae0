//! A census of a heap: sees to it that what the last cycle left is swept, and counts it. See [`heap_core::census`].

use crate::attached::insist_outside;
use crate::heap::Heap;
use crate::shared::Shared;
use core::time::Duration;
use heap_core::census::Census;
use heap_core::sync::thread;
use std::time::Instant;

/// Spans swept between two looks whether a cycle wants to begin.
const SWEPT_AT_ONCE: usize = 64;
/// Looks, one after the other, before the thread sleeps between two.
const HURRIED_LOOKS: u32 = 64;
/// How long it sleeps: a mutator may take long to reach a safepoint.
const REST: Duration = Duration::from_micros(200);

impl Heap {
    /// How many objects are alive, and how many bytes: by type (with [`LayoutPolicy::PerType`](crate::LayoutPolicy::PerType); by
    /// shape otherwise) and by size class, exactly.
    ///
    /// Alive is what the last completed cycle left: what it reached, and what was born while it marked. What was born since is
    /// not counted yet, and what has died since still is. So the answer is the same at any moment between two cycles; directly
    /// after [`collect`](Self::collect), with nobody else at work, it is what the program can reach. [`Census::cycle`] says of
    /// which cycle it is: two censuses of one cycle are equal.
    ///
    /// It stops nobody and holds up nobody. It sweeps what is not swept yet, which somebody would have to do anyway, and reads a
    /// record of 64 bytes for each span then; so it costs its caller some milliseconds for ten million objects. It waits while a
    /// cycle sweeps what the one before left, and from when a cycle has marked until every mutator has heard of it.
    ///
    /// # Panics
    /// If the thread is inside `enter` of this heap, where it could wait for itself.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use tricolor::{Heap, LayoutPolicy};
    /// let heap = Heap::builder().layouts(LayoutPolicy::PerType).build()?;
    /// let mut mutator = heap.attach()?;
    /// let mut root = mutator.enter(|mu| mu.root(mu.alloc_copy(&[1_u64; 100])));
    /// mutator.collect();
    /// let before = heap.census();
    /// assert_eq!(before.types()[0].label, "[u64]");
    /// assert_eq!(before.types()[0].alive.objects, 1);
    ///
    /// root = mutator.enter(|mu| mu.root(mu.alloc_copy(&[1_u64; 10_000])));
    /// mutator.collect();
    /// for change in heap.census().since(&before) {
    ///     println!("{:+} bytes, {:+} objects of {}", change.bytes, change.objects, change.label);
    /// }
    /// # drop(root);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn census(&self) -> Census {
        insist_outside(&self.shared);
        loop {
            // Nobody says that it is late, so this is the first and only round.
            if let Some(census) = count(&self.shared, || false) {
                return census;
            }
        }
    }

    /// As [`Heap::census`], for who has no more time than that: `None` if it would have to wait, or sweep, for longer. What it
    /// has swept by then stays swept, so a next call has less to do. Errs late by one look at the records of the spans, some
    /// milliseconds for ten million objects.
    ///
    /// # Panics
    /// As [`Heap::census`].
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use core::time::Duration;
    /// # let heap = tricolor::Heap::new()?;
    /// heap.collect();
    /// let census = heap.census_within(Duration::from_secs(1)).expect("nobody else is at work");
    /// assert_eq!(census.cycle, 1);
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use]
    pub fn census_within(&self, limit: Duration) -> Option<Census> {
        insist_outside(&self.shared);
        let end = Instant::now().checked_add(limit);
        count(&self.shared, || end.is_some_and(|end| Instant::now() >= end))
    }
}

/// A census, unless `is_late` says first that it is too late.
fn count(heap: &Shared, is_late: impl Fn() -> bool) -> Option<Census> {
    let mut looks = 0;
    loop {
        // Under the cycle's lock, as all who sweep outside: so no cycle begins while a span is in this thread's hands. Piece by
        // piece, so that one that wants to begin waits for a piece at most.
        while let Some(_no_cycle) = heap.cycle.try_lock() {
            if heap.memory.sweep_some(SWEPT_AT_ONCE).is_none() {
                break;
            }
            if is_late() {
                return None;
            }
        }
        if let Some(census) = heap.memory.census() {
            return Some(census);
        }
        if is_late() {
            return None;
        }
        looks += 1;
        if looks < HURRIED_LOOKS {
            thread::yield_now();
        } else {
            thread::sleep(REST);
        }
    }
}
