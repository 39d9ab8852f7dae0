//! A runtime that has been told which of its objects do not outlive the function that makes them: first it lets the heap check that,
//! then it trusts what was not found wrong, and those objects cost no collection. The letters in brackets are duties of
//! `tricolor::raw`.
//!
//! Run with `cargo run --example escape_hints`.

use core::cell::Cell;
use core::ptr::{NonNull, null_mut};
use std::collections::BTreeSet;
use tricolor::raw::{EscapeHint, Inside, Kind, Layout, Mutator, Site};
use tricolor::{EscapeHints, Heap};

/// The places where the program makes objects. An analysis has said of all of them that they stay; of two it is wrong.
const SUM: Site = Site(1);
const SCALED: Site = Site(2);
const KEPT: Site = Site(3);

/// How many turns the program takes.
const TURNS: u64 = 2_000;

struct Runtime<'m> {
    inside: Inside<'m>,
    /// A number, and a reference to another.
    pair: Kind,
    /// Registered: the function's arguments, its result, and what the program keeps.
    stack: &'m [Cell<*mut u8>],
    /// Sites that are known to let their objects out.
    escaping: &'m BTreeSet<Site>,
}

const RESULT: usize = 0;
const KEEPS: usize = 1;

impl Runtime<'_> {
    /// A new pair of a site.
    fn pair(&self, site: Site, number: u64, next: *mut u8) -> NonNull<u8> {
        let hint = if self.escaping.contains(&site) { EscapeHint::Escapes } else { EscapeHint::Stays(site) };
        // SAFETY: [R3] the kind is this heap's. [R9] the heap checks the hints, or they have been checked.
        let pair = unsafe { self.inside.alloc_hinted(&self.pair, hint) }.expect("there is memory");
        // SAFETY: [R5] a new object.
        unsafe { pair.cast::<u64>().write(number) };
        // SAFETY: [R4] its second word, and a pair or null.
        unsafe { self.inside.write(pair.as_ptr().wrapping_add(8).cast(), next) };
        pair
    }

    fn number(pair: NonNull<u8>) -> u64 {
        // SAFETY: [R4] a pair, of which nobody changes the number.
        unsafe { pair.cast::<u64>().read() }
    }

    /// The function `f(a) = 3 a + 1`, in a frame of its own. It makes a pair of its own use, and one for its result.
    fn function(&self, argument: u64) -> u64 {
        let frame = self.inside.open_frame();
        let scaled = self.pair(SCALED, argument * 3, null_mut());
        let sum = self.pair(SUM, Self::number(scaled) + 1, null_mut());
        if argument.is_multiple_of(100) {
            // A pair that the program keeps in a list of its own.
            self.stack[KEEPS].set(self.pair(KEPT, argument, self.stack[KEEPS].get()).as_ptr());
        }
        self.stack[RESULT].set(sum.as_ptr());
        // SAFETY: [R9] `scaled` is not used any more. The other two are; the heap is one that checks, or has been told that they escape.
        unsafe { self.inside.close_frame(frame) };
        // SAFETY: [R1] the result and the list are in the stack.
        unsafe { self.inside.poll() };
        Self::number(NonNull::new(self.stack[RESULT].get()).expect("a result"))
    }
}

/// Runs the program, and says what was found wrong, and how many objects the heap has made.
fn run(
    hints: EscapeHints,
    escaping: &BTreeSet<Site>,
) -> Result<(BTreeSet<Site>, u64), Box<dyn std::error::Error>> {
    let heap = Heap::builder().escape_hints(hints).build()?;
    let pair = Layout::new("pair", 16).exact(1).register(&heap)?;
    // Before the mutator, so that it goes after it.
    let stack = [const { Cell::new(null_mut::<u8>()) }; 2];
    let mut mutator = Mutator::attach(&heap)?;
    {
        let inside = mutator.enter();
        // SAFETY: [R2] the stack outlives the mutator, and holds nulls and pairs.
        let _roots = unsafe { inside.add_exact(stack.as_ptr().cast(), stack.len()) };
        let runtime = Runtime { inside, pair, stack: &stack, escaping };
        let sum: u64 = (0..TURNS).map(|turn| runtime.function(turn)).sum();
        assert_eq!(sum, (0..TURNS).map(|turn| 3 * turn + 1).sum());
    }
    mutator.collect();
    assert_eq!(heap.verify(), []);
    let wrong = heap.wrong_hints();
    for wrong in &wrong {
        println!("site {} does not stay: a reference was found in {:?}", wrong.site.0, wrong.found_in);
    }
    Ok((wrong.iter().map(|wrong| wrong.site).collect(), mutator.figures().memory.mallocs))
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut escaping = BTreeSet::new();
    // What is in the heap has all that it leads to in the heap: so again, until nothing more is found.
    loop {
        let (wrong, _) = run(EscapeHints::Checked, &escaping)?;
        if wrong.is_empty() {
            break;
        }
        escaping.extend(wrong);
    }
    assert_eq!(escaping, BTreeSet::from([SUM, KEPT]));
    let (_, ignored) = run(EscapeHints::Ignored, &escaping)?;
    let (_, trusted) = run(EscapeHints::Trusted, &escaping)?;
    println!("{ignored} objects in the heap without hints, {trusted} with them");
    assert!(trusted <= ignored - TURNS, "one object of each call is in its frame");
    Ok(())
}
