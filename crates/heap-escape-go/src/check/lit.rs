//! Composite literals and function literals.

use super::{Checked, Checker};
use crate::ast::{Element, Expr, ExprKind, FuncLit};
use crate::ir::{Code, Composite, Ex, LitId, LitInfo, NodeKind, Owner};
use crate::source::{Fault, Pos};
use crate::types::{Kind, Ty};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// A composite literal. Without a type of its own, it has the one that is wanted.
    pub(super) fn composite(
        &mut self,
        expr: &'a Expr<'a>,
        written: Option<&'a Expr<'a>>,
        elements: &'a [Element<'a>],
        wanted: Option<Ty>,
    ) -> Checked<Ex<'a>> {
        let pos = expr.pos;
        let (ty, pointer) = match written {
            Some(Expr { kind: ExprKind::Array(None, of), .. }) => {
                let of = self.ty(of)?;
                let length = self.length_of(elements)?;
                (self.types.add(Kind::Array(of, length)), false)
            }
            Some(written) => (self.ty(written)?, false),
            None => {
                let Some(wanted) = wanted else {
                    return Err(Fault::new(pos, "invalid composite literal: missing type"));
                };
                // `{…}` where a pointer is wanted is `&T{…}`.
                match self.types.pointee(wanted) {
                    Some(to) => (to, true),
                    None => (wanted, false),
                }
            }
        };
        let x = self.literal_of(ty, elements, pos)?;
        if !pointer {
            return Ok(x);
        }
        let ty = self.types.pointer(ty);
        Ok(self.node(pos, ty, NodeKind::PointerTo(x)))
    }

    fn literal_of(&mut self, ty: Ty, elements: &'a [Element<'a>], pos: Pos) -> Checked<Ex<'a>> {
        let mut all = Vec::new();
        let kind = match self.types.under(ty).clone() {
            Kind::Struct(fields) => {
                for (i, element) in elements.iter().enumerate() {
                    let name = match &element.key {
                        None => None,
                        Some(Expr { kind: ExprKind::Name(name), .. }) => Some(*name),
                        Some(key) => return Err(Fault::new(key.pos, "invalid field name in struct literal")),
                    };
                    let field = match name {
                        Some(name) => fields.iter().find(|field| field.name == name),
                        None => fields.get(i),
                    };
                    let field_ty = match (field, name) {
                        (Some(field), _) => Some(field.ty),
                        // A field of what is embedded.
                        (None, Some(name)) => match self.find(ty, name, element.value.pos)? {
                            Some((_, super::select::Found::Field(ty))) => Some(ty),
                            _ => None,
                        },
                        (None, None) => None,
                    };
                    let Some(field_ty) = field_ty else {
                        return Err(Fault::new(element.value.pos, "unknown field in struct literal"));
                    };
                    let x = self.element(&element.value, field_ty)?;
                    all.push((None, x));
                }
                Composite::Struct
            }
            Kind::Map(key_ty, value_ty) => {
                for element in elements {
                    let Some(key) = &element.key else {
                        return Err(Fault::new(element.value.pos, "missing key in map literal"));
                    };
                    let key = self.element(key, key_ty)?;
                    let value = self.element(&element.value, value_ty)?;
                    all.push((Some(key), value));
                }
                Composite::Map
            }
            kind @ (Kind::Array(of, _) | Kind::Slice(of)) => {
                let length = self.length_of(elements)?;
                for element in elements {
                    let x = self.element(&element.value, of)?;
                    all.push((None, x));
                }
                if matches!(kind, Kind::Array(..)) { Composite::Array } else { Composite::Slice(length) }
            }
            _ => {
                let mut parts = Vec::new();
                for element in elements {
                    if element.value.is_literal_without_type() {
                        continue;
                    }
                    let x = self.value(&element.value)?;
                    let at = x.pos;
                    // A constant is in the program's text, also where an interface holds it: large tables are not told of.
                    let constant = matches!(x.kind, NodeKind::Const(..));
                    parts.push(if constant { x } else { self.unknown_assignable(x, at) });
                }
                return Ok(self.node(pos, ty, NodeKind::Unknown(parts)));
            }
        };
        Ok(self.node(pos, ty, NodeKind::Composite(kind, all)))
    }

    fn element(&mut self, value: &'a Expr<'a>, ty: Ty) -> Checked<Ex<'a>> {
        let x = self.expr_for(value, Some(ty))?;
        Ok(self.assignable(x, ty))
    }

    /// The length of `[]T{…}` or `[...]T{…}`.
    fn length_of(&mut self, elements: &'a [Element<'a>]) -> Checked<u64> {
        let (mut next, mut length) = (0_u64, 0_u64);
        for element in elements {
            if let Some(key) = &element.key {
                let key = self.value(key)?;
                if let NodeKind::Const(Value::Int(at), _) = key.kind {
                    next = u64::try_from(at).unwrap_or(0).min(1 << 50);
                }
            }
            next += 1;
            length = length.max(next);
        }
        Ok(length)
    }

    pub(super) fn func_lit(&mut self, lit: &'a FuncLit<'a>, pos: Pos) -> Checked<Ex<'a>> {
        let ty = self.signature(&lit.signature)?;
        let id = self.in_literal(|checker| {
            let mut params = Vec::new();
            let results = checker.params(&lit.signature, &mut params)?;
            let body = checker.stmts(&lit.body.stmts)?;
            Ok(Code { params, results, body, is_loop: false })
        })?;
        Ok(self.node(pos, ty, NodeKind::Lit(id)))
    }

    /// Checks the code of a function literal.
    pub(super) fn in_literal(
        &mut self,
        check: impl FnOnce(&mut Self) -> Checked<Code<'a>>,
    ) -> Checked<LitId> {
        let id = LitId(u32::try_from(self.lits.len()).unwrap_or(u32::MAX));
        let code = Code { params: Vec::new(), results: Vec::new(), body: Vec::new(), is_loop: false };
        let package = self.origin(self.home.package).map(|package| package.name);
        self.lits.push(LitInfo { package, captures: Vec::new(), code });
        let owner: Owner = self.new_owner(Some(self.owner), Some(id));
        let around = std::mem::replace(&mut self.owner, owner);
        let results = std::mem::take(&mut self.results);
        let code = self.scoped(check);
        (self.owner, self.results) = (around, results);
        self.lits[id.0 as usize].code = code?;
        Ok(id)
    }
}

impl Expr<'_> {
    /// Whether this is `{…}`, whose type comes from around it.
    fn is_literal_without_type(&self) -> bool {
        matches!(self.kind, ExprKind::Composite(None, _))
    }
}
