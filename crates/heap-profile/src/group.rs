//! Groups: sites put together, by type, or by where in the program they are.
//!
//! A stack, without the heap's own functions, leads from the allocation outwards. Of it three places are asked for:
//!
//! ```text
//!   alloc::vec::Vec::extend   shop::orders::add   json::read::all   json::read::file   core::iter::…   shop::main
//!                             │                   │                                                  │
//!                             allocating          caller, calling module and crate: the innermost    └ outside
//!                                                 that is another
//! ```
//!
//! The *allocating* function is the innermost that is not of the standard library. Its *caller* is the next outer one of these; the
//! *calling* module and crate are those of the innermost that is in another module, or in another crate: for a library, who feeds
//! it.

use crate::profile::{OTHER, Profile, Use, frames_of};
use crate::symbol::{Frame, Symbols};
use core::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What those are called that nobody of the program calls.
const OUTERMOST: &str = "(outermost)";

/// What sites are put together by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Group {
    /// What was allocated.
    Type,
    /// The allocating function: the innermost that is neither of the heap nor of the standard library.
    Function,
    /// Its module.
    Module,
    /// Its crate.
    Crate,
    /// The function that calls it: the next outer one that is neither of the heap nor of the standard library.
    Caller,
    /// The innermost module that is another than the allocating one.
    CallingModule,
    /// The innermost crate that is another than the allocating one: whose calls make a library allocate.
    CallingCrate,
}

impl Group {
    /// What one is called, and several.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Type => ("type", "types"),
            Self::Function => ("function", "functions"),
            Self::Module => ("module", "modules"),
            Self::Crate => ("crate", "crates"),
            Self::Caller => ("caller", "callers"),
            Self::CallingModule => ("calling module", "calling modules"),
            Self::CallingCrate => ("calling crate", "calling crates"),
        }
    }

    /// The name of a stack without the heap's functions.
    fn of_stack(self, frames: &[Frame]) -> String {
        let mut own = frames.iter().filter(|frame| !frame.is_of_heap() && !frame.is_standard());
        let Some(allocating) = own.next() else {
            return frames.first().map_or_else(|| OTHER.to_owned(), |frame| frame.function.clone());
        };
        let caller = match self {
            Self::Type | Self::Function => return allocating.function.clone(),
            Self::Module => return allocating.module().to_owned(),
            Self::Crate => return allocating.krate().to_owned(),
            Self::Caller => own.next().map(|frame| &*frame.function),
            Self::CallingModule => own.map(Frame::module).find(|module| *module != allocating.module()),
            Self::CallingCrate => own.map(Frame::krate).find(|krate| *krate != allocating.krate()),
        };
        caller.unwrap_or(OUTERMOST).to_owned()
    }
}

/// Which of its numbers a profile is sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Value {
    /// Objects that were allocated: how often the allocator was called.
    AllocatedObjects,
    /// Bytes that were allocated: how soon the next collection comes.
    AllocatedBytes,
    /// Objects in use: what marking goes through.
    InUseObjects,
    /// Bytes in use: what the heap is full of.
    InUseBytes,
}

impl Value {
    /// The number.
    #[must_use]
    pub fn of(self, counts: &Use) -> f64 {
        match self {
            Self::AllocatedObjects => counts.allocated.objects,
            Self::AllocatedBytes => counts.allocated.bytes,
            Self::InUseObjects => counts.in_use.objects,
            Self::InUseBytes => counts.in_use.bytes,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AllocatedObjects => "allocated objects",
            Self::AllocatedBytes => "allocated bytes",
            Self::InUseObjects => "objects in use",
            Self::InUseBytes => "bytes in use",
        }
    }
}

impl Profile {
    /// Sites put together, the one with the most of `value` first, and those with as much by bytes allocated. Names are looked
    /// up, except for types.
    ///
    /// ```
    /// # use heap_gc::Heap;
    /// use heap_profile::{Group, Profiler, Value};
    /// # let profiler = Profiler::new();
    /// # let heap = Heap::builder().sampler(profiler.clone(), 1).build()?;
    /// # heap.attach()?.enter(|mu| (0..3_u64).for_each(|number| _ = mu.alloc([number; 4])));
    /// let types = profiler.profile("main", &heap).grouped(Group::Type, Value::AllocatedObjects);
    /// assert_eq!((types[0].0.as_str(), types[0].1.allocated.objects), ("[u64; 4]", 3.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn grouped(&self, group: Group, value: Value) -> Vec<(String, Use)> {
        let mut symbols = Symbols::default();
        let mut sums: BTreeMap<String, Use> = BTreeMap::new();
        for site in &self.sites {
            let name = match group {
                Group::Type => site.label.to_owned(),
                Group::Function
                | Group::Module
                | Group::Crate
                | Group::Caller
                | Group::CallingModule
                | Group::CallingCrate => group.of_stack(&frames_of(&mut symbols, site)),
            };
            *sums.entry(name).or_default() += site.counts;
        }
        sorted(sums, value)
    }

    /// By function, each with all that was allocated in it and in what it called: what `pprof` calls cumulative. A site counts once
    /// for a function, also if the function called itself. The heap's functions and the standard library's are left out; the sums of
    /// the others are more than the [total](Self::total).
    #[must_use]
    pub fn cumulative(&self, value: Value) -> Vec<(String, Use)> {
        let mut symbols = Symbols::default();
        let mut sums: BTreeMap<String, Use> = BTreeMap::new();
        for site in &self.sites {
            let frames = frames_of(&mut symbols, site);
            let own = frames.into_iter().filter(|frame| !frame.is_of_heap() && !frame.is_standard());
            let names: BTreeSet<String> = own.map(|frame| frame.function).collect();
            names.into_iter().for_each(|name| *sums.entry(name).or_default() += site.counts);
        }
        sorted(sums, value)
    }

    /// By type, the one with the most bytes in use first, then by bytes allocated.
    #[must_use]
    pub fn by_type(&self) -> Vec<(String, Use)> {
        self.grouped(Group::Type, Value::InUseBytes)
    }

    /// By the function that allocates: the innermost that is neither of the heap nor of the standard library.
    #[must_use]
    pub fn by_function(&self) -> Vec<(String, Use)> {
        self.grouped(Group::Function, Value::InUseBytes)
    }

    /// By the crate of that function.
    #[must_use]
    pub fn by_crate(&self) -> Vec<(String, Use)> {
        self.grouped(Group::Crate, Value::InUseBytes)
    }

    /// By the module of that function.
    #[must_use]
    pub fn by_module(&self) -> Vec<(String, Use)> {
        self.grouped(Group::Module, Value::InUseBytes)
    }
}

/// The one with the most of `value` first, and those with as much by bytes allocated.
fn sorted(sums: BTreeMap<String, Use>, value: Value) -> Vec<(String, Use)> {
    let mut sums: Vec<_> = sums.into_iter().collect();
    let rank = |counts: &Use| (value.of(counts), counts.allocated.bytes);
    sums.sort_by(|(_, one), (_, other)| rank(other).partial_cmp(&rank(one)).unwrap_or(Ordering::Equal));
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_by_who_allocates_and_by_who_calls() {
        let names = [
            "alloc::vec::Vec::extend",
            "shop::orders::add",
            "core::iter::all",
            "shop::orders::add_all",
            "heap_gc::mutator::Mutator::enter",
            "shop::till::sell",
            "json::read::file",
            "shop::main",
        ];
        let frames: Vec<_> = names.iter().map(|name| Frame::placeholder(name)).collect();
        let table = [
            (Group::Function, "shop::orders::add", "shop::main"),
            (Group::Module, "shop::orders", "shop"),
            (Group::Crate, "shop", "shop"),
            (Group::Caller, "shop::orders::add_all", OUTERMOST),
            (Group::CallingModule, "shop::till", OUTERMOST),
            (Group::CallingCrate, "json", OUTERMOST),
        ];
        for (group, whole, outermost) in table {
            assert_eq!(group.of_stack(&frames), whole, "{group:?}");
            assert_eq!(group.of_stack(&frames[7..]), outermost, "{group:?}");
            assert_eq!(group.of_stack(&frames[..1]), names[0], "{group:?}: nobody of the program is there");
            assert_eq!(group.of_stack(&[]), OTHER, "{group:?}");
        }
    }
}
