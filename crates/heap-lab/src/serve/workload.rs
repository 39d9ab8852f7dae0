//! Workloads: live heaps that change, and stay about as large as they are.
//!
//! ```text
//!   mixed    families: a person with a name, a few children and a note of up to 4 KiB; now and then a picture of 40 to 200 KiB
//!   trees    full trees of 127 nodes of 16 bytes: small, all with references
//!   pinned   objects of one size class after the other, of which one for each span is kept: holes that nobody fills before that class
//!            comes round again
//! ```
//! Each keeps its objects in places of an array; an operation fills one place anew, and what was there is garbage.

use crate::choice::choices;
use crate::shapes::{Random, Tree, tree};
use heap_core::size_class::SizeClass;
use heap_core::units::Pages;
use tricolor::{Gc, GcBytes, GcCell, GcSlice, GcStr, Mu, Mutator, Root, Trace};

choices! {
    /// What the program of the heap does.
    Workload, "workload" {
        /// Objects of many types and sizes.
        Mixed = "mixed",
        /// Small objects with references.
        Trees = "trees",
        /// Spans that one object keeps.
        Pinned = "pinned",
    }
}

/// Somebody.
#[derive(Trace)]
struct Person<'gc> {
    name: Gc<'gc, GcStr>,
    note: Gc<'gc, GcBytes>,
    children: [Option<Gc<'gc, Child<'gc>>>; 3],
    born: u64,
}

/// Somebody's.
#[derive(Trace)]
struct Child<'gc> {
    name: Gc<'gc, GcStr>,
    born: u64,
}

/// What a place holds.
#[derive(Clone, Copy, Trace)]
enum Held<'gc> {
    Person(Gc<'gc, Person<'gc>>),
    Picture(Gc<'gc, GcBytes>),
    Tree(Gc<'gc, Tree<'gc>>),
    Piece(Gc<'gc, GcBytes>),
}

type Places<'gc> = GcSlice<GcCell<Option<Held<'gc>>>>;

/// Nodes of a tree.
const NODES: usize = 127;
/// One in so many places of `mixed` holds a picture.
const PICTURES: usize = 64;
/// Objects that are kept of a size class of `pinned` before the next one comes: few, so that seldom a collection falls between them,
/// after which they would fill each other's holes.
const TURN: usize = 64;
/// Bytes of a span, as far as `pinned` reckons with them.
const SPAN: usize = 8192;
/// What all bytes are copied from.
static PAPER: [u8; LARGEST] = [0x5a; LARGEST];
const LARGEST: usize = 200 * 1024;
/// Places filled in one `enter`.
const BATCH: usize = 16;

impl Workload {
    /// Bytes that a place keeps, about.
    fn bytes_of_place(self) -> usize {
        match self {
            // A person of 64 bytes, a name, a note of 2 KiB, two children with names; and a part of a picture of 120 KiB.
            Self::Mixed => 64 + 32 + 2048 + 2 * (16 + 32) + 120 * 1024 / PICTURES,
            Self::Trees => NODES * 16,
            Self::Pinned => SPAN,
        }
    }
}

/// A live heap.
pub(crate) struct Live {
    workload: Workload,
    places: Root<Places<'static>>,
    count: usize,
    random: Random,
    /// Pieces of `pinned` made so far.
    made: usize,
}

impl Live {
    /// Makes one of about that many bytes; or less, if it is over before that.
    pub(crate) fn plant(
        mutator: &mut Mutator,
        workload: Workload,
        bytes: u64,
        seed: u64,
        is_over: impl Fn() -> bool,
    ) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let count = (bytes / workload.bytes_of_place()).max(1);
        let places = mutator.enter(|mu| mu.root(empty(mu, count)));
        let mut live = Self { workload, places, count, random: Random::new(seed), made: 0 };
        for first in (0..count).step_by(BATCH) {
            if is_over() {
                break;
            }
            live.fill(mutator, first..(first + BATCH).min(count));
        }
        live
    }

    /// Fills one place anew.
    pub(crate) fn replace(&mut self, mutator: &mut Mutator) {
        let place = self.random.below(self.count);
        self.fill(mutator, place..place + 1);
    }

    fn fill(&mut self, mutator: &mut Mutator, which: std::ops::Range<usize>) {
        let Self { workload, places, random, made, .. } = self;
        mutator.enter(|mu| {
            let places = places.get(mu);
            for place in which {
                let held = match workload {
                    Workload::Mixed if place % PICTURES == 0 => Held::Picture(picture(mu, random)),
                    Workload::Mixed => Held::Person(person(mu, random)),
                    Workload::Trees => match tree(mu, NODES) {
                        Some(tree) => Held::Tree(tree),
                        None => continue,
                    },
                    Workload::Pinned => {
                        *made += 1;
                        Held::Piece(piece(mu, *made / TURN))
                    }
                };
                places[place].set(mu, Some(held));
            }
        });
    }
}

fn empty<'gc>(mu: &Mu<'gc>, count: usize) -> Gc<'gc, Places<'gc>> {
    mu.alloc_slice(count, |_| GcCell::new(None))
}

fn name<'gc>(mu: &Mu<'gc>, random: &mut Random) -> Gc<'gc, GcStr> {
    mu.alloc_str(&"Marguerite Theodora Wilhelmina"[..4 + random.below(24)])
}

fn bytes<'gc>(mu: &Mu<'gc>, len: usize) -> Gc<'gc, GcBytes> {
    mu.alloc_bytes(&PAPER[..len])
}

fn person<'gc>(mu: &Mu<'gc>, random: &mut Random) -> Gc<'gc, Person<'gc>> {
    let children = random.below(4);
    mu.alloc(Person {
        name: name(mu, random),
        note: bytes(mu, random.below(4096)),
        children: core::array::from_fn(|number| {
            (number < children).then(|| {
                let name = name(mu, random);
                mu.alloc(Child { name, born: random.bits() })
            })
        }),
        born: random.bits(),
    })
}

fn picture<'gc>(mu: &Mu<'gc>, random: &mut Random) -> Gc<'gc, GcBytes> {
    bytes(mu, 40 * 1024 + random.below(LARGEST - 40 * 1024))
}

/// One that is kept of the class whose turn it is, and as many that are not as fill a span.
fn piece<'gc>(mu: &Mu<'gc>, turn: usize) -> Gc<'gc, GcBytes> {
    let is_one = |class: &SizeClass| {
        class.span_pages() == Pages::new(1) && class.slots() > 1 && class.size().get() >= 24
    };
    let classes = SizeClass::small().filter(is_one);
    let number = turn % classes.clone().count().max(1);
    let class = classes.into_iter().nth(number).unwrap_or(SizeClass::for_bytes(SPAN / 2));
    // A slice begins with its length.
    let size = class.size().get() - 8;
    (1..class.slots()).for_each(|_| _ = bytes(mu, size));
    bytes(mu, size)
}
