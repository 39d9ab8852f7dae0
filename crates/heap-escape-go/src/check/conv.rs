//! Constants get their types, and values those that are wanted of them.

use std::rc::Rc;

use super::Checker;
use crate::ir::{Composite, Conversion, Ex, NodeKind};
use crate::source::Pos;
use crate::types::{Basic, Kind, Ty};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// An untyped value with the type that it has where none is wanted.
    pub(super) fn defaulted(&mut self, x: Ex<'a>) -> Ex<'a> {
        let ty = self.types.default(x.ty);
        self.convert_to(x, ty)
    }

    /// An untyped value with this type; any other value as it is.
    pub(super) fn convert_to(&mut self, x: Ex<'a>, ty: Ty) -> Ex<'a> {
        if !x.ty.is_untyped() || x.ty == ty {
            return x;
        }
        let ty =
            if self.types.is_interface(ty) || self.is_unknown(ty) { self.types.default(x.ty) } else { ty };
        if x.ty == Ty::NIL {
            return self.node(x.pos, ty, NodeKind::Nil);
        }
        self.retyped(&x, ty)
    }

    /// The same with another type, down to the operands that the type comes from.
    fn retyped(&mut self, x: &Ex<'a>, ty: Ty) -> Ex<'a> {
        let kind = match &x.kind {
            NodeKind::Const(value, rune) => {
                NodeKind::Const(self.represented(value, ty), *rune && ty == Ty::RUNE)
            }
            NodeKind::Unary(op, of) if of.ty.is_untyped() => NodeKind::Unary(*op, self.retyped(of, ty)),
            NodeKind::Binary(op, a, b) if op.is_shift() => {
                NodeKind::Binary(*op, self.retyped(a, ty), Rc::clone(b))
            }
            NodeKind::Binary(op, a, b) if !op.is_comparison() && a.ty.is_untyped() => {
                NodeKind::Binary(*op, self.retyped(a, ty), self.retyped(b, ty))
            }
            NodeKind::Binary(op, a, b) => NodeKind::Binary(*op, Rc::clone(a), Rc::clone(b)),
            NodeKind::Unary(op, of) => NodeKind::Unary(*op, Rc::clone(of)),
            _ => return Rc::clone(x),
        };
        self.node(x.pos, ty, kind)
    }

    /// A constant's value as one of this type.
    pub(super) fn represented(&self, value: &Value, ty: Ty) -> Value {
        if self.types.is_integer(ty) {
            return value.int().map_or(Value::Unknown, Value::Int);
        }
        if self.types.is_float(ty) {
            let narrow = self.types.basic(ty) == Some(Basic::Float32);
            return value.float().map_or(Value::Unknown, |float| {
                #[expect(clippy::cast_possible_truncation, reason = "this is what the conversion does")]
                let single = float as f32;
                Value::Float(if narrow { f64::from(single) } else { float })
            });
        }
        if self.types.is_complex(ty)
            && let Some(float) = value.float()
        {
            return Value::Complex(float, 0.0);
        }
        value.clone()
    }

    /// `x` as it is when assigned to something of this type: with the conversion that nobody writes, where there is one.
    pub(super) fn assignable(&mut self, x: Ex<'a>, ty: Ty) -> Ex<'a> {
        let pos = x.pos;
        self.assignable_at(x, ty, pos)
    }

    pub(super) fn assignable_at(&mut self, x: Ex<'a>, ty: Ty, pos: Pos) -> Ex<'a> {
        if ty == Ty::VOID {
            return self.defaulted(x);
        }
        if self.is_unknown(ty) {
            return self.unknown_assignable(x, pos);
        }
        let x = self.convert_to(x, ty);
        if x.ty == ty || x.ty == Ty::NIL || matches!(x.kind, NodeKind::Nil) {
            return x;
        }
        let to_interface = self.types.is_interface(ty) && !self.types.is_interface(x.ty);
        let how = if to_interface { Conversion::ToInterface } else { Conversion::Same };
        if to_interface {
            self.put_in_interface(x.ty);
        }
        self.node(pos, ty, NodeKind::Convert { of: x, how, implicit: true })
    }

    /// `x` as it is when assigned to something of which the type is not known: that may be an interface, and then this is put into one.
    pub(super) fn unknown_assignable(&mut self, x: Ex<'a>, pos: Pos) -> Ex<'a> {
        let x = self.defaulted(x);
        let as_it_is = x.ty == Ty::VOID
            || x.ty == Ty::NIL
            || matches!(x.kind, NodeKind::Nil)
            || matches!(self.types.kind(x.ty), Kind::Tuple(_))
            || self.is_unknown(x.ty)
            || self.types.is_interface(x.ty)
            || self.types.is_direct(x.ty);
        if as_it_is {
            return x;
        }
        self.put_in_interface(x.ty);
        let how = Conversion::ToInterface;
        self.node(pos, Ty::UNKNOWN, NodeKind::Convert { of: x, how, implicit: true })
    }

    /// `T(x)`
    pub(super) fn conversion(&mut self, x: Ex<'a>, ty: Ty, pos: Pos) -> Ex<'a> {
        if let NodeKind::Const(value, rune) = &x.kind
            && let Some(folded) = self.constant_conversion(value, *rune, x.ty, ty)
        {
            return self.node(pos, ty, folded);
        }
        if let (NodeKind::Const(Value::Str(bytes), _), Some(of)) = (&x.kind, self.types.slice_elem(ty))
            && self.types.basic(of) == Some(Basic::Int32)
        {
            // The runes of a constant are known.
            let runes = String::from_utf8_lossy(bytes)
                .chars()
                .map(|c| Value::Int(i128::from(u32::from(c))))
                .collect::<Vec<_>>();
            let length = runes.len() as u64;
            let runes = runes.into_iter().map(|rune| (None, self.constant(x.pos, of, rune))).collect();
            let of = self.node(x.pos, ty, NodeKind::Composite(Composite::Slice(length), runes));
            return self.node(pos, ty, NodeKind::Convert { of, how: Conversion::Same, implicit: true });
        }
        if x.ty == Ty::NIL || matches!(x.kind, NodeKind::Nil) {
            let of = self.node(x.pos, ty, NodeKind::Nil);
            return self.node(pos, ty, NodeKind::Convert { of, how: Conversion::Same, implicit: false });
        }
        let x = match self.types.is_interface(ty) {
            true => self.defaulted(x),
            false if x.ty.is_untyped() && self.is_bytes_or_runes(ty) => self.defaulted(x),
            false if x.ty.is_untyped() && self.types.is_string(ty) && !self.types.is_string(x.ty) => {
                self.defaulted(x)
            }
            false => self.convert_to(x, ty),
        };
        let how = self.how(x.ty, ty);
        let x = match self.plain_text(x.ty) {
            Some(plain) if how == Conversion::String && self.types.is_string(ty) => {
                self.node(x.pos, plain, NodeKind::Convert { of: x, how: Conversion::Same, implicit: false })
            }
            _ => x,
        };
        if how == Conversion::ToInterface {
            self.put_in_interface(x.ty);
        }
        self.node(pos, ty, NodeKind::Convert { of: x, how, implicit: false })
    }

    fn constant_conversion(&self, value: &Value, rune: bool, from: Ty, to: Ty) -> Option<NodeKind<'a>> {
        let value = match self.types.under(to) {
            Kind::Basic(Basic::String) => match value {
                Value::Int(int) => {
                    let c = u32::try_from(*int).ok().and_then(char::from_u32);
                    Value::str(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]))
                }
                _ if self.types.is_string(from) => value.clone(),
                _ => return None,
            },
            Kind::Basic(Basic::Unknown | Basic::Pointer) => return None,
            Kind::Basic(_) => {
                let integer = self.types.is_integer(to);
                match value {
                    // A number that is not whole is cut off, when it is converted from a type of its own.
                    Value::Float(float) if integer && !from.is_untyped() => {
                        Value::Float(float.trunc()).int().map_or(Value::Unknown, Value::Int)
                    }
                    _ => self.represented(value, to),
                }
            }
            _ => return None,
        };
        Some(NodeKind::Const(value, rune && to == Ty::RUNE))
    }

    fn is_bytes_or_runes(&self, ty: Ty) -> bool {
        self.types.slice_elem(ty).is_some()
    }

    fn how(&self, from: Ty, to: Ty) -> Conversion {
        if self.types.is_interface(to) {
            return if self.types.is_interface(from) { Conversion::Same } else { Conversion::ToInterface };
        }
        let (from, to) = (self.types.under(from), self.types.under(to));
        match (from, to) {
            (Kind::Basic(Basic::String | Basic::UntypedString), Kind::Slice(_)) => Conversion::String,
            (Kind::Slice(_), Kind::Basic(Basic::String)) => Conversion::String,
            // It may be text of another kind.
            (Kind::Basic(Basic::Unknown), Kind::Basic(Basic::String)) => Conversion::String,
            (Kind::Basic(Basic::Unknown), Kind::Slice(of)) if self.is_text(*of) => Conversion::String,
            (Kind::Basic(from), Kind::Basic(Basic::String))
                if !matches!(from, Basic::String | Basic::UntypedString | Basic::Unknown) =>
            {
                Conversion::String
            }
            (Kind::Slice(_), Kind::Array(..)) => Conversion::SliceToArray,
            (Kind::Slice(_), Kind::Pointer(_)) => Conversion::SliceToArrayPointer,
            _ => Conversion::Same,
        }
    }

    /// Whether a slice of these may be made of a string.
    fn is_text(&self, of: Ty) -> bool {
        matches!(self.types.basic(of), Some(Basic::Uint8 | Basic::Int32))
    }

    /// `[]byte` or `[]rune`, if this is a slice of a declared kind of these: the compiler makes that of it before the string.
    fn plain_text(&mut self, ty: Ty) -> Option<Ty> {
        let of = self.types.slice_elem(ty)?;
        self.types.as_named(of)?;
        let plain = match self.types.basic(of) {
            Some(Basic::Uint8) => Ty::BYTE,
            Some(Basic::Int32) => Ty::RUNE,
            _ => return None,
        };
        Some(self.types.slice(plain))
    }
}
