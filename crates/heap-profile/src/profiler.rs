//! The profiler: counts samples by where they were taken and of what.
//!
//! A *site* is a stack, a type and a size: all samples of one weigh the same if the mean is not changed. Its number is what the heap
//! remembers of a sample. The number of different stacks has a bound; a sample with a further one is counted at a site without
//! a stack, so that totals stay right, and the profile says how many there were.
//!
//! Where there are frame pointers, the stack is found by a [walk that was judged](crate::walks) before, and unwound otherwise.
//!
//! One lock, held for a look into a table; not while a stack is taken.

use crate::hash::Words;
use crate::profile::{Count, Profile, Site, Use};
use crate::stack::{MOST_FRAMES, Stack};
use crate::stacks::Stacks;
use crate::walk::{self, walk};
use crate::walks::{Known, Walks};
use core::fmt;
use core::hash::BuildHasherDefault;
use heap_gc::{Heap, Sample, Sampler};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Different stacks that are kept, unless another number is asked for: with 64 frames each some 9 MiB, and as much again for walks;
/// far more than the places in a program that allocate often.
const MOST_STACKS: usize = 16 << 10;

/// What all samples of a site have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// The stack's number.
    stack: u32,
    label: &'static str,
    bytes: usize,
}

/// The site of a number, and what was counted there.
struct Counted {
    key: Key,
    allocated: Count,
}

/// What was counted so far.
struct Table {
    stacks: Stacks,
    walks: Walks,
    sites: Vec<Counted>,
    site_numbers: HashMap<Key, u32, BuildHasherDefault<Words>>,
    dropped: u64,
    broken: u64,
}

struct Shared {
    /// Frames that are kept of a stack. Written with the table locked, read without it when a stack is taken; a sample that does not
    /// hear of it yet keeps as many as before, and its walk is not judged.
    frames: AtomicUsize,
    begun: SystemTime,
    table: Mutex<Table>,
}

/// Counts sampled allocations by stack and type. Clones count together: one is given to the heap, one is kept to ask.
///
/// It may be the sampler of several heaps; what is in use is asked of one. See the crate's text for an example.
#[derive(Clone)]
pub struct Profiler {
    shared: Arc<Shared>,
}

impl Default for Profiler {
    fn default() -> Self {
        Self::new()
    }
}

impl Profiler {
    /// A profiler that keeps up to 16384 different stacks.
    #[must_use]
    pub fn new() -> Self {
        Self::with_most_stacks(MOST_STACKS)
    }

    /// A profiler that keeps up to so many different stacks: about half a KiB each, twice that with the feature `frame-pointers`.
    /// Samples with others are counted together.
    #[must_use]
    pub fn with_most_stacks(most: usize) -> Self {
        let table = Table {
            stacks: Stacks::with_room_for(most),
            walks: Walks::with_room_for(if walk::IS_BUILT { most } else { 0 }, MOST_FRAMES),
            sites: Vec::new(),
            site_numbers: HashMap::default(),
            dropped: 0,
            broken: 0,
        };
        let begun = SystemTime::now();
        Self {
            shared: Arc::new(Shared {
                frames: AtomicUsize::new(MOST_FRAMES),
                begun,
                table: Mutex::new(table),
            }),
        }
    }

    /// Keeps up to so many frames of stacks that are taken from now on, the innermost: 1 to 64, which it is if nothing is said.
    /// Those of the heap count: a handful.
    ///
    /// The unwinder pays for each frame, so in deep recursions fewer are cheaper; and places that differ only further out are one.
    /// With frame pointers each stack is unwound once more after a change.
    ///
    /// ```
    /// # use heap_gc::Heap;
    /// # use heap_profile::Profiler;
    /// let profiler = Profiler::new();
    /// profiler.set_most_frames(10);
    /// # let heap = Heap::builder().sampler(profiler.clone(), 1).build()?;
    /// # heap.attach()?.enter(|mu| _ = mu.alloc([0_u64; 8]));
    /// assert!(profiler.profile("main", &heap).sites()[0].stack.len() <= 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_most_frames(&self, frames: usize) {
        let frames = frames.clamp(1, MOST_FRAMES);
        let mut table = self.table();
        if self.shared.frames.swap(frames, Relaxed) != frames {
            table.walks.start_over(frames);
        }
    }

    /// What was counted so far, and what of it the last completed cycle of `heap` left alive. `name` is what the profile calls the
    /// heap, to tell several apart.
    ///
    /// Stops nobody. Symbols are not looked up yet.
    #[must_use]
    pub fn profile(&self, name: &str, heap: &Heap) -> Profile {
        // What is in use first: it was counted as allocated before.
        let mut in_use: HashMap<u32, Count> = HashMap::new();
        heap.sampled(|number, sample| in_use.entry(number).or_default().add(sample));
        let table = self.table();
        let sites = table.sites.iter().zip(0_u32..).map(|(site, number)| Site {
            stack: table.stacks.addresses(site.key.stack).to_vec(),
            label: site.key.label,
            bytes: site.key.bytes,
            counts: Use {
                allocated: site.allocated,
                in_use: in_use.get(&number).copied().unwrap_or_default(),
            },
        });
        Profile {
            heap: name.to_owned(),
            mean: heap.sample_mean(),
            begun: self.shared.begun,
            taken: SystemTime::now(),
            dropped: table.dropped,
            broken: table.broken,
            sites: sites.collect(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Counters that somebody left in the middle of an addition are as good as others.
        self.shared.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sampler for Profiler {
    fn sampled(&self, sample: &Sample) -> u32 {
        // The stack of interest begins with whoever called this: it lies above this variable.
        let here = 0_u8;
        let above = (&raw const here).addr();
        let frames = self.shared.frames.load(Relaxed);
        let mut walk = walk(above, frames);
        let table = self.table();
        let known = if walk::IS_BUILT { table.walks.find(&mut walk) } else { Known::Unjudged };
        let (mut table, stack) = match known {
            Known::Whole(stack) => (table, stack),
            Known::Broken | Known::Unjudged => {
                drop(table);
                self.unwound(above, frames, walk, known)
            }
        };
        table.count(stack, sample)
    }
}

impl Profiler {
    /// The table, and the number of this thread's stack in it. The walk did not say which stack it is of; it may the next time.
    ///
    /// Apart from the walk where there is one; where there is none it would only be one more frame to unwind.
    #[cfg_attr(feature = "frame-pointers", cold, inline(never))]
    #[cfg_attr(not(feature = "frame-pointers"), inline)]
    fn unwound(
        &self,
        above: usize,
        frames: usize,
        walk: Stack,
        known: Known,
    ) -> (MutexGuard<'_, Table>, u32) {
        let stack = Stack::unwound(above, frames);
        let mut table = self.table();
        let number = table.stacks.number(&stack);
        if walk::IS_BUILT && known == Known::Unjudged {
            table.walks.learn(walk, &stack, number);
        }
        table.broken += u64::from(known == Known::Broken);
        (table, number)
    }
}

impl Table {
    /// Counts a sample at its site, whose number this is.
    fn count(&mut self, stack: u32, sample: &Sample) -> u32 {
        self.dropped += u64::from(stack == 0);
        let key = Key { stack, label: sample.label, bytes: sample.bytes.get() };
        let Self { sites, site_numbers, .. } = self;
        let number = *site_numbers.entry(key).or_insert_with(|| {
            sites.push(Counted { key, allocated: Count::default() });
            number_of(sites.len() - 1)
        });
        sites[number as usize].allocated.add(sample);
        number
    }
}

/// An index as a number. There are as many sites as different stacks, times the types and sizes that one place allocates.
fn number_of(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 sites")
}

impl fmt::Debug for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        f.debug_struct("Profiler")
            .field("stacks", &table.stacks.len())
            .field("sites", &table.sites.len())
            .field("dropped", &table.dropped)
            .finish()
    }
}
