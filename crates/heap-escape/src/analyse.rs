//! The whole analysis: batch after batch, callees before callers.

use crate::analysis::Analysis;
use crate::graph::{Explanation, Graph};
use crate::program::{Known, Program, index};
use crate::reference;
use crate::scc::components;
use crate::solve::Solver;

impl Program {
    /// Analyses the program.
    ///
    /// Batches are independent of each other's size. Inside of a batch (functions that call each other in a circle) every location
    /// is the root of a few walks, each over the flows that lead to it: the time can grow faster than the batch.
    #[must_use]
    pub fn analyse(&self) -> Analysis<'_> {
        let mut solver = Solver::default();
        self.analyse_by(|graph| solver.solve(graph))
    }

    /// [`Program::analyse`], which also keeps every way by which an argument leaks ([`Analysis::leaks`]): that takes more time.
    #[must_use]
    pub fn analyse_in_full(&self) -> Analysis<'_> {
        let mut solver = Solver::default();
        self.analyse_with(Some(Vec::new()), |graph| solver.solve(graph))
    }

    /// [`Program::analyse`] with the naive solver, which defines what the result is. It is slow, and explains next to nothing:
    /// it is there to compare with.
    #[must_use]
    pub fn analyse_naively(&self) -> Analysis<'_> {
        self.analyse_by(reference::solve)
    }

    fn analyse_by(&self, solve: impl FnMut(&mut Graph<'_>)) -> Analysis<'_> {
        self.analyse_with(None, solve)
    }

    fn analyse_with(
        &self,
        leaks: Option<Vec<(Explanation, u32)>>,
        mut solve: impl FnMut(&mut Graph<'_>),
    ) -> Analysis<'_> {
        let mut graph = Graph::new(self);
        graph.leaks = leaks;
        let next = |function: u32, i: usize| match &self.functions[function as usize].known {
            Known::Body(recorded) => self.mentions[recorded.mentions.clone()].get(i).map(|other| other.0),
            Known::Nothing | Known::Tags(_) => None,
        };
        for batch in components(index(self.functions.len()), next) {
            graph.build(&batch);
            solve(&mut graph);
        }
        Analysis::new(graph)
    }
}
