//! The limits: what is put on the heap for its size alone, and what a closure copies.

/// Limits of size, in bytes. [`Limits::default`] are those of Go 1.27 on a 64-bit machine.
///
/// # Examples
/// ```
/// use heap_escape::Limits;
/// let small = Limits { site: 1024, ..Limits::default() };
/// assert_eq!(small.variable, 128 * 1024);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// A variable larger than this goes to the heap. More makes frames larger.
    pub variable: u64,
    /// An allocation larger than this goes to the heap. More makes frames larger.
    pub site: u64,
    /// What is aligned more strictly than this goes to the heap.
    pub align: u64,
    /// A closure copies a captured variable of at most so many bytes when nobody changes it any more; `None`: a closure always
    /// refers to the variable itself.
    pub copy: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { variable: 128 * 1024, site: 64 * 1024, align: 8, copy: Some(128) }
    }
}

/// What the analysis has to know of the type of a variable or an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its alignment, in bytes.
    pub align: u64,
    /// Whether it can hold a reference. The value of a shape without references flows nowhere; its address does.
    pub references: bool,
}

impl Shape {
    /// A shape that can hold references.
    #[must_use]
    pub fn references(bytes: u64) -> Self {
        Self { bytes, align: 8, references: true }
    }

    /// A shape without references: numbers.
    #[must_use]
    pub fn plain(bytes: u64) -> Self {
        Self { bytes, align: 8, references: false }
    }
}
