//! Statements.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Checked, Checker, Generic, Obj};
use crate::ast::{Block, Branch, Decl, Expr, ExprKind, Stmt, StmtKind};
use crate::ir::{Ex, NodeKind, St, Target, VarId};
use crate::source::{Fault, Pos};
use crate::token::Op;
use crate::types::{Kind, Named, Ty};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// The statements of a block, with a scope of their own.
    pub(super) fn block(&mut self, block: &'a Block<'a>) -> Checked<Vec<St<'a>>> {
        self.scoped(|checker| checker.stmts(&block.stmts))
    }

    pub(super) fn stmts(&mut self, stmts: &'a [Stmt<'a>]) -> Checked<Vec<St<'a>>> {
        let mut all = Vec::new();
        for stmt in stmts {
            self.stmt(stmt, &mut all)?;
        }
        Ok(all)
    }

    pub(super) fn stmt(&mut self, stmt: &'a Stmt<'a>, all: &mut Vec<St<'a>>) -> Checked<()> {
        self.deeper(stmt.pos, |checker| checker.any_stmt(stmt, all))
    }

    fn any_stmt(&mut self, stmt: &'a Stmt<'a>, all: &mut Vec<St<'a>>) -> Checked<()> {
        let pos = stmt.pos;
        match &stmt.kind {
            StmtKind::Empty => {}
            StmtKind::Block(block) => all.push(St::Block(self.block(block)?)),
            StmtKind::Expr(expr) => {
                let x = self.expr(expr)?;
                all.push(St::Expr(x));
            }
            StmtKind::Send(arrow, channel, value) => {
                let channel = self.value(channel)?;
                let of = match self.types.under(channel.ty) {
                    Kind::Chan(_, of) => *of,
                    _ => Ty::UNKNOWN,
                };
                let value = self.expr_for(value, Some(of))?;
                let value = self.assignable(value, of);
                all.push(St::Send { pos: *arrow, channel, value });
            }
            StmtKind::IncDec(expr, op) => {
                let lhs = self.value(expr)?;
                self.changed(&lhs);
                let rhs = self.constant(pos, lhs.ty, Value::Int(1));
                all.push(St::AssignOp { pos, op: *op, lhs, rhs });
            }
            StmtKind::Assign { lhs, op: Some(op), rhs, .. } => {
                let x = self.value(&lhs[0])?;
                let wanted = if op.is_shift() { None } else { Some(x.ty) };
                let y = self.expr_for(&rhs[0], wanted)?;
                let y = if op.is_shift() { self.defaulted(y) } else { self.convert_to(y, x.ty) };
                self.changed(&x);
                all.push(St::AssignOp { pos, op: *op, lhs: x, rhs: y });
            }
            StmtKind::Assign { lhs, op: None, define, rhs } => self.assign(lhs, *define, rhs, pos, all)?,
            StmtKind::Decl(decls) => {
                for decl in decls {
                    self.local(decl, all)?;
                }
            }
            StmtKind::Return(values) => self.give_back(values, pos, all)?,
            StmtKind::If(stmt) => self.scoped(|checker| {
                if let Some(init) = &stmt.init {
                    checker.stmt(init, all)?;
                }
                let cond = checker.value(&stmt.cond)?;
                let then = checker.block(&stmt.then)?;
                let mut other = Vec::new();
                if let Some(stmt) = &stmt.other {
                    checker.stmt(stmt, &mut other)?;
                }
                all.push(St::If { cond, then, other });
                Ok(())
            })?,
            StmtKind::For(stmt) => self.loop_stmt(stmt, pos, all)?,
            StmtKind::Switch(switch) => self.switch(switch, all)?,
            StmtKind::TypeSwitch(switch) => self.type_switch(switch, all)?,
            StmtKind::Select(comms) => {
                let mut cases = Vec::new();
                for comm in comms {
                    self.scoped(|checker| {
                        let mut first = Vec::new();
                        if let Some(comm) = &comm.comm {
                            checker.stmt(comm, &mut first)?;
                        }
                        let body = checker.stmts(&comm.body)?;
                        let comm = (!first.is_empty()).then(|| Box::new(St::Block(first)));
                        cases.push((comm, body));
                        Ok(())
                    })?;
                }
                all.push(St::Select(cases));
            }
            StmtKind::Go(call) => {
                let call = self.value(call)?;
                all.push(St::Go(pos, call));
            }
            StmtKind::Defer(call) => {
                let call = self.value(call)?;
                all.push(St::Defer(pos, call));
            }
            StmtKind::Label(name, inner) => {
                all.push(St::Label(name));
                self.stmt(inner, all)?;
            }
            StmtKind::Branch(Branch::Goto, Some(label)) => all.push(St::Goto(label.name)),
            StmtKind::Branch(..) => {}
        }
        Ok(())
    }

    /// Notes that a variable, or a part of one, gets another value.
    pub(super) fn changed(&mut self, place: &Ex<'a>) {
        let mut at = Rc::clone(place);
        loop {
            let next = match &at.kind {
                NodeKind::Var(var) => {
                    let var = self.var(*var);
                    (var.assigned, var.odd) = (true, true);
                    return;
                }
                NodeKind::Field { of, through: false, .. } => Rc::clone(of),
                NodeKind::Index(of, _) if matches!(self.types.under(of.ty), Kind::Array(..)) => Rc::clone(of),
                _ => return,
            };
            at = next;
        }
    }

    /// Where something is assigned to, with its type: nothing for `_`.
    pub(super) fn target(&mut self, expr: &'a Expr<'a>) -> Checked<(Target<'a>, Option<Ty>)> {
        let bare = expr.bare();
        if let ExprKind::Name("_") = bare.kind {
            return Ok((Target::Blank, None));
        }
        let x = self.value(bare)?;
        let ty = x.ty;
        if let NodeKind::Var(var) = x.kind {
            self.var(var).assigned = true;
            return Ok((Target::Var(var, false), Some(ty)));
        }
        self.changed(&x);
        Ok((Target::Place(x), Some(ty)))
    }

    fn assign(
        &mut self,
        lhs: &'a [Expr<'a>],
        define: bool,
        rhs: &'a [Expr<'a>],
        pos: Pos,
        all: &mut Vec<St<'a>>,
    ) -> Checked<()> {
        if lhs.len() != rhs.len() && rhs.len() != 1 {
            return Err(Fault::new(pos, "assignment mismatch: as many values as variables are wanted"));
        }
        // What is new is in scope only after the statement; all else is looked at first.
        let mut targets: Vec<Option<(Target<'a>, Option<Ty>)>> = Vec::new();
        for expr in lhs {
            let is_new = define && self.is_new(expr)?;
            targets.push(if is_new { None } else { Some(self.target(expr)?) });
        }
        let mut values = Vec::new();
        for (i, expr) in rhs.iter().enumerate() {
            let wanted = targets.get(i).and_then(|target| target.as_ref()?.1);
            values.push(self.expr_for(expr, wanted)?);
        }
        let single = lhs.len() == rhs.len();
        if !single {
            values = self.parts(&Rc::clone(&values[0]), lhs.len());
        }
        let mut places = Vec::new();
        let mut new = Vec::new();
        for ((target, x), expr) in targets.into_iter().zip(&mut values).zip(lhs) {
            match target {
                Some((target, ty)) => {
                    *x = match ty {
                        Some(ty) if single => self.assignable(Rc::clone(x), ty),
                        Some(ty) => self.assignable_at(Rc::clone(x), ty, pos),
                        None => self.defaulted(Rc::clone(x)),
                    };
                    if let Target::Var(var, _) = target {
                        if single {
                            self.var(var).others.push(Rc::clone(x));
                        } else {
                            self.var(var).odd = true;
                        }
                    }
                    places.push(target);
                }
                None => {
                    *x = self.defaulted(Rc::clone(x));
                    let ExprKind::Name(name) = expr.kind else {
                        return Err(Fault::new(expr.pos, "non-name on left side of :="));
                    };
                    let ty = if x.ty == Ty::NIL { Ty::UNKNOWN } else { x.ty };
                    let var = self.new_var(name, expr.pos, ty, false);
                    match single {
                        true => self.var(var).first = Some(Rc::clone(x)),
                        false => self.var(var).odd = true,
                    }
                    new.push((name, var));
                    places.push(Target::Var(var, true));
                }
            }
        }
        for (name, var) in new {
            self.declare(name, Obj::Var(var));
        }
        all.push(St::Assign { pos, lhs: places, rhs: values });
        Ok(())
    }

    /// Whether `:=` declares this name anew: it is not one of this very scope.
    fn is_new(&mut self, expr: &'a Expr<'a>) -> Checked<bool> {
        let ExprKind::Name(name) = expr.kind else {
            return Err(Fault::new(expr.pos, "non-name on left side of :="));
        };
        if name == "_" {
            return Ok(false);
        }
        let start = self.scope_start;
        let known = self.scope.get(start..).unwrap_or(&[]);
        Ok(!known.iter().any(|(other, obj)| *other == name && matches!(obj, Obj::Var(_))))
    }

    /// A declaration in a function.
    fn local(&mut self, decl: &'a Decl<'a>, all: &mut Vec<St<'a>>) -> Checked<()> {
        match decl {
            Decl::Const(spec) => {
                let mut new = Vec::new();
                for (index, name) in spec.names.iter().enumerate() {
                    new.push((name.name, self.const_value(spec, index)?));
                }
                for (name, obj) in new {
                    self.declare(name, obj);
                }
            }
            Decl::Type(spec) if spec.alias => {
                let ty = self.ty(&spec.ty)?;
                self.declare(spec.name.name, Obj::Type(ty));
            }
            Decl::Type(spec) if !spec.params.is_empty() => {
                let number = self.generics.len();
                self.declare(spec.name.name, Obj::Generic(number));
                let (home, scope) = (self.home, self.scope.clone());
                self.generics.push(Generic {
                    spec,
                    home,
                    scope,
                    around: self.bound.clone(),
                    instances: HashMap::new(),
                    methods: Vec::new(),
                });
            }
            Decl::Type(spec) => {
                let next = u32::try_from(self.local_types.len() + 1).unwrap_or(u32::MAX);
                let local = *self.local_types.entry(std::ptr::from_ref(spec)).or_insert(next);
                let package = self.origin(self.home.package);
                let ty = self.types.add_named(Named {
                    name: Rc::from(spec.name.name),
                    package,
                    args: Vec::new(),
                    around: self.bound.clone(),
                    local,
                    underlying: None,
                    methods: Vec::new(),
                    shape: None,
                });
                self.declare(spec.name.name, Obj::Type(ty));
                let underlying = self.ty(&spec.ty)?;
                self.set_underlying(ty, underlying);
            }
            Decl::Var(spec) => self.local_var(spec, all)?,
            Decl::Func(func) => return Err(Fault::new(func.name.pos, "a function declared in a function")),
        }
        Ok(())
    }

    fn local_var(&mut self, spec: &'a crate::ast::VarSpec<'a>, all: &mut Vec<St<'a>>) -> Checked<()> {
        let ty = match &spec.ty {
            Some(ty) => Some(self.ty(ty)?),
            None => None,
        };
        let mut values = Vec::new();
        for value in &spec.values {
            values.push(self.expr_for(value, ty)?);
        }
        let single = values.len() == spec.names.len();
        if !single && !values.is_empty() {
            if values.len() != 1 {
                return Err(Fault::new(
                    spec.pos,
                    "assignment mismatch: as many values as variables are wanted",
                ));
            }
            values = self.parts(&Rc::clone(&values[0]), spec.names.len());
        }
        let mut new = Vec::new();
        let mut places = Vec::new();
        for (i, name) in spec.names.iter().enumerate() {
            if let Some(x) = values.get_mut(i) {
                *x = match ty {
                    // Nothing is put into an interface that nobody can look at.
                    Some(ty) if name.name == "_" && self.types.is_interface(ty) => {
                        self.defaulted(Rc::clone(x))
                    }
                    Some(ty) if !single => self.assignable_at(Rc::clone(x), ty, spec.names[0].pos),
                    Some(ty) => self.assignable(Rc::clone(x), ty),
                    None => self.defaulted(Rc::clone(x)),
                };
            }
            if name.name == "_" {
                places.push(Target::Blank);
                continue;
            }
            let of = ty.or_else(|| values.get(i).map(|x| x.ty)).unwrap_or(Ty::UNKNOWN);
            let var = self.new_var(name.name, name.pos, of, false);
            match values.get(i) {
                Some(x) if single => self.var(var).first = Some(Rc::clone(x)),
                Some(_) => self.var(var).odd = true,
                None => {}
            }
            if values.is_empty() {
                all.push(St::Declare(var));
            }
            new.push((name.name, var));
            places.push(Target::Var(var, true));
        }
        for (name, var) in new {
            self.declare(name, Obj::Var(var));
        }
        if !values.is_empty() {
            let pos = spec.pos;
            all.push(St::Assign { pos, lhs: places, rhs: values });
        }
        Ok(())
    }

    fn give_back(&mut self, values: &'a [Expr<'a>], pos: Pos, all: &mut Vec<St<'a>>) -> Checked<()> {
        let results = self.results.clone();
        for (var, _) in &results {
            self.mention(*var, pos);
        }
        let mut given = Vec::new();
        for (i, value) in values.iter().enumerate() {
            self.in_return = matches!(value.bare().kind, ExprKind::Address(_));
            given.push(self.expr_for(value, results.get(i).map(|(_, ty)| *ty))?);
            self.in_return = false;
        }
        if given.len() == 1 && results.len() > 1 {
            given = self.parts(&Rc::clone(&given[0]), results.len());
        }
        if !given.is_empty() && given.len() != results.len() {
            return Err(Fault::new(pos, "wrong number of values in return"));
        }
        for (x, (_, ty)) in given.iter_mut().zip(&results) {
            let at = if matches!(x.kind, NodeKind::Part(..)) { pos } else { x.pos };
            *x = self.assignable_at(Rc::clone(x), *ty, at);
        }
        let given: Vec<(VarId, Ex<'a>)> = results.iter().map(|(var, _)| *var).zip(given).collect();
        all.push(St::Return { pos, values: given });
        Ok(())
    }

    /// `a == b`, as a switch compares its tag with a case.
    pub(super) fn compared(&mut self, a: &Ex<'a>, b: Ex<'a>) -> Checked<Ex<'a>> {
        let pos = b.pos;
        self.operation(Op::Eq, Rc::clone(a), b, pos)
    }
}
