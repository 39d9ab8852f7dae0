//! A cycle: rounds, marking, and counting what survived.
//!
//! ```text
//!   total = rounds¹ + marking² + counting³        sweeping is done later, by whoever allocates
//! ```
//! ¹ Mutators are asked one after the other, so a round takes time in proportion to them. ² Simulated. ³ One thread goes over the
//! marks of every span when marking has ended, to tell the pacer how much lives: of all parts the one that more workers do
//! not shorten.

use super::costs::Costs;
use super::marking::{Marked, Pace};
use super::work::Pattern;
use crate::shapes::MarkShape;
use serde::Serialize;

/// Bytes of a page.
const PAGE: f64 = 8192.0;

/// What a cycle would be over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wish {
    /// What is live.
    pub(crate) shape: MarkShape,
    /// Bytes of pages of it.
    pub(crate) heap: u64,
    /// Mutators that are asked.
    pub(crate) mutators: usize,
}

/// What a cycle would take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Cycle {
    /// Asking every mutator, all rounds.
    pub(crate) rounds_ns: f64,
    /// Marking.
    pub(crate) marking: Marked,
    /// Counting what survived.
    pub(crate) count_ns: f64,
    /// Sweeping all of it, processor time; not in the cycle.
    pub(crate) sweep_ns: f64,
}

impl Cycle {
    /// From beginning to end.
    pub(crate) fn total_ns(&self) -> f64 {
        self.rounds_ns + self.marking.wall_ns + self.count_ns
    }
}

/// How the objects of a shape hang together.
pub(crate) fn pattern(shape: MarkShape) -> Pattern {
    match shape {
        MarkShape::Ptr3 | MarkShape::Ptr3Nil => Pattern::Array,
        MarkShape::Int3
        | MarkShape::Bytes
        | MarkShape::Wide
        | MarkShape::WideNil
        | MarkShape::WideSparse
        | MarkShape::Table => Pattern::NoscanArray,
        // A walk over a random graph finds about one new object in each until most are found.
        MarkShape::Tree | MarkShape::Graph => Pattern::Tree,
        MarkShape::List | MarkShape::ListRandom => Pattern::List,
    }
}

/// Objects of a shape in that many bytes of pages.
pub(crate) fn objects(costs: &Costs, shape: MarkShape, bytes: u64) -> Option<u64> {
    let each = costs.of(shape)?.heap_bytes;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, and positive")]
    let count = (bytes as f64 / each).round() as u64;
    Some(count.max(1))
}

/// How so many workers mark a shape; `None` when it was not measured.
pub(crate) fn pace(costs: &Costs, shape: MarkShape, workers: usize, ceiling: f64) -> Option<Pace> {
    Some(Pace::of(costs, costs.of(shape)?, pattern(shape), workers, ceiling))
}

/// What a cycle over `wish` would take, marked at that pace; `None` when its shape was not measured.
pub(crate) fn cycle(costs: &Costs, pace: &Pace, wish: Wish) -> Option<Cycle> {
    let shape = costs.of(wish.shape)?;
    let objects = objects(costs, wish.shape, wish.heap)?;
    let pages = wish.heap as f64 / PAGE;
    Some(Cycle {
        rounds_ns: costs.rounds_ns + costs.rounds_ns_per_mutator * wish.mutators.saturating_sub(1) as f64,
        marking: pace.mark(objects),
        count_ns: pages * shape.count_ns_per_page,
        sweep_ns: pages * shape.sweep_ns_per_page,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::costs::tests::costs;

    fn of(heap: u64, workers: usize) -> Cycle {
        let costs = costs();
        let pace = pace(&costs, MarkShape::Tree, workers, f64::INFINITY).expect("measured");
        let wish = Wish { shape: MarkShape::Tree, heap, mutators: workers };
        cycle(&costs, &pace, wish).expect("measured")
    }

    #[test]
    fn the_parts_are_in_proportion_to_what_they_go_over() {
        let costs = costs();
        let (small, large) = (of(1 << 30, 1), of(1 << 34, 1));
        assert_eq!(small.rounds_ns, large.rounds_ns);
        assert!((large.count_ns / small.count_ns - 16.0).abs() < 1e-9);
        assert!((large.marking.wall_ns / small.marking.wall_ns - 16.0).abs() < 0.01);
        assert_eq!(of(1 << 30, 5).rounds_ns - small.rounds_ns, 4.0 * costs.rounds_ns_per_mutator);
    }

    #[test]
    fn what_one_thread_does_bounds_what_many_gain() {
        // Amdahl: with any number of workers a cycle takes at least its serial parts.
        let alone = of(1 << 40, 1);
        let serial = alone.count_ns + alone.rounds_ns;
        for workers in [2, 8, 16] {
            let many = of(1 << 40, workers);
            assert!(many.total_ns() > serial);
            let amdahl = serial + alone.marking.wall_ns / workers as f64;
            assert!(many.total_ns() >= amdahl * 0.999, "{workers}: {} < {amdahl}", many.total_ns());
            assert!(many.total_ns() < alone.total_ns());
        }
    }

    #[test]
    fn a_shape_that_was_not_measured_has_no_cycle() {
        assert!(pace(&costs(), MarkShape::Bytes, 1, f64::INFINITY).is_none());
        assert_eq!(objects(&costs(), MarkShape::Bytes, 1 << 30), None);
    }
}
