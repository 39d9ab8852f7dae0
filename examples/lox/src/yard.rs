//! Where objects are that do not outlive their call: an array beside the stack, of which each call has a part.
//!
//! ```text
//!   near closure     the closure that runs for it · what it has captured, one after the other
//!   near instance    its class · counts · name, value · name, value · …
//! ```
//!
//! A site has the same place in every turn of a loop, since what it made in the turn before is not used any more. What a near
//! object holds leads to the heap or to places on the stack, and is looked at by the collector when a slice ends, for then what is
//! in use of the yard is copied to the [`World`](crate::world::World) with the stack.
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

    /// Forgets what no value of the stack leads to: it would keep what it holds until its place is used again.
    pub(crate) fn forget(&mut self, stack: &[Value<'gc>]) {
        if self.places.is_empty() {
            return;
        }
        let near = |value: &Value<'gc>| if let Value::Near(place) = value { Some(*place) } else { None };
        let mut is_used = vec![false; self.places.len()];
        let mut found: Vec<usize> = stack.iter().filter_map(near).collect();
        while let Some(place) = found.pop() {
            if std::mem::replace(&mut is_used[place], true) {
                continue;
            }
            let size = match self.runs(place) {
                Some(runs) => 1 + runs.function.captures.len(),
                None => HEAD + 2 * self.counts(place).0,
            };
            is_used[place..place + size].fill(true);
            found.extend(self.places[place + 1..place + size].iter().filter_map(near));
        }
        for (place, is_used) in self.places.iter_mut().zip(is_used) {
            if !is_used {
                *place = Value::NIL;
            }
        }
    }

    /// A call begins that needs so many places.
    #[inline(never)]
    pub(crate) fn open(&mut self, room: u8) {
        self.places.resize(self.places.len() + usize::from(room), Value::NIL);
    }

    /// A call is over that needed so many places.
    #[inline(never)]
    pub(crate) fn shut(&mut self, room: u8) {
        self.places.truncate(self.places.len() - usize::from(room));
    }

    fn place(&self, below: u8) -> usize {
        self.places.len() - usize::from(below)
    }

    /// Makes a closure so far below the top, for which `runs` runs.
    pub(crate) fn put_closure(
        &mut self,
        below: u8,
        runs: Gc<'gc, Closure<'gc>>,
        captured: &[Value<'gc>],
    ) -> Value<'gc> {
        let place = self.place(below);
        self.places[place] = Value::Closure(runs);
        self.places[place + 1..][..captured.len()].copy_from_slice(captured);
        Value::Near(place)
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

    /// Makes an instance so far below the top, with room for so many fields.
    #[inline(never)]
    pub(crate) fn put_instance(&mut self, below: u8, class: Gc<'gc, Class<'gc>>, fields: u8) -> Value<'gc> {
        let place = self.place(below);
        self.places[place] = Value::Class(class);
        self.places[place + 1] = counts(0, usize::from(fields));
        Value::Near(place)
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
