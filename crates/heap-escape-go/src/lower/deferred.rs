//! `go` and `defer`: a call that is made later is a closure of what it needs.

use heap_escape::{Body, Shape};

use super::call::{Arg, Ready};
use super::hole::Hole;
use super::{Lower, What};
use crate::ir::{CalleeNode, Composite, Ex, NodeKind};
use crate::source::Pos;

/// A closure copies what has at most so many bytes.
const COPIED: u64 = 128;

impl<'c, 'a> Lower<'c, 'a> {
    pub(super) fn deferred(&mut self, body: &mut Body<'_>, pos: Pos, x: &'c Ex<'a>, go: bool) {
        // A deferred call outside of loops has its closure in the frame.
        let stays = !go && self.depth == 1;
        let hole = if stays {
            Hole::of(self.temp(body, "{temp}"))
        } else {
            self.because(Hole::HEAP, x, if go { "go" } else { "defer" })
        };
        match &x.kind {
            NodeKind::Call(call) => {
                if let (CalleeNode::Value(fun), true, true) =
                    (&call.callee, call.args.is_empty(), call.results.is_empty())
                {
                    return self.expr(body, hole, fun);
                }
                let args: Vec<Arg<'c, 'a>> = call.args.iter().map(|arg| self.ready(body, pos, arg)).collect();
                let fun = match &call.callee {
                    CalleeNode::Value(fun)
                    | CalleeNode::Unknown(fun)
                    | CalleeNode::Interface { of: fun, .. } => Some(fun),
                    CalleeNode::Func(_) => None,
                };
                let fun = match fun.map(|fun| self.ready(body, pos, fun)) {
                    Some(Arg::Ready(var)) => Ready(var),
                    _ => Ready(None),
                };
                self.wrapper(body, hole, |lower, body| {
                    let holes = vec![Hole::BLANK; call.results.len()];
                    lower.call_with(body, &holes, x, call, &args, Some(fun));
                });
            }
            NodeKind::Builtin(builtin, args, _) => {
                let args: Vec<Arg<'c, 'a>> = args.iter().map(|arg| self.ready(body, pos, arg)).collect();
                let panics = *builtin == crate::ir::Builtin::Panic;
                self.wrapper(body, hole, |lower, body| {
                    for arg in &args {
                        let hole = if panics { lower.because(Hole::HEAP, x, "call parameter") } else { Hole::BLANK };
                        lower.arg(body, hole, arg);
                    }
                });
            }
            _ => self.expr(body, Hole::HEAP, x),
        }
    }

    /// What is evaluated before the call is put off.
    fn ready(&mut self, body: &mut Body<'_>, pos: Pos, x: &'c Ex<'a>) -> Arg<'c, 'a> {
        match &x.kind {
            NodeKind::Const(..) | NodeKind::Nil | NodeKind::Func(_) | NodeKind::New(_, None) => Arg::Expr(x),
            NodeKind::Composite(
                Composite::Arguments | Composite::Slice | Composite::Array | Composite::Struct,
                elements,
            ) => Arg::Made(x, elements.iter().map(|(_, element)| self.ready(body, pos, element)).collect()),
            _ => {
                let shape = self.shape(x.ty);
                if !shape.references && shape.bytes <= COPIED {
                    self.discard(body, x);
                    return Arg::Ready(None);
                }
                // What is too large to be copied into the closure is a variable of its own, which may have to be on the heap.
                let temp = body.variable("{temp}", shape);
                self.record(pos, What::Var(temp, ".autotmp_0".to_owned()));
                self.expr(body, Hole::of(temp), x);
                Arg::Ready(Some(temp))
            }
        }
    }

    /// A closure around a call, which is not told of.
    fn wrapper(&mut self, body: &mut Body<'_>, hole: Hole, tell: impl FnOnce(&mut Self, &mut Body<'_>)) {
        let depth = std::mem::replace(&mut self.depth, 1);
        let (closure, ()) = body.closure("{wrapper}", Shape::references(8), |body| tell(self, body));
        self.depth = depth;
        self.flow(body, hole.address(), closure.site());
    }
}
