//! Quanta: every size that shrinks when the heap is put under stress, in one place.
//!
//! The faults of a collector hide at the edges of its buffers: the last slot of a run, the second chunk of a
//! queue, the first page after a cache ran dry. With the `stress` feature (and under Miri, loom and the scheduler of `cfg(pct)`) those edges
//! come every few operations instead of every few thousand. A quantum changes how often a path runs, never what
//! is right.

/// True in builds whose quanta are shrunk.
pub const STRESSED: bool = cfg!(any(miri, loom, pct, feature = "stress"));

/// Slots handed to a mutator at once, at most. Larger runs mean fewer refills; the price is that a handshake hands
/// back a longer unused tail. 1024 is the most a span can hold, so a whole empty span is one run.
pub const RUN_SLOTS_MAX: u32 = if STRESSED { 3 } else { 1024 };

/// References in one batch that marking workers exchange, at most. A worker that takes a batch whose objects lead nowhere is
/// back soon: 8192 objects of one line each keep it busy for some 50 µs, as long as it takes to be woken.
pub const GREY_BATCH: usize = if STRESSED { 4 } else { 8192 };

/// How often a worker without work looks for some before it sleeps: some 100 µs on an AMD EPYC, about what sleeping and being
/// woken costs.
pub const GREY_SPINS: usize = if STRESSED { 2 } else { 4000 };

/// Words of a large array scanned in one piece: 16 Ki words are Go's 128 KiB oblet. A smaller piece spreads an
/// array over more workers, a larger one is cut less often.
pub const PIECE_WORDS: usize = if STRESSED { 8 } else { 16 << 10 };

/// Words of an array without nulls that are looked at one by one before a marker looks for nulls with vectors again. More make
/// looking cheaper where there are none (1024 makes it a few hundredths of the time), and let more nulls through where they begin.
pub const SIFTED_EVERY: usize = if STRESSED { 8 } else { 1024 };

/// Objects in a mutator's barrier buffer. More are handed over more seldom, and wait longer to be scanned; Go's has 512.
pub const BARRIER_BUFFER: usize = if STRESSED { 3 } else { 512 };

/// Entries of the root table that are looked at under its lock at once: some microseconds, for which a mutator may wait.
pub const ROOTS_AT_ONCE: usize = if STRESSED { 2 } else { 1024 };

/// Pages of a frame's first tract: 64 KiB, so that a frame of some hundred objects asks once. More keeps more for each frame that is
/// open, fewer asks more often.
pub const FRAME_PAGES: usize = if STRESSED { 1 } else { 8 };

/// Pages that a mutator keeps for its next frames, at most: 256 KiB. More are kept from others, fewer are asked for again.
pub const FRAME_PAGES_KEPT: usize = if STRESSED { 2 } else { 32 };
/// Entries of a list of watched objects (cleanups, finalizers) that are looked at under its lock at once: some microseconds, for
/// which a mutator may wait.
pub const WATCHED_AT_ONCE: usize = if STRESSED { 2 } else { 1024 };

/// Unswept spans a refill looks at before it takes a fresh one, at most; where memory is slow the clock ends it before
/// (`crates/heap-core/src/memory/patience.rs`). Go 1.27 uses 100 (`runtime/mcentral.go`); a heap whose spans are all full then grows by
/// one span in a hundred before it is swept, here by one in thirty-two, or in four to eight at 5 µs a span.
pub const SWEEP_TRIES: usize = if STRESSED { 2 } else { 32 };
