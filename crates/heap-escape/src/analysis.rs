//! The result: where each site may be, why, and where parameters leak.

use std::fmt;

use crate::graph::{About, CALLED, ESCAPES, Explanation, Graph, Hop, WRITTEN};
use crate::program::{Function, Known, Program, Var};
use crate::tag::Tag;
use crate::why::{Mark, Why};

/// Where a variable or an object has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may be in the frame of its function: nothing that outlives it has its address.
    Stack,
    /// It must be on the heap.
    Heap,
}

/// How a closure has a variable of a function around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capture {
    /// Its record has a copy.
    Copy,
    /// Its record refers to the variable.
    Reference,
}

/// One flow of a [`Reason`]: `derefs` loads of `from` (−1: its address) arrive at `to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where the value comes from.
    pub from: Var,
    /// Where it arrives; nothing for the heap.
    pub to: Option<Var>,
    /// The number of loads; −1 for the address.
    pub derefs: i32,
    /// Why it flows.
    pub why: Why,
    /// Where that is said.
    pub mark: Mark,
}

/// Why something is on the heap, or leaks: flows from it to a place that outlives it. That is the heap, a result, a variable
/// outside of the loop, or something that is on the heap and has a reason of its own.
///
/// It displays as one line for each flow.
#[derive(Clone, Debug)]
pub struct Reason<'a> {
    program: &'a Program,
    hops: &'a [Hop],
    cut: bool,
}

impl Reason<'_> {
    /// The flows, from the site on.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        let count = self.program.locs.len();
        self.hops.iter().map(move |hop| Step {
            from: Var(hop.from),
            to: ((hop.to as usize) < count).then_some(Var(hop.to)),
            derefs: i32::from(hop.derefs),
            why: hop.why,
            mark: hop.mark,
        })
    }

    /// Whether there would be more steps: the way is very long, or goes in a circle.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let to = step.to.map_or("{heap}", |var| self.program.name(var));
            let from = self.program.name(step.from);
            let loads = match usize::try_from(step.derefs) {
                Ok(loads) => "*".repeat(loads),
                Err(_) => "&".to_owned(),
            };
            write!(f, "flow: {to} ← {loads}{from} ({})", step.why)?;
        }
        if self.cut { write!(f, "\nand so on") } else { Ok(()) }
    }
}

/// What [`Program::analyse`] has found. It depends on the program alone, and not on the run.
///
/// # Examples
/// ```
/// use heap_escape::{Limits, Program, Shape, Verdict};
///
/// // func next(n *Node) *Node { return n.next }
/// let mut program = Program::new(Limits::default());
/// let next = program.declare("next");
/// let n = program.define(next, |body| {
///     let n = body.param("n", Shape::references(8));
///     body.result("r", Shape::references(8));
///     body.give_back(&[n.load()]);
///     n
/// });
/// let analysis = program.analyse();
/// assert_eq!(analysis.tag(n).to_string(), "leaks to result 0 with level 1");
/// let reason = analysis.leak_to_result(n, 0).expect("it leaks");
/// assert_eq!(reason.to_string(), "flow: r ← *n (return)");
/// ```
#[derive(Debug)]
pub struct Analysis<'p> {
    graph: Graph<'p>,
}

impl<'p> Analysis<'p> {
    pub(crate) fn new(mut graph: Graph<'p>) -> Self {
        // A later explanation is of a smaller level, and so the better one: it comes first.
        let order = |one: &Explanation| (one.var, one.about);
        graph.explanations.reverse();
        graph.explanations.sort_by_key(order);
        graph.explanations.dedup_by_key(|one| order(one));
        Self { graph }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &'p Program {
        self.graph.program
    }

    /// Where a variable, a parameter, a result, or the objects of a site have to be.
    #[must_use]
    pub fn verdict(&self, var: Var) -> Verdict {
        if self.attrs(var) & ESCAPES == 0 { Verdict::Stack } else { Verdict::Heap }
    }

    /// Whether memory that the value of `var` leads to directly may be written, as far as is known.
    #[must_use]
    pub fn is_written(&self, var: Var) -> bool {
        self.attrs(var) & WRITTEN != 0
    }

    /// Whether a closure may be called by somebody who is not known, with its results used.
    #[must_use]
    pub fn is_called(&self, var: Var) -> bool {
        self.attrs(var) & CALLED != 0
    }

    /// Where the argument of a parameter may go. [`Tag::NOWHERE`] for everything that is no parameter.
    #[must_use]
    pub fn tag(&self, param: Var) -> Tag {
        self.graph.states[param.0 as usize].tag
    }

    /// The tags of all parameters of a function, for [`Program::external`] in another program. Nothing if it was never defined.
    #[must_use]
    pub fn tags(&self, function: Function) -> Option<Vec<Tag>> {
        match &self.graph.program.functions[function.0 as usize].known {
            Known::Nothing => None,
            Known::Tags(tags) => Some(tags.clone()),
            Known::Body(recorded) => {
                let body = &self.graph.program.bodies[recorded.body as usize];
                Some(body.params.iter().map(|param| self.tag(*param)).collect())
            }
        }
    }

    /// How closures have a variable that one has captured.
    #[must_use]
    pub fn capture(&self, var: Var) -> Option<Capture> {
        let copied = if self.graph.is_copied(var) { Capture::Copy } else { Capture::Reference };
        self.graph.program.loc(var).captured.then_some(copied)
    }

    /// Why it is on the heap, if it is.
    #[must_use]
    pub fn reason(&self, var: Var) -> Option<Reason<'_>> {
        self.explanation(var, About::Escape)
    }

    /// Why the argument of a parameter goes to the heap, if it does. Nothing if the reason is that the parameter itself
    /// [is there](Analysis::reason).
    #[must_use]
    pub fn leak_to_heap(&self, param: Var) -> Option<Reason<'_>> {
        self.explanation(param, About::LeakToHeap)
    }

    /// Why the argument of a parameter goes to a result, if it does.
    #[must_use]
    pub fn leak_to_result(&self, param: Var, result: usize) -> Option<Reason<'_>> {
        self.tag(param).result(result)?;
        self.explanation(param, About::LeakToResult(result))
    }

    /// Every way by which the argument of a parameter leaks, with its level, in the order in which they were found; at most 64. Empty
    /// unless the analysis was [in full](Program::analyse_in_full).
    ///
    /// # Examples
    /// ```
    /// use heap_escape::{Limits, Program, Shape, Why};
    ///
    /// // func both(p *T) *T { kept = p; return p }
    /// let mut program = Program::new(Limits::default());
    /// let both = program.declare("both");
    /// let p = program.define(both, |body| {
    ///     let p = body.param("p", Shape::references(8));
    ///     body.result("r", Shape::references(8));
    ///     body.leak(p.value(), Why::Assign);
    ///     body.give_back(&[p.value()]);
    ///     p
    /// });
    /// let analysis = program.analyse_in_full();
    /// let ways: Vec<String> = analysis.leaks(p).map(|(level, reason)| format!("{level}: {reason}")).collect();
    /// assert_eq!(ways, ["0: flow: {heap} ← p (assign)", "0: flow: r ← p (return)"]);
    /// ```
    pub fn leaks(&self, param: Var) -> impl Iterator<Item = (u32, Reason<'_>)> {
        let all = self.graph.leaks.as_deref().unwrap_or_default();
        let own = all.iter().filter(move |(explanation, _)| explanation.var == param.0);
        own.map(|(explanation, level)| (*level, self.said(explanation)))
    }

    /// Whether the address of a variable is taken, so far as the program says so.
    #[must_use]
    pub fn is_address_taken(&self, var: Var) -> bool {
        self.graph.program.loc(var).addressed
    }

    /// Whether a variable gets another value after the first closure that captures it, or may get one before in a loop.
    #[must_use]
    pub fn is_reassigned(&self, var: Var) -> bool {
        self.graph.program.loc(var).reassigned
    }

    fn said(&self, explanation: &Explanation) -> Reason<'_> {
        let Explanation { hops, cut, .. } = explanation;
        Reason { program: self.graph.program, hops: &self.graph.hops[hops.clone()], cut: *cut }
    }

    fn attrs(&self, var: Var) -> u8 {
        self.graph.states[var.0 as usize].attrs
    }

    fn explanation(&self, var: Var, about: About) -> Option<Reason<'_>> {
        let all = &self.graph.explanations;
        let at = all.binary_search_by_key(&(var.0, about), |one| (one.var, one.about)).ok()?;
        Some(self.said(&all[at]))
    }
}
