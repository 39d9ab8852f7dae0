//! Objects that are expected not to outlive their call, in a checked run: the collector says whether they do.
//!
//! Each is found weakly from here. When its call is over, or its site makes another in the same call, or the scope of a variable
//! ends that it has captured, it is *over*. The slice ends then, the heap is collected, and what is over and still found was
//! wrongly expected to go.

use crate::object::{Closure, Instance, Place, Value};
use crate::world::World;
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
pub(crate) struct Watch<'gc> {
    site: u16,
    /// The calls around the one that made it.
    calls: usize,
    object: Object<'gc>,
    over: Cell<bool>,
    next: GcCell<Option<Gc<'gc, Watch<'gc>>>>,
}

fn all<'gc>(world: Gc<'gc, World<'gc>>) -> impl Iterator<Item = Gc<'gc, Watch<'gc>>> {
    std::iter::successors(world.watches.get(), |watch| watch.next.get())
}

/// Watches a closure that a site has made, in a call with so many around it.
pub(crate) fn closure<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    site: u16,
    calls: usize,
    closure: Gc<'gc, Closure<'gc>>,
) -> Result<(), AllocError> {
    add(mu, world, site, calls, Object::Closure(mu.try_downgrade(closure)?))
}

/// The same for an instance.
pub(crate) fn instance<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    site: u16,
    calls: usize,
    instance: Gc<'gc, Instance<'gc>>,
) -> Result<(), AllocError> {
    add(mu, world, site, calls, Object::Instance(mu.try_downgrade(instance)?))
}

fn add<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    site: u16,
    calls: usize,
    object: Object<'gc>,
) -> Result<(), AllocError> {
    let next = GcCell::new(world.watches.get());
    let watch = mu.try_alloc(Watch { site, calls, object, over: Cell::new(false), next })?;
    world.watches.set(mu, Some(watch));
    Ok(())
}

/// A site is about to make something, in a call with so many around it. Whether something is over with it.
pub(crate) fn made_again<'gc>(world: Gc<'gc, World<'gc>>, site: u16, calls: usize) -> bool {
    end(world, |watch| watch.site == site && watch.calls == calls)
}

/// A call is over, which has so many around it. Whether something is over with it.
pub(crate) fn returned<'gc>(world: Gc<'gc, World<'gc>>, calls: usize) -> bool {
    end(world, |watch| watch.calls == calls)
}

/// The scope of the variable at this place of the stack is about to end. Whether something is over with it.
pub(crate) fn closed<'gc>(mu: &Mu<'gc>, world: Gc<'gc, World<'gc>>, place: usize) -> bool {
    // The topmost open one: none is above the top of the stack.
    let Some(variable) = world.open.get() else { return false };
    if !matches!(variable.place.get(), Place::Open(at) if at as usize == place) {
        return false;
    }
    let is = |value: &Value<'gc>| matches!(value, Value::Cell(cell) if Gc::ptr_eq(*cell, variable));
    end(world, |watch| match watch.object {
        Object::Closure(closure) => {
            closure.upgrade(mu).is_some_and(|closure| closure.upvalues.iter().any(is))
        }
        Object::Instance(_) => false,
    })
}

fn end<'gc>(world: Gc<'gc, World<'gc>>, is_over: impl Fn(&Watch<'gc>) -> bool) -> bool {
    let mut any = false;
    for watch in all(world).filter(|watch| is_over(watch)) {
        watch.over.set(true);
        any = true;
    }
    any
}

/// After a collection: the sites of what is over, or of all if the program is, and still found. Forgets these, and what is gone.
pub(crate) fn judge<'gc>(mu: &Mu<'gc>, world: Gc<'gc, World<'gc>>, is_done: bool) -> Vec<u16> {
    let mut found = Vec::new();
    let mut kept = None;
    let watches: Vec<_> = all(world).collect();
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
    world.watches.set(mu, kept);
    found
}
