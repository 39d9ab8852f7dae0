//! The flows of a program, told to the core.
//!
//! Instructions are read once, in their order, beside a stack of core variables: one for each value that is pushed, which is the
//! local variable too if the value stays. Where two ways meet, the two values on top become one.
//!
//! What the core calls a loop is a loop, or a scope with a captured variable: such a variable's place on the stack is another's
//! when the scope ends, so a closure that has captured it must not outlive the scope, as one of a loop must not outlive its turn.
//!
//! A method is a function of its own for the core, also if it has captured something, for what is captured by a method is forced
//! into the heap. So is a function that captures nothing. Other functions are closures of the function around them.

use super::facts::{Begins, Facts, Global};
use crate::draft::Draft;
use crate::object::Capture;
use crate::op::Op;
use heap_escape::{Body, Callee, Function, Limits, Program, Shape, Source, Target, Var, Why};
use std::collections::BTreeSet;
use std::ops::Range;

/// What a value looks like to the core: a word that may be a reference.
const WORD: Shape = Shape { bytes: 8, align: 8, references: true };

/// What a site makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Makes {
    /// A closure of the function of this draft.
    Closure(usize),
    /// An instance of this class.
    Instance(usize),
}

/// An instruction that allocates.
#[derive(Clone, Copy, Debug)]
pub(super) struct SiteAt {
    pub(super) draft: usize,
    pub(super) op: usize,
    pub(super) var: Var,
    pub(super) makes: Makes,
}

/// A field that is assigned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Assigned {
    pub(super) name: usize,
    /// The method whose `this` has it; none for any other receiver.
    pub(super) this_of: Option<usize>,
}

/// What was recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) program: Program,
    pub(super) sites: Vec<SiteAt>,
    /// Instructions that end the scope of a captured variable: draft, instruction, variable.
    pub(super) ends: Vec<(usize, usize, Var)>,
    /// By draft: what it captures, as far as the core knows it.
    pub(super) captures: Vec<Vec<Option<Var>>>,
    pub(super) fields: BTreeSet<Assigned>,
}

/// Records a program. Sites of crowded functions are forced into the heap.
pub(super) fn record(shelf: &[Draft<'_, '_>], facts: &Facts, crowded: &[bool]) -> Recorded {
    let mut program = Program::new(Limits::default());
    let functions: Vec<Option<Function>> = shelf
        .iter()
        .map(|draft| (draft.is_method() || draft.captures.is_empty()).then(|| program.declare("")))
        .collect();
    let mut recorder = Recorder {
        shelf,
        facts,
        crowded,
        functions: &functions,
        sites: Vec::new(),
        ends: Vec::new(),
        captures: shelf.iter().map(|draft| vec![None; draft.captures.len()]).collect(),
        fields: BTreeSet::new(),
    };
    for (number, function) in functions.iter().enumerate() {
        if let Some(function) = function {
            program.define(*function, |body| recorder.function(body, number));
        }
    }
    let Recorder { sites, ends, captures, fields, .. } = recorder;
    Recorded { program, sites, ends, captures, fields }
}

struct Recorder<'a, 's, 'gc> {
    shelf: &'a [Draft<'s, 'gc>],
    facts: &'a Facts,
    crowded: &'a [bool],
    functions: &'a [Option<Function>],
    sites: Vec<SiteAt>,
    ends: Vec<(usize, usize, Var)>,
    captures: Vec<Vec<Option<Var>>>,
    fields: BTreeSet<Assigned>,
}

/// What is known of a value beside where it flows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    Nothing,
    /// It is the receiver of the method.
    This,
    /// It was just read from this global variable.
    Global(usize),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    var: Var,
    known: Known,
}

/// A function that is being read.
struct Walk {
    draft: usize,
    stack: Vec<Entry>,
    /// Values on top where a jump leads to.
    pending: Vec<(usize, Var)>,
    /// Loops, outer ones first.
    loops: Vec<Range<usize>>,
    /// The next of them.
    next: usize,
}

impl Walk {
    fn top(&self) -> Var {
        self.stack[self.stack.len() - 1].var
    }

    fn pop(&mut self) -> Entry {
        self.stack.pop().expect("the compiler pops what it has pushed")
    }

    fn push(&mut self, body: &mut Body<'_>) -> Var {
        let var = body.variable("", WORD);
        self.stack.push(Entry { var, known: Known::Nothing });
        var
    }

    /// Notes what is known of the value on top.
    fn know(&mut self, known: Known) {
        if let Some(top) = self.stack.last_mut() {
            top.known = known;
        }
    }

    fn push_copy(&mut self, body: &mut Body<'_>, of: Var) {
        let var = self.push(body);
        body.init(var, of);
    }
}

impl Recorder<'_, '_, '_> {
    fn function(&mut self, body: &mut Body<'_>, number: usize) {
        let draft = &self.shelf[number];
        let stack = (0..=draft.arity).map(|_| Entry { var: body.param("", WORD), known: Known::Nothing });
        let mut walk =
            Walk { draft: number, stack: stack.collect(), pending: Vec::new(), loops: loops(draft), next: 0 };
        body.result("", WORD);
        self.ops(body, &mut walk, 0..draft.ops.len());
    }

    fn ops(&mut self, body: &mut Body<'_>, walk: &mut Walk, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            if let Some(inner) = walk.loops.get(walk.next).cloned().filter(|inner| inner.start == at) {
                walk.next += 1;
                at = inner.end;
                body.in_loop(|body| self.ops(body, walk, inner));
            } else {
                meet(body, walk, at);
                self.op(body, walk, at);
                at += 1;
            }
        }
    }

    fn op(&mut self, body: &mut Body<'_>, walk: &mut Walk, at: usize) {
        let draft = &self.shelf[walk.draft];
        match draft.ops[at] {
            Op::Constant(_) | Op::Nil | Op::True | Op::False | Op::Class(_) => _ = walk.push(body),
            Op::Pop | Op::Inherit | Op::Print => _ = walk.pop(),
            Op::GetLocal(index) => {
                walk.push_copy(body, walk.stack[usize::from(index)].var);
                if index == 0 && draft.is_method() {
                    walk.know(Known::This);
                }
            }
            Op::SetLocal(index) => body.assign(walk.stack[usize::from(index)].var, walk.top()),
            Op::GetGlobal(constant) => {
                walk.push(body);
                if let Some(global) = draft.global(constant) {
                    walk.know(Known::Global(global));
                }
            }
            Op::SetGlobal(_) => body.leak(walk.top(), Why::Other("assigned to a global variable")),
            Op::DefineGlobal(_) => body.leak(walk.pop().var, Why::Other("assigned to a global variable")),
            Op::GetUpvalue(index) => match self.captures[walk.draft][usize::from(index)] {
                Some(var) => walk.push_copy(body, var),
                None => _ = walk.push(body),
            },
            Op::SetUpvalue(index) => match self.captures[walk.draft][usize::from(index)] {
                Some(var) => body.assign(var, walk.top()),
                None => {
                    body.leak(walk.top(), Why::Other("assigned to a variable that a method has captured"));
                }
            },
            Op::GetProperty(name) => {
                let receiver = walk.pop();
                if self.facts.methods(draft.text(name)).is_none_or(|methods| !methods.is_empty()) {
                    body.leak(receiver.var, Why::Other("receiver of a method that may be kept"));
                }
                // A field holds nothing that is not in the heap: see `SetProperty`.
                walk.push(body);
            }
            Op::SetProperty(name) => {
                let (value, receiver) = (walk.pop(), walk.pop());
                body.store(receiver.var, value.var);
                let this_of = (receiver.known == Known::This).then_some(walk.draft);
                self.fields.insert(Assigned { name: draft.text(name), this_of });
                walk.push_copy(body, value.var);
            }
            Op::GetSuper(_) => {
                walk.pop();
                body.leak(walk.pop().var, Why::Other("receiver of a method that may be kept"));
                walk.push(body);
            }
            Op::Equal
            | Op::NotEqual
            | Op::Greater
            | Op::GreaterEqual
            | Op::Less
            | Op::LessEqual
            | Op::Add
            | Op::Subtract
            | Op::Multiply
            | Op::Divide => {
                walk.pop();
                walk.pop();
                walk.push(body);
            }
            Op::Not | Op::Negate => {
                walk.pop();
                walk.push(body);
            }
            Op::Jump(distance) | Op::JumpIfFalse(distance) => {
                walk.pending.push((at + 1 + usize::from(distance), walk.top()));
            }
            Op::Branch(distance) => {
                walk.pop();
                walk.pending.push((at + 1 + usize::from(distance), walk.top()));
            }
            Op::Loop(_) => {}
            Op::Closure(constant) => {
                let inner = draft.functions.iter().find(|(known, _)| *known == constant);
                self.closure(body, walk, at, inner.expect("the constant is a function").1);
            }
            Op::CloseUpvalue => self.ends.push((walk.draft, at, walk.pop().var)),
            Op::Return => body.give_back(&[walk.pop().var.value()]),
            Op::Method(_) => body.leak(walk.pop().var, Why::Other("method of a class")),
            Op::Call(count) => self.call(body, walk, at, usize::from(count)),
            Op::Invoke(name, count) => {
                let args = operands(walk, usize::from(count) + 1);
                let name = draft.text(name);
                self.invoke(body, walk, name, &args, self.facts.may_be_field(name));
            }
            Op::SuperInvoke(name, count) => {
                walk.pop();
                let args = operands(walk, usize::from(count) + 1);
                self.invoke(body, walk, draft.text(name), &args, false);
            }
            Op::Room(_)
            | Op::ReturnNear(_)
            | Op::NearClosure(..)
            | Op::CallNear(..)
            | Op::GetCopy(_)
            | Op::GetNearCopy(_)
            | Op::GetPlace(_)
            | Op::SetPlace(_)
            | Op::GetNearCell(_)
            | Op::SetNearCell(_)
            | Op::ClosureWatched(..)
            | Op::CallWatched(..)
            | Op::CloseWatched
            | Op::ReturnWatched => unreachable!("they are put in afterwards"),
        }
    }

    fn site(&mut self, body: &mut Body<'_>, site: SiteAt) {
        if self.crowded[site.draft] {
            body.force(site.var, Why::Other("too many in one call"));
        }
        self.sites.push(site);
    }

    fn closure(&mut self, body: &mut Body<'_>, walk: &mut Walk, op: usize, inner: usize) {
        let draft = &self.shelf[inner];
        // The variable of a function's own name is the place where its closure will be.
        let var = walk.push(body);
        let captured: Vec<Option<Var>> = draft
            .captures
            .iter()
            .map(|capture| match *capture {
                Capture::Local(index) => Some(walk.stack[usize::from(index)].var),
                Capture::Upvalue(index) => self.captures[walk.draft][usize::from(index)],
                Capture::LocalPlace(_) | Capture::LocalCopy(_) | Capture::NearUpvalue(_) => {
                    unreachable!("they are put in afterwards")
                }
            })
            .collect();
        if draft.is_method() {
            captured
                .into_iter()
                .flatten()
                .for_each(|var| body.force(var, Why::Other("captured by a method")));
            return;
        }
        let site = if self.functions[inner].is_some() {
            body.site("closure", WORD)
        } else {
            self.captures[inner] = captured;
            let (closure, ()) = body.closure("closure", WORD, |body| self.function(body, inner));
            closure.site()
        };
        body.init(var, site.address());
        self.site(body, SiteAt { draft: walk.draft, op, var: site, makes: Makes::Closure(inner) });
    }

    fn call(&mut self, body: &mut Body<'_>, walk: &mut Walk, op: usize, count: usize) {
        let mut args = operands(walk, count + 1);
        let callee = args[0];
        let known = match callee.known {
            Known::Global(global) => self.facts.global(global),
            Known::Nothing | Known::This => None,
        };
        match known {
            Some(Global::Function(draft)) if self.functions[draft].is_some() => {
                let function = self.functions[draft].map_or(Callee::Unknown, Callee::Function);
                give(body, walk, &[function], &args);
            }
            Some(Global::Class(class)) => {
                let initializer = match self.facts.begins(class) {
                    Some(Begins::Nothing) => None,
                    Some(Begins::With(draft)) => {
                        Some(self.functions[draft].map_or(Callee::Unknown, Callee::Function))
                    }
                    None => Some(Callee::Unknown),
                };
                let site = body.site("instance", WORD);
                args.remove(0);
                let mut sources = vec![site.address()];
                sources.extend(args.iter().map(|arg| arg.var.value()));
                // What a class gives is the instance, whatever its initializer does.
                let result = walk.push(body);
                body.init(result, site.address());
                if let Some(initializer) = initializer {
                    body.call(&[initializer], &sources, &[Target::Unused]);
                }
                self.site(body, SiteAt { draft: walk.draft, op, var: site, makes: Makes::Instance(class) });
            }
            Some(Global::Function(_)) | None => {
                args.remove(0);
                give(body, walk, &[Callee::Value(callee.var.value())], &args);
            }
        }
    }

    /// A call of a method, of which the name is known; the receiver is the first argument.
    fn invoke(
        &mut self,
        body: &mut Body<'_>,
        walk: &mut Walk,
        name: usize,
        args: &[Entry],
        may_be_field: bool,
    ) {
        let mut callees = Vec::new();
        for method in self.facts.methods(name).unwrap_or_default() {
            callees.push(self.functions[*method].map_or(Callee::Unknown, Callee::Function));
        }
        if may_be_field || callees.is_empty() {
            callees.push(Callee::Unknown);
        }
        give(body, walk, &callees, args);
    }
}

/// Takes so many values off the stack, the lowest first.
fn operands(walk: &mut Walk, count: usize) -> Vec<Entry> {
    walk.stack.split_off(walk.stack.len() - count)
}

/// A call whose result is pushed.
fn give(body: &mut Body<'_>, walk: &mut Walk, callees: &[Callee], args: &[Entry]) {
    let args: Vec<Source> = args.iter().map(|arg| arg.var.value()).collect();
    let result = walk.push(body);
    body.call(callees, &args, &[Target::Init(result)]);
}

/// The value on top is one of those with which a jump leads here.
fn meet(body: &mut Body<'_>, walk: &mut Walk, at: usize) {
    while let Some(index) = walk.pending.iter().position(|(target, _)| *target == at) {
        let (_, other) = walk.pending.swap_remove(index);
        let top = walk.pop();
        if other == top.var {
            walk.stack.push(top);
        } else {
            let both = walk.push(body);
            body.init(both, top.var);
            body.assign(both, other);
        }
    }
}

/// The loops and the scopes with captured variables of a function, each inside another or apart from it, outer ones first.
fn loops(draft: &Draft<'_, '_>) -> Vec<Range<usize>> {
    let mut all = draft.scopes.clone();
    for (at, op) in draft.ops.iter().enumerate() {
        if let Op::Loop(distance) = op {
            all.push(at + 1 - usize::from(*distance)..at + 1);
        }
    }
    all.sort_by_key(|range| (range.start, usize::MAX - range.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for range in all {
        while open.last().is_some_and(|&last| apart[last].end <= range.start) {
            open.pop();
        }
        match open.last() {
            // The two loops of a `for`, of which one is the turn and one the increment, are one.
            Some(&last) if apart[last].end < range.end => {
                open.iter().for_each(|&at| apart[at].end = apart[at].end.max(range.end));
            }
            _ => {
                open.push(apart.len());
                apart.push(range);
            }
        }
    }
    apart
}
