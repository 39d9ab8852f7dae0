//! What a heap says of its memory beyond its figures: where every byte of its address space is, how full its spans are,
//! and where to find it in the process.

use crate::heap::Heap;
use crate::hints::WrongHint;
use heap_core::accounting::{Accounting, Mapping, Stretch};
use heap_core::fragmentation::Fragmentation;
use heap_core::tiles::Tiles;

impl Heap {
    /// What was found of wrong hints in a heap that [checks](crate::EscapeHints::Checked) them, in the order of sites; nothing in
    /// another.
    #[must_use]
    pub fn wrong_hints(&self) -> Vec<WrongHint> {
        self.shared.wrong_hints.all()
    }

    /// How full the spans are: by layout, by size class, and in all. Which objects keep pages that hold little else?
    ///
    /// Stops nobody, takes no lock, and takes time in proportion to the layouts in use (some microseconds), not to the heap: it
    /// may be asked at any time. A span counts as it was when it was last swept or given back by a mutator; spans in
    /// mutators' hands are *held*, and how full they are is not known. So the picture is exact after
    /// [`collect`](Self::collect), but for those.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use tricolor::Heap;
    /// let heap = Heap::builder().gc_off().build()?;
    /// let mut mutator = heap.attach()?;
    /// // Ten thousand objects, of which one in two hundred is kept: at most one in a span, which holds 170.
    /// let kept: Vec<_> = mutator.enter(|mu| {
    ///     let keep = |number: u64| {
    ///         let object = mu.alloc([number; 6]);
    ///         (number % 200 == 0).then(|| mu.root(object))
    ///     };
    ///     (0..10_000).filter_map(keep).collect()
    /// });
    /// mutator.collect();
    ///
    /// let now = heap.fragmentation();
    /// assert_eq!(now.total.occupied.get(), kept.len() * 48);
    /// assert_eq!(now.total.lone, kept.len(), "each has a span to itself");
    /// assert!(now.total.ratio() > 170.0, "and keeps 8 KiB for 48 bytes");
    /// for class in now.classes.iter().filter(|class| class.spans > 0) {
    ///     println!("{} spans, {} with one object, {} pinned", class.spans, class.lone, class.pinned);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn fragmentation(&self) -> Fragmentation {
        self.shared.memory.fragmentation()
    }

    /// Where every byte of the heap's address space is: reserved, idle, released, in use, or metadata. Stops nobody.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # let heap = tricolor::Heap::new()?;
    /// let bytes = heap.accounting();
    /// assert_eq!(
    ///     bytes.reserved + bytes.idle + bytes.released + bytes.in_use + bytes.metadata,
    ///     bytes.address_space,
    /// );
    /// println!("at most {} of them are resident", bytes.retained());
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use]
    pub fn accounting(&self) -> Accounting {
        self.shared.memory.accounting()
    }

    /// The parts of the process's address space that are this heap's: what to look for in `/proc/self/smaps`. They stay
    /// where they are for as long as the heap lives.
    #[must_use]
    pub fn mappings(&self) -> Vec<Mapping> {
        self.shared.memory.mappings()
    }

    /// The state of every page that the heap has grown to, lowest address first: page 0 is the first of the
    /// [mapping](Self::mappings) that holds objects. Takes some milliseconds for each GiB, and the lock of the pages for 4 MiB
    /// at a time; a page may have moved on when it is told.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use tricolor::{Heap, PageState};
    /// let heap = Heap::new()?;
    /// let mut mutator = heap.attach()?;
    /// let _root = mutator.enter(|mu| mu.root(mu.alloc([0_u8; 100_000])));
    /// let first = heap.stretches()[0];
    /// assert_eq!((first.state, first.pages.get()), (PageState::InUse, 13));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stretches(&self) -> Vec<Stretch> {
        self.shared.memory.stretches()
    }

    /// A picture of the pages that the heap has grown to, as at most so many tiles, lowest address first: what is in each,
    /// and how full its spans are.
    ///
    /// Stops nobody, and takes the lock of the pages for some ten nanoseconds for each 4 MiB. Takes time in proportion to the
    /// spans: some milliseconds for 10 GiB of small objects. While mutators run it is a picture and not a count, as
    /// [`heap_core::tiles`] says.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use tricolor::Heap;
    /// let heap = Heap::new()?;
    /// let mut mutator = heap.attach()?;
    /// let _root = mutator.enter(|mu| mu.root(mu.alloc([0_u8; 100_000])));
    /// mutator.collect();
    /// let picture = heap.tiles(64);
    /// // The heap has 4 MiB, so a tile is 64 KiB, and the object of 13 pages reaches into the second.
    /// assert_eq!((picture.tiles.len(), picture.pages.get()), (64, 8));
    /// assert_eq!((picture.tiles[0].noscan.get(), picture.tiles[1].noscan.get()), (8, 5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tiles(&self, most: usize) -> Tiles {
        self.shared.memory.tiles(most)
    }
}
