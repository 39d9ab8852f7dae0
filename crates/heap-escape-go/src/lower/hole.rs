//! Holes: where a value goes.

use heap_escape::{Body, Mark, Shape, Source, Var, Why};

use super::{Lower, What};
use crate::source::Pos;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Nowhere.
    Blank,
    Heap,
    /// Into what is written through.
    Written,
    /// Into what is called.
    Called,
    Var(Var),
}

/// A place, and the loads on the way to it; −1: the address goes there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    pub(super) to: Place,
    pub(super) derefs: i32,
    /// Whether an address is taken on the way, and not loaded from again.
    pub(super) taken: bool,
    /// The last reason on the way.
    pub(super) note: u32,
}

impl Hole {
    pub(super) const BLANK: Self = Self { to: Place::Blank, derefs: 0, taken: false, note: 0 };
    pub(super) const HEAP: Self = Self { to: Place::Heap, ..Self::BLANK };
    pub(super) const WRITTEN: Self = Self { to: Place::Written, ..Self::BLANK };
    pub(super) const CALLED: Self = Self { to: Place::Called, ..Self::BLANK };

    pub(super) fn of(var: Var) -> Self {
        Self { to: Place::Var(var), ..Self::BLANK }
    }

    /// The hole for a pointer whose target goes into this one.
    pub(super) fn deref(self) -> Self {
        self.shifted(1)
    }

    pub(super) fn shifted(self, loads: i32) -> Self {
        Self { derefs: self.derefs.saturating_add(loads), taken: false, ..self }
    }

    /// The hole for what so many loads away goes into this one; −1: for something whose address does.
    pub(super) fn shifted_to(self, loads: i32) -> Self {
        if loads < 0 { self.address() } else { self.shifted(loads) }
    }

    /// The hole for something whose address goes into this one.
    pub(super) fn address(self) -> Self {
        // An address of an address would be that of a value that is nowhere.
        Self { derefs: (self.derefs - 1).max(-1), taken: true, ..self }
    }

    pub(super) fn is_blank(self) -> bool {
        self.to == Place::Blank
    }
}

impl Lower<'_, '_> {
    /// The value of `var` goes into the hole.
    pub(super) fn flow(&mut self, body: &mut Body<'_>, hole: Hole, var: Var) {
        if hole.taken {
            body.address_taken(var);
        }
        let source = source(var, hole.derefs);
        let why = Why::Assign;
        body.at(Mark(hole.note));
        match hole.to {
            Place::Blank => {}
            Place::Heap => body.leak(source, why),
            Place::Written => body.write(source),
            Place::Called => body.calls(source),
            Place::Var(to) => body.init_why(to, source, why),
        }
    }

    /// A place without a name, which goes into the hole.
    pub(super) fn temp(&mut self, body: &mut Body<'_>, name: &str) -> Var {
        body.variable(name, Shape::references(8))
    }

    /// Something is allocated, and its address goes into the hole. Gives the hole for what is put into it.
    pub(super) fn spill(
        &mut self,
        body: &mut Body<'_>,
        hole: Hole,
        pos: Pos,
        text: String,
        bytes: u64,
    ) -> (Hole, Var) {
        let site = self.unsaid(body, hole, &text, bytes);
        self.record(pos, What::Site(site, text));
        (Hole::of(site), site)
    }

    /// The same without a word about it.
    pub(super) fn unsaid(&mut self, body: &mut Body<'_>, hole: Hole, text: &str, bytes: u64) -> Var {
        let site = body.site(text, Shape::references(bytes));
        self.flow(body, hole.address(), site);
        site
    }
}

fn source(var: Var, derefs: i32) -> Source {
    if derefs < 0 {
        return var.address();
    }
    let mut source = var.value();
    for _ in 0..derefs {
        source = source.load();
    }
    source
}
