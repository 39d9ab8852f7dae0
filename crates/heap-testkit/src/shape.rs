//! Shapes: the object types programs allocate, and one way to handle them all.
//!
//! Each shape is there for a road through the collector:
//!
//! | shape | words | road |
//! |---|---|---|
//! | `Tiny` | 8 bytes, noscan | the tiny allocator: several share a block |
//! | `Words`, `Text` | noscan slices, 8 bytes to far above 32 KiB | noscan classes, large objects |
//! | `Chain` | reference, number | an exact mask in the hot loop; deep lists |
//! | `Node1` … `Node7` | number, 1 to 7 references | masks with a number known at compile time |
//! | `Node12` | number, 12 references | a registered layout in a one-page span |
//! | `Node70` | number, 70 references | a mask longer than a word: the slow road |
//! | `Hub` | number, an enum | ambiguous words |
//! | `Refs`, `Pairs`, `Anys` | slices of references, of (number, reference), of enums | repeated masks, arrays in pieces |
//! | `Vector`, `AnyVector` | vectors of references, of enums, and their buffers | memory that is exchanged, places that hold nothing |
//! | `Stone`, `Stones` | a value with a drop, a slice of them | drops from the queue |
//! | `Hand` | references in a `Vec` of its own | hand-written `trace`, with a drop |
//!
//! Exact references lead to a `Hub` (or, in a `Chain`, to a `Chain`), and a `Hub`'s enum to anything. [`Any`] is that
//! enum: a reference to an object of any shape. Its tag is a whole word and every variant has one word beside it,
//! so no word of it is ever left undefined, and what it keeps alive is known exactly. Its number variant may be the
//! address of an object, which then keeps that object alive.

use crate::change::Change;
use crate::drops::{Register, Stone};
use crate::random::scrambled;
use std::sync::Arc;
use tricolor::{
    AllocError, Gc, GcCell, GcSlice, GcStr, GcVec, Leaf, Mu, Rebrand, Root, Trace, Tracer, TypeMask,
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
        #[derive(Trace, Clone, Copy, Debug)]
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
        }
    };
}

shapes! {
    Tiny [u64] [u64];
    Words [GcSlice<u64>] [GcSlice<u64>];
    Text [GcStr] [GcStr];
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
    Stone [Leaf<Stone>] [Leaf<Stone>];
    Stones [GcSlice<Leaf<Stone>>] [GcSlice<Leaf<Stone>>];
    Hand [Hand<'gc>] [Hand<'static>];
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
            Self::Tiny | Self::Words | Self::Text | Self::Stone | Self::Stones => None,
            Self::Chain => Some(Place::Chain),
            Self::Hub | Self::Anys | Self::AnyVector => Some(Place::Any),
            Self::Hand => Some(Place::Fixed),
            Self::Node1
            | Self::Node2
            | Self::Node3
            | Self::Node5
            | Self::Node7
            | Self::Node12
            | Self::Node70 => Some(Place::Hub),
            Self::Refs | Self::Pairs | Self::Vector => Some(Place::Hub),
        }
    }

    /// How many places an object of the shape has; `len` is what it was allocated with.
    #[must_use]
    pub fn places(self, len: usize) -> usize {
        match self {
            Self::Tiny | Self::Words | Self::Text | Self::Stone | Self::Stones => 0,
            Self::Chain | Self::Hub | Self::Node1 => 1,
            Self::Node2 => 2,
            Self::Node3 => 3,
            Self::Node5 => 5,
            Self::Node7 => 7,
            Self::Node12 => 12,
            Self::Node70 => 70,
            Self::Refs | Self::Pairs | Self::Anys | Self::Vector | Self::AnyVector | Self::Hand => len,
        }
    }

    /// How many stones an object of the shape drops.
    #[must_use]
    pub fn stones(self, len: usize) -> usize {
        match self {
            Self::Stone | Self::Hand => 1,
            Self::Stones => len,
            Self::Tiny | Self::Words | Self::Text | Self::Chain | Self::Hub => 0,
            Self::Node1
            | Self::Node2
            | Self::Node3
            | Self::Node5
            | Self::Node7
            | Self::Node12
            | Self::Node70 => 0,
            Self::Refs | Self::Pairs | Self::Anys | Self::Vector | Self::AnyVector => 0,
        }
    }

    /// Whether its elements can change in number.
    #[must_use]
    pub fn is_vector(self) -> bool {
        matches!(self, Self::Vector | Self::AnyVector)
    }

    /// Whether its slot is kept until after its drop.
    #[must_use]
    pub fn is_droppable(self) -> bool {
        matches!(self, Self::Stone | Self::Stones | Self::Hand)
    }

    /// Allocates an object named `id`, whose first places hold `first`; the others hold nothing.
    ///
    /// # Errors
    /// The heap's.
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
            Self::Text => Any::Text(mu.alloc_str(&text(id, len))),
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
            Self::Stone => Any::Stone(mu.try_alloc(Leaf::new(Stone::new(content(id, 0), register)))?),
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

fn text(id: u64, len: usize) -> String {
    (0..len).map(|index| char::from(b'a' + u8::try_from(content(id, index) % 26).unwrap_or(0))).collect()
}

impl<'gc> Any<'gc> {
    /// Whether the object is what was allocated as `id` with `len`, apart from its places.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(self, id: u64, len: usize) -> Result<(), String> {
        let named = |found: u64| (found == id).then_some(()).ok_or(format!("its name is {found:#x}"));
        let long =
            |found: usize| (found == len).then_some(()).ok_or(format!("its length is {found}, not {len}"));
        let word = |index: usize, found: u64| {
            let wanted = content(id, index);
            (found == wanted).then_some(()).ok_or(format!("its word {index} is {found:#x}, not {wanted:#x}"))
        };
        match self {
            Self::Number(number) => Err(format!("it is the number {number:#x}")),
            Self::Tiny(object) => word(0, *object),
            Self::Words(object) => {
                long(object.len())?;
                object.iter().enumerate().try_for_each(|(index, &found)| word(index, found))
            }
            Self::Text(object) => {
                let (found, wanted) = (object.as_str(), text(id, len));
                (found == wanted).then_some(()).ok_or(format!("its text is {found:?}, not {wanted:?}"))
            }
            Self::Chain(object) => named(object.id),
            Self::Hub(object) => named(object.id),
            Self::Node1(object) => named(object.id),
            Self::Node2(object) => named(object.id),
            Self::Node3(object) => named(object.id),
            Self::Node5(object) => named(object.id),
            Self::Node7(object) => named(object.id),
            Self::Node12(object) => named(object.id),
            Self::Node70(object) => named(object.id),
            Self::Refs(object) => long(object.len()),
            Self::Pairs(object) => {
                long(object.len())?;
                object.iter().enumerate().try_for_each(|(index, pair)| word(index, pair.number))
            }
            Self::Anys(object) => long(object.len()),
            Self::Vector(object) => long(object.len()),
            Self::AnyVector(object) => long(object.len()),
            Self::Stone(object) => word(0, object.name()),
            Self::Stones(object) => {
                long(object.len())?;
                object.iter().enumerate().try_for_each(|(index, stone)| word(index, stone.name()))
            }
            Self::Hand(object) => {
                long(object.edges.len())?;
                word(0, object.stone.name())
            }
        }
    }

    /// What a place holds.
    ///
    /// # Panics
    /// If the object has no such place.
    #[must_use]
    pub fn held(self, place: usize) -> Held<'gc> {
        let hub = |cell: &HubCell<'gc>| cell.get().map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub)));
        let whichever = |held: Self| {
            if let Self::Number(number) = held {
                return if number == 0 { Held::Nothing } else { Held::Number(number) };
            }
            Held::Object(held)
        };
        let any = |cell: &GcCell<Self>| whichever(cell.get());
        match self {
            Self::Chain(object) => {
                object.edge.get().map_or(Held::Nothing, |next| Held::Object(Self::Chain(next)))
            }
            Self::Hub(object) => any(&object.edge),
            Self::Node1(object) => hub(&object.edges[place]),
            Self::Node2(object) => hub(&object.edges[place]),
            Self::Node3(object) => hub(&object.edges[place]),
            Self::Node5(object) => hub(&object.edges[place]),
            Self::Node7(object) => hub(&object.edges[place]),
            Self::Node12(object) => hub(&object.edges[place]),
            Self::Node70(object) => hub(&object.edges[place]),
            Self::Refs(object) => hub(&object.as_slice()[place]),
            Self::Pairs(object) => hub(&object.as_slice()[place].edge),
            Self::Anys(object) => any(&object.as_slice()[place]),
            Self::Vector(object) => match object.get(place) {
                Some(held) => held.map_or(Held::Nothing, |hub| Held::Object(Self::Hub(hub))),
                None => panic!("{self:?} has no place {place}"),
            },
            Self::AnyVector(object) => match object.get(place) {
                Some(held) => whichever(held),
                None => panic!("{self:?} has no place {place}"),
            },
            Self::Hand(object) => Held::Object(Self::Hub(object.edges[place])),
            Self::Number(_)
            | Self::Tiny(_)
            | Self::Words(_)
            | Self::Text(_)
            | Self::Stone(_)
            | Self::Stones(_) => {
                panic!("a place of {self:?}, which has none")
            }
        }
    }

    /// Changes what a place holds.
    ///
    /// # Panics
    /// If the object has no such place that can change, or it cannot hold that.
    pub fn hold(self, mu: &Mu<'gc>, place: usize, what: Held<'gc>) {
        let set = |cell: &HubCell<'gc>| cell.set(mu, what.hub());
        let set_any = |cell: &GcCell<Self>| cell.set(mu, what.any());
        match self {
            Self::Chain(object) => match what {
                Held::Nothing => object.edge.set(mu, None),
                Held::Object(Self::Chain(next)) => object.edge.set(mu, Some(next)),
                Held::Number(_) | Held::Object(_) => panic!("{what:?} in a place for chains"),
            },
            Self::Hub(object) => set_any(&object.edge),
            Self::Node1(object) => set(&object.edges[place]),
            Self::Node2(object) => set(&object.edges[place]),
            Self::Node3(object) => set(&object.edges[place]),
            Self::Node5(object) => set(&object.edges[place]),
            Self::Node7(object) => set(&object.edges[place]),
            Self::Node12(object) => set(&object.edges[place]),
            Self::Node70(object) => set(&object.edges[place]),
            Self::Refs(object) => set(&object.as_slice()[place]),
            Self::Pairs(object) => set(&object.as_slice()[place].edge),
            Self::Anys(object) => set_any(&object.as_slice()[place]),
            Self::Vector(object) => object.set(mu, place, what.hub()),
            Self::AnyVector(object) => object.set(mu, place, what.any()),
            Self::Number(_)
            | Self::Tiny(_)
            | Self::Words(_)
            | Self::Text(_)
            | Self::Stone(_)
            | Self::Stones(_)
            | Self::Hand(_) => panic!("a place of {self:?}, which has none that changes"),
        }
    }
    /// Changes the elements of a vector.
    ///
    /// # Panics
    /// If it is none, or cannot hold what is put there.
    pub fn change(self, mu: &Mu<'gc>, change: Change<Held<'gc>>) {
        if let Self::Vector(object) = self {
            change.map(Held::hub).make(mu, &object);
        } else if let Self::AnyVector(object) = self {
            change.map(Held::any).make(mu, &object);
        } else {
            panic!("{self:?} is no vector");
        }
    }

    /// Slots that the object has beside its own: the buffer of a vector.
    #[must_use]
    pub fn slots_beside(self) -> usize {
        let capacity = if let Self::Vector(object) = self {
            object.capacity()
        } else if let Self::AnyVector(object) = self {
            object.capacity()
        } else {
            0
        };
        usize::from(capacity > 0)
    }
}

impl<'gc> Held<'gc> {
    /// As a place for hubs holds it.
    fn hub(self) -> Option<Gc<'gc, Hub<'gc>>> {
        match self {
            Held::Nothing => None,
            Held::Object(Any::Hub(hub)) => Some(hub),
            Held::Number(_) | Held::Object(_) => panic!("{self:?} in a place for hubs"),
        }
    }

    /// As a place for anything holds it.
    fn any(self) -> Any<'gc> {
        match self {
            Held::Nothing => Any::Number(0),
            Held::Number(number) => Any::Number(number),
            Held::Object(object) => object,
        }
    }
}
