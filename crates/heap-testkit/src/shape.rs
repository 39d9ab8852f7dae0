//! Shapes: the object types programs allocate, and one way to handle them all.
//!
//! Each shape is there for a road through the collector:
//!
//! | shape | words | road |
//! |---|---|---|
//! | `Tiny` | 8 bytes, noscan | the tiny allocator: several share a block |
//! | `Words`, `Text`, `Bytes` | noscan slices, 8 bytes to far above 32 KiB | noscan classes, large objects |
//! | `Chain` | reference, number | an exact mask in the hot loop; deep lists |
//! | `Node1` … `Node7` | number, 1 to 7 references | masks with a number known at compile time |
//! | `Node12` | number, 12 references | a registered layout in a one-page span |
//! | `Node70` | number, 70 references | a mask longer than a word: the slow road |
//! | `Hub` | number, an enum | ambiguous words |
//! | `Refs`, `Pairs`, `Anys` | slices of references, of (number, reference), of enums | repeated masks, arrays in pieces |
//! | `Vector`, `AnyVector` | vectors of references, of enums, and their buffers | memory that is exchanged, places that hold nothing |
//! | `Map`, `AnyMap` | maps to references, to enums, and their tables | the same, and entries that are looked for by a hash |
//! | `Atomic` | number, a reference that is changed by exchanges | a barrier before a read-modify-write |
//! | `Notes`, `StoneNotes` | weak maps from hubs to hubs, to stones | ephemerons, and entries that are over |
//! | `Names`, `Name` | an intern table, a string of it | weak places in a table, looked for by a hash |
//! | `Watch` | weak references to a hub and to a stone | places that let go, before a drop runs |
//! | `Stone`, `Stones` | a value with a drop, a slice of them | drops from the queue |
//! | `Hand` | references in a `Vec` of its own | hand-written `trace`, with a drop |
//!
//! Exact references lead to a `Hub` (or, in a `Chain`, to a `Chain`), and a `Hub`'s enum to anything. [`Any`] is that
//! enum: a reference to an object of any shape. Its tag is a whole word and every variant has one word beside it,
//! so no word of it is ever left undefined, and what it keeps alive is known exactly. Its number variant may be the
//! address of an object, which then keeps that object alive.

mod contents;
mod knows;

pub use contents::{Eye, Seen};
pub use knows::Exchange;

use crate::drops::{Register, Stone};
use crate::random::scrambled;
use core::fmt;
use std::sync::Arc;
use tricolor::{
    AllocError, AtomicGc, Cleanup, Gc, GcBytes, GcCell, GcMap, GcSlice, GcStr, GcVec, Interner, Leaf, Mu,
    Rebrand, Root, Trace, Tracer, TypeMask, Weak, WeakMap,
};

/// A place for an exact reference.
pub type HubCell<'gc> = GcCell<Option<Gc<'gc, Hub<'gc>>>>;

/// A number and `N` references.
#[derive(Trace, Debug)]
pub struct Node<'gc, const N: usize> {
    id: u64,
    edges: [HubCell<'gc>; N],
}

/// A number and a reference to anything.
#[derive(Trace, Debug)]
pub struct Hub<'gc> {
    id: u64,
    edge: GcCell<Any<'gc>>,
}

/// A number and a reference that is changed by exchanges.
#[derive(Trace, Debug)]
pub struct Atomic<'gc> {
    id: u64,
    edge: AtomicGc<'gc, Hub<'gc>>,
}

/// What is known of hubs: other hubs.
pub type Notes<'gc> = WeakMap<'gc, Hub<'gc>, Hub<'gc>>;

/// What is known of hubs: stones.
pub type StoneNotes<'gc> = WeakMap<'gc, Hub<'gc>, Leaf<Stone>>;

/// A link of a list.
#[derive(Trace, Debug)]
pub struct Chain<'gc> {
    edge: GcCell<Option<Gc<'gc, Chain<'gc>>>>,
    id: u64,
}

/// An element of a slice: a number and a reference.
#[derive(Trace, Debug)]
pub struct Pair<'gc> {
    number: u64,
    edge: HubCell<'gc>,
}

/// A vector of references.
pub type Vector<'gc> = GcVec<'gc, Option<Gc<'gc, Hub<'gc>>>>;

/// A map to references.
pub type Map<'gc> = GcMap<'gc, u64, Gc<'gc, Hub<'gc>>>;

/// A map to anything.
pub type AnyMap<'gc> = GcMap<'gc, u64, Any<'gc>>;

/// A place for a weak reference.
pub type WeakCell<'gc, T> = GcCell<Option<Weak<'gc, T>>>;

/// Weak references: they keep nothing alive.
#[derive(Trace, Debug)]
pub struct Watch<'gc> {
    id: u64,
    hub: WeakCell<'gc, Hub<'gc>>,
    stone: WeakCell<'gc, Leaf<Stone>>,
}

/// References in memory of its own, and a stone.
#[derive(Debug)]
pub struct Hand<'gc> {
    edges: Vec<Gc<'gc, Hub<'gc>>>,
    stone: Stone,
}

// SAFETY: 1: no word of its own holds a reference. 2: `trace` reports all of the vector's. 3: it only reads. 4: dropping
// it frees the vector without reading its elements, and signs a register that any thread may sign.
unsafe impl Trace for Hand<'_> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    const BY_HAND: bool = true;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        for edge in &self.edges {
            tracer.gc(*edge);
        }
    }
}

// SAFETY: the one brand is replaced.
unsafe impl Rebrand for Hand<'_> {
    type At<'gc> = Hand<'gc>;
}

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident [$object:ty] [$kept:ty];)*) => {
        /// The name of a shape. See the module's text.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[expect(missing_docs, reason = "the module's table says what each is")]
        pub enum Shape { $($name),* }

        impl Shape {
            /// Every shape.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }

        /// A reference to an object of any shape, or a number.
        #[derive(Trace, Clone, Copy)]
        #[repr(u64)]
        #[expect(missing_docs, reason = "the module's table says what each is")]
        pub enum Any<'gc> {
            Number(u64),
            $($name(Gc<'gc, $object>)),*
        }

        /// A root of any shape.
        #[derive(Clone, Debug)]
        #[expect(missing_docs, reason = "the module's table says what each is")]
        pub enum AnyRoot { $($name(Root<$kept>)),* }

        impl AnyRoot {
            /// The object.
            #[must_use]
            pub fn get<'gc>(&self, mu: &Mu<'gc>) -> Any<'gc> {
                match self { $(Self::$name(root) => Any::$name(root.get(mu))),* }
            }

            /// Points the root to another object, if it has the same shape; says whether it does.
            #[must_use]
            pub fn set<'gc>(&self, mu: &Mu<'gc>, object: Any<'gc>) -> bool {
                match (self, object) {
                    $((Self::$name(root), Any::$name(object)) => root.set(mu, object),)*
                    _ => return false,
                }
                true
            }
        }

        impl<'gc> Any<'gc> {
            /// The object's shape; `None` for a number.
            #[must_use]
            pub fn shape(self) -> Option<Shape> {
                match self {
                    Self::Number(_) => None,
                    $(Self::$name(_) => Some(Shape::$name)),*
                }
            }

            /// The object's address, or the number.
            #[must_use]
            pub fn addr(self) -> usize {
                match self {
                    Self::Number(number) => usize::try_from(number).unwrap_or(usize::MAX),
                    $(Self::$name(object) => Gc::addr(object)),*
                }
            }

            /// A root for the object.
            ///
            /// # Panics
            /// If it is a number.
            #[must_use]
            pub fn root(self, mu: &Mu<'gc>) -> AnyRoot {
                match self {
                    Self::Number(number) => panic!("{number} is no object"),
                    $(Self::$name(object) => AnyRoot::$name(mu.root(object))),*
                }
            }

            /// Has something done once the object is dead.
            ///
            /// # Panics
            /// If it is a number.
            pub fn cleanup(self, mu: &Mu<'gc>, f: impl FnOnce() + Send + 'static) -> Cleanup {
                match self {
                    Self::Number(number) => panic!("{number} is no object"),
                    $(Self::$name(object) => mu.cleanup(object, f)),*
                }
            }

            /// Has something done with the object once nothing leads to it; says whether that takes something else's place.
            ///
            /// # Panics
            /// If it is a number.
            pub fn set_finalizer(
                self,
                mu: &Mu<'gc>,
                f: impl for<'a> FnOnce(&Mu<'a>, Any<'a>) + 'static,
            ) -> bool {
                match self {
                    Self::Number(number) => panic!("{number} is no object"),
                    $(Self::$name(object) => mu.set_finalizer(object, move |mu, object| f(mu, Any::$name(object)))),*
                }
            }

            /// Takes the finalizer back; says whether there was one.
            ///
            /// # Panics
            /// If it is a number.
            #[must_use]
            pub fn clear_finalizer(self, mu: &Mu<'gc>) -> bool {
                match self {
                    Self::Number(number) => panic!("{number} is no object"),
                    $(Self::$name(object) => mu.clear_finalizer(object)),*
                }
            }
        }
    };
}

shapes! {
    Tiny [u64] [u64];
    Words [GcSlice<u64>] [GcSlice<u64>];
    Text [GcStr] [GcStr];
    Bytes [GcBytes] [GcBytes];
    Chain [Chain<'gc>] [Chain<'static>];
    Hub [Hub<'gc>] [Hub<'static>];
    Node1 [Node<'gc, 1>] [Node<'static, 1>];
    Node2 [Node<'gc, 2>] [Node<'static, 2>];
    Node3 [Node<'gc, 3>] [Node<'static, 3>];
    Node5 [Node<'gc, 5>] [Node<'static, 5>];
    Node7 [Node<'gc, 7>] [Node<'static, 7>];
    Node12 [Node<'gc, 12>] [Node<'static, 12>];
    Node70 [Node<'gc, 70>] [Node<'static, 70>];
    Refs [GcSlice<HubCell<'gc>>] [GcSlice<HubCell<'static>>];
    Pairs [GcSlice<Pair<'gc>>] [GcSlice<Pair<'static>>];
    Anys [GcSlice<GcCell<Any<'gc>>>] [GcSlice<GcCell<Any<'static>>>];
    Vector [Vector<'gc>] [Vector<'static>];
    AnyVector [GcVec<'gc, Any<'gc>>] [GcVec<'static, Any<'static>>];
    Map [Map<'gc>] [Map<'static>];
    AnyMap [AnyMap<'gc>] [AnyMap<'static>];
    Atomic [Atomic<'gc>] [Atomic<'static>];
    Notes [Notes<'gc>] [Notes<'static>];
    StoneNotes [StoneNotes<'gc>] [StoneNotes<'static>];
    Names [Interner<'gc>] [Interner<'static>];
    Name [GcStr] [GcStr];
    Watch [Watch<'gc>] [Watch<'static>];
    Stone [Leaf<Stone>] [Leaf<Stone>];
    Stones [GcSlice<Leaf<Stone>>] [GcSlice<Leaf<Stone>>];
    Hand [Hand<'gc>] [Hand<'static>];
}

impl fmt::Debug for Any<'_> {
    /// Which shape, and where: what it leads to may lead back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape() {
            Some(shape) => write!(f, "{shape:?} at {:#x}", self.addr()),
            None => write!(f, "{:#x}", self.addr()),
        }
    }
}

/// What a place of an object can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A reference to a hub, or none.
    Hub,
    /// A reference to a chain, or none.
    Chain,
    /// A reference to anything, or a number.
    Any,
    /// A reference to a hub, from birth to death.
    Fixed,
}

/// What a place of an object holds.
#[derive(Clone, Copy, Debug)]
pub enum Held<'gc> {
    /// Nothing.
    Nothing,
    /// A number that is not zero.
    Number(u64),
    /// An object.
    Object(Any<'gc>),
}

impl Shape {
    /// What the shape's places can hold; `None` if it has none.
    #[must_use]
    pub fn place(self) -> Option<Place> {
        match self {
            Self::Tiny | Self::Words | Self::Text | Self::Bytes => None,
            Self::Watch | Self::Stone | Self::Stones => None,
            Self::Notes | Self::StoneNotes | Self::Names | Self::Name => None,
            Self::Chain => Some(Place::Chain),
            Self::Hub | Self::Anys | Self::AnyVector | Self::AnyMap => Some(Place::Any),
            Self::Hand => Some(Place::Fixed),
            Self::Node1
            | Self::Node2
            | Self::Node3
            | Self::Node5
            | Self::Node7
            | Self::Node12
            | Self::Node70 => Some(Place::Hub),
            Self::Atomic | Self::Refs | Self::Pairs | Self::Vector | Self::Map => Some(Place::Hub),
        }
    }

    /// How many places an object of the shape has; `len` is what it was allocated with. A map has one for each of that many keys.
    #[must_use]
    pub fn places(self, len: usize) -> usize {
        match self {
            Self::Tiny | Self::Words | Self::Text | Self::Bytes => 0,
            Self::Watch | Self::Stone | Self::Stones => 0,
            Self::Notes | Self::StoneNotes | Self::Names | Self::Name => 0,
            Self::Chain | Self::Hub | Self::Node1 | Self::Atomic => 1,
            Self::Node2 => 2,
            Self::Node3 => 3,
            Self::Node5 => 5,
            Self::Node7 => 7,
            Self::Node12 => 12,
            Self::Node70 => 70,
            Self::Refs | Self::Pairs | Self::Anys | Self::Vector | Self::AnyVector => len,
            Self::Map | Self::AnyMap | Self::Hand => len,
        }
    }

    /// How many stones an object of the shape drops.
    #[must_use]
    pub fn stones(self, len: usize) -> usize {
        match self {
            Self::Stone | Self::Hand => 1,
            Self::Stones => len,
            Self::Tiny | Self::Words | Self::Text | Self::Bytes | Self::Chain | Self::Hub | Self::Watch => 0,
            Self::Atomic | Self::Notes | Self::StoneNotes | Self::Names | Self::Name => 0,
            Self::Node1
            | Self::Node2
            | Self::Node3
            | Self::Node5
            | Self::Node7
            | Self::Node12
            | Self::Node70 => 0,
            Self::Refs | Self::Pairs | Self::Anys => 0,
            Self::Vector | Self::AnyVector | Self::Map | Self::AnyMap => 0,
        }
    }

    /// Whether its elements can change in number.
    #[must_use]
    pub fn is_vector(self) -> bool {
        matches!(self, Self::Vector | Self::AnyVector)
    }

    /// Whether it is a map.
    #[must_use]
    pub fn is_map(self) -> bool {
        matches!(self, Self::Map | Self::AnyMap)
    }

    /// Whether it is a weak map.
    #[must_use]
    pub fn is_notes(self) -> bool {
        matches!(self, Self::Notes | Self::StoneNotes)
    }

    /// Whether its slot is kept until after its drop.
    #[must_use]
    pub fn is_droppable(self) -> bool {
        matches!(self, Self::Stone | Self::Stones | Self::Hand)
    }

    /// Allocates an object named `id`, whose first places hold `first`; the others hold nothing.
    ///
    /// # Errors
    /// The heap's. A single stone that came back was dropped then.
    ///
    /// # Panics
    /// If a stone did not come back whole.
    pub fn alloc<'gc>(
        self,
        mu: &Mu<'gc>,
        id: u64,
        len: usize,
        first: &[Held<'gc>],
        register: &Arc<Register>,
    ) -> Result<Any<'gc>, AllocError> {
        let hub = |place: usize| match first.get(place) {
            Some(Held::Object(Any::Hub(hub))) => Some(*hub),
            _ => None,
        };
        let chain = || match first.first() {
            Some(Held::Object(Any::Chain(chain))) => Some(*chain),
            _ => None,
        };
        let any = |place: usize| match first.get(place) {
            Some(Held::Object(any)) => *any,
            Some(Held::Number(number)) => Any::Number(*number),
            Some(Held::Nothing) | None => Any::Number(0),
        };
        Ok(match self {
            Self::Tiny => Any::Tiny(mu.try_alloc(content(id, 0))?),
            Self::Words => Any::Words(mu.try_alloc_slice(len, |index| content(id, index))?),
            Self::Text if id.is_multiple_of(2) => Any::Text(mu.try_alloc_str(&text(id, len))?),
            Self::Text => match mu.try_alloc_bytes(text(id, len).as_bytes())?.to_str() {
                Ok(text) => Any::Text(text),
                Err(error) => panic!("a text is no text: {error}"),
            },
            Self::Bytes => Any::Bytes(mu.try_alloc_bytes(&bytes(id, len))?),
            Self::Chain => Any::Chain(mu.try_alloc(Chain { edge: GcCell::new(chain()), id })?),
            Self::Hub => Any::Hub(mu.try_alloc(Hub { id, edge: GcCell::new(any(0)) })?),
            Self::Node1 => Any::Node1(mu.try_alloc(Node::new(id, hub))?),
            Self::Node2 => Any::Node2(mu.try_alloc(Node::new(id, hub))?),
            Self::Node3 => Any::Node3(mu.try_alloc(Node::new(id, hub))?),
            Self::Node5 => Any::Node5(mu.try_alloc(Node::new(id, hub))?),
            Self::Node7 => Any::Node7(mu.try_alloc(Node::new(id, hub))?),
            Self::Node12 => Any::Node12(mu.try_alloc(Node::new(id, hub))?),
            Self::Node70 => Any::Node70(mu.try_alloc(Node::new(id, hub))?),
            Self::Refs => Any::Refs(mu.try_alloc_slice(len, |place| GcCell::new(hub(place)))?),
            Self::Pairs => Any::Pairs(mu.try_alloc_slice(len, |place| Pair {
                number: content(id, place),
                edge: GcCell::new(hub(place)),
            })?),
            Self::Anys => Any::Anys(mu.try_alloc_slice(len, |place| GcCell::new(any(place)))?),
            Self::Vector => Any::Vector(mu.try_alloc(vector(mu, len, hub)?)?),
            Self::AnyVector => Any::AnyVector(mu.try_alloc(vector(mu, len, any)?)?),
            Self::Map => {
                let map = GcMap::new();
                for (at, held) in first.iter().enumerate() {
                    if let Some(hub) = held.hub() {
                        map.try_insert(mu, key(at), hub)?;
                    }
                }
                Any::Map(mu.try_alloc(map)?)
            }
            Self::AnyMap => {
                let map = GcMap::new();
                for (at, held) in first.iter().enumerate() {
                    if !matches!(held, Held::Nothing) {
                        map.try_insert(mu, key(at), any(at))?;
                    }
                }
                Any::AnyMap(mu.try_alloc(map)?)
            }
            Self::Atomic => Any::Atomic(mu.try_alloc(Atomic { id, edge: AtomicGc::new(hub(0)) })?),
            Self::Notes => Any::Notes(mu.try_alloc(WeakMap::new())?),
            Self::StoneNotes => Any::StoneNotes(mu.try_alloc(WeakMap::new())?),
            Self::Names => Any::Names(mu.try_alloc(Interner::new())?),
            Self::Name => Any::Name(mu.try_alloc_str(&name(len))?),
            Self::Watch => {
                Any::Watch(mu.try_alloc(Watch { id, hub: GcCell::new(None), stone: GcCell::new(None) })?)
            }
            Self::Stone => {
                let stone = Leaf::new(Stone::new(content(id, 0), register));
                match mu.try_alloc_or_return(stone) {
                    Ok(stone) => Any::Stone(stone),
                    Err(refusal) => {
                        let (name, times) = (refusal.value.name(), register.times(content(id, 0)));
                        assert_eq!((name, times), (content(id, 0), 0), "a stone that comes back");
                        return Err(refusal.error);
                    }
                }
            }
            Self::Stones => Any::Stones(
                mu.try_alloc_slice(len, |index| Leaf::new(Stone::new(content(id, index), register)))?,
            ),
            Self::Hand => Any::Hand(mu.try_alloc(Hand {
                edges: (0..len).filter_map(hub).collect(),
                stone: Stone::new(content(id, 0), register),
            })?),
        })
    }
}

impl<'gc> Hub<'gc> {
    /// A hub that leads to an object, or nowhere.
    #[must_use]
    pub fn new(id: u64, to: Option<Any<'gc>>) -> Self {
        Self { id, edge: GcCell::new(to.unwrap_or(Any::Number(0))) }
    }
}

impl<'gc, const N: usize> Node<'gc, N> {
    fn new(id: u64, hub: impl Fn(usize) -> Option<Gc<'gc, Hub<'gc>>>) -> Self {
        Self { id, edges: core::array::from_fn(|place| GcCell::new(hub(place))) }
    }
}

/// A vector whose elements are `element(0)` and so on.
fn vector<'gc, T: Trace + Copy + 'gc>(
    mu: &Mu<'gc>,
    len: usize,
    element: impl Fn(usize) -> T,
) -> Result<GcVec<'gc, T>, AllocError> {
    let vector = GcVec::new();
    // Half of them with as much room as it takes, the others as it comes.
    if len.is_multiple_of(2) {
        vector.try_reserve(mu, len)?;
    }
    (0..len).try_for_each(|place| vector.try_push(mu, element(place)))?;
    Ok(vector)
}

/// What word `index` of object `id` must be. Also the name of its `index`-th stone.
#[must_use]
pub fn content(id: u64, index: usize) -> u64 {
    scrambled(scrambled(id) ^ index as u64)
}

/// The key of a place of a map.
fn key(place: usize) -> u64 {
    scrambled(place as u64)
}

/// The text of a name.
fn name(number: usize) -> String {
    format!("name {number:06}")
}

fn bytes(id: u64, len: usize) -> Vec<u8> {
    (0..len).map(|index| content(id, index).to_le_bytes()[0]).collect()
}

fn text(id: u64, len: usize) -> String {
    (0..len).map(|index| char::from(b'a' + u8::try_from(content(id, index) % 26).unwrap_or(0))).collect()
}
