//! Recording what a function does.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::limits::Shape;
use crate::program::{
    BodyInfo, Callee, Captured, Closure, Function, Kind, Known, Loc, Op, Place, Program, Recorded, Source,
    Target, Var, index,
};
use crate::why::{Mark, Why};

/// The depth of what is outside of every loop.
const OUTSIDE_LOOPS: u32 = 1;
/// The depth of a site that lives as long as its function, whatever loop it is in.
const WHOLE_FUNCTION: u32 = 0;

/// The body of a function, while it is recorded.
///
/// It wants the flows of values that may hold references: where a pointer may come from, and where it may go. The order of what
/// is recorded matters for closures only (see [`Body::closure`]); which branch is taken does not matter.
///
/// A variable may be named in the function that declared it and in the closures inside; elsewhere it is a mistake of the
/// caller's, and every method here panics then.
#[derive(Debug)]
pub struct Body<'p> {
    program: &'p mut Program,
    /// The function and the closures that are open, outermost first.
    open: Vec<Open>,
    depth: u32,
    mark: Mark,
}

/// A function or closure whose body is being recorded.
#[derive(Debug)]
struct Open {
    body: u32,
    /// The depth at which it was begun in the function around it.
    depth: u32,
    /// The record of a closure.
    site: Option<Var>,
    /// What it has captured so far.
    captured: BTreeSet<Var>,
}

impl Program {
    /// Records what `function` does.
    ///
    /// # Panics
    /// If `function` is defined already, or external.
    pub fn define<R>(&mut self, function: Function, record: impl FnOnce(&mut Body<'_>) -> R) -> R {
        let known = &self.functions[function.0 as usize].known;
        assert!(matches!(known, Known::Nothing), "`{}` is defined twice", self.function_name(function));
        let (locs, ops) = (index(self.locs.len()), self.ops.len());
        let (mentions, captures) = (self.mentions.len(), self.captures.len());
        let body = index(self.bodies.len());
        self.bodies.push(BodyInfo { parent: None, params: Vec::new(), results: Vec::new() });
        let mut recorder = Body {
            program: self,
            open: vec![Open { body, depth: OUTSIDE_LOOPS, site: None, captured: BTreeSet::new() }],
            depth: OUTSIDE_LOOPS,
            mark: Mark::default(),
        };
        let value = record(&mut recorder);
        self.functions[function.0 as usize].known = Known::Body(Recorded {
            body,
            locs: locs..index(self.locs.len()),
            ops: ops..self.ops.len(),
            mentions: mentions..self.mentions.len(),
            captures: captures..self.captures.len(),
        });
        value
    }
}

impl Body<'_> {
    /// What is recorded from here on is at this place of the source.
    pub fn at(&mut self, mark: Mark) {
        self.mark = mark;
    }

    /// The next parameter.
    pub fn param(&mut self, name: &str, shape: Shape) -> Var {
        let var = self.add(name, Kind::Parameter, shape, OUTSIDE_LOOPS);
        self.info().params.push(var);
        var
    }

    /// The next result.
    pub fn result(&mut self, name: &str, shape: Shape) -> Var {
        let number = self.info().results.len();
        let var = self.add(name, Kind::Result(number), shape, OUTSIDE_LOOPS);
        self.program.locs[var.0 as usize].reassigned = true;
        self.info().results.push(var);
        var
    }

    /// A variable, declared at the present depth of loops.
    pub fn variable(&mut self, name: &str, shape: Shape) -> Var {
        self.add(name, Kind::Variable, shape, self.depth)
    }

    /// An allocation. Its [address](Var::address) is the pointer; [`Body::init`] puts something into the object.
    ///
    /// In a loop, it is a new object in each iteration, in the same place if it is on the stack.
    pub fn site(&mut self, name: &str, shape: Shape) -> Var {
        self.add(name, Kind::Site, shape, self.depth)
    }

    /// An allocation whose place, if on the stack, is kept until the function ends, whatever loop it is in: what it needs is
    /// reserved anew each time. What growing a list in a loop allocates is of this kind.
    pub fn lasting_site(&mut self, name: &str, shape: Shape) -> Var {
        self.add(name, Kind::Site, shape, WHOLE_FUNCTION)
    }

    /// Puts `var` on the heap.
    pub fn force(&mut self, var: Var, why: Why) {
        self.flow(Place::Heap, var.address(), why);
    }

    /// The first value of a variable, or something put into a new object before anybody else sees it.
    pub fn init(&mut self, var: Var, value: impl Into<Source>) {
        self.init_why(var, value, Why::Assign);
    }

    /// [`Body::init`] with a reason of the language.
    pub fn init_why(&mut self, var: Var, value: impl Into<Source>, why: Why) {
        self.first(var);
        self.flow(Place::Loc(var), value.into(), why);
    }

    /// Another value for a variable, or for a part of one.
    pub fn assign(&mut self, var: Var, value: impl Into<Source>) {
        self.assign_why(var, value, Why::Assign);
    }

    /// [`Body::assign`] with a reason of the language.
    pub fn assign_why(&mut self, var: Var, value: impl Into<Source>, why: Why) {
        self.changed(var);
        self.flow(Place::Loc(var), value.into(), why);
    }

    /// A variable gets another value that holds no reference: nothing flows, but a closure can no longer copy it.
    pub fn changed(&mut self, var: Var) {
        self.mention_var(var);
        self.program.locs[var.0 as usize].reassigned = true;
    }

    /// The variable is named here, and nothing flows. In a closure, it is captured.
    pub fn uses(&mut self, var: Var) {
        self.mention_var(var);
    }

    /// The address of a variable is taken, wherever it goes (also if nowhere): a closure cannot copy the variable.
    pub fn address_taken(&mut self, var: Var) {
        self.mention_source(var.address());
    }

    /// The closure that this value is may be called, with its results used, by somebody who is not known.
    pub fn calls(&mut self, closure: impl Into<Source>) {
        self.flow(Place::Called, closure.into(), Why::Callee);
    }

    /// The closure whose body is recorded here.
    #[must_use]
    pub fn this_closure(&self) -> Option<Closure> {
        let open = &self.open[self.open.len() - 1];
        open.site.map(|site| Closure { site, body: open.body })
    }

    /// `*pointer = value`, `pointer.field = value`, `slice[i] = value`. Nobody knows what the pointer points to, so the value goes
    /// to the heap.
    pub fn store(&mut self, pointer: impl Into<Source>, value: impl Into<Source>) {
        self.write(pointer);
        self.flow(Place::Heap, value.into(), Why::Store);
    }

    /// Something without references is written through `pointer`.
    pub fn write(&mut self, pointer: impl Into<Source>) {
        self.flow(Place::Written, pointer.into(), Why::Store);
    }

    /// The value goes where nothing is known of it: a global, a channel, another thread, an exception.
    pub fn leak(&mut self, value: impl Into<Source>, why: Why) {
        self.flow(Place::Heap, value.into(), why);
    }

    /// The closure runs when the function ends.
    pub fn defer(&mut self, closure: impl Into<Source>) {
        let closure = closure.into();
        if self.depth == OUTSIDE_LOOPS {
            self.mention_source(closure);
        } else {
            self.flow(Place::Heap, closure, Why::Defer);
        }
    }

    /// A call. `callees` are all that may be called; none at all counts as unknown. A result for which `results` has no target is
    /// unused.
    pub fn call(&mut self, callees: &[Callee], args: &[Source], results: &[Target]) {
        for callee in callees {
            match *callee {
                Callee::Function(function) => self.mention(function),
                Callee::Closure(closure) => self.mention_var(closure.site),
                Callee::Value(value) => self.mention_source(value),
                Callee::Unknown => {}
            }
        }
        for arg in args {
            self.mention_source(*arg);
        }
        for target in results {
            match *target {
                Target::Init(var) => self.first(var),
                Target::Assign(var) => self.changed(var),
                Target::Heap | Target::Unused => {}
            }
        }
        let program = &mut *self.program;
        let op = Op::Call {
            callees: extend(&mut program.callees, callees),
            args: extend(&mut program.args, args),
            results: extend(&mut program.targets, results),
            mark: self.mark,
        };
        program.ops.push(op);
    }

    /// The function is named here, and so is analysed before this one (or with it, if it names this one).
    pub fn mention(&mut self, function: Function) {
        self.program.mentions.push(function);
    }

    /// `return a, b`. Values past the last result go to the heap.
    pub fn give_back(&mut self, values: &[Source]) {
        for (number, value) in values.iter().enumerate() {
            let to = self.info().results.get(number).copied();
            self.flow(to.map_or(Place::Heap, Place::Loc), *value, Why::Return);
        }
    }

    /// Everything that may run again before the function ends: loops, and code between a label and a jump back to it.
    pub fn in_loop<R>(&mut self, record: impl FnOnce(&mut Self) -> R) -> R {
        self.depth += 1;
        let value = record(self);
        self.depth -= 1;
        value
    }

    /// A closure. What its body names of the functions around it, it captures.
    ///
    /// A variable is copied into the closure's record if it is small ([`Limits::copy`](crate::limits::Limits::copy)), nobody
    /// takes its address, and nobody changes it after it was first captured. Otherwise the record refers to it. So what happens
    /// before a closure is to be recorded before it.
    ///
    /// A function literal that captures nothing is better [declared](Program::declare) as a function.
    pub fn closure<R>(
        &mut self,
        name: &str,
        shape: Shape,
        record: impl FnOnce(&mut Self) -> R,
    ) -> (Closure, R) {
        let site = self.add(name, Kind::Closure, shape, self.depth);
        let body = index(self.program.bodies.len());
        let parent = Some(self.body());
        self.program.bodies.push(BodyInfo { parent, params: Vec::new(), results: Vec::new() });
        self.program.locs[site.0 as usize].closure = body;
        self.open.push(Open { body, depth: self.depth, site: Some(site), captured: BTreeSet::new() });
        let outside = std::mem::replace(&mut self.depth, OUTSIDE_LOOPS);
        let value = record(self);
        self.depth = outside;
        self.open.pop();
        (Closure { site, body }, value)
    }

    /// A first value that comes after a closure has captured the variable, or may come more than once, is a change like any other.
    fn first(&mut self, var: Var) {
        self.mention_var(var);
        let again = self.depth > self.program.loc(var).depth;
        let loc = &mut self.program.locs[var.0 as usize];
        loc.reassigned |= loc.captured || again;
    }

    fn body(&self) -> u32 {
        self.open[self.open.len() - 1].body
    }

    fn info(&mut self) -> &mut BodyInfo {
        let body = self.body();
        &mut self.program.bodies[body as usize]
    }

    fn add(&mut self, name: &str, kind: Kind, shape: Shape, depth: u32) -> Var {
        let start = self.program.names.len();
        self.program.names.push_str(name);
        let loc = Loc {
            name: start..self.program.names.len(),
            body: self.body(),
            depth,
            kind,
            shape,
            mark: self.mark,
            closure: u32::MAX,
            captured: false,
            reassigned: false,
            addressed: false,
        };
        let var = Var(index(self.program.locs.len()));
        self.program.locs.push(loc);
        var
    }

    fn flow(&mut self, to: Place, from: Source, why: Why) {
        self.mention_source(from);
        self.program.ops.push(Op::Flow { to, from, why, mark: self.mark });
    }

    fn mention_source(&mut self, source: Source) {
        self.mention_var(source.var);
        if source.derefs < 0 {
            self.program.locs[source.var.0 as usize].addressed = true;
        }
    }

    /// Sees to it that all open closures inside of the function of `var` have captured it.
    fn mention_var(&mut self, var: Var) {
        let owner = self.program.loc(var).body;
        if owner == self.body() {
            return;
        }
        let Some(at) = self.open.iter().position(|open| open.body == owner) else {
            panic!("`{}` is not a variable of this function or of one around it", self.program.name(var));
        };
        for open in &mut self.open[at + 1..] {
            let Some(site) = open.site.filter(|_| open.captured.insert(var)) else { continue };
            let loc = &mut self.program.locs[var.0 as usize];
            if !loc.captured {
                loc.captured = true;
                if loc.depth == open.depth {
                    // What was assigned before is past: the closure is made after it, and nothing between runs again.
                    loc.reassigned = false;
                }
            }
            self.program.captures.push(Captured { site, var, mark: self.mark });
        }
    }
}

fn extend<T: Copy>(all: &mut Vec<T>, new: &[T]) -> Range<usize> {
    let start = all.len();
    all.extend_from_slice(new);
    start..all.len()
}
