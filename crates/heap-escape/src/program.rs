//! The program that is analysed: variables, sites, functions and what they do, as recorded.
//!
//! Everything is kept in a few long vectors; a [`Var`] or [`Function`] is an index. Recording is done by
//! [`Body`](crate::body::Body). Nothing is decided here.

use std::ops::Range;

use crate::limits::{Limits, Shape};
use crate::tag::Tag;
use crate::why::{Mark, Why};

/// A variable, a parameter, a result or a site of a [`Program`]. It belongs to the program that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Var(pub(crate) u32);

/// A function of a [`Program`]. It belongs to the program that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Function(pub(crate) u32);

/// A closure: the site of its record, and its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closure {
    pub(crate) site: Var,
    pub(crate) body: u32,
}

impl Closure {
    /// The site of the closure's record, which holds what it captured.
    #[must_use]
    pub fn site(self) -> Var {
        self.site
    }

    /// The closure as a value: the address of its record.
    #[must_use]
    pub fn value(self) -> Source {
        self.site.address()
    }
}

/// A value: the address of a variable, its value, or what a number of loads from there give.
///
/// ```text
///   address -1    &x
///   value    0     x
///   load     1    *x
///            2   **x
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    pub(crate) var: Var,
    pub(crate) derefs: i16,
}

impl Var {
    /// Its address. For a site: the pointer that the allocation gave.
    #[must_use]
    pub fn address(self) -> Source {
        Source { var: self, derefs: -1 }
    }

    /// Its value. For a site: what the object holds.
    #[must_use]
    pub fn value(self) -> Source {
        Source { var: self, derefs: 0 }
    }

    /// What it points to.
    #[must_use]
    pub fn load(self) -> Source {
        self.value().load()
    }
}

impl Source {
    /// What this points to.
    #[must_use]
    pub fn load(self) -> Self {
        // Errs low where there are too many, so that more is held for leaked.
        Self { derefs: self.derefs.saturating_add(1), ..self }
    }
}

impl From<Var> for Source {
    fn from(var: Var) -> Self {
        var.value()
    }
}

impl From<Closure> for Source {
    fn from(closure: Closure) -> Self {
        closure.value()
    }
}

/// Where the result of a call goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Into a variable, as its first value.
    Init(Var),
    /// Into a variable, as another value.
    Assign(Var),
    /// To the heap: a global, a channel, the inside of a map, through a pointer.
    Heap,
    /// Nobody uses it.
    Unused,
}

/// What a call calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callee {
    /// A function of the program.
    Function(Function),
    /// A closure of the function that calls, known when the program is compiled.
    Closure(Closure),
    /// The closure that this value is; nobody knows which.
    Value(Source),
    /// Something of which nothing is known: a method found at run time, foreign code.
    Unknown,
}

/// What a location of the graph is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A variable.
    Variable,
    /// A parameter.
    Parameter,
    /// A result, with its index.
    Result(usize),
    /// An allocation.
    Site,
    /// The record of a closure.
    Closure,
}

#[derive(Debug)]
pub(crate) struct Loc {
    pub(crate) name: Range<usize>,
    pub(crate) body: u32,
    pub(crate) depth: u32,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    pub(crate) mark: Mark,
    /// Of a closure's record: its body.
    pub(crate) closure: u32,
    pub(crate) captured: bool,
    pub(crate) reassigned: bool,
    pub(crate) addressed: bool,
}

#[derive(Debug)]
pub(crate) enum Op {
    Flow { to: Place, from: Source, why: Why, mark: Mark },
    Call { callees: Range<usize>, args: Range<usize>, results: Range<usize>, mark: Mark },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Loc(Var),
    Heap,
    Written,
    Called,
}

/// The body of a function or of a closure.
#[derive(Debug)]
pub(crate) struct BodyInfo {
    pub(crate) parent: Option<u32>,
    pub(crate) params: Vec<Var>,
    pub(crate) results: Vec<Var>,
}

#[derive(Debug)]
pub(crate) enum Known {
    /// Declared, and nothing is known of it.
    Nothing,
    /// What a caller must know.
    Tags(Vec<Tag>),
    /// Everything.
    Body(Recorded),
}

/// The parts of the program's vectors that belong to one function and its closures.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) body: u32,
    pub(crate) locs: Range<u32>,
    pub(crate) ops: Range<usize>,
    pub(crate) mentions: Range<usize>,
    pub(crate) captures: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct FunctionInfo {
    pub(crate) name: String,
    pub(crate) known: Known,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Captured {
    pub(crate) site: Var,
    pub(crate) var: Var,
    pub(crate) mark: Mark,
}

/// A program to be analysed.
///
/// Functions are declared, then defined in any order: calls may lead to functions that are defined later, or never. Of a function
/// that is never defined nothing is known, so what is given to it goes to the heap.
///
/// # Examples
/// ```
/// use heap_escape::{Limits, Program, Shape, Verdict};
///
/// // func fresh() *T { return new(T) }      func local() { p := new(T); _ = p }
/// let mut program = Program::new(Limits::default());
/// let fresh = program.declare("fresh");
/// let returned = program.define(fresh, |body| {
///     body.result("r", Shape::references(8));
///     let site = body.site("new(T)", Shape::plain(8));
///     body.give_back(&[site.address()]);
///     site
/// });
/// let local = program.declare("local");
/// let kept = program.define(local, |body| {
///     let p = body.variable("p", Shape::references(8));
///     let site = body.site("new(T)", Shape::plain(8));
///     body.init(p, site.address());
///     site
/// });
/// let analysis = program.analyse();
/// assert_eq!(analysis.verdict(returned), Verdict::Heap);
/// assert_eq!(analysis.verdict(kept), Verdict::Stack);
/// ```
#[derive(Debug)]
pub struct Program {
    pub(crate) limits: Limits,
    pub(crate) names: String,
    pub(crate) locs: Vec<Loc>,
    pub(crate) bodies: Vec<BodyInfo>,
    pub(crate) functions: Vec<FunctionInfo>,
    pub(crate) ops: Vec<Op>,
    pub(crate) callees: Vec<Callee>,
    pub(crate) args: Vec<Source>,
    pub(crate) targets: Vec<Target>,
    pub(crate) mentions: Vec<Function>,
    pub(crate) captures: Vec<Captured>,
}

impl Program {
    /// An empty program.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            names: String::new(),
            locs: Vec::new(),
            bodies: Vec::new(),
            functions: Vec::new(),
            ops: Vec::new(),
            callees: Vec::new(),
            args: Vec::new(),
            targets: Vec::new(),
            mentions: Vec::new(),
            captures: Vec::new(),
        }
    }

    /// A function that may be called, and [defined](Program::define) at any time before the analysis.
    ///
    /// # Panics
    /// If there are 2^32 functions.
    pub fn declare(&mut self, name: &str) -> Function {
        let function = Function(index(self.functions.len()));
        self.functions.push(FunctionInfo { name: name.to_owned(), known: Known::Nothing });
        function
    }

    /// A function whose body is elsewhere, with what is known of its parameters. Arguments past the last tag go to the heap.
    ///
    /// The tags are believed: a wrong one makes wrong verdicts.
    ///
    /// # Panics
    /// If there are 2^32 functions.
    pub fn external(&mut self, name: &str, tags: &[Tag]) -> Function {
        let function = self.declare(name);
        self.functions[function.0 as usize].known = Known::Tags(tags.to_vec());
        function
    }

    /// The name of a variable or site.
    #[must_use]
    pub fn name(&self, var: Var) -> &str {
        &self.names[self.loc(var).name.clone()]
    }

    /// The name of a function.
    #[must_use]
    pub fn function_name(&self, function: Function) -> &str {
        &self.functions[function.0 as usize].name
    }

    /// What `var` is.
    #[must_use]
    pub fn kind(&self, var: Var) -> Kind {
        self.loc(var).kind
    }

    /// Where `var` was declared.
    #[must_use]
    pub fn mark(&self, var: Var) -> Mark {
        self.loc(var).mark
    }

    /// All variables, parameters, results and sites, in the order in which they were recorded.
    pub fn vars(&self) -> impl Iterator<Item = Var> + use<> {
        (0..index(self.locs.len())).map(Var)
    }

    pub(crate) fn loc(&self, var: Var) -> &Loc {
        &self.locs[var.0 as usize]
    }

    /// Whether the body `inner` is inside of `outer`, and not `outer` itself.
    pub(crate) fn is_inside(&self, inner: u32, outer: u32) -> bool {
        // A closure is recorded after the function that it is in.
        let mut at = inner;
        while at > outer {
            match self.bodies[at as usize].parent {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        at == outer && inner != outer
    }
}

/// The index of the next element of a vector of this length.
pub(crate) fn index(length: usize) -> u32 {
    u32::try_from(length).expect("a program has fewer than 2^32 variables and functions")
}
