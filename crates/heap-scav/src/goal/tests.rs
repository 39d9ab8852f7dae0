//! Figures and the goals they lead to.

use super::*;

const OS_PAGE: Bytes = Bytes::kib(4);

fn goal(in_spans: Bytes, heap: Bytes, last: Bytes, next: Bytes) -> Option<Bytes> {
    growth(
        &CycleEnd { in_spans, heap, last_goal: Some(last), next_goal: Some(next), beside: Bytes::ZERO },
        OS_PAGE,
    )
}

#[test]
fn the_goal_is_a_tenth_over_the_need_scaled_to_the_next_cycle() {
    let mib = Bytes::mib;
    let table = [
        ("steady", mib(100), mib(80), mib(80), mib(80), Bytes::kib(112_640)),
        ("the heap grows", mib(100), mib(80), mib(80), mib(160), Bytes::kib(225_280)),
        ("nearly all was dropped", mib(1024), mib(1000), mib(1000), mib(4), Bytes::kib(4616)),
        ("collected long before the goal", mib(10), mib(8), mib(80), mib(80), mib(11)),
        ("far past the goal inside one enter", mib(1024), mib(1000), mib(4), mib(4), Bytes::kib(4616)),
        ("nothing in spans", Bytes::ZERO, Bytes::ZERO, mib(4), mib(4), Bytes::ZERO),
    ];
    for (name, in_spans, heap, last, next, expected) in table {
        assert_eq!(goal(in_spans, heap, last, next), Some(expected), "{name}");
    }
}

#[test]
fn the_goal_is_whole_pages_of_the_system() {
    for os_page in [Bytes::kib(4), Bytes::kib(16), Bytes::kib(64)] {
        for in_spans in [1, 8191, 8192, 1_000_003] {
            let cycle = CycleEnd {
                in_spans: Bytes::new(in_spans),
                heap: Bytes::ZERO,
                last_goal: Some(Bytes::mib(4)),
                next_goal: Some(Bytes::mib(4)),
                beside: Bytes::ZERO,
            };
            let goal = growth(&cycle, os_page).unwrap();
            assert!(
                goal.get().is_multiple_of(os_page.get()) && goal.get() >= in_spans + in_spans / 10,
                "{goal}"
            );
        }
    }
}

#[test]
fn without_a_finite_goal_there_is_none() {
    let cycle = |last_goal, next_goal| CycleEnd {
        in_spans: Bytes::mib(1),
        heap: Bytes::mib(1),
        last_goal,
        next_goal,
        beside: Bytes::ZERO,
    };
    let four = Some(Bytes::mib(4));
    for cycle in [cycle(None, None), cycle(None, four), cycle(four, None)] {
        assert_eq!(growth(&cycle, OS_PAGE), None, "{cycle:?}");
    }
    assert_eq!(goal(Bytes::mib(1), Bytes::ZERO, Bytes::ZERO, Bytes::mib(4)), None, "nothing to scale by");
}

#[test]
fn huge_figures_are_no_bound_and_no_panic() {
    let most = Bytes::new(usize::MAX);
    assert_eq!(goal(most, Bytes::new(1), Bytes::new(1), most), None);
    assert!(goal(most, most, most, Bytes::new(1)).is_some());
}

#[test]
fn a_page_over_the_goal_is_no_surplus() {
    for (retained, expected) in [(100, false), (104, false), (105, true), (200, true), (0, false)] {
        assert_eq!(is_surplus(Bytes::kib(retained), Bytes::kib(100), OS_PAGE), expected, "{retained} KiB");
    }
    assert!(!is_surplus(Bytes::new(usize::MAX), Bytes::new(usize::MAX), OS_PAGE));
}

#[test]
fn a_twentieth_of_a_memory_limit_is_kept_free_in_the_background_and_nothing_of_it_by_allocations() {
    let mib = Bytes::mib;
    for (limit, beside, background, allocation) in [
        (Some(mib(100)), Bytes::ZERO, Some(mib(95)), mib(100)),
        (Some(mib(100)), mib(10), Some(mib(85)), mib(90)),
        (Some(mib(100)), mib(97), Some(Bytes::ZERO), mib(3)),
        (Some(mib(1)), mib(97), Some(Bytes::ZERO), Bytes::ZERO),
        (None, mib(97), None, Bytes::new(usize::MAX)),
    ] {
        assert_eq!(under_limit(limit, beside), background, "{limit:?} with {beside} beside");
        assert_eq!(most(limit, beside), allocation, "{limit:?} with {beside} beside");
    }
    let huge = Bytes::new(usize::MAX - 1);
    assert!(under_limit(Some(huge), Bytes::ZERO).is_some_and(|goal| goal < huge));
}

#[test]
fn the_tighter_goal_counts() {
    let (four, five) = (Some(Bytes::mib(4)), Some(Bytes::mib(5)));
    for (one, other, expected) in
        [(four, five, four), (five, four, four), (None, five, five), (four, None, four), (None, None, None)]
    {
        assert_eq!(tighter(one, other), expected);
    }
}
