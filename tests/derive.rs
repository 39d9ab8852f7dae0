//! `#[derive(Trace)]`: the masks it computes, and that values of derived types come through collections whole.
//!
//! A mask is written one character a word: `p` an exact reference, `?` ambiguous, `.` never looked at.

#[path = "support/derived.rs"]
mod derived;

use crate::derived::{checked, number, sorted, words};
use std::cell::Cell;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tricolor::{Gc, GcCell, GcSlice, GcStr, Leaf, Mu, Rebrand, Root, Trace, Tracer, TypeMask};

type Number<'gc> = Gc<'gc, u64>;

#[derive(Trace)]
#[repr(C)]
struct Ordered<'gc> {
    small: u8,
    first: Number<'gc>,
    number: u64,
    second: Option<Number<'gc>>,
    third: GcCell<Option<Number<'gc>>>,
    tail: u16,
}

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
}

#[derive(Trace)]
struct Plain {
    number: u64,
    text: String,
    cell: Cell<u8>,
}

#[derive(Trace)]
struct Unit;

#[derive(Trace)]
struct Empty {}

#[derive(Trace)]
enum Never {}

#[derive(Trace, Clone, Copy)]
#[repr(transparent)]
struct Transparent<'gc>(Number<'gc>);

#[derive(Trace)]
#[repr(C, align(16))]
struct Aligned<'gc>(Number<'gc>);

#[derive(Trace)]
#[repr(C)]
struct Nested<'gc> {
    one: Ordered<'gc>,
    two: (u64,),
    three: [Transparent<'gc>; 3],
    r#type: Number<'gc>,
    marker: PhantomData<&'gc dyn Debug>,
}

#[derive(Trace)]
#[expect(dead_code, reason = "only its shape is looked at")]
enum Token {
    End,
    Char(char),
    Number { value: u64 },
}

#[derive(Trace, Clone, Copy)]
enum Value<'gc> {
    Nil,
    Number(f64),
    Pair { head: Gc<'gc, Value<'gc>>, tail: Gc<'gc, Value<'gc>> },
    Text(Gc<'gc, GcStr>),
    Both(u64, Number<'gc>),
}

#[derive(Trace)]
#[repr(C)]
struct Generic<'gc, T: Copy, const N: usize>
where
    T: 'gc,
    Option<T>: Sized,
{
    array: [T; N],
    list: Option<Gc<'gc, Generic<'gc, T, N>>>,
    cell: GcCell<T>,
}

#[derive(Trace)]
#[repr(C)]
struct Unbranded<A, B = u64> {
    a: A,
    b: B,
}

trait Shape {
    type Inner: Trace;
}

impl Shape for Number<'_> {
    type Inner = [u64; 2];
}

#[derive(Trace)]
#[repr(C)]
struct Associated<T: Shape> {
    inner: T::Inner,
    outer: T,
}

/// Keeps references in memory of its own, which no mask reaches.
#[derive(Trace)]
#[trace(by_hand)]
struct Bag<'gc> {
    items: Vec<Wide<'gc>>,
}

// SAFETY: 1: no word of a `Vec` is a reference into the heap. 2: all items are reported. 3: it reads only. 4: dropping a
// `Vec` of `Copy` values frees its memory.
unsafe impl Trace for Bag<'_> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    const BY_HAND: bool = true;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        for item in &self.items {
            tracer.gc(*item);
        }
    }
}

/// Keeps references of a parameter's type.
#[derive(Trace)]
#[trace(by_hand)]
struct Sack<'gc, T: Copy + 'gc, const N: usize> {
    #[expect(clippy::box_collection, reason = "two steps away")]
    items: Box<Vec<[Gc<'gc, T>; N]>>,
}

// SAFETY: 1: no word of a `Box` is a reference into the heap. 2: all items are reported. 3: it reads only. 4: dropping a
// `Vec` of `Copy` values frees its memory.
unsafe impl<T: Trace + Copy, const N: usize> Trace for Sack<'_, T, N> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    const BY_HAND: bool = true;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        for item in self.items.iter().flatten() {
            tracer.gc(*item);
        }
    }
}

#[derive(Trace)]
struct Bags<'gc> {
    number: Wide<'gc>,
    bags: [Bag<'gc>; 2],
}

#[derive(Trace)]
enum MaybeBag<'gc> {
    Nothing,
    Something { bag: Bag<'gc>, more: Option<Bag<'gc>> },
}

mod inner {
    /// Found elsewhere, and hidden by names of the program's own.
    pub(super) mod elsewhere {
        pub(crate) use tricolor as heap;
    }

    #[expect(non_camel_case_types, reason = "names a macro could stumble over")]
    #[expect(dead_code, reason = "here to be in the way")]
    mod hidden {
        use super::elsewhere::heap::Trace as Derive;

        struct Trace;
        struct Rebrand;
        struct TypeMask;
        struct bool;
        struct Option;
        struct Copy;
        mod core {}
        mod tricolor {}
        const TRACER: u8 = 0;

        #[derive(Derive)]
        #[trace(crate = super::elsewhere::heap)]
        pub(in super::super) struct Hidden<'gc, T>(super::super::Number<'gc>, pub(in super::super) T);

        #[derive(Derive)]
        #[trace(crate = super::elsewhere::heap)]
        pub(in super::super) enum HiddenEnum<'gc> {
            Some(super::super::Number<'gc>),
            None,
        }
    }

    pub(super) use hidden::{Hidden, HiddenEnum};
}

#[test]
fn a_struct_has_its_fields_masks_at_their_offsets() {
    assert_eq!(words::<Ordered<'_>>(), ".p.pp.");
    assert_eq!(sorted::<Node<'_>>(), ".p");
    assert_eq!(words::<Plain>(), ".....");
    assert_eq!(words::<Transparent<'_>>(), "p");
    assert_eq!(words::<Aligned<'_>>(), "p.");
    assert_eq!(words::<Nested<'_>>(), ".p.pp..pppp");
    assert_eq!(words::<inner::Hidden<'_, u8>>().len(), 2);
    assert_eq!(sorted::<inner::Hidden<'_, u8>>(), ".p");
}

#[test]
fn a_type_without_words_has_an_empty_mask() {
    assert_eq!((words::<Unit>(), words::<Empty>(), words::<Never>()), Default::default());
    assert!(Unit::MASK.is_noscan() && Empty::MASK.is_noscan() && Never::MASK.is_noscan());
}

#[test]
fn an_enum_is_ambiguous_all_over_or_not_at_all() {
    assert_eq!(words::<Token>(), "..");
    assert_eq!(words::<Value<'_>>(), "???");
    assert_eq!(words::<Option<Value<'_>>>(), "???");
    assert_eq!(words::<inner::HiddenEnum<'_>>(), "?");
    assert_eq!(words::<[Option<Number<'_>>; 3]>(), "ppp");
    assert_eq!(words::<Option<Transparent<'_>>>(), "p", "a null is no reference");
    assert_eq!(words::<Option<Node<'_>>>(), "???");
}

#[test]
fn parameters_bring_their_masks() {
    assert_eq!(words::<Generic<'_, u64, 2>>(), "..p.");
    assert_eq!(words::<Generic<'_, Number<'_>, 2>>(), "pppp");
    assert_eq!(words::<Generic<'_, Value<'_>, 1>>(), "???p???");
    assert_eq!(words::<Generic<'_, u64, 0>>(), "p.");
    assert_eq!(words::<Unbranded<u64>>(), "..");
    assert_eq!(words::<Unbranded<Number<'_>, Ordered<'_>>>(), "p.p.pp.");
    assert_eq!(words::<Associated<Number<'_>>>(), "..p");
}

#[test]
fn only_a_hand_traced_field_makes_a_type_hand_traced() {
    const { assert!(!Node::BY_HAND && !Value::BY_HAND && !Nested::BY_HAND && !Plain::BY_HAND) };
    const { assert!(Bags::BY_HAND && MaybeBag::BY_HAND && Unbranded::<Bag<'static>>::BY_HAND) };
    assert!(MaybeBag::MASK.is_noscan(), "its references are not in its words");
    assert_eq!(sorted::<Bags<'_>>(), ".".repeat(6) + "p");
}

/// Makes a value, roots it, collects again and again with garbage of all kinds in between, and looks at it.
fn survives<R: Rebrand>(
    live: u64,
    make: impl for<'gc> FnOnce(&Mu<'gc>) -> Root<R>,
    check: impl for<'gc> Fn(&Mu<'gc>, Gc<'gc, R::At<'gc>>),
) {
    let heap = checked().build().expect("the settings are good");
    let mut mutator = heap.attach().expect("this thread has no mutator yet");
    let root = mutator.enter(make);
    for round in 0..4_u64 {
        mutator.enter(|mu| {
            check(mu, root.get(mu));
            for size in 0..20 {
                mu.alloc((round, size));
                mu.alloc(Node { next: GcCell::new(None), value: round });
                mu.alloc_slice(2 * size, |_| Value::Both(round, mu.alloc(round)));
            }
        });
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, live, "round {round}");
        assert_eq!(heap.verify(), []);
    }
    mutator.enter(|mu| check(mu, root.get(mu)));
    drop(root);
    mutator.collect();
    // The slot of a value that was dropped is free after the next sweep.
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0, "nothing is kept by a word that is no reference");
    assert_eq!(heap.verify(), []);
}

/// What `number` made.
fn is_number(found: Gc<'_, [u64; 2]>, value: u64) {
    assert_eq!(*found, [value, !value]);
}

/// One of everything with a place for a reference.
#[derive(Trace)]
struct Everything<'gc> {
    byte: u8,
    one: Wide<'gc>,
    some: Option<Wide<'gc>>,
    none: Option<Wide<'gc>>,
    cell: GcCell<Option<Wide<'gc>>>,
    tuple: (u8, Wide<'gc>, (u16, Option<Wide<'gc>>)),
    array: [GcCell<Wide<'gc>>; 3],
    pairs: [(u8, Option<Wide<'gc>>); 2],
    slice: Gc<'gc, GcSlice<Option<Wide<'gc>>>>,
    text: Gc<'gc, GcStr>,
    maybe: Option<(u64, Wide<'gc>)>,
}

type Wide<'gc> = Gc<'gc, [u64; 2]>;

#[test]
fn a_struct_survives_with_all_it_refers_to() {
    let make = |mu: &Mu<'_>| {
        let everything = Everything {
            byte: 255,
            one: number(mu, 1),
            some: Some(number(mu, 2)),
            none: None,
            cell: GcCell::new(None),
            tuple: (255, number(mu, 4), (65535, Some(number(mu, 5)))),
            array: [6, 7, 8].map(|value| GcCell::new(number(mu, value))),
            pairs: [(255, None), (255, Some(number(mu, 9)))],
            slice: mu.alloc_slice(3, |index| (index != 1).then(|| number(mu, 10 + index as u64))),
            text: mu.alloc_str("a text of more than sixteen bytes"),
            maybe: Some((0, number(mu, 13))),
        };
        everything.cell.set(mu, Some(number(mu, 3)));
        mu.root(mu.alloc(everything))
    };
    // Twelve numbers, the slice, the text, and the struct.
    survives::<Everything<'static>>(15, make, |_, found| {
        is_number(found.one, 1);
        is_number(found.some.expect("some"), 2);
        assert!(found.none.is_none() && found.byte == 255);
        is_number(found.cell.get().expect("set"), 3);
        is_number(found.tuple.1, 4);
        is_number(found.tuple.2.1.expect("some"), 5);
        for (index, value) in (6..=8).enumerate() {
            is_number(found.array[index].get(), value);
        }
        assert!(found.pairs[0].1.is_none());
        is_number(found.pairs[1].1.expect("some"), 9);
        is_number(found.slice[0].expect("some"), 10);
        assert!(found.slice[1].is_none());
        is_number(found.slice[2].expect("some"), 12);
        assert_eq!(found.text.as_str(), "a text of more than sixteen bytes");
        is_number(found.maybe.expect("some").1, 13);
    });
}

#[test]
fn every_variant_survives_wherever_its_references_are() {
    let make = |mu: &Mu<'_>| {
        let text = mu.alloc(Value::Text(mu.alloc_str("a text of more than sixteen bytes")));
        let nil = mu.alloc(Value::Nil);
        let pair = mu.alloc(Value::Pair { head: text, tail: nil });
        let outer = mu.alloc(Value::Pair { head: mu.alloc(Value::Number(f64::NAN)), tail: pair });
        mu.root(outer)
    };
    survives::<Value<'static>>(6, make, |_, found| {
        let Value::Pair { head, tail } = *found else { panic!("the outer pair") };
        assert!(matches!(*head, Value::Number(number) if number.is_nan()));
        let Value::Pair { head, tail } = *tail else { panic!("the inner pair") };
        assert!(matches!(*head, Value::Text(text) if text.as_str() == "a text of more than sixteen bytes"));
        assert!(matches!(*tail, Value::Nil));
    });
}

#[test]
fn an_enum_in_a_cell_changes_its_variant() {
    let make = |mu: &Mu<'_>| mu.root(mu.alloc_slice(2, |_| GcCell::new(Value::Nil)));
    let heap = checked().build().expect("the settings are good");
    let mut mutator = heap.attach().expect("this thread has no mutator yet");
    let root: Root<GcSlice<GcCell<Value<'static>>>> = mutator.enter(make);
    for round in 0..20_u64 {
        mutator.enter(|mu| {
            let cells = root.get(mu);
            if let Value::Text(text) = cells[1].get() {
                assert_eq!(text.as_str(), format!("the text of round {}", round - (round + 2) % 4));
            }
            let values = [
                Value::Number(0.5),
                Value::Both(round, mu.alloc(round)),
                Value::Text(mu.alloc_str(&format!("the text of round {round}"))),
                Value::Pair { head: mu.alloc(Value::Nil), tail: mu.alloc(Value::Nil) },
            ];
            let index = usize::try_from(round % 4).expect("below four");
            cells[0].set(mu, values[index]);
            if index == 2 {
                cells[1].set(mu, values[index]);
            } else if index == 1 {
                cells[1].set(mu, Value::Nil);
            }
        });
        mutator.collect();
        assert_eq!(heap.verify(), []);
    }
}

#[test]
fn generic_and_nested_types_survive() {
    let make = |mu: &Mu<'_>| {
        let one = number(mu, 1);
        let last = mu.alloc(Generic { array: [one; 2], list: None, cell: GcCell::new(number(mu, 2)) });
        let first =
            Generic { array: [number(mu, 3), number(mu, 4)], list: Some(last), cell: GcCell::new(one) };
        mu.root(mu.alloc(Unbranded { a: first, b: Unbranded { a: number(mu, 5), b: 6_u64 } }))
    };
    type Outer<'gc> = Unbranded<Generic<'gc, Wide<'gc>, 2>, Unbranded<Wide<'gc>>>;
    survives::<Outer<'static>>(7, make, |mu, found| {
        is_number(found.a.array[0], 3);
        is_number(found.a.array[1], 4);
        let last = found.a.list.expect("two of them");
        is_number(last.array[1], 1);
        is_number(last.cell.get(), 2);
        is_number(found.b.a, 5);
        assert_eq!(found.b.b, 6);
        found.a.cell.set(mu, last.array[0]);
        is_number(found.a.cell.get(), 1);
    });
}

#[test]
fn hand_traced_references_survive() {
    type Three<'gc> = (Bags<'gc>, Gc<'gc, GcSlice<MaybeBag<'gc>>>, MaybeBag<'gc>);
    fn bag<'gc>(mu: &Mu<'gc>, from: u64) -> Bag<'gc> {
        Bag { items: (from..from + 10).map(|value| number(mu, value)).collect() }
    }
    let holds = |bag: &Bag<'_>, from: u64| {
        assert_eq!(bag.items.len(), 10);
        bag.items.iter().zip(from..).for_each(|(item, value)| is_number(*item, value));
    };
    let make = |mu: &Mu<'_>| {
        let bags = Bags { number: number(mu, 0), bags: [bag(mu, 1), bag(mu, 11)] };
        let slice = mu.alloc_slice(2, |index| match index {
            0 => MaybeBag::Nothing,
            _ => MaybeBag::Something { bag: bag(mu, 41), more: None },
        });
        let maybe = MaybeBag::Something { bag: bag(mu, 21), more: Some(bag(mu, 31)) };
        mu.root(mu.alloc((bags, slice, maybe)))
    };
    survives::<Three<'static>>(53, make, |_, found| {
        is_number(found.0.number, 0);
        holds(&found.0.bags[0], 1);
        holds(&found.0.bags[1], 11);
        let MaybeBag::Something { bag, more: Some(more) } = &found.2 else { panic!("both bags") };
        holds(bag, 21);
        holds(more, 31);
        let MaybeBag::Something { bag, more: None } = &found.1[1] else { panic!("one bag") };
        holds(bag, 41);
        assert!(matches!(found.1[0], MaybeBag::Nothing));
    });
}

#[test]
fn references_of_a_parameter_traced_by_hand_survive() {
    let make = |mu: &Mu<'_>| {
        let items = (0..5).map(|value| [mu.alloc([value, !value]), mu.alloc([value + 10, !(value + 10)])]);
        let items = Box::new(items.collect());
        mu.root(mu.alloc(Sack::<'_, [u64; 2], 2> { items }))
    };
    survives::<Sack<'static, [u64; 2], 2>>(11, make, |_, found| {
        for (item, value) in found.items.iter().zip(0..) {
            is_number(item[0], value);
            is_number(item[1], value + 10);
        }
    });
}

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[derive(Trace)]
struct Droppable<'gc> {
    text: String,
    counted: Leaf<Counted>,
    next: Option<Gc<'gc, Droppable<'gc>>>,
}

#[derive(Trace)]
enum MaybeDroppable<'gc> {
    Nothing(Option<Gc<'gc, MaybeDroppable<'gc>>>),
    Something(Leaf<Counted>, Gc<'gc, Droppable<'gc>>),
}

#[test]
fn fields_are_dropped_exactly_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let counted = || Leaf::new(Counted(Arc::clone(&drops)));
    let heap = checked().build().expect("the settings are good");
    let mut mutator = heap.attach().expect("this thread has no mutator yet");
    type Both<'gc> = (Option<Gc<'gc, Droppable<'gc>>>, Gc<'gc, GcSlice<MaybeDroppable<'gc>>>);
    let root: Root<Both<'static>> = mutator.enter(|mu| {
        let mut last = None;
        for value in 0..100 {
            last =
                Some(mu.alloc(Droppable { text: format!("text {value}"), counted: counted(), next: last }));
        }
        let last = last.expect("a hundred");
        let slice = mu.alloc_slice(10, |index| match index % 2 {
            0 => MaybeDroppable::Nothing(None),
            _ => MaybeDroppable::Something(counted(), last),
        });
        mu.root(mu.alloc((last.next, slice)))
    });
    for _ in 0..3 {
        mutator.collect();
        assert_eq!(drops.load(Relaxed), 0, "all are reachable");
    }
    mutator.enter(|mu| {
        let texts = core::iter::successors(root.get(mu).0, |found| found.next);
        assert!(texts.zip((0..99).rev()).all(|(found, value)| found.text == format!("text {value}")));
        assert_eq!(Arc::strong_count(&root.get(mu).0.expect("there").counted.0), 106);
    });
    drop(root);
    assert_eq!(drops.load(Relaxed), 0, "unreachable is not dropped yet");
    for _ in 0..3 {
        mutator.collect();
        assert_eq!(drops.load(Relaxed), 105, "a hundred of the list, five of the slice");
    }
    assert_eq!((heap.figures().memory.heap_objects, heap.verify()), (0, vec![]));
}

#[test]
fn what_is_left_is_dropped_with_the_heap() {
    let drops = Arc::new(AtomicUsize::new(0));
    let heap = checked().build().expect("the settings are good");
    let root = heap.attach().expect("this thread has no mutator yet").enter(|mu| {
        let counted = || Leaf::new(Counted(Arc::clone(&drops)));
        mu.alloc(Droppable { text: String::from("unreachable"), counted: counted(), next: None });
        mu.root(mu.alloc(Droppable { text: String::from("reachable"), counted: counted(), next: None }))
    });
    drop(heap);
    assert_eq!(drops.load(Relaxed), 0, "a root keeps the heap");
    drop(root);
    assert_eq!(drops.load(Relaxed), 2);
}

#[test]
fn a_value_that_finds_no_room_is_dropped_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let heap = checked().hard_limit(8 << 10).build().expect("the settings are good");
    let refused = heap.attach().expect("this thread has no mutator yet").enter(|mu| {
        let mut made = 0;
        loop {
            let counted = Leaf::new(Counted(Arc::clone(&drops)));
            match mu.try_alloc(Droppable { text: String::new(), counted, next: None }) {
                Ok(_) => made += 1,
                Err(_) => break made,
            }
        }
    });
    assert_eq!(drops.load(Relaxed), 1, "the one that was refused");
    drop(heap);
    assert_eq!(drops.load(Relaxed), refused + 1);
}
