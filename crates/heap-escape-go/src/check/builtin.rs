//! What is built in.

use std::rc::Rc;

use super::{Checked, Checker, Obj};
use crate::ast::{Call, Expr, ExprKind, Ident};
use crate::ir::{Builtin, Ex, NodeKind};
use crate::source::{Fault, Pos};
use crate::types::{Kind, Ty};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// The built-in function that is named here.
    pub(super) fn builtin_named(&mut self, fun: &'a Expr<'a>) -> Checked<Option<Builtin>> {
        let obj = match &fun.bare().kind {
            ExprKind::Name("_") => return Ok(None),
            ExprKind::Name(name) => self.lookup(name, fun.pos)?,
            ExprKind::Selector(of, name) => {
                let ExprKind::Name(package) = of.kind else { return Ok(None) };
                if package == "_" {
                    return Ok(None);
                }
                match self.lookup(package, of.pos)? {
                    Obj::Package(0) => match self.member(0, *name)? {
                        Some(obj) => obj,
                        None => return Ok(None),
                    },
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(match obj {
            Obj::Builtin(builtin) => Some(builtin),
            _ => None,
        })
    }

    /// A call of something built in.
    pub(super) fn builtin(
        &mut self,
        builtin: Builtin,
        call: &'a Call<'a>,
        pos: Pos,
        wanted: Option<Ty>,
    ) -> Checked<Ex<'a>> {
        match builtin {
            Builtin::New => return self.new_builtin(call, pos),
            Builtin::Make => return self.make(call, pos),
            Builtin::UnsafeOffsetof => {
                let mut value = Value::Unknown;
                for arg in &call.args {
                    value = match &arg.bare().kind {
                        ExprKind::Selector(of, name) => self.offset(of, *name, arg.pos)?,
                        _ => self.value(arg).map(|_| Value::Unknown)?,
                    };
                }
                return Ok(self.constant(pos, Ty::UINTPTR, value));
            }
            _ => {}
        }
        let mut args = Vec::new();
        for arg in &call.args {
            let wanted = if matches!(builtin, Builtin::Min | Builtin::Max) { wanted } else { None };
            args.push(self.expr_for(arg, wanted)?);
        }
        if let [only] = args.as_slice()
            && let Kind::Tuple(parts) = self.types.kind(only.ty)
        {
            let count = parts.len();
            args = self.parts(&Rc::clone(only), count);
        }
        if args.is_empty()
            && builtin != Builtin::Recover
            && !matches!(builtin, Builtin::Print | Builtin::Println)
        {
            return Err(Fault::new(pos, "not enough arguments for a built-in function"));
        }
        let ty = match builtin {
            Builtin::Append => return self.append(args, call.spread, pos),
            Builtin::Len | Builtin::Cap => {
                if let Some(value) = self.constant_length(&args[0], builtin) {
                    return Ok(self.constant(pos, Ty::INT, value));
                }
                Ty::INT
            }
            Builtin::Copy => Ty::INT,
            Builtin::Min | Builtin::Max => return self.extreme(builtin, args, pos),
            Builtin::Complex => {
                if let [re, im] = args.as_slice()
                    && let (NodeKind::Const(a, _), NodeKind::Const(b, _)) = (&re.kind, &im.kind)
                    && let (Some(a), Some(b)) = (a.float(), b.float())
                {
                    let ty = if re.ty.is_untyped() && im.ty.is_untyped() {
                        Ty::UNTYPED_COMPLEX
                    } else {
                        Ty::COMPLEX128
                    };
                    return Ok(self.constant(pos, ty, Value::Complex(a, b)));
                }
                let single = args.iter().any(|arg| !arg.ty.is_untyped() && self.types.size(arg.ty) == 4);
                if single { Ty(15) } else { Ty::COMPLEX128 }
            }
            Builtin::Real | Builtin::Imag => {
                if let NodeKind::Const(Value::Complex(re, im), _) = args[0].kind {
                    let ty = if args[0].ty.is_untyped() { Ty::UNTYPED_FLOAT } else { Ty::FLOAT64 };
                    let value = if builtin == Builtin::Real { re } else { im };
                    return Ok(self.constant(pos, ty, Value::Float(value)));
                }
                if self.types.size(args[0].ty) == 8 { Ty(13) } else { Ty::FLOAT64 }
            }
            Builtin::Recover => Ty::ANY,
            Builtin::Panic => {
                let arg = args.remove(0);
                args.insert(0, self.assignable(arg, Ty::ANY));
                Ty::VOID
            }
            Builtin::Delete => {
                if let (Kind::Map(key, _), [_, arg]) = (self.types.under(args[0].ty).clone(), args.as_slice())
                {
                    let arg = Rc::clone(arg);
                    args[1] = self.assignable(arg, key);
                }
                Ty::VOID
            }
            Builtin::UnsafeSizeof | Builtin::UnsafeAlignof => {
                let arg = args.remove(0);
                let arg = self.defaulted(arg);
                let layout = self.types.layout(arg.ty);
                let value = layout.map_or(Value::Unknown, |layout| {
                    let bytes = if builtin == Builtin::UnsafeSizeof { layout.bytes } else { layout.align };
                    Value::Int(i128::from(bytes))
                });
                return Ok(self.constant(pos, Ty::UINTPTR, value));
            }
            Builtin::UnsafeAdd => Ty::POINTER,
            Builtin::UnsafeSlice => match self.types.pointee(args[0].ty) {
                Some(to) => self.types.slice(to),
                None => Ty::UNKNOWN,
            },
            Builtin::UnsafeSliceData => match self.types.slice_elem(args[0].ty) {
                Some(of) => self.types.pointer(of),
                None => Ty::UNKNOWN,
            },
            Builtin::UnsafeString => Ty::STRING,
            Builtin::UnsafeStringData => self.types.pointer(Ty::BYTE),
            _ => Ty::VOID,
        };
        let args = args.into_iter().map(|arg| self.defaulted(arg)).collect();
        Ok(self.node(pos, ty, NodeKind::Builtin(builtin, args, call.spread)))
    }

    fn append(&mut self, args: Vec<Ex<'a>>, spread: bool, pos: Pos) -> Checked<Ex<'a>> {
        let ty = args[0].ty;
        let of = self.types.slice_elem(ty);
        let mut all = Vec::new();
        for (i, arg) in args.into_iter().enumerate() {
            all.push(match of {
                _ if i == 0 || spread => self.defaulted(arg),
                Some(of) => self.assignable(arg, of),
                None => self.defaulted(arg),
            });
        }
        Ok(self.node(pos, ty, NodeKind::Builtin(Builtin::Append, all, spread)))
    }

    /// The offset of a field in what is written before the dot, by way of what is embedded there.
    fn offset(&mut self, of: &'a Expr<'a>, name: Ident<'a>, pos: Pos) -> Checked<Value> {
        let x = self.value(of)?;
        let field = self.selector(Rc::clone(&x), name, pos)?;
        let mut bytes = 0_u64;
        let mut at = &field;
        while let NodeKind::Field { of, name, .. } = &at.kind
            && !Rc::ptr_eq(at, &x)
        {
            let outer = self.types.pointee(of.ty).unwrap_or(of.ty);
            let Some(offset) = self.types.offset(outer, name) else { return Ok(Value::Unknown) };
            bytes = bytes.saturating_add(offset);
            at = of;
        }
        Ok(if Rc::ptr_eq(at, &x) { Value::Int(i128::from(bytes)) } else { Value::Unknown })
    }

    fn extreme(&mut self, builtin: Builtin, args: Vec<Ex<'a>>, pos: Pos) -> Checked<Ex<'a>> {
        let typed = args.iter().map(|arg| arg.ty).find(|ty| !ty.is_untyped());
        let widest = args.iter().map(|arg| arg.ty).max_by_key(|ty| ty.0).unwrap_or(Ty::UNTYPED_INT);
        let op = if builtin == Builtin::Min { crate::token::Op::Lt } else { crate::token::Op::Gt };
        let mut best: Option<Value> = None;
        for arg in &args {
            let NodeKind::Const(value, _) = &arg.kind else {
                let ty = typed.unwrap_or_else(|| self.types.default(widest));
                let args = args.into_iter().map(|arg| self.convert_to(arg, ty)).collect();
                return Ok(self.node(pos, ty, NodeKind::Builtin(builtin, args, false)));
            };
            let better = best.as_ref().is_none_or(|best| value.compare(op, best) == Value::Bool(true));
            if better {
                best = Some(value.clone());
            }
        }
        Ok(self.constant(pos, typed.unwrap_or(widest), best.unwrap_or(Value::Unknown)))
    }

    /// The length of a constant string or of an array whose expression calls and receives nothing.
    fn constant_length(&self, x: &Ex<'a>, builtin: Builtin) -> Option<Value> {
        if let NodeKind::Const(Value::Str(bytes), _) = &x.kind {
            return (builtin == Builtin::Len).then(|| Value::Int(i128::try_from(bytes.len()).unwrap_or(0)));
        }
        let array = self.types.pointee(x.ty).unwrap_or(x.ty);
        match self.types.under(array) {
            Kind::Array(_, length) if is_still(x) => Some(Value::Int(i128::from(*length))),
            _ => None,
        }
    }

    fn new_builtin(&mut self, call: &'a Call<'a>, pos: Pos) -> Checked<Ex<'a>> {
        let [arg] = call.args.as_slice() else { return Err(Fault::new(pos, "new has exactly one argument")) };
        if let Some(to) = self.maybe_ty(arg)? {
            let ty = self.types.pointer(to);
            return Ok(self.node(pos, ty, NodeKind::New(to, None)));
        }
        let x = self.value(arg)?;
        let ty = self.types.pointer(x.ty);
        Ok(self.node(pos, ty, NodeKind::New(x.ty, Some(x))))
    }

    fn make(&mut self, call: &'a Call<'a>, pos: Pos) -> Checked<Ex<'a>> {
        let Some((first, rest)) = call.args.split_first() else {
            return Err(Fault::new(pos, "not enough arguments for make()"));
        };
        let ty = self.ty(first)?;
        let mut sizes = Vec::new();
        for size in rest {
            let x = self.expr(size)?;
            let ty = if x.ty.is_untyped() { Ty::INT } else { x.ty };
            sizes.push(self.convert_to(x, ty));
        }
        let mut sizes = sizes.into_iter();
        let (first, second) = (sizes.next(), sizes.next());
        let kind = match (self.types.under(ty), first) {
            (Kind::Slice(_), Some(length)) => NodeKind::MakeSlice(length, second),
            (Kind::Slice(_), None) => {
                return Err(Fault::new(pos, "invalid operation: make expects a length"));
            }
            (Kind::Map(..), size) => NodeKind::MakeMap(size),
            (Kind::Chan(..), size) => NodeKind::MakeChan(size),
            // A slice, a map or a channel: whatever it is, more than a map of it is not told.
            (_, size) => {
                let made = self.node(pos, ty, NodeKind::MakeMap(size));
                NodeKind::Unknown(vec![made])
            }
        };
        Ok(self.node(pos, ty, kind))
    }
}

/// Whether nothing is called or received in `x`, as far as it is a place.
fn is_still(x: &Ex<'_>) -> bool {
    let mut at = x;
    loop {
        at = match &at.kind {
            NodeKind::Var(_) | NodeKind::Global(_) => return true,
            NodeKind::Field { of, .. } | NodeKind::Deref(of, _) | NodeKind::Address(of, _) => of,
            NodeKind::Index(of, index) if matches!(index.kind, NodeKind::Const(..) | NodeKind::Var(_)) => of,
            _ => return false,
        };
    }
}
