//! Selectors: fields and methods, also those of what is embedded.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Checked, Checker, Obj, State};
use crate::ast::Ident;
use crate::ir::{Ex, FuncId, NodeKind};
use crate::source::{Fault, Pos};
use crate::types::{Kind, NamedId, Ty};

/// What a name after a dot was found to be.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Field(Ty),
    /// A method of a declared type, and whether its receiver is a pointer.
    Method(FuncId, bool),
    /// A method of an interface, with its type.
    Dynamic(Ty),
}

/// The steps through embedded fields: their names and types.
type Path<'a> = Vec<(&'a str, Ty)>;

impl<'a> Checker<'a> {
    /// What a package declares under this name.
    pub(super) fn member(&mut self, package: usize, name: Ident<'a>) -> Checked<Option<Obj>> {
        if package == 0 {
            return Ok(match name.name {
                "Pointer" => Some(Obj::Type(Ty::POINTER)),
                name => super::universe::unsafe_builtin(name).map(Obj::Builtin),
            });
        }
        match self.packages[package].scope.get(name.name).copied() {
            Some(slot) => self.resolve(slot, name.pos).map(Some),
            None => Ok(None),
        }
    }

    /// Finds a field or method of a type, breadth first.
    pub(super) fn find(&mut self, ty: Ty, name: &str, pos: Pos) -> Checked<Option<(Path<'a>, Found)>> {
        let start = match self.types.kind(ty) {
            Kind::Pointer(to) => *to,
            // The argument of a generic function has the methods of its constraint, whatever it is.
            Kind::Named(id) if self.types.named(*id).shape.is_some() => ty,
            Kind::Named(_) => match self.types.under(ty) {
                // A declared pointer type has fields, and no methods.
                Kind::Pointer(to) => *to,
                _ => ty,
            },
            _ => ty,
        };
        let mut level: Vec<(Ty, Path<'a>)> = vec![(start, Vec::new())];
        let mut seen: Vec<Ty> = Vec::new();
        while !level.is_empty() {
            let mut next: Vec<(Ty, Path<'a>)> = Vec::new();
            for (ty, path) in &level {
                if seen.contains(ty) {
                    continue;
                }
                seen.push(*ty);
                if let Some(found) = self.find_here(*ty, name, pos)? {
                    return Ok(Some((path.clone(), found)));
                }
                if let Kind::Struct(fields) = self.types.under(*ty).clone() {
                    for field in fields.iter() {
                        if field.name == name {
                            return Ok(Some((path.clone(), Found::Field(field.ty))));
                        }
                        if field.embedded {
                            let mut path = path.clone();
                            path.push((field.name, field.ty));
                            let inner = match self.types.kind(field.ty) {
                                Kind::Pointer(to) => *to,
                                _ => field.ty,
                            };
                            next.push((inner, path));
                        }
                    }
                }
            }
            level = next;
        }
        Ok(None)
    }

    /// Whether this points to a type that is not known, or embeds one: it may have more than is known.
    pub(super) fn is_of_unknown_ty(&self, ty: Ty, depth: u32) -> bool {
        if depth > 10 || self.is_unknown(ty) {
            return true;
        }
        let constraint = self.types.as_named(ty).and_then(|id| self.types.named(id).shape);
        if let Kind::Interface(inner) = self.types.under(constraint.unwrap_or(ty))
            && inner.terms.iter().any(|term| self.is_unknown(*term))
        {
            return true;
        }
        match self.types.under(ty) {
            Kind::Pointer(to) => self.is_of_unknown_ty(*to, depth + 1),
            Kind::Struct(fields) => fields
                .iter()
                .filter(|field| field.embedded)
                .any(|field| self.is_of_unknown_ty(field.ty, depth + 1)),
            _ => false,
        }
    }

    /// A method of the type itself.
    fn find_here(&mut self, ty: Ty, name: &str, pos: Pos) -> Checked<Option<Found>> {
        if let Some(id) = self.types.as_named(ty) {
            let named = self.types.named(id);
            if let Some(shape) = named.shape {
                // The argument of a generic function has the methods of its constraint.
                if let Some(ty) = self.interface_method(shape, name) {
                    return Ok(Some(Found::Dynamic(ty)));
                }
            }
            let found = named.methods.iter().find(|(known, ..)| *known == name).copied();
            if let Some((_, number, pointer)) = found {
                if let Some(func) = self.instance_method(ty, number)? {
                    return Ok(Some(Found::Method(func, pointer)));
                }
                return match self.resolve(number as usize, pos)? {
                    Obj::Func(func) => Ok(Some(Found::Method(func, pointer))),
                    _ => Ok(None),
                };
            }
        }
        Ok(self.interface_method(ty, name).map(Found::Dynamic))
    }

    fn interface_method(&self, ty: Ty, name: &str) -> Option<Ty> {
        match self.types.under(ty) {
            Kind::Interface(interface) => {
                interface.methods.iter().find(|(known, _)| *known == name).map(|(_, ty)| *ty)
            }
            _ => None,
        }
    }

    /// `x` with the embedded fields of a path.
    pub(super) fn along(&mut self, x: Ex<'a>, path: &Path<'a>) -> Ex<'a> {
        let mut x = x;
        for (name, ty) in path {
            x = self.field(&x, name, *ty, x.pos);
        }
        x
    }

    pub(super) fn field(&mut self, of: &Ex<'a>, name: &'a str, ty: Ty, pos: Pos) -> Ex<'a> {
        let through = self.types.pointee(of.ty).is_some();
        self.node(pos, ty, NodeKind::Field { of: Rc::clone(of), name, through })
    }

    /// `x.name`, where it is no call.
    pub(super) fn selector(&mut self, x: Ex<'a>, name: Ident<'a>, pos: Pos) -> Checked<Ex<'a>> {
        if self.is_unknown(x.ty) {
            return Ok(self.unknown(pos, vec![x]));
        }
        let Some((path, found)) = self.find(x.ty, name.name, name.pos)? else {
            if self.is_of_unknown_ty(x.ty, 0) {
                return Ok(self.unknown(pos, vec![x]));
            }
            return Err(Fault::new(
                name.pos,
                format!("undefined: {} has no field or method {}", self.types.show(x.ty), name.name),
            ));
        };
        match found {
            Found::Field(ty) => {
                let x = self.along(x, &path);
                Ok(self.field(&x, name.name, ty, pos))
            }
            Found::Method(func, pointer) => {
                let x = self.along(x, &path);
                let x = self.receiver(x, pointer, pos);
                let ty = self.funcs[func.0 as usize].ty;
                Ok(self.node(pos, ty, NodeKind::MethodValue(x, name.name, Some(func))))
            }
            Found::Dynamic(ty) => {
                let x = self.along(x, &path);
                Ok(self.node(pos, ty, NodeKind::MethodValue(x, name.name, None)))
            }
        }
    }

    /// The receiver as the method wants it: its address, or what it points to.
    pub(super) fn receiver(&mut self, x: Ex<'a>, pointer: bool, pos: Pos) -> Ex<'a> {
        let is_pointer = self.types.pointee(x.ty);
        match (is_pointer, pointer) {
            (None, true) => {
                self.addressed(&x);
                let ty = self.types.pointer(x.ty);
                self.node(pos, ty, NodeKind::Address(x, true))
            }
            (Some(to), false) => self.node(pos, to, NodeKind::Deref(x, true)),
            _ => x,
        }
    }

    /// Notes that the address of the variable in `x` is taken.
    pub(super) fn addressed(&mut self, x: &Ex<'a>) {
        let mut at = Rc::clone(x);
        loop {
            let next = match &at.kind {
                NodeKind::Var(var) => {
                    let returned = self.in_return;
                    let var = self.var(*var);
                    var.addressed = true;
                    var.kept |= !returned;
                    return;
                }
                NodeKind::Field { of, through: false, .. } => Rc::clone(of),
                NodeKind::Index(of, _) if matches!(self.types.under(of.ty), Kind::Array(..)) => Rc::clone(of),
                _ => return,
            };
            at = next;
        }
    }

    /// `T.name`
    pub(super) fn method_expr(&mut self, ty: Ty, name: Ident<'a>, pos: Pos) -> Checked<Ex<'a>> {
        let Some((path, found)) = self.find(ty, name.name, name.pos)? else {
            return Err(Fault::new(name.pos, format!("undefined: {}.{}", self.types.show(ty), name.name)));
        };
        let by_pointer = self.types.pointee(ty).is_some();
        let (method, func) = match found {
            Found::Method(func, pointer) => {
                // A function that loads the receiver is made elsewhere.
                let is_method = path.is_empty() && (pointer || !by_pointer || self.types.has_shape(ty));
                (self.funcs[func.0 as usize].ty, Some(func).filter(|_| is_method))
            }
            Found::Dynamic(ty) => (ty, None),
            Found::Field(_) => return Err(Fault::new(name.pos, format!("{} is not a method", name.name))),
        };
        let Some(of) = self.types.func(method) else { return Ok(self.unknown(pos, Vec::new())) };
        let mut with = (*of).clone();
        with.params.insert(0, ty);
        let with = self.types.add(Kind::Func(Rc::new(with)));
        Ok(self.node(pos, with, NodeKind::MethodExpr(ty, name.name, func)))
    }

    /// The function of a method's slot, where its type is an instance.
    fn instance_method(&mut self, ty: Ty, number: u32) -> Checked<Option<FuncId>> {
        if number & super::generic::OF_INSTANCE == 0 {
            return Ok(None);
        }
        self.method_of_instance(ty, number & !super::generic::OF_INSTANCE).map(Some)
    }

    /// The methods of all declared types whose functions are known.
    pub(crate) fn methods(&self) -> HashMap<(NamedId, &'a str), (FuncId, bool)> {
        let mut all = HashMap::new();
        for (number, named) in self.types.named.iter().enumerate() {
            let id = NamedId(u32::try_from(number).unwrap_or(u32::MAX));
            for (name, method, pointer) in &named.methods {
                if method & super::generic::OF_INSTANCE == 0
                    && let State::Done(Obj::Func(func)) = self.slots[*method as usize].state
                {
                    all.insert((id, *name), (func, *pointer));
                }
            }
        }
        all
    }
}
