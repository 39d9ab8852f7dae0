//! `go` and `defer`: a call that is made later is a closure of what it needs.

use std::rc::Rc;

use heap_escape::{Body, Shape};

use super::call::{Arg, Ready};
use super::hole::Hole;
use super::note::Of;
use super::{Lower, What};
use crate::ir::{CalleeNode, Composite, Ex, NodeKind};
use crate::source::Pos;

/// A closure copies what has at most so many bytes.
const COPIED: u64 = 128;

/// What the compiler calls its own variables here, whose numbers nobody can foretell.
const TEMP: &str = ".autotmp_0";

impl<'c, 'a> Lower<'c, 'a> {
    pub(super) fn deferred(&mut self, body: &mut Body<'_>, pos: Pos, x: &'c Ex<'a>, go: bool) {
        // A deferred call outside of loops has its closure in the frame.
        let stays = !go && self.depth == 1;
        let hole = if stays { Hole::of(self.temp(body, "{temp}")) } else { Hole::HEAP };
        match &x.kind {
            NodeKind::Call(call) => {
                if let (CalleeNode::Value(fun), true, true) =
                    (&call.callee, call.args.is_empty(), call.results.is_empty())
                {
                    return self.expr(body, hole, fun);
                }
                let fun = match &call.callee {
                    CalleeNode::Value(fun)
                    | CalleeNode::Unknown(fun)
                    | CalleeNode::Interface { of: fun, .. } => Some(fun),
                    CalleeNode::Func(_) => None,
                };
                let text = self.put_aside(fun.into_iter().chain(&call.args));
                let args: Vec<Arg<'c, 'a>> =
                    call.args.iter().map(|arg| self.ready(body, pos, arg, &text)).collect();
                let fun = match fun.map(|fun| self.ready(body, pos, fun, &text)) {
                    Some(Arg::Ready(var, at)) => Ready(var, at),
                    _ => Ready(None, pos),
                };
                self.wrapper(body, hole, (pos, go), |lower, body| {
                    let holes = vec![Hole::BLANK; call.results.len()];
                    lower.call_with(body, &holes, x, call, &args, Some(fun));
                });
            }
            NodeKind::Builtin(builtin, args, _) => {
                let text = self.put_aside(args.iter());
                let args: Vec<Arg<'c, 'a>> =
                    args.iter().map(|arg| self.ready(body, pos, arg, &text)).collect();
                let panics = *builtin == crate::ir::Builtin::Panic;
                self.wrapper(body, hole, (pos, go), |lower, body| {
                    for arg in &args {
                        let hole = match panics {
                            true => lower.because(Hole::HEAP, x, "call parameter"),
                            false => Hole::BLANK,
                        };
                        lower.arg(body, hole, arg);
                    }
                });
            }
            _ => self.expr(body, Hole::HEAP, x),
        }
    }

    /// The assignment of what is evaluated before the call is put off, as it is quoted.
    fn put_aside(&self, all: impl Iterator<Item = &'c Ex<'a>>) -> Rc<str> {
        let mut aside = Vec::new();
        all.for_each(|x| self.list(x, &mut aside));
        let places = vec![TEMP; aside.len()].join(", ");
        Rc::from(format!("{places} = {}", aside.join(", ")))
    }

    fn list(&self, x: &'c Ex<'a>, all: &mut Vec<String>) {
        match &x.kind {
            NodeKind::Const(..) | NodeKind::Nil | NodeKind::Func(_) | NodeKind::New(_, None) => {}
            NodeKind::Composite(
                Composite::Arguments | Composite::Slice(_) | Composite::Array | Composite::Struct,
                elements,
            ) => elements.iter().for_each(|(_, element)| self.list(element, all)),
            _ => all.push(self.printer().text(x)),
        }
    }

    /// What is evaluated before the call is put off.
    fn ready(&mut self, body: &mut Body<'_>, pos: Pos, x: &'c Ex<'a>, text: &Rc<str>) -> Arg<'c, 'a> {
        match &x.kind {
            NodeKind::Const(..) | NodeKind::Nil | NodeKind::Func(_) | NodeKind::New(_, None) => Arg::Expr(x),
            NodeKind::Composite(
                Composite::Arguments | Composite::Slice(_) | Composite::Array | Composite::Struct,
                elements,
            ) => Arg::Made(
                x,
                elements.iter().map(|(_, element)| self.ready(body, pos, element, text)).collect(),
            ),
            _ => {
                let shape = self.shape(x.ty);
                let at = if matches!(x.kind, NodeKind::Var(_)) { pos } else { x.pos };
                // What is too large to be copied into the closure is a variable of its own, which may have to be on the heap.
                let temp = body.variable(TEMP, shape);
                self.record(at, What::Captured(temp, TEMP.to_owned(), shape.bytes));
                if !shape.references && shape.bytes <= COPIED {
                    self.discard(body, x);
                    return Arg::Ready(None, at);
                }
                self.record(pos, What::Var(temp, TEMP.to_owned()));
                let hole = self.noted(Hole::of(temp), Of::Text(Rc::clone(text)), "assign-pair", pos);
                self.expr(body, hole, x);
                Arg::Ready(Some(temp), at)
            }
        }
    }

    /// A closure around a call: of it, only the reason is told.
    fn wrapper(
        &mut self,
        body: &mut Body<'_>,
        hole: Hole,
        (pos, go): (Pos, bool),
        tell: impl FnOnce(&mut Self, &mut Body<'_>),
    ) {
        self.put_off += 1;
        let name = format!("{}.{}wrap{}", self.function, if go { "go" } else { "defer" }, self.put_off);
        let function = std::mem::replace(&mut self.function, Rc::from(name));
        let depth = std::mem::replace(&mut self.depth, 1);
        let (closure, ()) = body.closure("func literal", Shape::references(8), |body| tell(self, body));
        (self.depth, self.function) = (depth, function);
        self.record(pos, What::Wrapper(closure.site()));
        let hole = self.noted(hole, Of::Text(Rc::from("func literal")), "spill", pos);
        self.flow(body, hole.address(), closure.site());
    }

    /// A closure copies what was put aside.
    pub(super) fn copied(&self, body: &mut Body<'_>, var: heap_escape::Var, pos: Pos) {
        let note = self.noted(Hole::of(var), Of::Text(Rc::from(TEMP)), "captured by a closure", pos).note;
        body.at(heap_escape::Mark(note));
        body.uses(var);
    }
}
