//! Assignments of a part of something to another part of it, which need no flow.
//!
//! ```text
//!   b.buf = b.buf[n:m]       a slice of what the same pointer leads to
//!   v.x = v.y                two fields of one thing
//!   v[i] = v[j]              two elements of one thing
//! ```

use super::Lower;
use crate::ir::{Builtin, Ex, NodeKind, Target, VarId};
use crate::source::Pos;
use crate::token::Op;
use crate::types::Kind;

impl<'c, 'a> Lower<'c, 'a> {
    /// Whether one assignment of this statement needs no flow, which is then told.
    pub(super) fn is_self_assignment(
        &mut self,
        pos: Pos,
        lhs: &'c [Target<'a>],
        rhs: &'c [Ex<'a>],
        to: &'c Ex<'a>,
        from: &'c Ex<'a>,
    ) -> bool {
        let is = self.is_own_slice(to, from) || self.is_own_part(to, from);
        if is {
            let printer = self.printer();
            let places = lhs.iter().map(|target| match target {
                Target::Blank => "_".to_owned(),
                Target::Var(var, _) => self.vars[var.0 as usize].text().into_owned(),
                Target::Place(place) => printer.text(place),
            });
            let places = places.collect::<Vec<_>>().join(", ");
            let values = rhs.iter().map(|x| printer.text(x)).collect::<Vec<_>>().join(", ");
            let words = format!("{} ignoring self-assignment in {places} = {values}", self.function);
            self.tell(pos, words);
        }
        is
    }

    /// The same of `to op= from`.
    pub(super) fn is_self_operation(&mut self, pos: Pos, op: Op, to: &'c Ex<'a>, from: &'c Ex<'a>) -> bool {
        let is = self.is_own_slice(to, from) || self.is_own_part(to, from);
        if is {
            let printer = self.printer();
            let (to, from) = (printer.text(to), printer.text(from));
            let words = format!("{} ignoring self-assignment in {to} {}= {from}", self.function, op.text());
            self.tell(pos, words);
        }
        is
    }

    /// `b.f = b.g[i:j]`, where `b` is a pointer, and so `*b` or `b.f` is behind it.
    fn is_own_slice(&self, to: &'c Ex<'a>, from: &'c Ex<'a>) -> bool {
        let Some(base) = behind(to) else { return false };
        let NodeKind::Slice(of, _) = &from.kind else { return false };
        // An array that is a field is sliced where it is, and then its address is what is assigned.
        if matches!(of.kind, NodeKind::Address(_, true)) {
            return false;
        }
        let sliced = match self.types.under(of.ty) {
            Kind::Slice(_) => true,
            Kind::Pointer(to) => matches!(self.types.under(*to), Kind::Array(..)),
            _ => self.types.is_string(of.ty),
        };
        sliced && behind(of) == Some(base)
    }

    /// `v.x = v.y` or `v[i] = v[j]`.
    fn is_own_part(&self, to: &'c Ex<'a>, from: &'c Ex<'a>) -> bool {
        match (&to.kind, &from.kind) {
            (NodeKind::Field { of: a, through: one, .. }, NodeKind::Field { of: b, through: other, .. })
                if one == other =>
            {
                self.is_same(a, b)
            }
            (NodeKind::Index(a, i), NodeKind::Index(b, j)) => {
                let arrays = |x: &Ex<'a>| matches!(self.types.under(x.ty), Kind::Array(..));
                if self.has_effects(i) || self.has_effects(j) || arrays(a) != arrays(b) {
                    return false;
                }
                self.is_same(a, b)
            }
            _ => false,
        }
    }

    /// Whether both are the same thing, and looking at it does nothing.
    fn is_same(&self, a: &'c Ex<'a>, b: &'c Ex<'a>) -> bool {
        match (&a.kind, &b.kind) {
            (NodeKind::Var(a), NodeKind::Var(b)) => a == b,
            (NodeKind::Global(a), NodeKind::Global(b)) => a == b,
            (NodeKind::Field { of: a, name: one, .. }, NodeKind::Field { of: b, name: other, .. }) => {
                one == other && self.is_same(a, b)
            }
            (NodeKind::Deref(a, _), NodeKind::Deref(b, _)) => self.is_same(a, b),
            (NodeKind::Index(a, i), NodeKind::Index(b, j)) => self.is_same(a, b) && self.is_same_index(i, j),
            _ => false,
        }
    }

    fn is_same_index(&self, a: &'c Ex<'a>, b: &'c Ex<'a>) -> bool {
        match (&a.kind, &b.kind) {
            (NodeKind::Const(a, _), NodeKind::Const(b, _)) => a == b,
            _ => self.is_same(a, b),
        }
    }

    fn has_effects(&self, x: &'c Ex<'a>) -> bool {
        match &x.kind {
            NodeKind::Var(_) | NodeKind::Const(..) | NodeKind::Global(_) => false,
            NodeKind::Field { of, .. } | NodeKind::Deref(of, _) | NodeKind::Convert { of, .. } => {
                self.has_effects(of)
            }
            NodeKind::Index(a, b) | NodeKind::Binary(_, a, b) => self.has_effects(a) || self.has_effects(b),
            NodeKind::Unary(_, of) => self.has_effects(of),
            NodeKind::Builtin(Builtin::Len | Builtin::Cap, args, _) => {
                args.iter().any(|arg| self.has_effects(arg))
            }
            _ => true,
        }
    }
}

/// The pointer variable that a place is behind, with one load.
fn behind(x: &Ex<'_>) -> Option<VarId> {
    let (NodeKind::Field { of, through: true, .. } | NodeKind::Deref(of, _)) = &x.kind else { return None };
    match of.kind {
        NodeKind::Var(var) => Some(var),
        _ => None,
    }
}
