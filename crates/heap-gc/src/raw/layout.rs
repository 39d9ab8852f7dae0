//! Layouts made at run time.
//!
//! A [`Layout`] says how large an object is and which of its words the collector reads. Registered with a heap it is a [`Kind`];
//! or an [`ArrayKind`], if it describes one element of an array. Registering twice what is alike gives the same spans.
//!
//! A heap has room for [`MOST_LAYOUTS`](heap_core::memory::MOST_LAYOUTS) layouts, the fixed ones of small shapes and those of the
//! safe interface among them; an array kind takes one for each size class that its arrays have come in. When they are used
//! up, a kind without a drop and a trace function gets the *superset* of its size class: every word is ambiguous. That is safe,
//! since such words are looked up before they are followed; it costs time, and may keep garbage. A kind with a drop or a
//! trace function cannot share, and is refused.

use crate::config::LayoutPolicy;
use crate::heap::Heap;
use crate::hinted::InFrame;
use core::fmt;
use heap_core::error::AllocError;
use heap_core::layout::{DropFn, Extent, Layout as Shape, LayoutId, TraceFn, TypeMask, fixed_id};
use heap_core::memory::Memory;
use heap_core::size_class::SizeClass;
use heap_core::sync::Arc;
use heap_core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use heap_core::units::{PAGE_BYTES, WORD_BYTES, narrow};

/// Words of the longest mask: larger objects with references are arrays.
const LONGEST: usize = 1024;
/// Bytes of the largest objects whose layouts have fixed numbers, if they have a mask.
const MOST_FIXED: usize = 64;

/// What an object is made of, or an element of an array. See [`Kind`] and [`ArrayKind`].
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Heap, raw};
/// let heap = Heap::new()?;
/// // A closure: its code (a word that is no reference), its name, and a value that may be anything.
/// let closure = raw::Layout::new("closure", 24).exact(1).ambiguous(2).register(&heap)?;
/// // Values, behind a header of 16 bytes.
/// let table = raw::Layout::new("table", 8).ambiguous(0).register_array(&heap, 16)?;
/// assert_eq!(table.header(), 16);
/// let past = raw::Layout::new("pair", 16).exact(2).register(&heap);
/// assert_eq!(past.unwrap_err(), raw::LayoutError::PastEnd { word: 2, words: 2 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Layout {
    name: &'static str,
    size: usize,
    align: usize,
    exact: Vec<usize>,
    ambiguous: Vec<usize>,
    drop: Option<DropFn>,
    trace: Option<TraceFn>,
}

impl Layout {
    /// An object of so many bytes, aligned to words, in which the collector reads nothing. The name is for censuses by type
    /// ([`LayoutPolicy::PerType`]), and for profiles.
    #[must_use]
    pub fn new(name: &'static str, size: usize) -> Self {
        Self {
            name,
            size,
            align: WORD_BYTES,
            exact: Vec::new(),
            ambiguous: Vec::new(),
            drop: None,
            trace: None,
        }
    }

    /// Aligned to so many bytes, a power of two up to 8192. Less than 8 is 8.
    #[must_use]
    pub fn align(mut self, bytes: usize) -> Self {
        self.align = bytes;
        self
    }

    /// The word with this number, from 0, is at any time null or the address of an object.
    #[must_use]
    pub fn exact(mut self, word: usize) -> Self {
        self.exact.push(word);
        self
    }

    /// The word with this number may be anything: a number, an address inside an object, a tagged word that the heap's
    /// [decoder](crate::HeapBuilder::decoder) reads.
    #[must_use]
    pub fn ambiguous(mut self, word: usize) -> Self {
        self.ambiguous.push(word);
        self
    }

    /// Runs this when an object dies, with its address. For an array, with the array's. See R6 and R8 of [`raw`](crate::raw).
    #[must_use]
    pub fn on_drop(mut self, drop: unsafe fn(*mut u8)) -> Self {
        self.drop = Some(DropFn(drop));
        self
    }

    /// Runs this when an object is scanned, with its address (for an array, the array's) and what takes the references that it
    /// keeps outside its masks. See R6 and R8 of [`raw`](crate::raw).
    #[must_use]
    pub fn traced_by(mut self, trace: unsafe fn(*const u8, &mut dyn FnMut(usize))) -> Self {
        self.trace = Some(TraceFn(trace));
        self
    }

    /// Registers it as a kind of objects.
    ///
    /// # Errors
    /// If it does not describe an object, or the heap is full of layouts and this one cannot share.
    pub fn register(&self, heap: &Heap) -> Result<Kind, LayoutError> {
        let shared = &heap.shared;
        if self.size == 0 {
            return Err(LayoutError::Empty);
        }
        let align = self.check(self.size.div_ceil(WORD_BYTES))?;
        let class = SizeClass::for_bytes_aligned(self.size, align);
        let mut shape = self.shape(class, Extent::Object, shared.layouts);
        if shape.is_noscan() {
            // The size is of no interest to the collector then.
            shape.period = narrow(class.size().get() / WORD_BYTES);
        }
        let fixed = if self.drop.is_none() && self.trace.is_none() && shape.name.is_none() {
            self.small_mask().and_then(|mask| fixed_id(class, &mask))
        } else {
            None
        };
        let id = fixed.map_or_else(|| register(&shared.memory, &shape), Ok).map_err(full)?;
        let is_scanned = !shared.memory.entry(id).layout().is_noscan();
        let is_superset = || *shared.memory.entry(id).layout() == Shape::superset(class);
        Ok(Kind {
            heap: shared.id,
            id,
            name: self.name,
            is_large: class.is_large(),
            stride: class.size().get().max(1),
            bytes: self.size,
            cleared: if is_scanned { self.size.next_multiple_of(WORD_BYTES) } else { 0 },
            is_superset: is_superset(),
            in_frame: (!class.is_large()
                && self.drop.is_none()
                && self.trace.is_none()
                && align == WORD_BYTES
                && !is_superset())
            .then(|| InFrame::of(id, self.size)),
        })
    }

    /// Registers it as the element of a kind of arrays, which begin with a header of at least `header` bytes, and at least one
    /// word. The collector reads the first word, which holds the number of elements, and nothing else of the header.
    ///
    /// # Errors
    /// If it does not describe an element: with masks or a trace function its size is a whole number of words.
    pub fn register_array(&self, heap: &Heap, header: usize) -> Result<ArrayKind, LayoutError> {
        let shared = &heap.shared;
        if self.size == 0 {
            return Err(LayoutError::Empty);
        }
        let align = self.check(self.size.div_ceil(WORD_BYTES))?;
        let is_scanned = !(self.exact.is_empty() && self.ambiguous.is_empty() && self.trace.is_none());
        if is_scanned && !self.size.is_multiple_of(WORD_BYTES) {
            return Err(LayoutError::BrokenElement { size: self.size });
        }
        let most = u32::MAX as usize;
        let header = header.max(WORD_BYTES).checked_next_multiple_of(align).filter(|&bytes| bytes <= most);
        let header = header.ok_or(LayoutError::LongHeader { most })?;
        let extent = Extent::Slice { header: narrow(header / WORD_BYTES) };
        Ok(ArrayKind {
            heap: shared.id,
            name: self.name,
            header,
            element: self.size,
            align,
            is_scanned,
            shape: Arc::new(self.shape(SizeClass::LARGE, extent, shared.layouts)),
            ids: Arc::new([const { AtomicU32::new(UNKNOWN) }; SizeClass::COUNT]),
        })
    }

    /// The alignment, if all is as it should be.
    fn check(&self, words: usize) -> Result<usize, LayoutError> {
        let align = self.align.max(WORD_BYTES);
        if !align.is_power_of_two() || align > PAGE_BYTES {
            return Err(LayoutError::Alignment { align: self.align });
        }
        let named = || self.exact.iter().chain(&self.ambiguous).copied();
        // A word is whole, or nothing that can be read.
        let whole = self.size / WORD_BYTES;
        if let Some(word) = named().find(|&word| word >= whole) {
            return Err(LayoutError::PastEnd { word, words: whole });
        }
        if let Some(&word) = self.exact.iter().find(|word| self.ambiguous.contains(word)) {
            return Err(LayoutError::TwoKinds { word });
        }
        if named().next().is_some() && words > LONGEST {
            return Err(LayoutError::TooLong { words, most: LONGEST });
        }
        Ok(align)
    }

    /// The mask, if it may be one of those whose layouts have fixed numbers.
    fn small_mask(&self) -> Option<TypeMask> {
        if !self.ambiguous.is_empty() || self.size > MOST_FIXED {
            return None;
        }
        let place = |mask: TypeMask, word: &usize| mask.with(word * WORD_BYTES, &TypeMask::pointer());
        Some(self.exact.iter().fold(TypeMask::noscan(self.size), place))
    }

    fn shape(&self, class: SizeClass, extent: Extent, policy: LayoutPolicy) -> Shape {
        let mask = |words: &[usize]| {
            let mut blocks = vec![0_u64; words.iter().max().map_or(0, |last| last / 64 + 1)];
            for word in words {
                blocks[word / 64] |= 1 << (word % 64);
            }
            blocks
        };
        let mut shape = Shape::of(class, extent, &TypeMask::noscan(self.size));
        (shape.exact, shape.ambiguous) = (mask(&self.exact), mask(&self.ambiguous));
        (shape.drop, shape.trace) = (self.drop, self.trace);
        shape.name = (policy == LayoutPolicy::PerType).then_some(self.name);
        shape
    }
}

/// The number of a layout: a fixed one, if it is of such a shape.
fn register(memory: &Memory, shape: &Shape) -> Result<LayoutId, AllocError> {
    let is_plain = shape.drop.is_none() && shape.trace.is_none() && shape.name.is_none();
    if is_plain && shape.is_noscan() && !shape.class.is_large() {
        return Ok(LayoutId::new(u32::from(shape.class.get())));
    }
    memory.register(shape)
}

fn full(error: AllocError) -> LayoutError {
    match error {
        AllocError::Layouts { most } => LayoutError::Full { most },
        other @ (AllocError::Limit { .. }
        | AllocError::Reservation { .. }
        | AllocError::Os { .. }
        | AllocError::TooLarge { .. }
        | AllocError::Alignment { .. }
        | _) => heap_core::bug!("a layout was refused: {other}"),
    }
}

/// Objects of one layout, in one heap.
#[derive(Clone, Debug)]
pub struct Kind {
    pub(super) heap: u64,
    pub(super) id: LayoutId,
    pub(super) name: &'static str,
    /// Whether each has a span of its own.
    pub(super) is_large: bool,
    /// The size of a slot; of large objects, which are in no run, not 0.
    pub(super) stride: usize,
    pub(super) bytes: usize,
    /// In a frame: what is in front of an object, and the bytes of both. `None` if it cannot lie there: it is large, has a
    /// function, or an alignment above 8.
    pub(super) in_frame: Option<InFrame>,
    /// Bytes that are cleared when an object is made.
    pub(super) cleared: usize,
    is_superset: bool,
}

impl Kind {
    /// Bytes of an object, as they were asked for.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes
    }

    /// Whether the heap was full of layouts, so that every word of these objects is ambiguous.
    #[must_use]
    pub fn is_superset(&self) -> bool {
        self.is_superset
    }
}

const UNKNOWN: u32 = u32::MAX;

/// Arrays of elements of one layout, in one heap.
#[derive(Clone, Debug)]
pub struct ArrayKind {
    pub(super) heap: u64,
    pub(super) name: &'static str,
    pub(super) header: usize,
    pub(super) element: usize,
    pub(super) align: usize,
    pub(super) is_scanned: bool,
    /// The layout, but for its size class.
    shape: Arc<Shape>,
    /// Layout numbers by size class, once they are known. Whoever does not see one asks again.
    ids: Arc<[AtomicU32; SizeClass::COUNT]>,
}

impl ArrayKind {
    /// Bytes from an array's address to its first element.
    #[must_use]
    pub fn header(&self) -> usize {
        self.header
    }

    /// Bytes of an element.
    #[must_use]
    pub fn element(&self) -> usize {
        self.element
    }

    /// The number of the layout of arrays of a size class.
    #[inline]
    pub(super) fn id(&self, class: SizeClass, memory: &Memory) -> Result<LayoutId, AllocError> {
        match self.ids[class.index()].load(Relaxed) {
            UNKNOWN => self.find_id(class, memory),
            id => Ok(LayoutId::new(id)),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_id(&self, class: SizeClass, memory: &Memory) -> Result<LayoutId, AllocError> {
        let mut shape = Shape { class, ..Shape::clone(&self.shape) };
        if shape.is_noscan() {
            // The element's size is of no interest to the collector then.
            shape.extent = Extent::Object;
            shape.period = narrow(class.size().get() / WORD_BYTES);
        }
        let id = register(memory, &shape)?;
        self.ids[class.index()].store(narrow(id.index()), Relaxed);
        Ok(id)
    }
}

/// Why a layout was not registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LayoutError {
    /// The size is 0.
    Empty,
    /// The alignment is not a power of two, or above a page.
    Alignment {
        /// The alignment asked for.
        align: usize,
    },
    /// A mask names a word that does not lie wholly inside.
    PastEnd {
        /// The word.
        word: usize,
        /// The whole words there are.
        words: usize,
    },
    /// A word is named as exact and as ambiguous.
    TwoKinds {
        /// The word.
        word: usize,
    },
    /// The masks lie over more words than they may.
    TooLong {
        /// Words of the object.
        words: usize,
        /// The most there can be.
        most: usize,
    },
    /// An element with masks or a trace function is not a whole number of words.
    BrokenElement {
        /// Bytes of the element.
        size: usize,
    },
    /// The header is too long.
    LongHeader {
        /// The most bytes there can be.
        most: usize,
    },
    /// The heap has as many layouts as it can, and one with a drop or a trace function cannot share the superset.
    Full {
        /// How many there can be.
        most: usize,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => {
                f.write_str("an object of no bytes has no address of its own: make it 8 bytes large")
            }
            Self::Alignment { align } => {
                write!(f, "an alignment of {align} is not a power of two up to 8192: align by such a one")
            }
            Self::PastEnd { word, words } => write!(
                f,
                "word {word} lies past the end of an object of {words} whole words: words are counted from 0"
            ),
            Self::TwoKinds { word } => {
                write!(f, "word {word} is named as exact and as ambiguous: name it once")
            }
            Self::TooLong { words, most } => write!(
                f,
                "an object with references has {words} words, and {most} is the most: make an array of it"
            ),
            Self::BrokenElement { size } => write!(
                f,
                "an element with references has {size} bytes, which is not a whole number of words: make it a multiple of 8"
            ),
            Self::LongHeader { most } => write!(f, "the header is longer than {most} bytes: make it shorter"),
            Self::Full { most } => write!(
                f,
                "the heap has {most} layouts, the most there can be, and one with a drop or a trace function cannot share: use \
                 fewer kinds, or a second heap"
            ),
        }
    }
}

impl core::error::Error for LayoutError {}
