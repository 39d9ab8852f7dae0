//! What is known of values before anything runs.

use std::rc::Rc;

use heap_escape::Body;

use super::hole::Hole;
use super::note::Of;
use super::{Known, Lower};
use crate::ir::{Builtin, Composite, Conversion, Ex, LitId, NodeKind};
use crate::token::Op;
use crate::types::{Kind, Ty};
use crate::value::Value;

impl<'c, 'a> Lower<'c, 'a> {
    /// The expression that `x` is a name of: of a variable that never gets another value, the one that it was declared with.
    pub(super) fn behind(&self, x: &'c Ex<'a>) -> &'c Ex<'a> {
        let mut at = x;
        // Each variable's first value is older than the variable.
        loop {
            at = match &at.kind {
                NodeKind::Convert { of, how: Conversion::Same, .. }
                    if !self.types.is_interface(at.ty) && self.types.has_same_bits(of.ty, at.ty) =>
                {
                    of
                }
                NodeKind::Var(var) => {
                    let info = &self.vars[var.0 as usize];
                    match &info.first {
                        Some(first) if !info.is_param && !info.assigned && !info.addressed => first,
                        _ => return at,
                    }
                }
                _ => return at,
            };
        }
    }

    /// The constant that `x` is a name of, if it is one.
    pub(super) fn constant(&self, x: &'c Ex<'a>) -> Option<&'c Ex<'a>> {
        let behind = self.behind(x);
        matches!(behind.kind, NodeKind::Const(..)).then_some(behind)
    }

    /// As it is quoted where the compiler puts a constant for a variable that is one.
    pub(super) fn quoted(&self, x: &'c Ex<'a>) -> String {
        if let NodeKind::MakeSlice(length, capacity) = &x.kind {
            return self.quoted_make(x, length, capacity.as_ref());
        }
        match self.constant(x).map(|constant| &constant.kind) {
            Some(NodeKind::Const(value, rune)) => self.printer().value(value, *rune, x.ty),
            _ => self.printer().text(x),
        }
    }

    /// The size in a `make` as it is quoted: the compiler puts the number there, if it finds one.
    pub(super) fn quoted_size(&self, x: &'c Ex<'a>) -> String {
        match (&self.behind(x).kind, self.number_behind(x)) {
            (_, None) => self.printer().text(x),
            (NodeKind::Builtin(..), Some(number)) => number.to_string(),
            (_, Some(_)) => self.quoted(x),
        }
    }

    /// The literals that a function value may be; nothing if that is not known.
    pub(super) fn literals_of(&self, x: &'c Ex<'a>) -> Option<Vec<&'c Ex<'a>>> {
        let behind = self.behind(x);
        match &behind.kind {
            NodeKind::Lit(_) | NodeKind::Func(_) | NodeKind::MethodExpr(_, _, Some(_)) => Some(vec![behind]),
            NodeKind::Var(var) => {
                let info = &self.vars[var.0 as usize];
                if info.is_param || info.addressed || info.odd {
                    return None;
                }
                let mut all = Vec::new();
                for value in info.first.iter().chain(&info.others) {
                    let value = self.behind(value);
                    match &value.kind {
                        NodeKind::Nil => {}
                        NodeKind::Lit(_) => all.push(value),
                        NodeKind::Func(_) => all.push(value),
                        _ => return None,
                    }
                }
                (!all.is_empty()).then_some(all)
            }
            _ => None,
        }
    }

    /// The one type that is in an interface, where that is known.
    pub(super) fn concrete(&self, x: &'c Ex<'a>) -> Option<Ty> {
        self.concrete_at(x, 0)
    }

    fn concrete_at(&self, x: &'c Ex<'a>, depth: u32) -> Option<Ty> {
        if depth > 20 {
            return None;
        }
        match &x.kind {
            NodeKind::Assert(of) => {
                let Kind::Interface(interface) = self.types.under(x.ty) else { return None };
                let ty = self.concrete_at(of, depth + 1)?;
                interface.methods.iter().all(|(name, _)| self.method(ty, name).is_some()).then_some(ty)
            }
            NodeKind::Convert { of, how: Conversion::ToInterface, .. } => Some(of.ty),
            NodeKind::Convert { of, how: Conversion::Same, .. } if self.types.is_interface(of.ty) => {
                self.concrete_at(of, depth + 1)
            }
            NodeKind::Var(var) => {
                let info = &self.vars[var.0 as usize];
                if info.is_param || info.addressed || info.odd {
                    return None;
                }
                let mut found = None;
                for value in info.first.iter().chain(&info.others) {
                    if matches!(value.kind, NodeKind::Nil) {
                        continue;
                    }
                    let ty = match &value.kind {
                        // A variable that is given itself, or another one: looked at no further than that.
                        NodeKind::Var(other) if info.others.is_empty() && other.0 < var.0 => {
                            self.concrete_at(value, depth + 1)?
                        }
                        NodeKind::Var(_) => return None,
                        _ => self.concrete_at(value, depth + 1)?,
                    };
                    if found.is_some_and(|found| found != ty) {
                        return None;
                    }
                    found = Some(ty);
                }
                found
            }
            _ => None,
        }
    }

    /// The value of a variable of a package: what the compiler lays out before the program runs is not told of, and what is left
    /// to do goes to the heap.
    pub(super) fn laid_out(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>) {
        self.laid_out_in(body, x, None);
    }

    /// The same for the value of the whole variable, which is this.
    pub(super) fn laid_out_in(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>, place: Option<&'c Ex<'a>>) {
        match &x.kind {
            NodeKind::Const(..) | NodeKind::Nil => {}
            NodeKind::Lit(id) if self.lits[id.0 as usize].captures.is_empty() => {
                if let Some(Known::Function(function)) = self.literals.get(id).copied() {
                    body.mention(function);
                }
                let name = self.literal_name();
                self.queue_literal(*id, name);
            }
            NodeKind::PointerTo(of) if matches!(of.kind, NodeKind::Composite(..)) => self.laid_out(body, of),
            NodeKind::Address(of, _) if is_global_place(of) => {}
            NodeKind::Composite(Composite::Struct | Composite::Array | Composite::Slice(_), elements) => {
                for (_, element) in elements {
                    self.laid_out(body, element);
                }
            }
            NodeKind::Convert { of, how: Conversion::ToInterface | Conversion::Same, .. } => {
                self.laid_out(body, of);
            }
            NodeKind::Convert { of, how: Conversion::String, .. }
                if matches!(&of.kind, NodeKind::Const(Value::Str(_), _))
                    && self
                        .types
                        .slice_elem(x.ty)
                        .is_some_and(|of| self.types.underlying(of) == Ty::UINT8) => {}
            NodeKind::Slice(of, [None, None, None]) if matches!(&of.kind, NodeKind::Address(of, true) if is_global_place(of)) =>
                {}
            _ => {
                let hole = match place.map(|place| (&place.kind, place.pos)) {
                    Some((NodeKind::Global(name), pos)) => {
                        self.noted(Hole::HEAP, Of::Global(Rc::clone(name), Rc::clone(x)), "assign", pos)
                    }
                    _ => self.because(Hole::HEAP, x, "assign"),
                };
                self.expr(body, hole, x);
            }
        }
    }

    /// The value of `_` among the variables of a package: nothing is left of what does nothing.
    pub(super) fn not_kept(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>) {
        if self.does_something(x) {
            self.evaluated(body, x);
        }
    }

    /// A value that nobody gets, in its parts.
    fn evaluated(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>) {
        match &x.kind {
            NodeKind::Composite(Composite::Struct | Composite::Array, elements) => {
                for (_, value) in elements {
                    self.evaluated(body, value);
                }
            }
            NodeKind::Convert { of, how: Conversion::ToInterface | Conversion::Same, .. } => {
                self.evaluated(body, of);
            }
            NodeKind::PointerTo(of) if matches!(of.kind, NodeKind::Unknown(_)) => self.discard(body, of),
            // What has a place of its own is laid out.
            NodeKind::PointerTo(_) | NodeKind::Composite(Composite::Slice(_), _) | NodeKind::Lit(_) => {
                self.laid_out(body, x);
            }
            _ => self.discard(body, x),
        }
    }

    /// Whether evaluating this can be noticed, for all that the compiler knows (its `AnySideEffects`).
    fn does_something(&self, x: &'c Ex<'a>) -> bool {
        let any = |all: &'c [Ex<'a>]| all.iter().any(|x| self.does_something(x));
        match &x.kind {
            NodeKind::Const(..)
            | NodeKind::Nil
            | NodeKind::Type
            | NodeKind::Var(_)
            | NodeKind::Global(_)
            | NodeKind::Func(_)
            | NodeKind::MethodExpr(..)
            | NodeKind::New(_, None)
            | NodeKind::MakeMap(None)
            | NodeKind::MakeChan(None) => false,
            NodeKind::Address(of, _)
            | NodeKind::PointerTo(of)
            | NodeKind::New(_, Some(of))
            | NodeKind::Unary(_, of)
            | NodeKind::Field { of, through: false, .. }
            | NodeKind::Convert {
                of,
                how: Conversion::Same | Conversion::ToInterface | Conversion::String,
                ..
            } => self.does_something(of),
            NodeKind::Binary(Op::Div | Op::Rem, _, by) if !matches!(by.kind, NodeKind::Const(..)) => true,
            NodeKind::Binary(_, a, b) => self.does_something(a) || self.does_something(b),
            NodeKind::Concat(parts) => any(parts),
            NodeKind::Builtin(
                Builtin::Len | Builtin::Cap | Builtin::Real | Builtin::Imag | Builtin::Complex,
                args,
                _,
            ) => any(args),
            NodeKind::Composite(_, elements) => {
                elements.iter().any(|(key, value)| key.iter().chain([value]).any(|x| self.does_something(x)))
            }
            _ => true,
        }
    }

    /// The number that the compiler finds for a size in a `make`: a constant that is not negative, or the length of a slice that is
    /// written out.
    pub(super) fn number_behind(&self, x: &'c Ex<'a>) -> Option<i128> {
        let behind = self.behind(x);
        match &behind.kind {
            NodeKind::Const(value, _) => value.int().filter(|number| *number >= 0),
            NodeKind::Builtin(Builtin::Len, args, _) => match &self.behind(args.first()?).kind {
                NodeKind::Composite(Composite::Slice(length), _) => Some(i128::from(*length)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The name of the next literal in this function, as messages write it.
    pub(super) fn literal_name(&mut self) -> String {
        self.inner += 1;
        let between = if self.is_literal { "." } else { ".func" };
        format!("{}{between}{}", self.function, self.inner)
    }

    pub(super) fn queue_literal(&mut self, id: LitId, name: String) {
        if !self.queue.iter().any(|(queued, _)| *queued == id) {
            self.queue.push((id, name));
        }
    }
}

fn is_global_place(x: &Ex<'_>) -> bool {
    match &x.kind {
        NodeKind::Global(_) => true,
        NodeKind::Field { of, through: false, .. } => is_global_place(of),
        NodeKind::Index(of, index) => matches!(index.kind, NodeKind::Const(..)) && is_global_place(of),
        _ => false,
    }
}
