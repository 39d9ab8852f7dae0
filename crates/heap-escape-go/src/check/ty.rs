//! Types, from what is written.

use std::rc::Rc;

use super::{Checked, Checker, Obj};
use crate::ast::{Expr, ExprKind, Field, Member, Signature};
use crate::ir::NodeKind;
use crate::source::Fault;
use crate::token::Op;
use crate::types::{FieldTy, FuncTy, InterfaceTy, Kind, Ty};

impl<'a> Checker<'a> {
    /// The type that is written here.
    pub(super) fn ty(&mut self, expr: &'a Expr<'a>) -> Checked<Ty> {
        match self.try_ty(expr)? {
            Some(ty) => Ok(ty),
            None => Err(Fault::new(expr.pos, "this is not a type")),
        }
    }

    /// The type that is written here, if it is one.
    pub(super) fn try_ty(&mut self, expr: &'a Expr<'a>) -> Checked<Option<Ty>> {
        self.deeper(expr.pos, |checker| checker.any_ty(expr))
    }

    fn any_ty(&mut self, expr: &'a Expr<'a>) -> Checked<Option<Ty>> {
        let kind = match &expr.kind {
            ExprKind::Name(name) => {
                return Ok(match self.lookup(name, expr.pos)? {
                    Obj::Type(ty) => Some(ty),
                    Obj::Unknown => Some(Ty::UNKNOWN),
                    Obj::Generic(_) => {
                        return Err(Fault::new(
                            expr.pos,
                            format!("cannot use generic type {name} without instantiation"),
                        ));
                    }
                    _ => None,
                });
            }
            ExprKind::Paren(inner) => return self.try_ty(inner),
            ExprKind::Selector(of, name) => {
                let ExprKind::Name(package) = of.kind else { return Ok(None) };
                return Ok(match self.lookup(package, of.pos)? {
                    Obj::Package(number) => match self.member(number, *name)? {
                        Some(Obj::Type(ty)) => Some(ty),
                        // The table does not have everything, and not everything is understood.
                        None | Some(Obj::Unknown) => Some(Ty::UNKNOWN),
                        Some(_) => None,
                    },
                    // Whoever asks here has seen that a type is wanted.
                    Obj::UnknownPackage => Some(Ty::UNKNOWN),
                    _ => None,
                });
            }
            ExprKind::Index(of, _) if self.is_of_unknown_package(of) => return Ok(Some(Ty::UNKNOWN)),
            ExprKind::Index(of, args) => return self.instance(of, args),
            ExprKind::Star(to) => match self.try_ty(to)? {
                Some(to) => Kind::Pointer(to),
                None => return Ok(None),
            },
            ExprKind::Array(Some(length), of) => {
                let length = self.length(length)?;
                Kind::Array(self.ty(of)?, length)
            }
            ExprKind::Array(None, _) => {
                return Err(Fault::new(expr.pos, "invalid use of [...] array (outside a composite literal)"));
            }
            ExprKind::SliceOf(of) => Kind::Slice(self.ty(of)?),
            ExprKind::Map(key, value) => Kind::Map(self.ty(key)?, self.ty(value)?),
            ExprKind::Chan(direction, of) => Kind::Chan(*direction, self.ty(of)?),
            ExprKind::Func(signature) => return self.signature(signature).map(Some),
            ExprKind::Struct(fields) => self.structure(fields)?,
            ExprKind::Interface(members) => self.interface(members)?,
            ExprKind::Binary(Op::Or, ..) | ExprKind::Unary(Op::Tilde, _) => {
                let mut terms = Vec::new();
                self.terms(expr, &mut terms)?;
                Kind::Interface(Rc::new(InterfaceTy { terms, ..InterfaceTy::default() }))
            }
            _ => return Ok(None),
        };
        Ok(Some(self.types.add(kind)))
    }

    fn is_of_unknown_package(&mut self, expr: &'a Expr<'a>) -> bool {
        match &expr.kind {
            ExprKind::Selector(of, _) => match of.kind {
                ExprKind::Name(name) => matches!(self.lookup(name, of.pos), Ok(Obj::UnknownPackage)),
                _ => false,
            },
            ExprKind::Index(of, _) => self.is_of_unknown_package(of),
            _ => false,
        }
    }

    fn length(&mut self, expr: &'a Expr<'a>) -> Checked<u64> {
        let x = self.expr(expr)?;
        if self.is_unknown(x.ty) {
            return Ok(1); // It is a constant of which only the package that is not known knows the value.
        }
        let NodeKind::Const(value, _) = &x.kind else {
            return Err(Fault::new(expr.pos, "array length must be constant"));
        };
        let length = value.int().and_then(|length| u64::try_from(length).ok());
        length.filter(|length| *length < 1 << 50).ok_or_else(|| Fault::new(expr.pos, "invalid array length"))
    }

    pub(super) fn signature(&mut self, signature: &'a Signature<'a>) -> Checked<Ty> {
        let mut func = FuncTy { params: Vec::new(), results: Vec::new(), variadic: false };
        for param in &signature.params {
            let ty = self.ty(&param.ty)?;
            func.variadic |= param.dots.is_some();
            func.params.push(if param.dots.is_some() { self.types.slice(ty) } else { ty });
        }
        for result in &signature.results {
            func.results.push(self.ty(&result.ty)?);
        }
        Ok(self.types.add(Kind::Func(Rc::new(func))))
    }

    fn structure(&mut self, fields: &'a [Field<'a>]) -> Checked<Kind<'a>> {
        let mut all = Vec::new();
        for field in fields {
            let ty = self.ty(&field.ty)?;
            let name = field.name.name;
            let origin = self.origin(self.home.package).filter(|_| !crate::types::is_exported(name));
            let package = origin.map(|package| package.path);
            all.push(FieldTy { name, ty, embedded: field.embedded, package, tag: field.tag });
        }
        Ok(Kind::Struct(Rc::from(all)))
    }

    fn interface(&mut self, members: &'a [Member<'a>]) -> Checked<Kind<'a>> {
        let mut interface = InterfaceTy::default();
        for member in members {
            match member {
                Member::Method(name, signature) => {
                    let ty = self.signature(signature)?;
                    interface.methods.push((name.name, ty));
                }
                Member::Embedded(expr) => {
                    if matches!(expr.kind, ExprKind::Binary(..) | ExprKind::Unary(..)) {
                        self.terms(expr, &mut interface.terms)?;
                        continue;
                    }
                    let ty = self.ty(expr)?;
                    match self.types.under(ty).clone() {
                        Kind::Interface(inner) => {
                            interface.methods.extend(inner.methods.iter().copied());
                            interface.terms.extend(inner.terms.iter().copied());
                            interface.comparable |= inner.comparable;
                        }
                        _ => interface.terms.push(ty),
                    }
                }
            }
        }
        interface.methods.sort_unstable_by_key(|(name, _)| *name);
        interface.methods.dedup_by_key(|(name, _)| *name);
        Ok(Kind::Interface(Rc::new(interface)))
    }

    /// `~int | string`: the types in it.
    fn terms(&mut self, expr: &'a Expr<'a>, terms: &mut Vec<Ty>) -> Checked<()> {
        match &expr.kind {
            ExprKind::Binary(Op::Or, left, right) => {
                self.deeper(expr.pos, |checker| checker.terms(left, terms))?;
                self.terms(right, terms)
            }
            ExprKind::Unary(Op::Tilde, of) => {
                let ty = self.ty(of)?;
                terms.push(ty);
                Ok(())
            }
            _ => {
                let ty = self.ty(expr)?;
                match self.types.under(ty).clone() {
                    Kind::Interface(inner) => terms.extend(inner.terms.iter().copied()),
                    _ => terms.push(ty),
                }
                Ok(())
            }
        }
    }
}
