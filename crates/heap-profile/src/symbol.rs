//! Symbols: from an address to the functions that were running there, looked up when a profile is written.
//!
//! One address may stand for several functions, since the compiler puts the inner ones into the outer. The frames of the heap itself, innermost in
//! every stack, are of no interest to who asks where bytes come from, and are cut off.

use crate::origin::{Origin, with_module};
use std::collections::HashMap;

/// A function in a stack.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Frame {
    /// Its name, as the compiler prints it, without its hash. Where the binary says no more than a name, with the module of its file.
    pub function: String,
    /// Its name in the binary.
    pub symbol: String,
    /// The source file; empty if the binary does not say.
    pub file: String,
    /// The line in it; 0 if the binary does not say.
    pub line: u32,
    /// Whether its code is inside that of the next outer function.
    pub is_inlined: bool,
    origin: Origin,
}

impl Frame {
    fn new(function: String, symbol: String, file: String, line: u32) -> Self {
        let origin = Origin::of(&function, &symbol, &file);
        let function = with_module(function, &file);
        Self { function, symbol, file, line, is_inlined: true, origin }
    }

    fn unknown(address: usize) -> Self {
        let name = format!("{address:#x}");
        Self { is_inlined: false, ..Self::new(name.clone(), name, String::new(), 0) }
    }

    /// A function that is not one of the program's: a name for what has none.
    pub(crate) fn placeholder(name: &str) -> Self {
        Self { is_inlined: false, ..Self::new(name.to_owned(), String::new(), String::new(), 0) }
    }

    /// The crate that the function was written in: `heap_gc` of `<heap_gc::Heap as core::fmt::Debug>::fmt`. Of a function of a trait it is
    /// the crate of the type or of the trait, whichever has the code. Empty if nothing says, as with functions of C.
    ///
    /// In a binary that has line tables only, it is the folder of the crate that is known, and taken for its name.
    #[must_use]
    pub fn krate(&self) -> &str {
        &self.origin.krate
    }

    /// The module that the function was written in, with its crate: `heap_gc::mutator`; of a method, the module of the type or trait.
    /// Empty where [`Frame::krate`] is. In a binary that has line tables only, it is the file that is known.
    #[must_use]
    pub fn module(&self) -> &str {
        &self.origin.module
    }

    /// `::{closure#0}` of a closure whose function is not known.
    fn bare_closure(&self) -> Option<&str> {
        let module = self.module();
        self.function.strip_prefix(module).filter(|rest| !module.is_empty() && rest.starts_with("::{closure"))
    }

    /// Whether it is the heap's, or of what takes its stacks.
    pub(crate) fn is_of_heap(&self) -> bool {
        matches!(self.krate(), "heap_core" | "heap_gc" | "heap_profile" | "backtrace")
    }

    /// Whether it is of the standard library, or of no crate that is known.
    pub(crate) fn is_standard(&self) -> bool {
        self.origin.is_standard()
    }
}

/// Names by address, each looked up once.
#[derive(Default)]
pub(crate) struct Symbols {
    known: HashMap<usize, Vec<Frame>>,
}

impl Symbols {
    /// The functions that were running at a return address, innermost first; at least one.
    pub(crate) fn at(&mut self, address: usize) -> &[Frame] {
        self.known.entry(address).or_insert_with(|| {
            let mut frames = Vec::new();
            backtrace::resolve(core::ptr::without_provenance_mut(address), |symbol| {
                let Some(name) = symbol.name() else { return };
                frames.push(Frame::new(
                    format!("{name:#}"),
                    name.as_str().unwrap_or_default().to_owned(),
                    symbol.filename().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default(),
                    symbol.lineno().unwrap_or(0),
                ));
            });
            match frames.last_mut() {
                Some(outer) => outer.is_inlined = false,
                None => frames.push(Frame::unknown(address)),
            }
            frames
        })
    }
}

/// Names closures of which the binary says no more than that they are closures (with line tables only) by the next outer function of their
/// file: that is the one they are written in, if they are called from there.
pub(crate) fn name_closures(frames: &mut [Frame]) {
    for at in 0..frames.len() {
        let (inner, outer) = frames[at..].split_at_mut(1);
        let frame = &mut inner[0];
        let Some(closure) = frame.bare_closure() else { continue };
        let is_around = |other: &&Frame| other.file == frame.file && other.bare_closure().is_none();
        if let Some(function) = outer.iter().find(is_around) {
            frame.function = format!("{}{closure}", function.function);
        }
    }
}

/// Cuts the heap's own frames off, with those of what it calls to take the stack: all up to the last of the heap's before a
/// function that is neither of it nor of the standard library. If there is no such function, all stay.
pub(crate) fn without_machinery(mut frames: Vec<Frame>) -> Vec<Frame> {
    let is_foreign = |frame: &Frame| !frame.is_of_heap() && !frame.is_standard();
    let Some(first) = frames.iter().position(is_foreign) else { return frames };
    let inner = frames[..first].iter().rposition(Frame::is_of_heap).map_or(0, |last| last + 1);
    frames.drain(..inner);
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(function: &str) -> Frame {
        Frame::placeholder(function)
    }

    #[test]
    fn the_heaps_own_functions_are_cut_off_and_the_programs_kept() {
        let stack = |names: &[&str]| names.iter().map(|name| named(name)).collect::<Vec<_>>();
        let inner =
            ["backtrace::trace", "heap_profile::stack::capture", "__rust_try", "heap_gc::mutator::Mu::alloc"];
        let outer =
            ["core::ops::call_once", "shop::new", "heap_gc::mutator::Mutator::enter", "shop::main", "main"];
        let whole = [&inner[..], &outer[..]].concat();
        assert_eq!(without_machinery(stack(&whole)), stack(&outer));
        assert_eq!(without_machinery(stack(&inner)), stack(&inner));
        assert_eq!(without_machinery(stack(&outer[1..])), stack(&outer[1..]));
    }

    #[test]
    fn a_closure_of_which_only_that_is_known_has_the_name_of_the_next_outer_function_of_its_file() {
        let frame = |function: &str, file: &str| {
            Frame::new(function.to_owned(), String::new(), format!("/build/{file}"), 1)
        };
        let mut frames = vec![
            frame("{closure#0}", "shop/src/orders.rs"),
            frame("{closure#1}", "shop/src/orders.rs"),
            frame("call<u8>", "shop/src/calls.rs"),
            frame("total", "shop/src/orders.rs"),
            frame("{closure#0}", "shop/src/alone.rs"),
            frame("shop::calls::all::{{closure}}", "shop/src/calls.rs"),
        ];
        name_closures(&mut frames);
        let names: Vec<_> = frames.iter().map(|frame| frame.function.as_str()).collect();
        let expected = [
            "shop::orders::total::{closure#0}",
            "shop::orders::total::{closure#1}",
            "shop::calls::call<u8>",
            "shop::orders::total",
            "shop::alone::{closure#0}",
            "shop::calls::all::{{closure}}",
        ];
        assert_eq!(names, expected);
        assert_eq!(frames[0].module(), "shop::orders");
    }

    #[test]
    fn an_address_of_this_program_has_a_name_and_another_one_its_number() {
        let mut symbols = Symbols::default();
        let here = an_address_of_this_program_has_a_name_and_another_one_its_number as fn() as usize + 1;
        let found = symbols.at(here).last().expect("one at least").function.clone();
        assert!(
            found.ends_with("an_address_of_this_program_has_a_name_and_another_one_its_number"),
            "{found}"
        );
        assert_eq!(symbols.at(16)[0].function, "0x10");
    }
}
