//! Symbols: from an address to the functions that were running there, looked up when a profile is written.
//!
//! One address may stand for several functions, since the compiler puts the inner ones into the outer. The frames of the heap itself, innermost in
//! every stack, are of no interest to who asks where bytes come from, and are cut off.

use std::collections::HashMap;

/// A function in a stack.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Frame {
    /// Its name, as the compiler prints it, without its hash.
    pub function: String,
    /// Its name in the binary.
    pub symbol: String,
    /// The source file; empty if the binary does not say.
    pub file: String,
    /// The line in it; 0 if the binary does not say.
    pub line: u32,
    /// Whether its code is inside that of the next outer function.
    pub is_inlined: bool,
}

impl Frame {
    fn unknown(address: usize) -> Self {
        let name = format!("{address:#x}");
        Self { function: name.clone(), symbol: name, file: String::new(), line: 0, is_inlined: false }
    }

    /// The crate that the function was written in: `heap_gc` of `<heap_gc::Heap as core::fmt::Debug>::fmt`. Empty if the name does not
    /// say, as with functions of C.
    #[must_use]
    pub fn krate(&self) -> &str {
        self.path().split("::").next().filter(|_| self.path().contains("::")).unwrap_or("")
    }

    /// The module that the function was written in, with its crate: `heap_gc::mutator`; of a method, the module of the type.
    /// Empty where [`Frame::krate`] is.
    #[must_use]
    pub fn module(&self) -> &str {
        let path = self.path();
        let mut end = 0;
        // A module is written small, a type is not; closures and functions inside functions are below the function.
        for part in path.split("::") {
            let is_module =
                part.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
            let is_last = end + part.len() + usize::from(end > 0) * 2 >= path.len();
            if part.is_empty() || !is_module || is_last {
                break;
            }
            end += part.len() + if end > 0 { 2 } else { 0 };
        }
        &path[..end]
    }

    /// The path of the function, or of the type it belongs to: what comes before generic arguments.
    fn path(&self) -> &str {
        let mut name = self.function.as_str();
        // `<T as Trait>::method`, `<impl Trait for T>`, `<[T]>::method`: the type's.
        name = name.trim_start_matches(['<', '&', '[', '(', '*']);
        for word in ["mut ", "const ", "dyn ", "impl "] {
            name = name.strip_prefix(word).unwrap_or(name);
        }
        let end = name.find(['<', '>', ' ', '[', ']', ',', '(', ')', '{']).unwrap_or(name.len());
        name[..end].trim_end_matches(':')
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
                frames.push(Frame {
                    function: format!("{name:#}"),
                    symbol: name.as_str().unwrap_or_default().to_owned(),
                    file: symbol
                        .filename()
                        .map(|file| file.to_string_lossy().into_owned())
                        .unwrap_or_default(),
                    line: symbol.lineno().unwrap_or(0),
                    is_inlined: true,
                });
            });
            match frames.last_mut() {
                Some(outer) => outer.is_inlined = false,
                None => frames.push(Frame::unknown(address)),
            }
            frames
        })
    }
}

/// Cuts the heap's own frames off, with those of what it calls to take the stack: all up to the last of the heap's before a
/// function that is neither of it nor of the standard library. If there is no such function, all stay.
pub(crate) fn without_machinery(mut frames: Vec<Frame>) -> Vec<Frame> {
    let is_foreign = |frame: &Frame| !is_heap(frame) && !is_standard(frame);
    let Some(first) = frames.iter().position(is_foreign) else { return frames };
    let inner = frames[..first].iter().rposition(is_heap).map_or(0, |last| last + 1);
    frames.drain(..inner);
    frames
}

/// Whether a function is the heap's, or what takes its stacks.
fn is_heap(frame: &Frame) -> bool {
    matches!(frame.krate(), "heap_core" | "heap_gc" | "heap_profile" | "backtrace")
}

/// Whether a function is of the standard library, or has no crate.
pub(crate) fn is_standard(frame: &Frame) -> bool {
    matches!(frame.krate(), "std" | "core" | "alloc" | "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(function: &str) -> Frame {
        Frame { function: function.to_owned(), ..Frame::unknown(0) }
    }

    #[test]
    fn the_crate_and_the_module_of_a_function_are_in_its_name() {
        let table = [
            ("shop::orders::Order::new", "shop", "shop::orders"),
            ("shop::main", "shop", "shop"),
            ("shop::orders::total::{{closure}}", "shop", "shop::orders"),
            ("<shop::orders::Order as core::fmt::Debug>::fmt", "shop", "shop::orders"),
            ("<shop::cart::Cart<T>>::push::<u64>", "shop", "shop::cart"),
            ("<&mut shop::Cart as core::iter::Iterator>::next", "shop", "shop"),
            ("shop::orders::many::<alloc::vec::Vec<u8>>", "shop", "shop::orders"),
            ("<dyn shop::Sale as shop::Priced>::price", "shop", "shop"),
            ("main", "", ""),
            ("__libc_start_main", "", ""),
            ("0x7f00", "", ""),
        ];
        for (name, krate, module) in table {
            let frame = named(name);
            assert_eq!((frame.krate(), frame.module()), (krate, module), "{name}");
        }
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
