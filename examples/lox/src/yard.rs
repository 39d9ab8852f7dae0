//! Where objects are that do not outlive their call: an array beside the stack, of which each call has a part.
//!
//! ```text
//!   near closure     the closure that runs for it · what it has captured, one after the other
//!   near instance    its class · counts · name, value · name, value · …
//! ```
//!
//! A site has the same place in every turn of a loop, since what it made in the turn before is not used any more. What a near
//! object holds leads to the heap or to places on the stack, and is looked at by the collector when a slice ends, for then the
//! yard is copied to the [`World`](crate::world::World) with the stack.
//!
//! Invariants
//!   Y1  a near value leads to an object of a call that is not over, or nobody uses it      by the verdicts
//!   Y2  an instance has no more fields than there is room for                              by what may assign them

use crate::object::{Class, Closure, Value};
use crate::text::Key;
use tricolor::Gc;

/// Places of an instance before its fields.
const HEAD: usize = 2;

#[derive(Debug, Default)]
pub(crate) struct Yard<'gc> {
    places: Vec<Value<'gc>>,
}

impl<'gc> Yard<'gc> {
    pub(crate) fn new(kept: impl Iterator<Item = Value<'gc>>) -> Self {
        Self { places: kept.collect() }
    }

    /// All that is in use.
    pub(crate) fn in_use(&self) -> &[Value<'gc>] {
        &self.places
    }

    /// A call begins that needs so many places.
    pub(crate) fn open(&mut self, room: u8) {
        self.places.resize(self.places.len() + usize::from(room), Value::Nil);
    }

    /// A call is over that needed so many places.
    pub(crate) fn shut(&mut self, room: u8) {
        self.places.truncate(self.places.len() - usize::from(room));
    }

    /// The place that is so far below the top.
    pub(crate) fn place(&self, below: u8) -> usize {
        self.places.len() - usize::from(below)
    }

    /// Makes a closure at a place, for which `runs` runs. What it captures follows by [`Yard::capture`].
    pub(crate) fn put_closure(&mut self, place: usize, runs: Gc<'gc, Closure<'gc>>) {
        self.places[place] = Value::Closure(runs);
    }

    /// What the closure at a place captures as its `index`-th.
    pub(crate) fn capture(&mut self, place: usize, index: usize, value: Value<'gc>) {
        self.places[place + 1 + index] = value;
    }

    /// What the closure at a place has captured.
    #[inline(always)]
    pub(crate) fn captured(&self, place: usize, index: usize) -> Value<'gc> {
        self.places[place + 1 + index]
    }

    /// What runs for the near object at a place, if it is a closure.
    #[inline(always)]
    pub(crate) fn runs(&self, place: usize) -> Option<Gc<'gc, Closure<'gc>>> {
        if let Value::Closure(closure) = self.places[place] { Some(closure) } else { None }
    }

    /// Makes an instance at a place, with room for so many fields.
    pub(crate) fn put_instance(&mut self, place: usize, class: Gc<'gc, Class<'gc>>, fields: u8) {
        self.places[place] = Value::Class(class);
        self.places[place + 1] = counts(0, usize::from(fields));
    }

    /// The class of the near object at a place, if it is an instance.
    #[inline(always)]
    pub(crate) fn class(&self, place: usize) -> Option<Gc<'gc, Class<'gc>>> {
        if let Value::Class(class) = self.places[place] { Some(class) } else { None }
    }

    /// A field of the instance at a place.
    #[inline(always)]
    pub(crate) fn field(&self, place: usize, name: Key<'gc>) -> Option<Value<'gc>> {
        self.find(place, name).map(|at| self.places[at])
    }

    /// Assigns a field of the instance at a place.
    pub(crate) fn set_field(&mut self, place: usize, name: Key<'gc>, value: Value<'gc>) {
        if let Some(at) = self.find(place, name) {
            self.places[at] = value;
            return;
        }
        let (count, room) = self.counts(place);
        assert!(count < room, "Y2: an instance has {room} fields, and gets another");
        let at = place + HEAD + 2 * count;
        self.places[at] = Value::Text(name);
        self.places[at + 1] = value;
        self.places[place + 1] = counts(count + 1, room);
    }

    /// A value that looks as this one does when it is printed, and whether it is the class of what is meant.
    pub(crate) fn shown(&self, value: Value<'gc>) -> (Value<'gc>, bool) {
        let Value::Near(place) = value else { return (value, false) };
        (self.places[place], self.class(place).is_some())
    }

    /// The place of a field's value.
    #[inline(always)]
    fn find(&self, place: usize, name: Key<'gc>) -> Option<usize> {
        let (count, _) = self.counts(place);
        let first = place + HEAD;
        let fields = &self.places[first..first + 2 * count];
        let is = |pair: &[Value<'gc>]| matches!(pair[0], Value::Text(text) if Gc::ptr_eq(text, name));
        fields.chunks_exact(2).position(is).map(|index| first + 2 * index + 1)
    }

    /// The fields that the instance at a place has, and how many it may have.
    #[inline(always)]
    fn counts(&self, place: usize) -> (usize, usize) {
        let Value::Place(counts) = self.places[place + 1] else { unreachable!("an instance has them there") };
        (counts & 0xFFFF, counts >> 16)
    }
}

fn counts<'gc>(count: usize, room: usize) -> Value<'gc> {
    Value::Place(count | room << 16)
}
