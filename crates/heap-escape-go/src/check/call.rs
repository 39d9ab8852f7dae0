//! Calls.

use std::rc::Rc;

use super::{Checked, Checker, Obj};
use crate::ast::{Call, Expr, ExprKind, Ident};
use crate::ir::{CallNode, CalleeNode, Composite, Ex, NodeKind};
use crate::source::{Fault, Pos};
use crate::types::{FuncTy, Kind, Ty};

use super::select::Found;

/// What is called, and a receiver that is its first argument.
struct Called<'a> {
    callee: CalleeNode<'a>,
    recv: Option<Ex<'a>>,
    ty: Rc<FuncTy>,
}

impl<'a> Checker<'a> {
    /// A call, a conversion, or the use of something built in.
    pub(super) fn call(&mut self, call: &'a Call<'a>, pos: Pos, wanted: Option<Ty>) -> Checked<Ex<'a>> {
        if let Some(ty) = self.maybe_ty(&call.fun)? {
            return self.convert(call, ty, pos);
        }
        if let Some(builtin) = self.builtin_named(&call.fun)? {
            return self.builtin(builtin, call, pos, wanted);
        }
        if let Some((number, types)) = self.generic_callee(&call.fun)? {
            let args = self.args(call, None)?;
            let func = self.instantiate(number, &types, &args, call.spread, pos)?;
            let ty = func.and_then(|func| self.types.func(self.funcs[func.0 as usize].ty));
            let (Some(func), Some(ty)) = (func, ty) else {
                // What the arguments say of the type parameters is not understood: so, nothing is known of the call.
                let fun = self.unknown(pos, Vec::new());
                return Ok(self.unknown_call(fun, args, pos));
            };
            let called = Called { callee: CalleeNode::Func(func), recv: None, ty };
            return self.finish(called, args, call, pos);
        }
        if self.is_of_unknown(&call.fun)? {
            let args = self.args(call, None)?;
            let fun = self.unknown(pos, Vec::new());
            return Ok(self.unknown_call(fun, args, pos));
        }
        let called = match &call.fun.bare().kind {
            ExprKind::Selector(of, name) => self.called_selector(of, *name, call.fun.bare())?,
            _ => None,
        };
        let called = match called {
            Some(called) => called,
            None => {
                let fun = self.value(&call.fun)?;
                match (&fun.kind, self.types.func(fun.ty)) {
                    (NodeKind::Func(func), Some(ty)) => {
                        Called { callee: CalleeNode::Func(*func), recv: None, ty }
                    }
                    (NodeKind::MethodExpr(_, _, Some(func)), Some(ty)) => {
                        Called { callee: CalleeNode::Func(*func), recv: None, ty }
                    }
                    (_, Some(ty)) => Called { callee: CalleeNode::Value(fun), recv: None, ty },
                    (_, None) => {
                        let args = self.args(call, None)?;
                        return Ok(self.unknown_call(fun, args, pos));
                    }
                }
            }
        };
        let args = self.args(call, Some(&called.ty))?;
        self.finish(called, args, call, pos)
    }

    /// A call of something of which nothing is known.
    fn unknown_call(&mut self, fun: Ex<'a>, args: Vec<Ex<'a>>, pos: Pos) -> Ex<'a> {
        let args = args.into_iter().map(|arg| {
            let at = arg.pos;
            self.unknown_assignable(arg, at)
        });
        let args = args.collect();
        let call = CallNode { callee: CalleeNode::Unknown(fun), args, results: vec![Ty::UNKNOWN] };
        self.node(pos, Ty::UNKNOWN, NodeKind::Call(Box::new(call)))
    }

    fn convert(&mut self, call: &'a Call<'a>, ty: Ty, pos: Pos) -> Checked<Ex<'a>> {
        let [arg] = call.args.as_slice() else {
            return Err(Fault::new(pos, "a conversion has exactly one argument"));
        };
        let x = self.expr_for(arg, Some(ty))?;
        Ok(self.conversion(x, ty, pos))
    }

    /// A method that is called, or nothing if this selects something else.
    fn called_selector(
        &mut self,
        of: &'a Expr<'a>,
        name: Ident<'a>,
        whole: &'a Expr<'a>,
    ) -> Checked<Option<Called<'a>>> {
        if let ExprKind::Name(package) = of.kind
            && package != "_"
            && matches!(self.lookup(package, of.pos)?, Obj::Package(_) | Obj::UnknownPackage)
        {
            return Ok(None);
        }
        if self.maybe_ty(of)?.is_some() {
            return Ok(None);
        }
        let x = self.value(of)?;
        if self.is_unknown(x.ty) {
            return Ok(None);
        }
        let Some((path, found)) = self.find(x.ty, name.name, name.pos)? else {
            // The selector reports what is wrong, unless there may be more than is known.
            self.selector(x, name, whole.pos)?;
            return Ok(None);
        };
        match found {
            Found::Field(ty) => {
                let x = self.along(x, &path);
                let field = self.field(&x, name.name, ty, whole.pos);
                Ok(self.types.func(ty).map(|ty| Called { callee: CalleeNode::Value(field), recv: None, ty }))
            }
            Found::Method(func, pointer) => {
                let x = self.along(x, &path);
                let recv = self.receiver(x, pointer, whole.pos);
                let ty = self.types.func(self.funcs[func.0 as usize].ty);
                Ok(ty.map(|ty| Called { callee: CalleeNode::Func(func), recv: Some(recv), ty }))
            }
            Found::Dynamic(ty) => {
                let x = self.along(x, &path);
                let ty = self.types.func(ty);
                self.dynamic.insert(name.name);
                let bound = self.bound_method(&x, name.name);
                Ok(ty.map(|ty| Called {
                    callee: CalleeNode::Interface { of: x, name: name.name, pos: whole.pos, bound },
                    recv: None,
                    ty,
                }))
            }
        }
    }

    /// Of a method of a generic function's argument: its number in the function's dictionary, where it is a function whose first
    /// parameter is the receiver.
    fn bound_method(&mut self, of: &Ex<'a>, name: &'a str) -> Option<u32> {
        let is_shape = self.types.as_named(of.ty).is_some_and(|id| self.types.named(id).shape.is_some());
        if !is_shape {
            return None;
        }
        let at = self.bound_methods.iter().position(|known| *known == (of.ty, name));
        let at = at.unwrap_or_else(|| {
            self.bound_methods.push((of.ty, name));
            self.bound_methods.len() - 1
        });
        u32::try_from(at).ok()
    }

    fn generic_callee(&mut self, fun: &'a Expr<'a>) -> Checked<Option<(usize, Vec<Ty>)>> {
        match &fun.bare().kind {
            ExprKind::Index(of, args) => {
                let Some(number) = self.generic_func(of)? else { return Ok(None) };
                let mut types = Vec::new();
                for arg in args {
                    types.push(self.ty(arg)?);
                }
                Ok(Some((number, types)))
            }
            _ => Ok(self.generic_func(fun)?.map(|number| (number, Vec::new()))),
        }
    }

    /// Whether this is something of a package that is not known.
    fn is_of_unknown(&mut self, fun: &'a Expr<'a>) -> Checked<bool> {
        let ExprKind::Selector(of, _) = &fun.bare().kind else { return Ok(false) };
        let ExprKind::Name(package) = of.kind else { return Ok(false) };
        if package == "_" {
            return Ok(false);
        }
        Ok(matches!(self.lookup(package, of.pos)?, Obj::UnknownPackage))
    }

    /// The arguments, before they have the types of the parameters.
    fn args(&mut self, call: &'a Call<'a>, ty: Option<&FuncTy>) -> Checked<Vec<Ex<'a>>> {
        let mut args = Vec::new();
        for (i, arg) in call.args.iter().enumerate() {
            let wanted = ty.and_then(|ty| self.param_of(ty, i, call.spread));
            args.push(self.expr_for(arg, wanted)?);
        }
        if let [only] = args.as_slice()
            && let Kind::Tuple(parts) = self.types.kind(only.ty)
        {
            let count = parts.len();
            args = self.parts(&Rc::clone(only), count);
        }
        Ok(args)
    }

    fn param_of(&self, ty: &FuncTy, at: usize, spread: bool) -> Option<Ty> {
        if ty.variadic && !spread && at + 1 >= ty.params.len() {
            return self.types.slice_elem(*ty.params.last()?);
        }
        ty.params.get(at).copied()
    }

    /// The values of something that has several.
    pub(super) fn parts(&mut self, x: &Ex<'a>, count: usize) -> Vec<Ex<'a>> {
        let types = match self.types.kind(x.ty) {
            Kind::Tuple(parts) => parts.to_vec(),
            // Of something that is not known, nothing is known.
            _ if matches!(x.kind, NodeKind::Call(_) | NodeKind::Unknown(_)) => vec![x.ty; count],
            // The second value of `x, ok`.
            _ => vec![x.ty, Ty::UNTYPED_BOOL],
        };
        (0..count)
            .map(|i| {
                let ty = types.get(i).copied().unwrap_or(Ty::UNKNOWN);
                self.node(x.pos, ty, NodeKind::Part(Rc::clone(x), i))
            })
            .collect()
    }

    fn finish(
        &mut self,
        called: Called<'a>,
        given: Vec<Ex<'a>>,
        call: &'a Call<'a>,
        pos: Pos,
    ) -> Checked<Ex<'a>> {
        let Called { callee, recv, ty } = called;
        let fixed = if ty.variadic && !call.spread { ty.params.len() - 1 } else { ty.params.len() };
        if given.len() < fixed {
            return Err(Fault::new(pos, "not enough arguments in call"));
        }
        if given.len() > fixed && (call.spread || !ty.variadic) {
            return Err(Fault::new(pos, "too many arguments in call"));
        }
        let mut args: Vec<Ex<'a>> = recv.into_iter().collect();
        let mut rest = Vec::new();
        for (i, arg) in given.into_iter().enumerate() {
            let arg = match self.param_of(&ty, i, call.spread) {
                Some(param) if matches!(arg.kind, NodeKind::Part(..)) => self.assignable_at(arg, param, pos),
                Some(param) => self.assignable(arg, param),
                None => self.defaulted(arg),
            };
            if i < fixed { args.push(arg) } else { rest.push((None, arg)) }
        }
        if ty.variadic && !call.spread {
            let slice = ty.params[ty.params.len() - 1];
            let kind =
                if rest.is_empty() { NodeKind::Nil } else { NodeKind::Composite(Composite::Arguments, rest) };
            args.push(self.node(pos, slice, kind));
        }
        let result = match ty.results.as_slice() {
            [one] => *one,
            many => self.types.tuple(many),
        };
        let results = ty.results.clone();
        Ok(self.node(pos, result, NodeKind::Call(Box::new(CallNode { callee, args, results }))))
    }
}
