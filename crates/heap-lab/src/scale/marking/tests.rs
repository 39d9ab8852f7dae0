use super::*;
use crate::scale::costs::tests::costs;
use crate::shapes::MarkShape;

const PATTERNS: [(Pattern, MarkShape); 4] = [
    (Pattern::Array, MarkShape::Ptr3),
    (Pattern::NoscanArray, MarkShape::Int3),
    (Pattern::Tree, MarkShape::Tree),
    (Pattern::List, MarkShape::List),
];
/// As if memory had no ceiling.
const NO_CEILING: f64 = f64::INFINITY;

fn marked(pattern: Pattern, shape: MarkShape, objects: u64, workers: usize, ceiling: f64) -> Marked {
    let costs = costs();
    let shape = *costs.of(shape).expect("a shape of the tests");
    Pace::of(&costs, &shape, pattern, workers, ceiling).mark(objects)
}

fn each(shape: MarkShape) -> f64 {
    costs().of(shape).expect("a shape of the tests").ns_per_object()
}

#[test]
fn every_object_is_visited_once_whoever_does_it() {
    let costs = costs();
    for (pattern, shape) in PATTERNS {
        let shape = *costs.of(shape).expect("a shape of the tests");
        for objects in [1, 7, 1000, 1_000_000] {
            for workers in [1, 2, 3, 16, 64] {
                let marked = simulate(&costs, &shape, pattern, objects, workers, 48.0);
                assert_eq!(marked.objects, objects, "{pattern:?}, {workers} workers");
            }
        }
    }
}

#[test]
fn what_is_not_simulated_to_the_end_goes_on_at_the_same_rate() {
    let costs = costs();
    for (pattern, shape) in PATTERNS {
        let shape = *costs.of(shape).expect("a shape of the tests");
        for workers in [1, 2] {
            let objects = 3 << 24;
            let (short, long) = (
                Pace::of(&costs, &shape, pattern, workers, 48.0).mark(objects),
                simulate(&costs, &shape, pattern, objects, workers, 48.0),
            );
            let off = short.wall_ns / long.wall_ns - 1.0;
            assert!(off.abs() < 0.06, "{pattern:?}, {workers}: {off}");
            assert_eq!(short.objects, long.objects);
        }
    }
}

#[test]
fn one_worker_takes_what_its_objects_take() {
    for (pattern, shape) in PATTERNS {
        let marked = marked(pattern, shape, 1_000_000, 1, NO_CEILING);
        let expected = 1e6 * each(shape);
        assert!((marked.wall_ns / expected - 1.0).abs() < 1e-3, "{pattern:?}: {marked:?}");
        assert_eq!(marked.batches, 0);
    }
}

#[test]
fn many_workers_are_never_faster_than_their_number_nor_slower_than_one() {
    for (pattern, shape) in PATTERNS {
        for objects in [100_000, 10_000_000, 1 << 34] {
            let alone = marked(pattern, shape, objects, 1, NO_CEILING).wall_ns;
            for workers in [2, 4, 32] {
                let wall = marked(pattern, shape, objects, workers, NO_CEILING).wall_ns;
                assert!(wall * workers as f64 >= alone * 0.999, "{pattern:?}, {workers}: {wall} of {alone}");
                assert!(wall <= alone * 1.01, "{pattern:?}, {workers}: {wall} of {alone}");
            }
        }
    }
}

#[test]
fn a_tree_is_shared_well_and_a_list_not_at_all() {
    for (pattern, shape) in PATTERNS {
        let alone = marked(pattern, shape, 1 << 34, 1, NO_CEILING).wall_ns;
        let gain = alone / marked(pattern, shape, 1 << 34, 8, NO_CEILING).wall_ns;
        match pattern {
            Pattern::List => assert!((gain - 1.0).abs() < 0.01, "{gain}"),
            Pattern::Tree => assert!(gain > 6.0, "{gain}"),
            // A worker that begins a piece when nobody is hungry keeps the rest of the array until its next.
            Pattern::Array | Pattern::NoscanArray => assert!(gain > 2.0, "{pattern:?}: {gain}"),
        }
    }
}

#[test]
fn memory_has_the_last_word() {
    let shape = MarkShape::Tree;
    let moved = costs().of(shape).expect("a shape of the tests").moved_bytes;
    for workers in [1, 8, 32] {
        for ceiling in [0.5, 8.0, 48.0] {
            let marked = marked(Pattern::Tree, shape, 1 << 30, workers, ceiling);
            let least = (1u64 << 30) as f64 * moved / ceiling;
            assert!(
                marked.wall_ns >= least * 0.999,
                "{workers} under {ceiling}: {} < {least}",
                marked.wall_ns
            );
        }
    }
    // Far above what a worker can ask for, the ceiling is not felt.
    let free = marked(Pattern::Tree, shape, 1 << 30, 1, NO_CEILING);
    assert_eq!(free, marked(Pattern::Tree, shape, 1 << 30, 1, 1e6));
}

#[test]
fn more_objects_take_longer() {
    for (pattern, shape) in PATTERNS {
        for workers in [1, 2, 8] {
            let walls: Vec<f64> = (20..40)
                .step_by(4)
                .map(|power| marked(pattern, shape, 1 << power, workers, 48.0).wall_ns)
                .collect();
            assert!(walls.is_sorted(), "{pattern:?}, {workers}: {walls:?}");
        }
    }
}

#[test]
fn processor_time_is_that_of_the_objects_and_of_looking_about() {
    let costs = costs();
    for (pattern, shape) in PATTERNS {
        for workers in [1, 2, 8] {
            let marked = marked(pattern, shape, 10_000_000, workers, NO_CEILING);
            let work = 1e7 * each(shape);
            let spent = marked.batches as f64 * (costs.look_ns + costs.handover_ns + costs.wake_call_ns);
            let most = work * 1.001 + spent + workers as f64 * costs.look_ns;
            assert!(marked.cpu_ns >= work * 0.999, "{pattern:?}, {workers}: {marked:?}");
            assert!(marked.cpu_ns <= most, "{pattern:?}, {workers}: {marked:?} over {most}");
            assert!(marked.busiest_ns <= marked.wall_ns * 1.000_001);
        }
    }
}

#[test]
fn a_simulation_is_the_same_each_time() {
    let twice = || marked(Pattern::Tree, MarkShape::Tree, 123_456_789, 17, 48.0);
    assert_eq!(twice(), twice());
}
