//! Statements.

use std::rc::Rc;

use heap_escape::{Body, Callee};

use super::hole::Hole;
use super::note::Of;
use super::{Lower, Record, What};
use crate::ir::{Builtin, Conversion, Ex, LitId, NodeKind, Range, St, SwitchCase, Target, VarId};
use crate::source::Pos;
use crate::types::{Kind, Ty};

impl<'c, 'a> Lower<'c, 'a> {
    pub(super) fn stmts(&mut self, body: &mut Body<'_>, stmts: &'c [St<'a>]) {
        for (i, st) in stmts.iter().enumerate() {
            if let St::Label(name) = st
                && self.loops.contains(name)
            {
                // Everything from here to the end of the block may run again.
                let rest = &stmts[i + 1..];
                return self.in_loop(body, |lower, body| lower.stmts(body, rest));
            }
            self.stmt(body, st);
            let labelled = || stmts[i + 1..].iter().any(|st| matches!(st, St::Label(_)));
            if self.ends(st) && !labelled() {
                return; // Nothing comes here.
            }
        }
    }

    /// Whether nothing after this statement is ever come to.
    fn ends(&self, st: &'c St<'a>) -> bool {
        let last = |stmts: &'c [St<'a>]| stmts.last().is_some_and(|st| self.ends(st));
        match st {
            St::Return { .. } | St::Goto(_) => true,
            St::Expr(x) => matches!(x.kind, NodeKind::Builtin(Builtin::Panic, ..)),
            St::Block(stmts) => last(stmts),
            St::If { cond, then, other } => match self.condition(cond) {
                Some(true) => last(then),
                Some(false) => last(other),
                None => last(then) && last(other),
            },
            _ => false,
        }
    }

    /// Of a switch over constants, the one case that is ever come to, if there is one; nothing if that is not known.
    fn only_case(&self, cases: &'c [SwitchCase<'a>]) -> Option<Option<&'c SwitchCase<'a>>> {
        if cases.iter().any(|case| case.falls) {
            return None;
        }
        for case in cases {
            for value in case.values.iter().flatten() {
                if self.condition(value)? {
                    return Some(Some(case));
                }
            }
        }
        Some(cases.iter().find(|case| case.values.is_none()))
    }

    fn stmt(&mut self, body: &mut Body<'_>, st: &'c St<'a>) {
        match st {
            St::Block(stmts) => self.stmts(body, stmts),
            St::Expr(x) => self.discard(body, x),
            St::Declare(var) => {
                self.new_local(body, *var);
            }
            St::Assign { pos, lhs, rhs } => self.assign(body, *pos, lhs, rhs),
            St::AssignOp { pos, op, lhs, rhs } => {
                let hole = self.place(body, lhs);
                if self.is_self_operation(*pos, *op, lhs, rhs) {
                    self.discard(body, rhs);
                } else {
                    let of = Of::Operation(*op, Rc::clone(lhs), Rc::clone(rhs));
                    self.expr(body, self.noted(hole, of, "assign", *pos), rhs);
                }
                self.changed(body, lhs);
            }
            St::Return { pos, values } => {
                for (result, x) in values {
                    // In the body of a loop over a function, what is returned is put where the function finds it.
                    let to = match self.returned.get(result) {
                        Some(to) => *to,
                        None => self.local(body, *result),
                    };
                    self.expr(body, self.noted(Hole::of(to), Of::Return(values), "return", *pos), x);
                    body.changed(to);
                }
            }
            St::If { cond, then, other } => {
                self.discard(body, cond);
                let known = self.condition(cond);
                if known != Some(false) {
                    self.stmts(body, then);
                }
                if known != Some(true) {
                    self.stmts(body, other);
                }
            }
            St::For { vars, init, cond, post, body: inner } => {
                self.for_loop(body, vars, init, cond.as_ref(), post, inner);
            }
            St::Range(range) => self.range(body, range),
            St::RangeFunc { pos, over, lit } => self.range_func(body, *pos, over, *lit),
            St::Switch { tag, cases } => {
                if let Some(tag) = tag {
                    self.discard(body, tag);
                }
                if let Some(only) = self.only_case(cases) {
                    if let Some(case) = only {
                        self.stmts(body, &case.body);
                    }
                    return;
                }
                for case in cases {
                    for value in case.values.iter().flatten() {
                        // What it is compared with has been told, once for all cases.
                        let told = |of: &Ex<'a>| tag.as_ref().is_some_and(|tag| is_that(of, tag));
                        match &value.kind {
                            NodeKind::Binary(_, of, with) if told(of) => self.discard(body, with),
                            _ => self.discard(body, value),
                        }
                    }
                    self.stmts(body, &case.body);
                }
            }
            St::TypeSwitch { on, cases } => {
                let mut vars = Vec::new();
                for case in cases {
                    if let Some(var) = case.var {
                        let local = self.new_local(body, var);
                        vars.push((local, self.vars[var.0 as usize].ty, case));
                    }
                }
                let temp = self.temp(body, "{temp}");
                self.shown.insert(temp);
                let hole = if vars.is_empty() { Hole::BLANK } else { Hole::of(temp) };
                self.expr(body, hole, on);
                for (local, ty, case) in vars {
                    let hole = self.noted(Hole::of(local), Of::Case(case), "switch case", case.pos);
                    let hole = if case.types.len() == 1 { self.asserted(hole, ty) } else { hole };
                    if self.types.has_references(ty) {
                        self.flow(body, hole, temp);
                    }
                }
                for case in cases {
                    self.stmts(body, &case.body);
                }
            }
            St::Select(cases) => {
                for (comm, inner) in cases {
                    if let Some(comm) = comm {
                        self.stmt(body, comm);
                    }
                    self.stmts(body, inner);
                }
            }
            St::Send { pos, channel, value } => {
                self.discard(body, channel);
                let of = Of::Send(Rc::clone(channel), Rc::clone(value));
                self.expr(body, self.noted(Hole::HEAP, of, "send", *pos), value);
            }
            St::Go(pos, call) => self.deferred(body, *pos, call, true),
            St::Defer(pos, call) => self.deferred(body, *pos, call, false),
            St::Label(_) | St::Goto(_) => {}
        }
    }

    fn assign(&mut self, body: &mut Body<'_>, pos: Pos, lhs: &'c [Target<'a>], rhs: &'c [Ex<'a>]) {
        let mut holes = Vec::new();
        for target in lhs {
            let hole = self.target(body, target);
            let why = if lhs.len() > 1 { "assign-pair" } else { "assign" };
            holes.push(self.noted(hole, Of::Assign(lhs, rhs), why, pos));
        }
        for ((hole, target), x) in holes.into_iter().zip(lhs).zip(rhs) {
            if let Target::Place(place) = target
                && self.is_self_assignment(pos, lhs, rhs, place, x)
            {
                self.discard(body, x);
                continue;
            }
            if let Target::Place(place) = target
                && self.is_header_data(place)
            {
                self.unsafe_value(body, Hole::HEAP, x);
                continue;
            }
            self.expr(body, hole, x);
        }
        for target in lhs {
            match target {
                Target::Var(var, false) => {
                    let local = self.local(body, *var);
                    body.changed(local);
                }
                Target::Place(place) => self.changed(body, place),
                Target::Blank | Target::Var(_, true) => {}
            }
        }
    }

    /// The variable that this is a part of gets another value.
    fn changed(&mut self, body: &mut Body<'_>, place: &'c Ex<'a>) {
        let mut at = place;
        loop {
            at = match &at.kind {
                NodeKind::Var(var) => {
                    let local = self.local(body, *var);
                    return body.changed(local);
                }
                NodeKind::Field { of, through: false, .. } => of,
                NodeKind::Index(of, _) if matches!(self.types.under(of.ty), Kind::Array(..)) => of,
                _ => return,
            };
        }
    }

    fn target(&mut self, body: &mut Body<'_>, target: &'c Target<'a>) -> Hole {
        match target {
            Target::Blank => Hole::BLANK,
            Target::Var(var, true) => Hole::of(self.new_local(body, *var)),
            Target::Var(var, false) => {
                let local = self.local(body, *var);
                body.uses(local);
                Hole::of(local)
            }
            Target::Place(place) => self.place(body, place),
        }
    }

    /// The hole of something that can be assigned to.
    pub(super) fn place(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>) -> Hole {
        match &x.kind {
            NodeKind::Var(var) => {
                let local = self.local(body, *var);
                body.uses(local);
                Hole::of(local)
            }
            NodeKind::Field { of, through: false, .. } => self.place(body, of),
            NodeKind::Field { of, through: true, .. } | NodeKind::Deref(of, _) => {
                self.expr(body, Hole::WRITTEN, of);
                Hole::HEAP
            }
            NodeKind::Index(of, index) => {
                self.discard(body, index);
                if let Kind::Array(..) = self.types.under(of.ty) {
                    return self.place(body, of);
                }
                self.expr(body, Hole::WRITTEN, of);
                Hole::HEAP
            }
            NodeKind::MapIndex(of, index) => {
                self.discard(body, of);
                self.expr(body, self.because(Hole::HEAP, x, "key of map put"), index);
                Hole::HEAP
            }
            NodeKind::Global(_) => Hole::HEAP,
            _ => {
                self.discard(body, x);
                Hole::HEAP
            }
        }
    }

    /// Whether a loop makes a new variable for each turn: somebody may keep the old one.
    fn is_kept(&self, var: VarId) -> bool {
        let info = &self.vars[var.0 as usize];
        info.captured || info.kept
    }

    fn for_loop(
        &mut self,
        body: &mut Body<'_>,
        vars: &'c [VarId],
        init: &'c [St<'a>],
        cond: Option<&'c Ex<'a>>,
        post: &'c [St<'a>],
        inner: &'c [St<'a>],
    ) {
        let kept: Vec<VarId> = vars.iter().copied().filter(|var| self.is_kept(*var)).collect();
        let mut hidden = Vec::new();
        for var in &kept {
            let name = self.vars[var.0 as usize].name;
            let temp = self.temp(body, name);
            self.locals.insert(*var, temp);
            hidden.push(temp);
        }
        for st in init {
            match st {
                St::Assign { pos, lhs, rhs } => {
                    let mut holes = Vec::new();
                    for target in lhs {
                        holes.push(match target {
                            Target::Var(var, true) if kept.contains(var) => Hole::of(self.local(body, *var)),
                            target => self.target(body, target),
                        });
                    }
                    for (hole, x) in holes.into_iter().zip(rhs) {
                        self.expr(body, self.noted(hole, Of::Assign(lhs, rhs), "assign", *pos), x);
                    }
                    for target in lhs {
                        if let Target::Var(var, false) = target {
                            let local = self.local(body, *var);
                            body.changed(local);
                        }
                    }
                }
                st => self.stmt(body, st),
            }
        }
        if cond.is_some_and(|cond| self.condition(cond) == Some(false)) {
            return;
        }
        self.in_loop(body, |lower, body| {
            let mut copies = Vec::new();
            for (var, hidden) in kept.iter().zip(&hidden) {
                let copy = lower.new_local(body, *var);
                lower.copy(body, *var, copy, *hidden);
                copies.push(copy);
            }
            lower.stmts(body, post);
            if let Some(cond) = cond {
                lower.discard(body, cond);
            }
            lower.stmts(body, inner);
            for ((var, copy), hidden) in kept.iter().zip(copies).zip(&hidden) {
                lower.copy(body, *var, *hidden, copy);
            }
        });
    }

    fn copy(&mut self, body: &mut Body<'_>, var: VarId, to: heap_escape::Var, from: heap_escape::Var) {
        if self.types.has_references(self.vars[var.0 as usize].ty) {
            self.flow(body, Hole::of(to), from);
        }
    }

    /// What a loop is over, in a place of its own.
    fn over(&mut self, body: &mut Body<'_>, over: &'c Ex<'a>) -> heap_escape::Var {
        let temp = self.temp(body, "{temp}");
        self.shown.insert(temp);
        self.expr(body, Hole::of(temp), over);
        temp
    }

    fn range(&mut self, body: &mut Body<'_>, range: &'c Range<'a>) {
        let temp = self.over(body, &range.over);
        let array = matches!(self.types.under(range.over.ty), Kind::Array(..));
        let listed = array
            || self.types.slice_elem(range.over.ty).is_some()
            || self.types.pointee(range.over.ty).is_some()
            || matches!(self.types.under(range.over.ty), Kind::Map(..));
        self.in_loop(body, |lower, body| {
            for (target, ty, flows) in
                [(&range.key, range.key_ty, false), (&range.value, range.value_ty, true)]
            {
                let why = if array { "range" } else { "range-deref" };
                let hole = lower.range_hole(body, target, ty, range.pos);
                let hole = lower.noted(hole, Of::Text(Rc::from("for loop")), why, range.word);
                let hole = if array { hole } else { hole.deref() };
                if flows && listed {
                    lower.flow(body, hole, temp);
                }
                match target {
                    Target::Var(var, _) => {
                        let local = lower.local(body, *var);
                        body.changed(local);
                    }
                    Target::Place(place) => lower.changed(body, place),
                    Target::Blank => {}
                }
            }
            lower.stmts(body, &range.body);
        });
    }

    /// The hole for what comes in each turn.
    fn range_hole(&mut self, body: &mut Body<'_>, target: &'c Target<'a>, ty: Ty, pos: Pos) -> Hole {
        match target {
            Target::Var(var, true) => {
                let local = self.new_local(body, *var);
                if !self.is_kept(*var) {
                    return Hole::of(local);
                }
                let hidden = self.temp(body, self.vars[var.0 as usize].name);
                self.copy(body, *var, local, hidden);
                Hole::of(hidden)
            }
            Target::Place(place) => {
                let hole = self.place(body, place);
                self.boxed(body, hole, place.ty, ty, pos)
            }
            Target::Var(var, false) => {
                let hole = self.target(body, target);
                self.boxed(body, hole, self.vars[var.0 as usize].ty, ty, pos)
            }
            Target::Blank => Hole::BLANK,
        }
    }

    /// The hole for a value of type `from` where one of type `to` goes in: it may be put into an interface.
    fn boxed(&mut self, body: &mut Body<'_>, hole: Hole, to: Ty, from: Ty, pos: Pos) -> Hole {
        let boxes =
            self.types.is_interface(to) && !self.types.is_interface(from) && !self.types.is_direct(from);
        if boxes { self.spill(body, hole, pos, ".autotmp_0".to_owned(), 0).0 } else { hole }
    }

    /// A loop over a function, which is called with the body.
    fn range_func(&mut self, body: &mut Body<'_>, pos: Pos, over: &'c Ex<'a>, id: LitId) {
        self.over(body, over);
        let known: Vec<_> = self.literals_of(over).unwrap_or_default();
        let callees: Vec<Callee> = known.into_iter().filter_map(|literal| self.callee(literal)).collect();
        let lit = &self.lits[id.0 as usize];
        let text = "func literal".to_owned();
        let temp = self.temp(body, "{temp}");
        self.loops_over += 1;
        // What the loop has to remember between two turns.
        let package = lit.package.map(|package| format!("{package}."));
        let name = format!("{}#state{}", package.unwrap_or_default(), self.loops_over);
        let state = body.variable(&name, heap_escape::Shape::plain(8));
        self.record(pos, What::Var(state, name));
        let outermost = !self.function.contains("-range");
        if outermost {
            self.results_outside(body, lit);
        }
        let at = self.records.len();
        let depth = std::mem::replace(&mut self.depth, 1);
        let name = format!("{}-range{}", self.function, self.loops_over);
        let around = std::mem::replace(&mut self.function, Rc::from(name));
        let (closure, ()) = body.closure(&text, heap_escape::Shape::references(8), |body| {
            body.changed(state);
            for (var, mentioned) in &lit.captures {
                let kept = self.returned.get(var).copied();
                let local = kept.unwrap_or_else(|| self.local(body, *var));
                self.captured(body, *var, *mentioned);
                body.uses(local);
            }
            self.code(body, &lit.code);
        });
        (self.depth, self.function) = (depth, around);
        let what = What::Site(closure.site(), text);
        self.records.insert(at, Record { pos, function: Rc::clone(&self.function), what });
        self.flow(body, Hole::of(temp).address(), closure.site());
        if outermost {
            self.results_inside(body);
        }
        if callees.is_empty() {
            self.flow(body, self.because(Hole::HEAP, over, "call parameter"), temp);
        } else {
            body.call(&callees, &[temp.value()], &[]);
        }
    }

    /// The places for what the body of a loop over a function returns, where results have no names.
    fn results_outside(&mut self, body: &mut Body<'_>, lit: &'c crate::ir::LitInfo<'a>) {
        for (var, _) in &lit.captures {
            let info = &self.vars[var.0 as usize];
            if !info.is_param || !info.name.is_empty() {
                continue;
            }
            let shape = self.shape(info.ty);
            let name = format!("#rv{}", self.returned.len() + 1);
            let place = body.variable(&name, shape);
            self.record(info.pos, What::Var(place, name));
            self.returned.insert(*var, place);
        }
    }

    /// They are returned when the loop is done.
    fn results_inside(&mut self, body: &mut Body<'_>) {
        for (result, place) in std::mem::take(&mut self.returned) {
            let result = self.local(body, result);
            self.flow(body, Hole::of(result), place);
        }
    }
}

/// Whether this is that expression, as it is or as another type with the same contents.
fn is_that(x: &Ex<'_>, that: &Ex<'_>) -> bool {
    match &x.kind {
        NodeKind::Convert { of, how: Conversion::Same, implicit: true } => is_that(of, that),
        _ => Rc::ptr_eq(x, that),
    }
}
