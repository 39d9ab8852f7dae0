//! Sites: a program with known places of allocation, and what a profile of it must say.
//!
//! Three workloads, those of a practice text about profiles in terms of this heap. An operation of the first makes an item with a name
//! and writes it as JSON; one of the second makes a string longer by a character, ten times, each time a new one; one of the third
//! takes a scratch buffer of 1 KiB.
//!
//! ```text
//!   workload       site           objects and bytes of an operation
//!   write_items    name           1: header and text, `item-123`
//!                  item           1: a number and a reference
//!                  serialise      1: header and text, `{"ID":123,"Name":"item-123"}`
//!   build_strings  concatenate   10: headers and 1 to 10 characters
//!   take_buffers   scratch        1: 1024
//! ```
//!
//! What each site allocates follows from these sizes and the size classes: [`Site::expected`]. What a profile of any program must say
//! of so many objects of a size, and how far off a sampled one may be, is [`Expected`].

use crate::error::LabError;
use core::ops::Range;
use heap_core::size_class::SizeClass;
use heap_profile::{Profile, Profiler, Use};
use std::fmt::Write as _;
use std::hint::black_box;
use tricolor::{Gc, GcStr, HeapBuilder, Mu, Mutator, Trace};

/// Bytes from one sampled byte to the next where estimates are judged: a profile of a short program needs a shorter distance than the
/// usual 512 KiB, with which an estimate of a place of few bytes could be off by all of them.
pub(crate) const MEAN: usize = 16 << 10;

/// Bytes of a scratch buffer.
pub(crate) const SCRATCH: usize = 1024;
/// Characters that a string is made longer by.
const LONGER: usize = 10;
/// Bytes of a string's header.
const HEADER: usize = 8;
/// Operations of an `enter`.
const BATCH: usize = 500;

/// What is written as JSON.
#[derive(Trace)]
struct Item<'gc> {
    id: u64,
    name: Gc<'gc, GcStr>,
}

#[inline(never)]
fn name<'gc>(mu: &Mu<'gc>, id: usize, text: &mut String) -> Gc<'gc, GcStr> {
    text.clear();
    // Writing to a string cannot fail.
    let _ = write!(text, "item-{id}");
    black_box(mu.alloc_str(text))
}

#[inline(never)]
fn item<'gc>(mu: &Mu<'gc>, id: usize, name: Gc<'gc, GcStr>) -> Gc<'gc, Item<'gc>> {
    black_box(mu.alloc(Item { id: id as u64, name }))
}

#[inline(never)]
fn serialise<'gc>(mu: &Mu<'gc>, item: &Item<'gc>, text: &mut String) -> Gc<'gc, GcStr> {
    text.clear();
    let _ = write!(text, "{{\"ID\":{},\"Name\":\"{}\"}}", item.id, item.name.as_str());
    black_box(mu.alloc_str(text))
}

#[inline(never)]
fn concatenate<'gc>(mu: &Mu<'gc>, to: &str, text: &mut String) -> Gc<'gc, GcStr> {
    text.clear();
    text.push_str(to);
    text.push('x');
    black_box(mu.alloc_str(text))
}

#[inline(never)]
fn scratch<'gc>(mu: &Mu<'gc>, first: usize) -> Gc<'gc, [u8; SCRATCH]> {
    let mut bytes = [0; SCRATCH];
    bytes[0] = first.to_le_bytes()[0];
    black_box(mu.alloc(bytes))
}

#[inline(never)]
fn write_items(mu: &Mu<'_>, range: Range<usize>, text: &mut String) {
    for id in range {
        let name = name(mu, id, text);
        let item = item(mu, id, name);
        serialise(mu, &item, text);
    }
}

#[inline(never)]
fn build_strings(mu: &Mu<'_>, range: Range<usize>, text: &mut String) {
    for _ in range {
        let mut string = concatenate(mu, "", text);
        for _ in 1..black_box(LONGER) {
            string = concatenate(mu, string.as_str(), text);
        }
    }
}

#[inline(never)]
fn take_buffers(mu: &Mu<'_>, range: Range<usize>) {
    for index in range {
        scratch(mu, index);
    }
}

/// All three workloads, so many operations each. What they make is let go, and collected from time to time.
pub(crate) fn run(mutator: &mut Mutator, count: usize) {
    let mut text = String::with_capacity(64);
    for batch in 0..count.div_ceil(BATCH) {
        let range = || batch * BATCH..count.min((batch + 1) * BATCH);
        mutator.enter(|mu| {
            write_items(mu, range(), &mut text);
            build_strings(mu, range(), &mut text);
            take_buffers(mu, range());
        });
        if batch % 32 == 31 {
            mutator.collect();
        }
    }
}

/// The third workload alone.
pub(crate) fn run_buffers(mutator: &mut Mutator, count: usize) {
    for batch in 0..count.div_ceil(BATCH) {
        mutator.enter(|mu| take_buffers(mu, batch * BATCH..count.min((batch + 1) * BATCH)));
    }
}

/// A place in the program that allocates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Site {
    Name,
    Item,
    Serialise,
    Concatenate,
    Scratch,
}

/// Objects and bytes that are expected, and by how much an estimate of them may be off.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Expected {
    pub(crate) objects: f64,
    pub(crate) bytes: f64,
    /// The variance of the bytes, as estimated.
    variance: f64,
}

/// The chance that an object in a slot of so many bytes is sampled, when one byte in `mean` is.
pub(crate) fn chance(slot: usize, mean: usize) -> f64 {
    if mean <= 1 { 1.0 } else { -(-(slot as f64) / mean as f64).exp_m1() }
}

impl Expected {
    /// So many objects more that ask for so many bytes, when one byte in `mean` is sampled.
    pub(crate) fn add(&mut self, count: usize, bytes: usize, mean: usize) {
        let slot = SizeClass::for_bytes(bytes).size().get();
        let (count, size) = (count as f64, slot as f64);
        // Each that is sampled stands for 1/p.
        let p = chance(slot, mean);
        self.objects += count;
        self.bytes += count * size;
        self.variance += count * size * size * (1.0 - p) / p;
    }

    /// Five standard deviations of the estimate of bytes.
    pub(crate) fn bound(&self) -> f64 {
        5.0 * self.variance.sqrt()
    }
}

impl Site {
    pub(crate) const ALL: [Self; 5] =
        [Self::Name, Self::Item, Self::Serialise, Self::Concatenate, Self::Scratch];

    /// The function.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Name => "heap_lab::sites::name",
            Self::Item => "heap_lab::sites::item",
            Self::Serialise => "heap_lab::sites::serialise",
            Self::Concatenate => "heap_lab::sites::concatenate",
            Self::Scratch => "heap_lab::sites::scratch",
        }
    }

    /// The function without its module.
    pub(crate) fn short(self) -> &'static str {
        short(self.function())
    }

    /// The workload that it is in.
    pub(crate) fn workload(self) -> &'static str {
        match self {
            Self::Name | Self::Item | Self::Serialise => "heap_lab::sites::write_items",
            Self::Concatenate => "heap_lab::sites::build_strings",
            Self::Scratch => "heap_lab::sites::take_buffers",
        }
    }

    /// Bytes that it asks for in one operation, object by object.
    fn asked(self, id: usize) -> Vec<usize> {
        let digits = id.to_string().len();
        let name = "item-".len() + digits;
        match self {
            Self::Name => vec![HEADER + name],
            Self::Item => vec![size_of::<Item<'static>>()],
            Self::Serialise => vec![HEADER + r#"{"ID":,"Name":""}"#.len() + digits + name],
            Self::Concatenate => (1..=LONGER).map(|len| HEADER + len).collect(),
            Self::Scratch => vec![SCRATCH],
        }
    }

    /// The size classes of its objects in the first `count` operations, smallest first.
    pub(crate) fn slots(self, count: usize) -> Vec<usize> {
        let mut slots: Vec<usize> = (0..count)
            .flat_map(|id| self.asked(id))
            .map(|bytes| SizeClass::for_bytes(bytes).size().get())
            .collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// What it allocates in `count` operations, when one byte in `mean` is sampled.
    pub(crate) fn expected(self, count: usize, mean: usize) -> Expected {
        let mut expected = Expected::default();
        for bytes in (0..count).flat_map(|id| self.asked(id)) {
            expected.add(1, bytes, mean);
        }
        expected
    }
}

/// The profile of a program in a heap of its own, of which one byte in `mean` is sampled.
///
/// # Errors
/// When the heap cannot be built.
pub(crate) fn profiled(
    builder: &HeapBuilder,
    mean: usize,
    program: impl FnOnce(&mut Mutator),
) -> Result<Profile, LabError> {
    let profiler = Profiler::new();
    let heap = builder.clone().sampler(profiler.clone(), mean).build()?;
    program(&mut heap.attach()?);
    Ok(profiler.profile("heap-lab", &heap))
}

/// A function without its module.
pub(crate) fn short(function: &str) -> &str {
    function.rsplit("::").next().unwrap_or(function)
}

/// What a part, such as a function or a crate, has in a grouping of a profile; nothing, if it is not in it.
pub(crate) fn of(parts: &[(String, Use)], part: &str) -> Use {
    parts.iter().find(|(name, _)| name == part).map(|(_, counts)| *counts).unwrap_or_default()
}

/// Bytes of a profile's file.
pub(crate) fn file_bytes(profile: &Profile) -> std::io::Result<usize> {
    let mut file = Vec::new();
    profile.write_pprof(&mut file)?;
    Ok(file.len())
}
