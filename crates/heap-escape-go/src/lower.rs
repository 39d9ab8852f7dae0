//! Lowering: tells the core what each function does with values.
//!
//! An expression is evaluated into a [`Hole`](hole::Hole): the place where its value goes, with the loads on the way. So `p = **q` gives `q` to the
//! hole of `p` with two loads, and `&x` gives `x` to it with one load less than none.
//!
//! What the compiler would print of it is kept beside ([`Record`]), and judged when the analysis is done.

mod hole;
mod note;
mod expr;
mod call;
mod stmt;
mod deferred;
mod selfassign;
mod stat;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use heap_escape::{Body, Closure, Function, Limits, Mark, Program, Shape, Tag, Var};

use crate::check::{Bodyless, Checker};
use crate::ir::{Code, FuncId, FuncInfo, LitId, LitInfo, NodeKind, St, Target, VarId, VarInfo};
use crate::print::Printer;
use crate::source::Pos;
use crate::types::{NamedId, Ty, Types};

pub(crate) use note::{Note, Of};

/// A line that may be printed.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) pos: Pos,
    /// The name of the function.
    pub(crate) function: Rc<str>,
    pub(crate) what: What,
}

/// Of a parameter of a method of values: the method of pointers that is made of that.
#[derive(Clone, Debug)]
pub(crate) struct Wrapped {
    /// The name of that one.
    pub(crate) function: String,
    /// The call in it.
    pub(crate) call: String,
    pub(crate) is_receiver: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A variable, with its name.
    Var(Var, String),
    /// A parameter, with its name, and the names of the results.
    Param(Var, String, Vec<String>, Option<Wrapped>),
    /// Something allocated, as it is quoted.
    Site(Var, String),
    /// The same, of which more is told if nothing is written to it.
    Bytes(Var, String),
    /// A variable that a closure captures, with its name and its size in bytes.
    Captured(Var, String, u64),
    /// A closure around a call that is put off: only its reason is told.
    Wrapper(Var),
    /// Something that needs no judgement.
    Told(String),
}

/// The program as the core has it, and what may be said of it.
pub(crate) struct Lowered<'c, 'a> {
    pub(crate) program: Program,
    pub(crate) records: Vec<Record>,
    /// Why values flow: a mark of the core is the number of the last note.
    pub(crate) notes: Vec<Note<'c, 'a>>,
    pub(crate) printer: Printer<'c, 'a>,
    pub(crate) shown: HashSet<Var>,
}

/// How a function literal is called where it is known.
#[derive(Clone, Copy, Debug)]
enum Known {
    Function(Function),
    Closure(Closure),
}

struct Lower<'c, 'a> {
    types: &'c Types<'a>,
    funcs: &'c [FuncInfo],
    vars: &'c [VarInfo<'a>],
    lits: &'c [LitInfo<'a>],
    functions: HashMap<FuncId, Function>,
    literals: HashMap<LitId, Known>,
    /// Literals that capture nothing, whose bodies are still to be told.
    queue: Vec<(LitId, String)>,
    locals: HashMap<VarId, Var>,
    /// The values of something that has several, by the node.
    parts: HashMap<*const crate::ir::Node<'a>, Vec<Option<Var>>>,
    records: Vec<Record>,
    notes: RefCell<Vec<Note<'c, 'a>>>,
    /// The name of the function, for messages.
    function: Rc<str>,
    /// Whether it is a literal, and how many literals it has so far.
    is_literal: bool,
    inner: u32,
    /// How many calls it has put off so far.
    put_off: u32,
    /// Of a loop over a function: the number of such loops so far, and where its body puts what it returns.
    loops_over: u32,
    returned: BTreeMap<VarId, Var>,
    /// The places without a name that reasons name all the same.
    shown: HashSet<Var>,
    /// The names of the functions that variables belong to.
    homes: HashMap<VarId, Rc<str>>,
    /// The labels of the function that are jumped back to.
    loops: Vec<&'a str>,
    depth: u32,
    /// The methods of declared types: the function, and whether the receiver is a pointer.
    methods: HashMap<(NamedId, &'a str), (FuncId, bool)>,
}

/// Tells a program to the core.
pub(crate) fn lower<'c, 'a>(checker: &'c Checker<'a>) -> Lowered<'c, 'a> {
    let mut lower = Lower {
        types: &checker.types,
        funcs: &checker.funcs,
        vars: &checker.vars,
        lits: &checker.lits,
        functions: HashMap::new(),
        literals: HashMap::new(),
        queue: Vec::new(),
        locals: HashMap::new(),
        parts: HashMap::new(),
        records: Vec::new(),
        notes: RefCell::new(vec![Note { before: 0, of: Of::Nothing, why: "", pos: Pos::default() }]),
        function: Rc::from(""),
        is_literal: false,
        inner: 0,
        put_off: 0,
        loops_over: 0,
        returned: BTreeMap::new(),
        shown: HashSet::new(),
        homes: HashMap::new(),
        loops: Vec::new(),
        depth: 1,
        methods: checker.methods(),
    };
    let (codes, init) = (&checker.codes, &checker.init);
    let mut program = Program::new(Limits::default());
    lower.declare(&mut program, codes, &checker.bodyless);
    for (func, code) in codes {
        let (records, notes) = (lower.records.len(), lower.notes.borrow().len());
        lower.begin(&checker.funcs[func.0 as usize].text, false);
        if let Some(function) = lower.functions.get(func).copied() {
            let uintptrs = checker.funcs[func.0 as usize].uintptrs;
            program.define(function, |body| lower.code_of(body, code, uintptrs));
        }
        lower.queued(&mut program);
        if !checker.told.contains(func) {
            // Nobody asks what is said of it, nor why.
            lower.records.truncate(records);
            lower.notes.borrow_mut().truncate(notes);
        }
    }
    if !init.is_empty() {
        let function = program.declare("init");
        lower.begin("init", false);
        program.define(function, |body| lower.init(body, init));
        lower.queued(&mut program);
    }
    let Lower { records, notes, types, funcs, vars, shown, .. } = lower;
    Lowered { program, records, notes: notes.into_inner(), printer: Printer { types, funcs, vars }, shown }
}

impl<'c, 'a> Lower<'c, 'a> {
    fn declare(&mut self, program: &mut Program, codes: &'c [(FuncId, Code<'a>)], bodyless: &[Bodyless<'a>]) {
        for (func, _) in codes {
            let function = program.declare(&self.funcs[func.0 as usize].text);
            self.functions.insert(*func, function);
        }
        for outside in bodyless {
            let records = self.records.len();
            let tags = self.outside(outside);
            if !outside.told {
                self.records.truncate(records);
            }
            let function = program.external(&self.funcs[outside.func.0 as usize].text, &tags);
            self.functions.insert(outside.func, function);
        }
        for (number, info) in self.funcs.iter().enumerate() {
            let func = FuncId(u32::try_from(number).unwrap_or(u32::MAX));
            if let Some(tags) = &info.tags {
                let tags = if info.dict.is_some() { self.instance_tags(info, tags) } else { tags.clone() };
                self.functions.insert(func, program.external(&info.text, &tags));
            }
        }
        for (number, lit) in self.lits.iter().enumerate() {
            if lit.captures.is_empty() && !lit.code.is_loop {
                let id = LitId(u32::try_from(number).unwrap_or(u32::MAX));
                self.literals.insert(id, Known::Function(program.declare("func literal")));
            }
        }
    }

    /// The tags of an instance, of which the table knows those of one with pointers: without them, nothing flows out of the elements.
    fn instance_tags(&mut self, info: &FuncInfo, tags: &[Tag]) -> Vec<Tag> {
        let types = self.types.func(info.ty).map_or_else(Vec::new, |func| func.params.clone());
        // A receiver has no type here, and keeps its tag.
        let skipped = tags.len().saturating_sub(types.len());
        let mut all = tags.to_vec();
        for (tag, ty) in all[skipped..].iter_mut().zip(types) {
            let of = self.types.slice_elem(ty).or_else(|| self.types.pointee(ty));
            let Some(of) = of else { continue };
            if self.types.has_references(of) {
                continue;
            }
            let mut kept = Tag::NOWHERE.to_written(0).to_called(0);
            if tag.heap() == Some(0) {
                kept = kept.to_heap(0);
            }
            for result in 0..heap_escape::tag::RESULTS {
                if tag.result(result) == Some(0) {
                    kept = kept.to_result(result, 0);
                }
            }
            *tag = kept;
        }
        all
    }

    /// The tags of a function without a body, and what is said of its parameters.
    fn outside(&mut self, outside: &Bodyless<'a>) -> Vec<Tag> {
        let mut tags = Vec::new();
        for (number, (name, pos, ty)) in outside.params.iter().enumerate() {
            let references = self.types.has_references(*ty);
            let leaks = references && !outside.noescape;
            tags.push(if leaks { Tag::LEAKS } else { Tag::NOWHERE.to_written(0).to_called(0) });
            let is_named = name.is_some();
            let name = param_name(name.unwrap_or(""), number);
            if *ty == Ty::UINTPTR {
                self.tell(*pos, format!("assuming {name} is unsafe uintptr"));
            } else if !is_named {
            } else if leaks {
                self.tell(*pos, format!("leaking param: {name}"));
            } else if references {
                self.tell(*pos, format!("{name} does not escape"));
            }
        }
        tags
    }

    /// Begins a function with this name.
    fn begin(&mut self, name: &str, is_literal: bool) {
        self.function = Rc::from(name);
        (self.is_literal, self.inner, self.loops_over, self.put_off) = (is_literal, 0, 0, 0);
        self.returned.clear();
    }

    fn tell(&mut self, pos: Pos, words: String) {
        self.record(pos, What::Told(words));
    }

    fn record(&mut self, pos: Pos, what: What) {
        self.records.push(Record { pos, function: Rc::clone(&self.function), what });
    }

    fn printer(&self) -> Printer<'c, 'a> {
        Printer { types: self.types, funcs: self.funcs, vars: self.vars }
    }

    fn code(&mut self, body: &mut Body<'_>, code: &'c Code<'a>) {
        self.code_of(body, code, false);
    }

    /// The code of a function, and whether numbers that are given to it are addresses.
    fn code_of(&mut self, body: &mut Body<'_>, code: &'c Code<'a>, uintptrs: bool) {
        self.depth = 1;
        let around = std::mem::replace(&mut self.loops, loops(&code.body));
        let results: Vec<String> = code
            .results
            .iter()
            .enumerate()
            .map(|(i, var)| match &self.vars[var.0 as usize] {
                VarInfo { name: "" | "_", .. } => format!("~r{i}"),
                info => info.text().into_owned(),
            })
            .collect();
        // Of the parameters of a generic function's shape, nothing is told.
        let shaped = self.function.contains("[go.shape.");
        let wrapped = self.wrapped(code);
        for (number, var) in code.params.iter().enumerate() {
            let info = &self.vars[var.0 as usize];
            let shape = self.shape(info.ty);
            if uintptrs {
                let name = param_name(&info.text(), number);
                if self.types.underlying(info.ty) == Ty::UINTPTR {
                    self.tell(info.pos, format!("marking {name} as escaping uintptr"));
                } else if self.types.slice_elem(info.ty) == Some(Ty::UINTPTR) {
                    self.tell(info.pos, format!("marking {name} as escaping ...uintptr"));
                }
            }
            body.at(Mark::default());
            let param = body.param(&info.text(), shape);
            self.locals.insert(*var, param);
            self.homes.insert(*var, Rc::clone(&self.function));
            let name = if code.is_loop && matches!(info.name, "" | "_") {
                format!("#p{}", number + 1)
            } else {
                info.text().into_owned()
            };
            let marked = uintptrs && self.types.slice_elem(info.ty) == Some(Ty::UINTPTR);
            let what = if shape.references && !marked && !shaped && !matches!(&*name, "" | "_") {
                let wrapped = wrapped.as_ref().map(|(function, call)| Wrapped {
                    function: function.clone(),
                    call: call.clone(),
                    is_receiver: number == 0,
                });
                What::Param(param, name, results.clone(), wrapped)
            } else {
                What::Var(param, name)
            };
            self.record(info.pos, what);
        }
        for (var, name) in code.results.iter().zip(&results) {
            let info = &self.vars[var.0 as usize];
            let shape = self.shape(info.ty);
            body.at(Mark::default());
            let result = body.result(name, shape);
            self.locals.insert(*var, result);
            self.homes.insert(*var, Rc::clone(&self.function));
            self.record(info.pos, What::Var(result, name.clone()));
        }
        self.stmts(body, &code.body);
        self.loops = around;
    }

    /// The name of the method of pointers that is made of this method of values, and the call in it.
    fn wrapped(&self, code: &Code<'a>) -> Option<(String, String)> {
        let (of, method) = self.function.split_once('.')?;
        if self.is_literal || of.starts_with('(') || of.contains('[') {
            return None;
        }
        let names: Vec<_> = code.params.iter().map(|var| self.vars[var.0 as usize].text()).collect();
        Some((format!("(*{of}).{method}"), format!("{}({})", self.function, names.join(", "))))
    }

    /// The values of the package's variables: what the compiler does not lay out beforehand is code.
    fn init(&mut self, body: &mut Body<'_>, init: &'c [St<'a>]) {
        self.depth = 1;
        for st in init {
            if let St::Assign { lhs, rhs, .. } = st {
                for (i, x) in rhs.iter().enumerate() {
                    let blank = matches!(lhs.get(i), Some(Target::Place(place))
                        if matches!(&place.kind, NodeKind::Global(name) if &**name == "_"));
                    if blank {
                        self.not_kept(body, x);
                    } else {
                        let name = match lhs.get(i) {
                            Some(Target::Place(place)) if rhs.len() == lhs.len() => Some(place),
                            _ => None,
                        };
                        self.laid_out_in(body, x, name);
                    }
                }
            }
        }
    }

    /// Tells the bodies of literals that captured nothing.
    fn queued(&mut self, program: &mut Program) {
        while let Some((id, name)) = self.queue.pop() {
            let lits = self.lits;
            self.begin(&name, true);
            if let Some(Known::Function(function)) = self.literals.get(&id).copied() {
                program.define(function, |body| self.code(body, &lits[id.0 as usize].code));
            }
        }
    }

    fn shape(&mut self, ty: Ty) -> Shape {
        match self.types.layout(ty) {
            Some(layout) => {
                Shape { bytes: layout.bytes, align: layout.align.max(1), references: layout.references }
            }
            None => Shape::references(8),
        }
    }

    /// The location of a variable: it is declared where it is first seen.
    fn local(&mut self, body: &mut Body<'_>, var: VarId) -> Var {
        if let Some(local) = self.locals.get(&var) {
            return *local;
        }
        self.new_local(body, var)
    }

    fn new_local(&mut self, body: &mut Body<'_>, var: VarId) -> Var {
        let info = &self.vars[var.0 as usize];
        let shape = self.shape(info.ty);
        body.at(Mark::default());
        let local = body.variable(&info.text(), shape);
        self.locals.insert(var, local);
        self.homes.insert(var, Rc::clone(&self.function));
        self.record(info.pos, What::Var(local, info.text().into_owned()));
        local
    }

    fn in_loop(&mut self, body: &mut Body<'_>, tell: impl FnOnce(&mut Self, &mut Body<'_>)) {
        self.depth += 1;
        body.in_loop(|body| tell(self, body));
        self.depth -= 1;
    }
}

/// The name of a parameter, which may have none.
fn param_name(name: &str, number: usize) -> String {
    if matches!(name, "" | "_") { format!("~p{number}") } else { name.to_owned() }
}

/// The labels that a later statement jumps back to.
fn loops<'a>(body: &[St<'a>]) -> Vec<&'a str> {
    fn walk<'a>(body: &[St<'a>], seen: &mut Vec<&'a str>, back: &mut Vec<&'a str>) {
        for st in body {
            match st {
                St::Label(name) => seen.push(name),
                St::Goto(name) if seen.contains(name) => back.push(name),
                St::Block(body) | St::For { body, .. } => walk(body, seen, back),
                St::If { then, other, .. } => {
                    walk(then, seen, back);
                    walk(other, seen, back);
                }
                St::Range(range) => walk(&range.body, seen, back),
                St::Switch { cases, .. } => cases.iter().for_each(|case| walk(&case.body, seen, back)),
                St::TypeSwitch { cases, .. } => cases.iter().for_each(|case| walk(&case.body, seen, back)),
                St::Select(cases) => cases.iter().for_each(|(_, body)| walk(body, seen, back)),
                _ => {}
            }
        }
    }
    let (mut seen, mut back) = (Vec::new(), Vec::new());
    walk(body, &mut seen, &mut back);
    back
}
