//! Expressions.

use std::rc::Rc;

use super::{Checked, Checker, Obj};
use crate::ast::{Expr, ExprKind, Lit};
use crate::ir::{Ex, NodeKind};
use crate::source::{Fault, Pos};
use crate::token::Op;
use crate::types::{Kind, Ty};
use crate::value::{self, Value};

impl<'a> Checker<'a> {
    /// An expression with a value.
    pub(super) fn expr(&mut self, expr: &'a Expr<'a>) -> Checked<Ex<'a>> {
        self.expr_for(expr, None)
    }

    /// An expression where a value of this type is wanted: untyped operands may get it.
    pub(super) fn expr_for(&mut self, expr: &'a Expr<'a>, wanted: Option<Ty>) -> Checked<Ex<'a>> {
        let x = self.deeper(expr.pos, |checker| checker.any_expr(expr, wanted))?;
        if let NodeKind::Type = x.kind {
            return Err(Fault::new(expr.pos, "a type is not an expression"));
        }
        Ok(x)
    }

    /// An expression with the type that it has where no other is wanted.
    pub(super) fn value(&mut self, expr: &'a Expr<'a>) -> Checked<Ex<'a>> {
        let x = self.expr(expr)?;
        Ok(self.defaulted(x))
    }

    fn any_expr(&mut self, expr: &'a Expr<'a>, wanted: Option<Ty>) -> Checked<Ex<'a>> {
        let pos = expr.pos;
        match &expr.kind {
            ExprKind::Name(name) => {
                if *name == "_" {
                    return Err(Fault::new(pos, "cannot use _ as value"));
                }
                let obj = self.lookup(name, pos)?;
                self.object(obj, pos)
            }
            ExprKind::Lit(lit, text) => Ok(self.literal(*lit, text, pos)),
            ExprKind::Composite(ty, elements) => self.composite(expr, ty.as_deref(), elements, wanted),
            ExprKind::FuncLit(lit) => self.func_lit(lit, pos),
            ExprKind::Paren(inner) => self.expr_for(inner, wanted),
            ExprKind::Selector(of, name) => self.select(of, *name, pos),
            ExprKind::Index(of, args) => self.index(of, args, pos),
            ExprKind::Slice(of, parts) => self.slice(of, parts, pos),
            ExprKind::Assert(of, ty) => {
                let x = self.value(of)?;
                let Some(ty) = ty else {
                    return Err(Fault::new(pos, "use of .(type) outside type switch"));
                };
                let ty = self.ty(ty)?;
                Ok(self.node(pos, ty, NodeKind::Assert(x)))
            }
            ExprKind::Call(call) => self.call(call, pos, wanted),
            ExprKind::Star(of) => {
                if let Some(ty) = self.maybe_ty(of)? {
                    let ty = self.types.pointer(ty);
                    return Ok(self.node(pos, ty, NodeKind::Type));
                }
                let x = self.expr(of)?;
                match self.types.pointee(x.ty) {
                    Some(to) => Ok(self.node(pos, to, NodeKind::Deref(x, false))),
                    None => Ok(self.unknown(pos, vec![x])),
                }
            }
            ExprKind::Address(of) => self.address(of, pos, wanted),
            ExprKind::Unary(Op::Arrow, of) => {
                let x = self.value(of)?;
                let ty = match self.types.under(x.ty) {
                    Kind::Chan(_, of) => *of,
                    _ => Ty::UNKNOWN,
                };
                Ok(self.node(pos, ty, NodeKind::Receive(x)))
            }
            ExprKind::Unary(op, of) => {
                let x = self.expr_for(of, wanted)?;
                if let NodeKind::Const(value, _) = &x.kind {
                    let bits = self.types.is_unsigned(x.ty).then(|| self.bits(x.ty));
                    let value = value.unary(*op, bits);
                    return Ok(self.constant(pos, x.ty, value));
                }
                let ty = x.ty;
                Ok(self.node(pos, ty, NodeKind::Unary(*op, x)))
            }
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, pos, wanted),
            ExprKind::Array(..)
            | ExprKind::SliceOf(_)
            | ExprKind::Map(..)
            | ExprKind::Chan(..)
            | ExprKind::Func(_)
            | ExprKind::Struct(_)
            | ExprKind::Interface(_) => {
                let ty = self.ty(expr)?;
                Ok(self.node(pos, ty, NodeKind::Type))
            }
        }
    }

    fn bits(&mut self, ty: Ty) -> u32 {
        u32::try_from(self.types.size(ty) * 8).unwrap_or(64)
    }

    /// The type that is written here, if this is one. Names are looked at, and nothing is computed.
    pub(super) fn maybe_ty(&mut self, expr: &'a Expr<'a>) -> Checked<Option<Ty>> {
        match &expr.kind {
            ExprKind::Name("_") => Ok(None),
            ExprKind::Name(name) if matches!(self.lookup(name, expr.pos)?, Obj::Unknown) => Ok(None),
            ExprKind::Paren(inner) | ExprKind::Star(inner) if !self.looks_like_ty(inner)? => Ok(None),
            ExprKind::Index(..) | ExprKind::Selector(..) if !self.looks_like_ty(expr)? => Ok(None),
            ExprKind::Binary(..) | ExprKind::Unary(..) => Ok(None),
            _ => self.try_ty(expr),
        }
    }

    fn looks_like_ty(&mut self, expr: &'a Expr<'a>) -> Checked<bool> {
        match &expr.kind {
            ExprKind::Name("_") => Ok(false),
            ExprKind::Name(name) => {
                Ok(matches!(self.lookup(name, expr.pos)?, Obj::Type(_) | Obj::Generic(_)))
            }
            ExprKind::Paren(inner) | ExprKind::Star(inner) | ExprKind::Index(inner, _) => {
                self.deeper(expr.pos, |checker| checker.looks_like_ty(inner))
            }
            ExprKind::Selector(of, name) => {
                let ExprKind::Name(package) = of.kind else { return Ok(false) };
                let Obj::Package(number) = self.lookup(package, of.pos)? else { return Ok(false) };
                Ok(matches!(self.member(number, *name)?, Some(Obj::Type(_) | Obj::Generic(_))))
            }
            ExprKind::Array(..)
            | ExprKind::SliceOf(_)
            | ExprKind::Map(..)
            | ExprKind::Chan(..)
            | ExprKind::Func(_)
            | ExprKind::Struct(_)
            | ExprKind::Interface(_) => Ok(true),
            _ => Ok(false),
        }
    }

    /// What a name stands for, as an expression.
    fn object(&mut self, obj: Obj, pos: Pos) -> Checked<Ex<'a>> {
        Ok(match obj {
            Obj::Var(var) => {
                let ty = self.var(var).ty;
                self.node(pos, ty, NodeKind::Var(var))
            }
            Obj::Const(value, ty, rune) => self.node(pos, ty, NodeKind::Const(value, rune)),
            Obj::Type(ty) => self.node(pos, ty, NodeKind::Type),
            Obj::Func(func) => {
                let ty = self.funcs[func.0 as usize].ty;
                self.node(pos, ty, NodeKind::Func(func))
            }
            Obj::Global(name, ty) => self.node(pos, ty, NodeKind::Global(name)),
            Obj::Nil => self.node(pos, Ty::NIL, NodeKind::Nil),
            Obj::Iota => match self.iota {
                Some(iota) => self.constant(pos, Ty::UNTYPED_INT, Value::Int(iota)),
                None => return Err(Fault::new(pos, "cannot use iota outside constant declaration")),
            },
            // Which instance is wanted is seen where it goes, which nobody looks at here.
            Obj::GenericFunc(_) | Obj::Unknown => self.unknown(pos, Vec::new()),
            Obj::Generic(_) => return Err(Fault::new(pos, "cannot use generic type without instantiation")),
            Obj::Builtin(_) => return Err(Fault::new(pos, "a built-in function must be called")),
            Obj::Package(_) | Obj::UnknownPackage => {
                return Err(Fault::new(pos, "use of package without selector"));
            }
            Obj::Slot(slot) => {
                let obj = self.resolve(slot, pos)?;
                return self.deeper(pos, |checker| checker.object(obj, pos));
            }
        })
    }

    fn literal(&mut self, lit: Lit, text: &'a str, pos: Pos) -> Ex<'a> {
        let (ty, value) = match lit {
            Lit::Int => (Ty::UNTYPED_INT, value::int(text)),
            Lit::Float => (Ty::UNTYPED_FLOAT, value::float(text)),
            Lit::Imaginary => (Ty::UNTYPED_COMPLEX, value::imaginary(text)),
            Lit::Char => (Ty::UNTYPED_RUNE, value::rune(text)),
            Lit::String => (Ty::UNTYPED_STRING, value::string(text)),
        };
        self.constant(pos, ty, value)
    }

    fn select(&mut self, of: &'a Expr<'a>, name: crate::ast::Ident<'a>, pos: Pos) -> Checked<Ex<'a>> {
        if let ExprKind::Name(package) = of.kind
            && package != "_"
        {
            match self.lookup(package, of.pos)? {
                Obj::Package(number) => {
                    return match self.member(number, name)? {
                        Some(obj) => self.object(obj, pos),
                        None => {
                            let package = &self.packages[number];
                            if package.path == "unsafe" {
                                return Err(Fault::new(name.pos, format!("undefined: unsafe.{}", name.name)));
                            }
                            // The table of the package does not have everything that is in it.
                            Ok(self.unknown(pos, Vec::new()))
                        }
                    };
                }
                Obj::UnknownPackage => return Ok(self.unknown(pos, Vec::new())),
                _ => {}
            }
        }
        if let Some(ty) = self.maybe_ty(of)? {
            return self.method_expr(ty, name, pos);
        }
        let x = self.expr(of)?;
        self.selector(x, name, pos)
    }

    fn index(&mut self, of: &'a Expr<'a>, args: &'a [Expr<'a>], pos: Pos) -> Checked<Ex<'a>> {
        if let Some(number) = self.generic_func(of)? {
            let mut types = Vec::new();
            for arg in args {
                types.push(self.ty(arg)?);
            }
            return self.instance_value(number, &types, pos);
        }
        if self.looks_like_ty(of)? {
            if let Some(ty) = self.instance(of, args)? {
                return Ok(self.node(pos, ty, NodeKind::Type));
            }
            return Err(Fault::new(pos, "this type is not generic"));
        }
        let x = self.value(of)?;
        let [arg] = args else { return Ok(self.unknown(pos, vec![x])) };
        if self.is_unknown(x.ty) && self.looks_like_ty(arg)? {
            return Ok(self.unknown(pos, vec![x]));
        }
        if let Kind::Map(key, value) = *self.types.under(x.ty) {
            let index = self.expr_for(arg, Some(key))?;
            let index = self.assignable(index, key);
            return Ok(self.node(pos, value, NodeKind::MapIndex(x, index)));
        }
        let index = self.value_of_index(arg)?;
        let ty = match self.types.under(x.ty) {
            Kind::Slice(of) | Kind::Array(of, _) => *of,
            Kind::Pointer(to) => match self.types.under(*to) {
                Kind::Array(of, _) => *of,
                _ => Ty::UNKNOWN,
            },
            _ if self.types.is_string(x.ty) => {
                if let (NodeKind::Const(Value::Str(bytes), _), NodeKind::Const(Value::Int(at), _)) =
                    (&x.kind, &index.kind)
                    && usize::try_from(*at).is_ok_and(|at| at >= bytes.len())
                {
                    return Err(Fault::new(pos, "invalid argument: index out of bounds"));
                }
                Ty::BYTE
            }
            _ => return Ok(self.unknown(pos, vec![x, index])),
        };
        Ok(self.node(pos, ty, NodeKind::Index(x, index)))
    }

    fn value_of_index(&mut self, arg: &'a Expr<'a>) -> Checked<Ex<'a>> {
        let x = self.expr(arg)?;
        // A constant with a fraction of nothing is an index too.
        let ty = if x.ty.is_untyped() { Ty::INT } else { x.ty };
        Ok(self.convert_to(x, ty))
    }

    /// The generic function that is named here.
    pub(super) fn generic_func(&mut self, of: &'a Expr<'a>) -> Checked<Option<usize>> {
        let obj = match &of.bare().kind {
            ExprKind::Name("_") => return Ok(None),
            ExprKind::Name(name) => self.lookup(name, of.pos)?,
            ExprKind::Selector(package, name) => {
                let ExprKind::Name(package_name) = package.kind else { return Ok(None) };
                if package_name == "_" {
                    return Ok(None);
                }
                let Obj::Package(number) = self.lookup(package_name, package.pos)? else { return Ok(None) };
                match self.member(number, *name)? {
                    Some(obj) => obj,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(match obj {
            Obj::GenericFunc(number) => Some(number),
            _ => None,
        })
    }

    fn slice(
        &mut self,
        of: &'a Expr<'a>,
        parts: &'a [Option<Box<Expr<'a>>>; 3],
        pos: Pos,
    ) -> Checked<Ex<'a>> {
        let x = self.value(of)?;
        let mut bounds = [None, None, None];
        for (bound, part) in bounds.iter_mut().zip(parts) {
            if let Some(part) = part {
                *bound = Some(self.value_of_index(part)?);
            }
        }
        let (x, ty) = match self.types.under(x.ty).clone() {
            Kind::Array(of, _) => {
                // An array is sliced where it is: its address is taken.
                self.addressed(&x);
                let pointer = self.types.pointer(x.ty);
                let x = self.node(pos, pointer, NodeKind::Address(x, true));
                (x, self.types.slice(of))
            }
            Kind::Pointer(to) => match self.types.under(to).clone() {
                Kind::Array(of, _) => (x, self.types.slice(of)),
                _ => return Ok(self.unknown(pos, vec![x])),
            },
            _ => {
                let ty = x.ty;
                (x, ty)
            }
        };
        Ok(self.node(pos, ty, NodeKind::Slice(x, bounds)))
    }

    fn address(&mut self, of: &'a Expr<'a>, pos: Pos, wanted: Option<Ty>) -> Checked<Ex<'a>> {
        if let ExprKind::Composite(ty, elements) = &of.bare().kind {
            let wanted = wanted.and_then(|ty| self.types.pointee(ty));
            let x = self.composite(of.bare(), ty.as_deref(), elements, wanted)?;
            let ty = self.types.pointer(x.ty);
            return Ok(self.node(pos, ty, NodeKind::PointerTo(x)));
        }
        let returned = std::mem::take(&mut self.in_return);
        let x = self.expr(of)?;
        self.in_return = returned;
        self.addressed(&x);
        self.in_return = false;
        let ty = self.types.pointer(x.ty);
        Ok(self.node(pos, ty, NodeKind::Address(x, false)))
    }

    fn binary(
        &mut self,
        op: Op,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        pos: Pos,
        wanted: Option<Ty>,
    ) -> Checked<Ex<'a>> {
        if op.is_shift() {
            return self.shift(op, left, right, pos, wanted);
        }
        let wanted = if op.is_comparison() { None } else { wanted };
        let a = self.expr_for(left, wanted)?;
        let b = self.expr_for(right, wanted)?;
        self.operation(op, a, b, pos)
    }

    /// A binary operation that is no shift.
    pub(super) fn operation(&mut self, op: Op, a: Ex<'a>, b: Ex<'a>, pos: Pos) -> Checked<Ex<'a>> {
        let (a, b) = self.matched(a, b, op);
        let ty = match op {
            _ if op.is_comparison() => Ty::UNTYPED_BOOL,
            // What is added to a string is one, also if nothing else is known of it.
            Op::Add if self.is_unknown(a.ty) && self.types.is_string(b.ty) => b.ty,
            _ => a.ty,
        };
        // A constant of a generic function's argument is one, but what is done with it is done when the program runs.
        if let (NodeKind::Const(x, _), NodeKind::Const(y, _)) = (&a.kind, &b.kind)
            && !self.types.is_shape(a.ty)
        {
            let value = if op.is_comparison() {
                x.compare(op, y)
            } else {
                let whole = self.types.is_integer(a.ty);
                if whole && matches!(op, Op::Div | Op::Rem) && y.int() == Some(0) {
                    return Err(Fault::new(pos, "invalid operation: division by zero"));
                }
                x.binary(op, y, whole)
            };
            let value = if ty.is_untyped() { value } else { self.represented(&value, ty) };
            return Ok(self.constant(pos, ty, value));
        }
        if op == Op::Add && self.types.is_string(ty) {
            let mut parts = Vec::new();
            for x in [a, b] {
                match &x.kind {
                    NodeKind::Concat(inner) => parts.extend(inner.iter().map(Rc::clone)),
                    _ => parts.push(x),
                }
            }
            return Ok(self.node(pos, ty, NodeKind::Concat(parts)));
        }
        Ok(self.node(pos, ty, NodeKind::Binary(op, a, b)))
    }

    /// Two operands with one type.
    fn matched(&mut self, a: Ex<'a>, b: Ex<'a>, op: Op) -> (Ex<'a>, Ex<'a>) {
        match (a.ty.is_untyped(), b.ty.is_untyped()) {
            (true, true) => {
                if a.ty == b.ty || a.ty == Ty::NIL || b.ty == Ty::NIL {
                    return (a, b);
                }
                // The wider kind of number.
                let ty = if a.ty.0 > b.ty.0 { a.ty } else { b.ty };
                (self.retype_untyped(a, ty), self.retype_untyped(b, ty))
            }
            (true, false) => {
                let ty = b.ty;
                (self.operand(a, ty), b)
            }
            (false, true) => {
                let ty = a.ty;
                let b = self.operand(b, ty);
                (a, b)
            }
            (false, false) => {
                let (one, other) = (self.types.is_interface(a.ty), self.types.is_interface(b.ty));
                match (op.is_comparison(), one, other) {
                    (true, true, false) => {
                        let ty = a.ty;
                        let b = self.assignable(b, ty);
                        (a, b)
                    }
                    (true, false, true) => {
                        let ty = b.ty;
                        (self.assignable(a, ty), b)
                    }
                    _ => (a, b),
                }
            }
        }
    }

    /// An untyped operand beside a typed one: in a comparison with an interface, it is put into one.
    fn operand(&mut self, x: Ex<'a>, ty: Ty) -> Ex<'a> {
        if self.types.is_interface(ty) { self.assignable(x, ty) } else { self.convert_to(x, ty) }
    }

    fn retype_untyped(&mut self, x: Ex<'a>, ty: Ty) -> Ex<'a> {
        match &x.kind {
            NodeKind::Const(value, rune) => {
                let kind = NodeKind::Const(value.clone(), *rune && ty == Ty::UNTYPED_RUNE);
                self.node(x.pos, ty, kind)
            }
            _ => x,
        }
    }

    fn shift(
        &mut self,
        op: Op,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
        pos: Pos,
        wanted: Option<Ty>,
    ) -> Checked<Ex<'a>> {
        let a = self.expr_for(left, wanted)?;
        let b = self.expr(right)?;
        if let (NodeKind::Const(x, _), NodeKind::Const(y, _)) = (&a.kind, &b.kind) {
            let (x, y) =
                (x.int().map_or(Value::Unknown, Value::Int), y.int().map_or(Value::Unknown, Value::Int));
            let ty = if matches!(a.ty, Ty::UNTYPED_FLOAT) { Ty::UNTYPED_INT } else { a.ty };
            let value = x.binary(op, &y, true);
            return Ok(self.constant(pos, ty, value));
        }
        let b = if b.ty.is_untyped() { self.convert_to(b, Ty(7)) } else { b };
        let a = if a.ty.is_untyped() {
            let ty = wanted.filter(|ty| self.types.is_integer(*ty) && !ty.is_untyped()).unwrap_or(Ty::INT);
            self.convert_to(a, ty)
        } else {
            a
        };
        let ty = a.ty;
        Ok(self.node(pos, ty, NodeKind::Binary(op, a, b)))
    }
}
