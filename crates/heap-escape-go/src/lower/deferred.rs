//! `go` and `defer`: a call that is made later is a closure of what it needs.

use heap_escape::{Body, Shape};

use super::Lower;
use super::call::{Arg, Ready};
use super::hole::Hole;
use crate::ir::{CalleeNode, Composite, Ex, NodeKind};

impl<'c, 'a> Lower<'c, 'a> {
    pub(super) fn deferred(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>, go: bool) {
        // A deferred call outside of loops has its closure in the frame.
        let stays = !go && self.depth == 1;
        let hole = if stays { Hole::of(self.temp(body, "{temp}")) } else { self.because(Hole::HEAP, x, if go { "go" } else { "defer" }) };
        match &x.kind {
            NodeKind::Call(call) => {
                if let (CalleeNode::Value(fun), true, true) =
                    (&call.callee, call.args.is_empty(), call.results.is_empty())
                {
                    return self.expr(body, hole, fun);
                }
                let args: Vec<Arg<'c, 'a>> = call.args.iter().map(|arg| self.ready(body, arg)).collect();
                let fun = match &call.callee {
                    CalleeNode::Value(fun) | CalleeNode::Unknown(fun) | CalleeNode::Interface(fun, _) => Some(fun),
                    CalleeNode::Func(_) => None,
                };
                let fun = match fun.map(|fun| self.ready(body, fun)) {
                    Some(Arg::Ready(var)) => Ready(var),
                    _ => Ready(None),
                };
                self.wrapper(body, hole, |lower, body| {
                    let holes = vec![Hole::BLANK; call.results.len()];
                    lower.call_with(body, &holes, x, call, &args, Some(fun));
                });
            }
            NodeKind::Builtin(builtin, args, _) => {
                let args: Vec<Arg<'c, 'a>> = args.iter().map(|arg| self.ready(body, arg)).collect();
                let panics = *builtin == crate::ir::Builtin::Panic;
                self.wrapper(body, hole, |lower, body| {
                    for arg in &args {
                        let hole = if panics { lower.because(Hole::HEAP, x, "panic") } else { Hole::BLANK };
                        lower.arg(body, hole, arg);
                    }
                });
            }
            _ => self.expr(body, Hole::HEAP, x),
        }
    }

    /// What is evaluated before the call is put off.
    fn ready(&mut self, body: &mut Body<'_>, x: &'c Ex<'a>) -> Arg<'c, 'a> {
        match &x.kind {
            NodeKind::Const(..) | NodeKind::Nil | NodeKind::Global(_) | NodeKind::Func(_) | NodeKind::New(_, None) => {
                Arg::Expr(x)
            }
            NodeKind::Composite(
                Composite::Arguments | Composite::Slice | Composite::Array | Composite::Struct,
                elements,
            ) => Arg::Made(x, elements.iter().map(|(_, element)| self.ready(body, element)).collect()),
            _ => {
                if !self.types.has_references(x.ty) {
                    self.discard(body, x);
                    return Arg::Ready(None);
                }
                let temp = self.temp(body, "{temp}");
                self.expr(body, Hole::of(temp), x);
                Arg::Ready(Some(temp))
            }
        }
    }

    /// A closure around a call, which is not told of.
    fn wrapper(
        &mut self,
        body: &mut Body<'_>,
        hole: Hole,
        tell: impl FnOnce(&mut Self, &mut Body<'_>),
    ) {
        let depth = std::mem::replace(&mut self.depth, 1);
        let (closure, ()) = body.closure("{wrapper}", Shape::references(8), |body| tell(self, body));
        self.depth = depth;
        self.flow(body, hole.address(), closure.site());
    }
}
