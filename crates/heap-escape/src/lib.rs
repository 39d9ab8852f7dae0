//! Escape analysis: which allocation may live in the frame of its function, and which must be on the heap, and why.
//!
//! The algorithm is that of the Go compiler; the interface knows no language. A compiler, or the runtime of an interpreter, tells
//! a [`Body`] what each function does with values that may be references; [`Program::analyse`] gives a [`Verdict`] for each
//! variable and each allocation, a [`Reason`] for each that is on the heap, and a [`Tag`] for each parameter.
//!
//! ```
//! use heap_escape::{Callee, Limits, Program, Shape, Target, Verdict};
//!
//! let word = Shape::references(8);
//! let mut program = Program::new(Limits::default());
//! let (pick, main) = (program.declare("pick"), program.declare("main"));
//!
//! // fn main() { let a = new A; let b = new B; let x = pick(a, b); }
//! let (a, b) = program.define(main, |body| {
//!     let (a, b) = (body.site("A", word), body.site("B", word));
//!     let x = body.variable("x", word);
//!     body.call(&[Callee::Function(pick)], &[a.address(), b.address()], &[Target::Init(x)]);
//!     (a, b)
//! });
//!
//! // fn pick(p, q) { global = q; return p }
//! program.define(pick, |body| {
//!     let (p, q) = (body.param("p", word), body.param("q", word));
//!     body.result("r", word);
//!     body.leak(q, heap_escape::Why::Other("global"));
//!     body.give_back(&[p.value()]);
//! });
//!
//! let analysis = program.analyse();
//! assert_eq!(analysis.verdict(a), Verdict::Stack);
//! assert_eq!(analysis.verdict(b), Verdict::Heap);
//! assert_eq!(analysis.reason(b).unwrap().to_string(), "flow: {heap} ← &B (call parameter)");
//! ```
//!
//! # The algorithm
//!
//! **Locations and flows.** Every variable and every allocation is a location. That a value may come from one location to another
//! is an edge. Its weight is the number of loads on the way; an address counts −1:
//!
//! ```text
//!   p = &x      p ←(-1)─ x          p = q       p ←( 0)─ q
//!   p = *q      p ←( 1)─ q          p = **q     p ←( 2)─ q
//! ```
//!
//! Weights add up along a way, but for one rule: at the location whose address is taken, the count starts at 0 again, because an
//! address says nothing of where the object's own contents go.
//!
//! ```text
//!   func f() *T {                         r ←(0)─ q ←(0)─ p ←(-1)─ x
//!       var x T
//!       p := &x                           from r: q has 0, p has 0, x has -1:
//!       q := p                            the address of x arrives at r.
//!       return q                          r outlives x, so x is on the heap.
//!   }
//! ```
//!
//! **The walk.** From each place that may outlive something, the flows are followed backwards, with the least weight of each
//! location on the way. What a walk finds to be on the heap is such a place itself, from where another walk begins:
//!
//! ```text
//!   func keep(p *T) {              {heap} ←(-1)─ c        global = &c
//!       var c cell                      c ←(-1)─ x        c.p = &x
//!       var x T                         x ←( 1)─ p        x = *p
//!       c.p, global = &x, &c
//!       x = *p                     walk  location  weight  learnt
//!   }                              heap  c         -1      the heap has its address: c escapes, and is walked from
//!                                  c     x         -1      c is on the heap and has its address: x escapes, too
//!                                  x     p          1      what p points to is copied to the heap: leaks with level 1
//! ```
//!
//! A walk ends, because weights only fall, and never below −1. There is an end of walks, because one more begins only when something
//! is learnt of a location: that it escapes, may be written or may be called, or that a closure's results are lost.
//!
//! Order, branches and fields are not looked at: what may flow at some time may always flow. So a verdict can err, but to one side
//! only: what is called [`Verdict::Stack`] is not reached by anything that outlives it.
//!
//! **What outlives what.** The heap outlives everything. The result of a function outlives all that is in it. What is declared
//! outside of a loop outlives what is allocated in it, for there is a new one in each iteration. What belongs to a function
//! outlives what belongs to a closure inside.
//!
//! ```text
//!   var last *T                 depth 1
//!   for … {
//!       t := new(T)             depth 2      last ←(0)─ t ←(-1)─ new(T):  1 < 2, on the heap
//!       last = t
//!   }
//! ```
//!
//! **Stores through pointers** go to the heap, whatever the pointer points to. This is the analysis' great simplification: it keeps
//! no track of what is where behind pointers. What is on the heap has everything that it holds on the heap:
//!
//! ```text
//!   *p = &y        {heap} ←(-1)─ y
//! ```
//!
//! **Calls.** Functions that call each other in a circle are one batch, with one graph. All else is analysed callees first, and
//! of a callee just the tags of its parameters are kept: at what level the argument goes to the heap, and to each result.
//!
//! ```text
//!   func next(n *Node) *Node { return n.next }       r ←(1)─ n       n: leaks to result 0 with level 1
//!
//!   x = next(&y)                                     x ←(1-1)─ y     x is a copy of what y holds; y stays
//! ```
//!
//! An argument to something that is not known goes to the heap. What comes back from there is on the heap already, and is no
//! flow.
//!
//! **Closures** are allocations that hold what they captured: a copy, or the address of the variable. A closure that only the
//! function around it calls, and knows when it does, may give it pointers to its own variables; one that others may call has
//! *lost results*, which outlive everything.
//!
//! ```text
//!   n := 0                          n is changed after the capture: by reference
//!   f := func() int {               record ←(-1)─ n
//!       n++                              f ←(-1)─ record
//!       return n
//!   }
//!   return f                        r ←(0)─ f: the record arrives by its address, so it is on the heap, and with it n
//!
//!   m := 1                          m is not changed any more: by value
//!   g := func() int { return m }    record ←(0)─ m, which is nothing: m holds no reference. m stays in the frame
//! ```
//!
//! **Sizes.** What is too large for a frame is on the heap ([`Limits`]).
//!
//! # What a runtime has to do
//!
//! An object on the stack may lie in its function's frame, and one of a loop may use the place of the iteration before it (but for
//! a [lasting site](Body::lasting_site)). Two things are then true: nothing on the heap points into a frame, and nothing in a
//! frame points to a younger frame. The frames themselves point to the heap, and so are roots. A result is right only for a
//! program that was told wholly: a flow that is not recorded is one that the analysis does not know.
//!
//! # The house
//!
//! ```text
//!   limits, why, tag    sizes; words; the summary of a parameter
//!   scc                 batches, callees first
//!   program, body       what is analysed, and recording it
//!   graph               the flow graph of a batch
//!   solve, reference    the solver, and the naive one that it is compared with
//!   analysis, analyse   the result, and the whole
//! ```
//!
//! Modules are listed bottom first; a module names only modules above it.
#![forbid(unsafe_code)]

pub mod limits;
pub mod why;
pub mod tag;
mod scc;
pub mod program;
pub mod body;
mod graph;
mod solve;
mod reference;
pub mod analysis;
mod analyse;

pub use analysis::{Analysis, Capture, Reason, Step, Verdict};
pub use body::Body;
pub use limits::{Limits, Shape};
pub use program::{Callee, Closure, Function, Kind, Program, Source, Target, Var};
pub use tag::Tag;
pub use why::{Mark, Why};
