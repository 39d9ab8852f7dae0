//! Calls.

use std::rc::Rc;

use heap_escape::{Body, Callee, Mark, Source, Target, Var};

use super::hole::{Hole, Place};
use super::note::Of;
use super::{Known, Lower};
use crate::ir::{CallNode, CalleeNode, Composite, Ex, NodeKind};
use crate::source::Pos;
use crate::types::{Kind, Ty};

/// An argument: an expression, or what one has been evaluated into before.
#[derive(Debug)]
pub(super) enum Arg<'c, 'a> {
    Expr(&'c Ex<'a>),
    /// In a place of its own.
    Ready(Option<Var>, Pos),
    /// A literal, of which the elements are ready.
    Made(&'c Ex<'a>, Vec<Arg<'c, 'a>>),
}

/// What is called was evaluated before: into this place, if it can hold references.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready(pub(super) Option<Var>, pub(super) Pos);

/// What may be called, and a receiver that is ready.
type Callees = (Vec<Callee>, Option<Var>);

impl<'c, 'a> Lower<'c, 'a> {
    /// A call whose results go into the holes.
    pub(super) fn call(
        &mut self,
        body: &mut Body<'_>,
        holes: &[Hole],
        x: &'c Ex<'a>,
        call: &'c CallNode<'a>,
    ) {
        let args: Vec<Arg<'c, 'a>> = call.args.iter().map(Arg::Expr).collect();
        self.call_with(body, holes, x, call, &args, None);
    }

    /// The same with arguments that may be ready, as they are where the call is put off by `go` or `defer`, and then also the
    /// function may be.
    pub(super) fn call_with(
        &mut self,
        body: &mut Body<'_>,
        holes: &[Hole],
        x: &'c Ex<'a>,
        call: &'c CallNode<'a>,
        args: &[Arg<'c, 'a>],
        put_off: Option<Ready>,
    ) {
        let mut wanted: Vec<Hole> = Vec::new();
        for (hole, ty) in holes.iter().zip(&call.results) {
            let used = hole.derefs < 0 || self.types.has_references(*ty);
            wanted.push(if used { *hole } else { Hole { to: Place::Blank, ..*hole } });
        }
        let quoted = match put_off {
            Some(fun) => Of::Text(Rc::from(self.quoted_call(call, args, fun))),
            None => Of::Expr(Rc::clone(x)),
        };
        let callees = self.callees(body, &wanted, x, call, put_off, quoted.clone());
        let Some((callees, receiver)) = callees else {
            for arg in args {
                self.arg(body, self.noted(Hole::HEAP, quoted.clone(), "call parameter", x.pos), arg);
            }
            return;
        };
        let mut results = Vec::new();
        let mut after = Vec::new();
        for hole in &wanted {
            if hole.is_blank() {
                results.push(Target::Unused);
                continue;
            }
            let temp = self.temp(body, "{temp}");
            results.push(Target::Init(temp));
            after.push((*hole, temp));
        }
        if let CalleeNode::Func(func) = &call.callee
            && self.funcs[func.0 as usize].uintptrs
        {
            // Whatever these numbers are addresses of stays where it is.
            for arg in args {
                self.number(body, arg);
            }
        }
        let mut values: Vec<Source> = receiver.map(Var::value).into_iter().collect();
        for arg in args {
            let temp = self.temp(body, "{temp}");
            let hole = if self.is_numbers(call, arg) { Hole::HEAP } else { Hole::of(temp) };
            self.arg(body, self.noted(hole, quoted.clone(), "call parameter", x.pos), arg);
            values.push(temp.value());
        }
        body.at(Mark::default());
        body.call(&callees, &values, &results);
        for (hole, temp) in after {
            self.flow(body, hole, temp);
        }
    }

    /// A call that is put off as it is quoted: of what was put aside.
    fn quoted_call(&self, call: &CallNode<'a>, args: &[Arg<'c, 'a>], fun: Ready) -> String {
        let fun = match (&call.callee, fun) {
            (CalleeNode::Func(func), _) => self.funcs[func.0 as usize].text.clone(),
            (CalleeNode::Interface { name, .. }, _) => format!(".autotmp_0.{name}"),
            _ => ".autotmp_0".to_owned(),
        };
        let args = args.iter().map(|arg| match arg {
            Arg::Expr(x) | Arg::Made(x, _) => self.printer().text(x),
            Arg::Ready(..) => ".autotmp_0".to_owned(),
        });
        let args = args.collect::<Vec<_>>().join(", ");
        let ty = match &call.callee {
            CalleeNode::Func(func) => self.types.func(self.funcs[func.0 as usize].ty),
            CalleeNode::Value(fun) => self.types.func(fun.ty),
            CalleeNode::Interface { .. } | CalleeNode::Unknown(_) => None,
        };
        let end = if ty.is_some_and(|ty| ty.variadic) { "..." } else { "" };
        format!("{fun}({args}{end})")
    }

    /// A number that is the address of something, or several, given to a function that has it stay where it is.
    fn number(&mut self, body: &mut Body<'_>, arg: &Arg<'c, 'a>) {
        match arg {
            Arg::Expr(x) if self.types.underlying(x.ty) == Ty::UINTPTR => {
                self.unsafe_value(body, Hole::HEAP, x);
            }
            Arg::Expr(x) => {
                if let NodeKind::Composite(Composite::Arguments, elements) = &x.kind
                    && self.types.slice_elem(x.ty) == Some(Ty::UINTPTR)
                {
                    for (_, element) in elements {
                        self.unsafe_value(body, Hole::HEAP, element);
                    }
                }
            }
            Arg::Made(_, elements) => elements.iter().for_each(|element| self.number(body, element)),
            Arg::Ready(..) => {}
        }
    }

    /// Whether this is the slice of the numbers that are given to such a function.
    fn is_numbers(&self, call: &CallNode<'a>, arg: &Arg<'c, 'a>) -> bool {
        let CalleeNode::Func(func) = &call.callee else { return false };
        let (Arg::Expr(x) | Arg::Made(x, _)) = arg else { return false };
        self.funcs[func.0 as usize].uintptrs && self.types.slice_elem(x.ty) == Some(Ty::UINTPTR)
    }

    pub(super) fn arg(&mut self, body: &mut Body<'_>, hole: Hole, arg: &Arg<'c, 'a>) {
        match arg {
            Arg::Expr(x) => self.expr(body, hole, x),
            Arg::Ready(Some(var), pos) => {
                self.copied(body, *var, *pos);
                self.flow(body, hole, *var);
            }
            Arg::Ready(None, _) => {}
            Arg::Made(x, elements) => {
                let mut inner = hole;
                if let NodeKind::Composite(Composite::Slice(_) | Composite::Arguments, _) = &x.kind {
                    let text = self.printer().text(x);
                    inner = self.spill(body, self.because(hole, x, "spill"), x.pos, text, 0).0;
                }
                for element in elements {
                    self.arg(body, self.because(inner, x, "slice-literal-element"), element);
                }
            }
        }
    }

    /// What may be called; nothing if nobody knows.
    fn callees(
        &mut self,
        body: &mut Body<'_>,
        wanted: &[Hole],
        x: &'c Ex<'a>,
        call: &'c CallNode<'a>,
        put_off: Option<Ready>,
        quoted: Of<'c, 'a>,
    ) -> Option<Callees> {
        let used = wanted.iter().any(|hole| !hole.is_blank());
        match &call.callee {
            CalleeNode::Func(func) => {
                let function = self.function_of(*func)?;
                Some((vec![Callee::Function(function)], None))
            }
            CalleeNode::Unknown(fun) => {
                match put_off {
                    Some(Ready(var, at)) => self.arg(body, Hole::HEAP, &Arg::Ready(var, at)),
                    None => self.expr(body, Hole::HEAP, fun),
                }
                None
            }
            CalleeNode::Interface { of, name, pos, .. } => {
                self.dynamic(body, x, of, (name, *pos), put_off, quoted)
            }
            CalleeNode::Value(fun) => {
                let known = self.literals_of(fun);
                let fun_into = |lower: &mut Self, body: &mut Body<'_>, hole: Hole| match put_off {
                    Some(Ready(var, at)) => lower.arg(body, hole, &Arg::Ready(var, at)),
                    None => lower.expr(body, hole, fun),
                };
                // A literal that is called where it stands has to be told before it can be called.
                let direct = matches!(fun.kind, NodeKind::Lit(_));
                if direct {
                    fun_into(self, body, Hole::BLANK);
                }
                let callees: Option<Vec<Callee>> =
                    known.and_then(|known| known.into_iter().map(|literal| self.callee(literal)).collect());
                if callees.is_none() && used {
                    fun_into(self, body, Hole::CALLED);
                } else if !direct {
                    fun_into(self, body, Hole::BLANK);
                }
                callees.map(|callees| (callees, None))
            }
        }
    }

    pub(super) fn callee(&self, x: &'c Ex<'a>) -> Option<Callee> {
        match &x.kind {
            NodeKind::Func(func) | NodeKind::MethodExpr(_, _, Some(func)) => {
                self.function_of(*func).map(Callee::Function)
            }
            NodeKind::Lit(id) => self.literals.get(id).map(|known| match known {
                Known::Function(function) => Callee::Function(*function),
                Known::Closure(closure) => Callee::Closure(*closure),
            }),
            _ => None,
        }
    }

    /// A method that is found at run time, unless the one type behind the interface is known.
    fn dynamic(
        &mut self,
        body: &mut Body<'_>,
        x: &'c Ex<'a>,
        of: &'c Ex<'a>,
        (name, name_pos): (&'a str, Pos),
        put_off: Option<Ready>,
        quoted: Of<'c, 'a>,
    ) -> Option<Callees> {
        let known = self.concrete(of).filter(|ty| !self.types.has_shape(*ty));
        if let (Some(Ready(var, at)), Some(ty)) = (put_off, known)
            && !self.is_promoted(ty, name)
            && let Some((function, loads)) = self.method(ty, name)
        {
            self.tell(x.pos, format!("devirtualizing .autotmp_0.{name} to {}", self.types.show(ty)));
            let temp = self.temp(body, "{receiver}");
            if let Some(var) = var {
                self.copied(body, var, at);
                let hole = self.asserted(Hole::of(temp), ty).shifted_to(loads);
                self.flow(body, hole, var);
            }
            return Some((vec![Callee::Function(function)], Some(temp)));
        }
        if let Some(Ready(var, at)) = put_off {
            if let Some(var) = var {
                self.copied(body, var, at);
                self.flow(body, self.noted(Hole::HEAP, quoted, "call parameter", x.pos), var);
            }
            return None;
        }
        if self.types.is_interface(of.ty) && !self.types.is_plain_interface(of.ty) {
            self.tell(name_pos, "imprecise interface call".to_owned());
        }
        if let Some(ty) = known {
            let method = format!("{}.{name}", self.printer().text(of));
            if self.is_promoted(ty, name) {
                self.tell(x.pos, format!("partially devirtualizing {method} to {}", self.types.show(ty)));
                let hole = self.asserted(self.because(Hole::HEAP, x, "call parameter"), ty);
                let through = self.types.pointee(ty).is_some();
                self.expr(body, if through { hole.deref() } else { hole }, of);
                return None;
            }
            self.tell(x.pos, format!("devirtualizing {method} to {}", self.types.show(ty)));
            if let Some((function, loads)) = self.method(ty, name) {
                let temp = self.temp(body, "{receiver}");
                let hole = Hole::of(temp).shifted_to(loads);
                self.expr(body, self.asserted(hole, ty), of);
                return Some((vec![Callee::Function(function)], Some(temp)));
            }
        }
        self.expr(body, self.because(Hole::HEAP, x, "call parameter"), of);
        None
    }

    /// Whether a type has a method from an interface that is embedded in it.
    fn is_promoted(&self, ty: Ty, name: &str) -> bool {
        let ty = self.types.pointee(ty).unwrap_or(ty);
        let Kind::Struct(fields) = self.types.under(ty) else { return false };
        let has = |ty: Ty| match self.types.under(ty) {
            Kind::Interface(interface) => interface.methods.iter().any(|(known, _)| *known == name),
            _ => false,
        };
        fields.iter().any(|field| field.embedded && has(field.ty))
    }

    /// A method of a type as the program has it, also of something that is embedded in it, and how many loads it is from a value of
    /// the type to the receiver; −1: the receiver is its address.
    pub(super) fn method(&self, ty: Ty, name: &'a str) -> Option<(heap_escape::Function, i32)> {
        let mut level = vec![(ty, 0)];
        // Embedded types are not nested more deeply than this, but for those that contain themselves.
        for _ in 0..20 {
            let mut next = Vec::new();
            for (ty, loads) in level {
                let (by_pointer, to) = match self.types.pointee(ty) {
                    Some(to) if self.types.as_named(ty).is_none() => (true, to),
                    _ => (false, ty),
                };
                let named = self.types.as_named(to);
                if let Some((func, pointer)) =
                    named.and_then(|named| self.methods.get(&(named, name)).copied())
                {
                    let loads = match (by_pointer, pointer) {
                        (true, false) => loads + 1,
                        (false, true) => loads - 1,
                        _ => loads,
                    };
                    return self.function_of(func).map(|function| (function, loads));
                }
                if let Kind::Struct(fields) = self.types.under(to) {
                    let loads = if by_pointer { loads + 1 } else { loads };
                    next.extend(fields.iter().filter(|field| field.embedded).map(|field| (field.ty, loads)));
                }
            }
            level = next;
        }
        None
    }
}
