//! Type arguments that nobody writes: what the arguments of a call and the constraints say of them.

use std::rc::Rc;

use super::Checker;
use super::select::Found;
use crate::ir::Ex;
use crate::source::Pos;
use crate::types::{FuncTy, Kind, Ty};

impl<'a> Checker<'a> {
    pub(super) fn infer(&mut self, func: &FuncTy, args: &[Ex<'a>], spread: bool, found: &mut [Option<Ty>]) {
        for (i, arg) in args.iter().enumerate() {
            let param = if spread { func.params.get(i).copied() } else { param_ty(&self.types, func, i) };
            let Some(param) = param else { continue };
            if arg.ty.is_untyped() {
                continue;
            }
            self.unify(param, arg.ty, found, 0);
        }
    }

    pub(super) fn infer_defaults(&mut self, func: &FuncTy, args: &[Ex<'a>], found: &mut [Option<Ty>]) {
        for (i, arg) in args.iter().enumerate() {
            let Some(param) = param_ty(&self.types, func, i) else { continue };
            if let Kind::Param(number) = self.types.kind(param)
                && arg.ty.is_untyped()
                && arg.ty != Ty::NIL
            {
                let default = self.types.default(arg.ty);
                let place = &mut found[*number as usize];
                // Of several kinds of constants, the widest counts.
                if place.is_none_or(|known| known.0 < default.0 && known != Ty::STRING) {
                    *place = Some(default);
                }
            }
        }
    }

    pub(super) fn infer_from_constraints(&mut self, constraints: &[Ty], found: &mut [Option<Ty>]) {
        for _ in 0..constraints.len() {
            for (i, constraint) in constraints.iter().enumerate() {
                if let Some(known) = found[i] {
                    self.infer_from_methods(*constraint, known, found);
                }
                let term = match self.types.under(*constraint) {
                    Kind::Interface(interface) => match interface.terms.as_slice() {
                        [term] => *term,
                        _ => continue,
                    },
                    // `[S []E]`: a type that is written out is the only one that is allowed.
                    _ => *constraint,
                };
                match found[i] {
                    Some(known) => {
                        let underlying = self.types.underlying(known);
                        self.unify(term, underlying, found, 0);
                    }
                    None => found[i] = self.substitute(term, found, 0),
                }
            }
        }
    }

    /// The methods that a constraint asks for are those that the argument has.
    fn infer_from_methods(&mut self, constraint: Ty, known: Ty, found: &mut [Option<Ty>]) {
        if !self.has_param(constraint, 0) || self.has_param(known, 0) {
            return;
        }
        let Kind::Interface(interface) = self.types.under(constraint).clone() else { return };
        for (name, wanted) in &interface.methods {
            let own = match self.find(known, name, Pos::default()) {
                Ok(Some((_, Found::Method(func, _)))) => self.funcs[func.0 as usize].ty,
                Ok(Some((_, Found::Dynamic(ty)))) => ty,
                _ => continue,
            };
            self.unify(*wanted, own, found, 0);
        }
    }

    /// Finds what the parameters in `param` stand for if it is `arg`.
    fn unify(&mut self, param: Ty, arg: Ty, found: &mut [Option<Ty>], depth: u32) {
        if depth > 50 {
            return;
        }
        let next = depth + 1;
        match (self.types.kind(param).clone(), self.types.kind(self.types.unaliased(arg)).clone()) {
            (Kind::Param(number), _) => {
                let place = &mut found[number as usize];
                if place.is_none() {
                    *place = Some(arg);
                }
            }
            (Kind::Pointer(a), Kind::Pointer(b))
            | (Kind::Slice(a), Kind::Slice(b))
            | (Kind::Array(a, _), Kind::Array(b, _))
            | (Kind::Chan(_, a), Kind::Chan(_, b)) => self.unify(a, b, found, next),
            (Kind::Map(a, b), Kind::Map(c, d)) => {
                self.unify(a, c, found, next);
                self.unify(b, d, found, next);
            }
            (Kind::Func(a), Kind::Func(b)) => {
                for (a, b) in a.params.iter().zip(&b.params).chain(a.results.iter().zip(&b.results)) {
                    self.unify(*a, *b, found, next);
                }
            }
            (Kind::Named(a), Kind::Named(b)) => {
                let (a, b) = (self.types.named(a).args.clone(), self.types.named(b).args.clone());
                for (a, b) in a.into_iter().zip(b) {
                    self.unify(a, b, found, next);
                }
            }
            // What is not declared where an instance is wanted: what is behind that.
            (Kind::Named(id), _) if !self.types.named(id).args.is_empty() => {
                let underlying = self.types.underlying(param);
                self.unify(underlying, arg, found, next);
            }
            (Kind::Named(_), _) => {}
            (Kind::Struct(a), Kind::Struct(b)) => {
                for (a, b) in a.iter().zip(b.iter()) {
                    self.unify(a.ty, b.ty, found, next);
                }
            }
            (Kind::Interface(a), Kind::Interface(b)) => {
                for ((_, a), (_, b)) in a.methods.iter().zip(&b.methods) {
                    self.unify(*a, *b, found, next);
                }
            }
            // A declared type where one that is written out is wanted: what is behind it.
            (_, Kind::Named(_)) => {
                let underlying = self.types.underlying(arg);
                if underlying != arg {
                    self.unify(param, underlying, found, next);
                }
            }
            _ => {}
        }
    }

    /// Whether a type parameter is in this.
    pub(super) fn has_param(&self, ty: Ty, depth: u32) -> bool {
        let next = depth + 1;
        match self.types.kind(ty) {
            _ if depth > 50 => false,
            Kind::Param(_) => true,
            Kind::Named(id) => self.types.named(*id).args.iter().any(|arg| self.has_param(*arg, next)),
            Kind::Pointer(of) | Kind::Slice(of) | Kind::Array(of, _) | Kind::Chan(_, of) => {
                self.has_param(*of, next)
            }
            Kind::Map(key, value) => self.has_param(*key, next) || self.has_param(*value, next),
            Kind::Func(func) => func.params.iter().chain(&func.results).any(|ty| self.has_param(*ty, next)),
            Kind::Struct(fields) => fields.iter().any(|field| self.has_param(field.ty, next)),
            Kind::Interface(inner) => {
                let methods = inner.methods.iter().map(|(_, ty)| ty);
                methods.chain(&inner.terms).any(|ty| self.has_param(*ty, next))
            }
            Kind::Tuple(_) | Kind::Basic(_) | Kind::Alias(..) => false,
        }
    }

    /// A type with what is known of its parameters put in; nothing if one is not known.
    pub(super) fn substitute(&mut self, ty: Ty, found: &[Option<Ty>], depth: u32) -> Option<Ty> {
        let argument = |kind: &Kind<'a>, _: Ty| match kind {
            Kind::Param(number) => Some(found[*number as usize]),
            _ => None,
        };
        self.replace(ty, &argument, depth)
    }

    /// A type with others for some that are in it: those of which `with` says what takes their place, if that is known.
    pub(super) fn replace(
        &mut self,
        ty: Ty,
        with: &dyn Fn(&Kind<'a>, Ty) -> Option<Option<Ty>>,
        depth: u32,
    ) -> Option<Ty> {
        if depth > 50 {
            return None;
        }
        let next = depth + 1;
        let kind = self.types.kind(ty).clone();
        if let Some(other) = with(&kind, ty) {
            return other;
        }
        let kind = match kind {
            Kind::Pointer(of) => Kind::Pointer(self.replace(of, with, next)?),
            Kind::Slice(of) => Kind::Slice(self.replace(of, with, next)?),
            Kind::Array(of, length) => Kind::Array(self.replace(of, with, next)?, length),
            Kind::Chan(direction, of) => Kind::Chan(direction, self.replace(of, with, next)?),
            Kind::Map(a, b) => Kind::Map(self.replace(a, with, next)?, self.replace(b, with, next)?),
            Kind::Func(func) => {
                let mut func = (*func).clone();
                for ty in func.params.iter_mut().chain(&mut func.results) {
                    *ty = self.replace(*ty, with, next)?;
                }
                Kind::Func(Rc::new(func))
            }
            Kind::Struct(fields) => {
                let mut all = fields.to_vec();
                for field in &mut all {
                    field.ty = self.replace(field.ty, with, next)?;
                }
                Kind::Struct(Rc::from(all))
            }
            Kind::Interface(inner) => {
                let mut inner = (*inner).clone();
                for ty in inner.methods.iter_mut().map(|(_, ty)| ty).chain(&mut inner.terms) {
                    *ty = self.replace(*ty, with, next)?;
                }
                Kind::Interface(Rc::new(inner))
            }
            Kind::Named(id) => {
                let Some(generic) = self.instance_of.get(&ty).copied() else { return Some(ty) };
                let mut args = self.types.named(id).args.clone();
                for arg in &mut args {
                    *arg = self.replace(*arg, with, next)?;
                }
                if args == self.types.named(id).args {
                    return Some(ty);
                }
                return self.instance_type(generic, args, Pos::default()).ok();
            }
            _ => return Some(ty),
        };
        Some(self.types.add(kind))
    }
}

/// The type of a parameter of a call, where the last may take several.
fn param_ty(types: &crate::types::Types<'_>, func: &FuncTy, at: usize) -> Option<Ty> {
    if func.variadic && at + 1 >= func.params.len() {
        return types.slice_elem(*func.params.last()?);
    }
    func.params.get(at).copied()
}
