//! Objects that are expected not to outlive their call, in a checked run: the collector says whether they do.
//!
//! Each is found weakly from here. When its call is over, or its site is about to make another in the same call, or the scope of a
//! variable ends that it has captured, it is *over*. The slice ends then, the heap is collected, and what is over and still found
//! was wrongly expected to go.

use crate::object::{Closure, Instance, Place, Upvalue, Value};
use std::cell::Cell;
use tricolor::{AllocError, Gc, GcCell, Mu, Trace, Weak};

/// An object that is watched.
#[derive(Trace, Clone, Copy)]
enum Object<'gc> {
    Closure(Weak<'gc, Closure<'gc>>),
    Instance(Weak<'gc, Instance<'gc>>),
}

/// A watched object, and what is known of it.
#[derive(Trace)]
struct Watch<'gc> {
    site: u16,
    /// The calls around the one that made it.
    calls: usize,
    object: Object<'gc>,
    over: Cell<bool>,
    next: GcCell<Option<Gc<'gc, Watch<'gc>>>>,
}

/// All that is watched.
#[derive(Trace)]
pub(crate) struct Watches<'gc> {
    latest: GcCell<Option<Gc<'gc, Watch<'gc>>>>,
}

impl<'gc> Watches<'gc> {
    pub(crate) const fn new() -> Self {
        Self { latest: GcCell::new(None) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.latest.get().is_none()
    }

    /// Forgets all.
    pub(crate) fn clear(&self, mu: &Mu<'gc>) {
        self.latest.set(mu, None);
    }

    /// Watches a closure that a site has made, in a call with so many around it.
    pub(crate) fn closure(
        &self,
        mu: &Mu<'gc>,
        site: u16,
        calls: usize,
        closure: Gc<'gc, Closure<'gc>>,
    ) -> Result<(), AllocError> {
        self.add(mu, site, calls, Object::Closure(mu.try_downgrade(closure)?))
    }

    /// The same for an instance.
    pub(crate) fn instance(
        &self,
        mu: &Mu<'gc>,
        site: u16,
        calls: usize,
        instance: Gc<'gc, Instance<'gc>>,
    ) -> Result<(), AllocError> {
        self.add(mu, site, calls, Object::Instance(mu.try_downgrade(instance)?))
    }

    fn add(&self, mu: &Mu<'gc>, site: u16, calls: usize, object: Object<'gc>) -> Result<(), AllocError> {
        let next = GcCell::new(self.latest.get());
        let watch = mu.try_alloc(Watch { site, calls, object, over: Cell::new(false), next })?;
        self.latest.set(mu, Some(watch));
        Ok(())
    }

    /// A site is about to make something, in a call with so many around it. Whether something is over with it.
    pub(crate) fn made_again(&self, site: u16, calls: usize) -> bool {
        self.end(|watch| watch.site == site && watch.calls == calls)
    }

    /// A call is over, which has so many around it. Whether something is over with it.
    pub(crate) fn returned(&self, calls: usize) -> bool {
        self.end(|watch| watch.calls == calls)
    }

    /// The scope of the variable at this place of the stack is about to end, and this is the topmost open one. Whether something is
    /// over with it.
    pub(crate) fn closed(&self, mu: &Mu<'gc>, topmost: Option<Gc<'gc, Upvalue<'gc>>>, place: usize) -> bool {
        let Some(variable) = topmost else { return false };
        if !matches!(variable.place.get(), Place::Open(at) if at as usize == place) {
            return false;
        }
        let is = |value: &Value<'gc>| matches!(value, Value::Cell(cell) if Gc::ptr_eq(*cell, variable));
        self.end(|watch| match watch.object {
            Object::Closure(closure) => {
                closure.upgrade(mu).is_some_and(|closure| closure.upvalues.iter().any(is))
            }
            Object::Instance(_) => false,
        })
    }

    /// After a collection: the sites of what is over, or of all if the program is, and still found. Forgets these, and what is gone.
    pub(crate) fn judge(&self, mu: &Mu<'gc>, is_done: bool) -> Vec<u16> {
        let mut found = Vec::new();
        let mut kept = None;
        let watches: Vec<_> = self.all().collect();
        for watch in watches.into_iter().rev() {
            let is_alive = match watch.object {
                Object::Closure(closure) => closure.upgrade(mu).is_some(),
                Object::Instance(instance) => instance.upgrade(mu).is_some(),
            };
            if is_alive && (is_done || watch.over.get()) {
                found.push(watch.site);
            } else if is_alive {
                watch.next.set(mu, kept);
                kept = Some(watch);
            }
        }
        self.latest.set(mu, kept);
        found
    }

    fn all(&self) -> impl Iterator<Item = Gc<'gc, Watch<'gc>>> {
        std::iter::successors(self.latest.get(), |watch| watch.next.get())
    }

    fn end(&self, is_over: impl Fn(&Watch<'gc>) -> bool) -> bool {
        let mut any = false;
        for watch in self.all().filter(|watch| is_over(watch)) {
            watch.over.set(true);
            any = true;
        }
        any
    }
}
