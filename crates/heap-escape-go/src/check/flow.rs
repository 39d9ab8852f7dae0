//! Loops and switches.

use std::rc::Rc;

use super::{Checked, Checker, Obj};
use crate::ast::{Branch, Expr, ExprKind, For, ForHead, Member, Signature, StmtKind, Switch, TypeSwitch};
use crate::ir::{Code, Ex, NodeKind, Range, St, SwitchCase, Target, TypeCase, VarId};
use crate::source::{Fault, Pos};
use crate::types::{Kind, Ty};

impl<'a> Checker<'a> {
    pub(super) fn loop_stmt(&mut self, stmt: &'a For<'a>, pos: Pos, all: &mut Vec<St<'a>>) -> Checked<()> {
        match &stmt.head {
            ForHead::Clause { init, cond, post } => self.scoped(|checker| {
                let (mut first, mut last) = (Vec::new(), Vec::new());
                if let Some(init) = init {
                    checker.stmt(init, &mut first)?;
                }
                let mut vars = Vec::new();
                for st in &first {
                    if let St::Assign { lhs, .. } = st {
                        vars.extend(lhs.iter().filter_map(|target| match target {
                            Target::Var(var, true) => Some(*var),
                            _ => None,
                        }));
                    }
                }
                let cond = match cond {
                    Some(cond) => Some(checker.value(cond)?),
                    None => None,
                };
                let body = checker.block(&stmt.body)?;
                if let Some(post) = post {
                    checker.stmt(post, &mut last)?;
                }
                all.push(St::For { vars, init: first, cond, post: last, body });
                Ok(())
            }),
            ForHead::Range { pos: word, lhs, define, over } => {
                let over = self.value(over)?;
                if let Some(func) = self.types.func(over.ty) {
                    let st = self.range_func(stmt, lhs, *define, over, &func.params, pos)?;
                    all.push(st);
                    return Ok(());
                }
                self.range(stmt, lhs, *define, over, (pos, *word), all)
            }
        }
    }

    fn range(
        &mut self,
        stmt: &'a For<'a>,
        lhs: &'a [Expr<'a>],
        define: bool,
        over: Ex<'a>,
        (pos, word): (Pos, Pos),
        all: &mut Vec<St<'a>>,
    ) -> Checked<()> {
        let (key_ty, value_ty) = self.range_types(over.ty);
        self.scoped(|checker| {
            let mut targets = [Target::Blank, Target::Blank];
            for ((target, expr), ty) in targets.iter_mut().zip(lhs).zip([key_ty, value_ty]) {
                *target = checker.range_target(expr, define, ty)?;
            }
            let [key, value] = targets;
            let body = checker.block(&stmt.body)?;
            all.push(St::Range(Box::new(Range { pos, word, over, key, value, key_ty, value_ty, body })));
            Ok(())
        })
    }

    fn range_target(&mut self, expr: &'a Expr<'a>, define: bool, ty: Ty) -> Checked<Target<'a>> {
        if !define {
            let (target, _) = self.target(expr)?;
            if let Target::Var(var, _) = target {
                self.var(var).odd = true;
            }
            return Ok(target);
        }
        let ExprKind::Name(name) = expr.kind else {
            return Err(Fault::new(expr.pos, "non-name on left side of :="));
        };
        if name == "_" {
            return Ok(Target::Blank);
        }
        let var = self.new_var(name, expr.pos, ty, false);
        let info = self.var(var);
        (info.assigned, info.odd) = (true, true);
        self.declare(name, Obj::Var(var));
        Ok(Target::Var(var, true))
    }

    fn range_types(&mut self, over: Ty) -> (Ty, Ty) {
        match *self.types.under(over) {
            Kind::Slice(of) | Kind::Array(of, _) => (Ty::INT, of),
            Kind::Pointer(to) => match *self.types.under(to) {
                Kind::Array(of, _) => (Ty::INT, of),
                _ => (Ty::UNKNOWN, Ty::UNKNOWN),
            },
            Kind::Map(key, value) => (key, value),
            Kind::Chan(_, of) => (of, Ty::UNKNOWN),
            Kind::Basic(_) if self.types.is_string(over) => (Ty::INT, Ty::RUNE),
            Kind::Basic(_) if self.types.is_integer(over) => (over, Ty::UNKNOWN),
            _ => (Ty::UNKNOWN, Ty::UNKNOWN),
        }
    }

    /// A loop over a function: its body is the function that is given to that one.
    fn range_func(
        &mut self,
        stmt: &'a For<'a>,
        lhs: &'a [Expr<'a>],
        define: bool,
        over: Ex<'a>,
        params: &[Ty],
        pos: Pos,
    ) -> Checked<St<'a>> {
        let yields = params.first().and_then(|ty| self.types.func(*ty));
        let types = yields.map_or_else(Vec::new, |func| func.params.clone());
        let results = self.results.clone();
        let lit = self.in_literal(|checker| {
            // A return in the body is one of the function around it.
            checker.results = results;
            let mut given = Vec::new();
            let mut first = Vec::new();
            for (i, ty) in types.iter().enumerate() {
                let param = checker.new_var("", pos, *ty, true);
                given.push(param);
                let Some(expr) = lhs.get(i) else { continue };
                if let (true, ExprKind::Name(name)) = (define, &expr.kind) {
                    if *name == "_" {
                        continue;
                    }
                    let info = checker.var(param);
                    (info.name, info.pos) = (name, expr.pos);
                    checker.declare(name, Obj::Var(param));
                    continue;
                }
                let (target, _) = checker.target(expr)?;
                if let Target::Var(var, _) = target {
                    checker.var(var).odd = true;
                }
                let x = checker.node(pos, *ty, NodeKind::Var(param));
                first.push(St::Assign { pos, lhs: vec![target], rhs: vec![x] });
            }
            first.extend(checker.block(&stmt.body)?);
            let result: VarId = checker.new_var("", pos, Ty::BOOL, true);
            Ok(Code { params: given, results: vec![result], body: first, is_loop: true })
        })?;
        Ok(St::RangeFunc { pos, over, lit })
    }

    pub(super) fn switch(&mut self, switch: &'a Switch<'a>, all: &mut Vec<St<'a>>) -> Checked<()> {
        self.scoped(|checker| {
            if let Some(init) = &switch.init {
                checker.stmt(init, all)?;
            }
            let tag = match &switch.tag {
                Some(tag) => Some(checker.value(tag)?),
                None => None,
            };
            let mut cases = Vec::new();
            for case in &switch.cases {
                let mut values = case.values.as_ref().map(|_| Vec::new());
                for value in case.values.iter().flatten() {
                    let x = checker.expr_for(value, tag.as_ref().map(|tag| tag.ty))?;
                    let x = match &tag {
                        Some(tag) => checker.compared(tag, x)?,
                        None => checker.defaulted(x),
                    };
                    values.get_or_insert_default().push(x);
                }
                let body = checker.scoped(|checker| checker.stmts(&case.body))?;
                let last = case.body.last().map(|stmt| &stmt.kind);
                let falls = matches!(last, Some(StmtKind::Branch(Branch::Fallthrough, _)));
                cases.push(SwitchCase { values, body, falls });
            }
            let values = || cases.iter().flat_map(|case| case.values.iter().flatten());
            if tag.is_none() && values().any(|x| checker.types.is_interface(x.ty)) {
                // They are compared with `true`, in interfaces if one of them is one.
                for x in cases.iter_mut().flat_map(|case| case.values.iter_mut().flatten()) {
                    *x = checker.assignable(Rc::clone(x), Ty::ANY);
                }
            }
            all.push(St::Switch { tag, cases });
            Ok(())
        })
    }

    pub(super) fn type_switch(&mut self, switch: &'a TypeSwitch<'a>, all: &mut Vec<St<'a>>) -> Checked<()> {
        self.scoped(|checker| {
            if let Some(init) = &switch.init {
                checker.stmt(init, all)?;
            }
            let on = checker.value(&switch.on)?;
            let mut cases = Vec::new();
            for case in &switch.cases {
                let mut types = Vec::new();
                let mut pos = case.pos;
                for value in case.values.iter().flatten() {
                    pos = last_place(value);
                    types.push(match value.bare().kind {
                        ExprKind::Name("nil") => Ty::NIL,
                        _ => checker.ty(value)?,
                    });
                }
                checker.scoped(|checker| {
                    let var = switch.name.filter(|name| name.name != "_").map(|name| {
                        let ty = match types.as_slice() {
                            [one] if *one != Ty::NIL => *one,
                            _ => on.ty,
                        };
                        let var = checker.new_var(name.name, pos, ty, false);
                        checker.var(var).odd = true;
                        checker.declare(name.name, Obj::Var(var));
                        var
                    });
                    let body = checker.stmts(&case.body)?;
                    cases.push(TypeCase { pos: case.pos, types, var, body });
                    Ok(())
                })?;
            }
            all.push(St::TypeSwitch { on: Rc::clone(&on), cases });
            Ok(())
        })
    }
}

/// Where the compiler was last when it had read a type, which is the place that it gives to a variable of a type switch (its
/// `typeExprEndPos`).
fn last_place(ty: &Expr<'_>) -> Pos {
    match &ty.kind {
        ExprKind::Paren(of)
        | ExprKind::Star(of)
        | ExprKind::Selector(of, _)
        | ExprKind::SliceOf(of)
        | ExprKind::Array(_, of)
        | ExprKind::Map(_, of)
        | ExprKind::Chan(_, of) => last_place(of),
        ExprKind::Index(_, args) => args.last().map_or(ty.pos, last_place),
        ExprKind::Func(signature) => last_of_signature(signature),
        ExprKind::Interface(members) => match members.last() {
            Some(Member::Method(_, signature)) => last_of_signature(signature),
            Some(Member::Embedded(of)) => last_place(of),
            None => ty.pos,
        },
        _ => ty.pos,
    }
}

fn last_of_signature(signature: &Signature<'_>) -> Pos {
    signature.results.last().or(signature.params.last()).map_or(signature.pos, |param| last_place(&param.ty))
}
