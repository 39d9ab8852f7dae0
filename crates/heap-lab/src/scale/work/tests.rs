use super::*;

const PATTERNS: [Pattern; 4] = [Pattern::Array, Pattern::NoscanArray, Pattern::Tree, Pattern::List];

#[test]
fn one_marker_visits_every_object_once() {
    for pattern in PATTERNS {
        for objects in [1, 2, 3, 1000, 100_000, 1 << 30] {
            let mut work = Work::whole(pattern, objects);
            let (visited, left) = work.run(f64::MAX, 1.0, 1.0);
            assert_eq!(visited, objects, "{pattern:?}");
            assert!(work.is_empty() && left > 0.0, "{pattern:?}");
        }
    }
}

#[test]
fn work_in_small_portions_is_the_same_work() {
    for pattern in PATTERNS {
        let mut work = Work::whole(pattern, 40_000);
        let (mut visited, mut carry, mut turns) = (0, 0.0, 0);
        while !work.is_empty() {
            let (more, left) = work.run(carry + 97.0, 1.5, 2.0);
            (visited, carry, turns) = (visited + more, left, turns + 1);
        }
        assert_eq!(visited, 40_000, "{pattern:?}");
        let words = if matches!(pattern, Pattern::Array | Pattern::NoscanArray) { 1.5 } else { 0.0 };
        let objects = if pattern == Pattern::NoscanArray { 0.0 } else { 2.0 };
        let expected = 40_000.0 * (words + objects);
        assert!((f64::from(turns) * 97.0 - expected).abs() <= 97.0 + 2.0, "{pattern:?}: {turns}");
    }
}

#[test]
fn what_is_given_and_what_is_kept_add_up() {
    for pattern in [Pattern::Array, Pattern::Tree] {
        let mut work = Work::whole(pattern, 1 << 30);
        // Past the first piece and its objects, into the objects of the second.
        let (visited, _) = work.run(50_000.0, 1.0, 1.0);
        let mut other = Work::none(pattern);
        let mut gifts = 0;
        while let Some(batch) = work.give() {
            other.add(batch);
            gifts += 1;
        }
        assert!(gifts > 0, "{pattern:?}");
        // An object of an array that is on a stack was a word before.
        let left = |work: &Work| work.objects() + if pattern == Pattern::Tree { 0 } else { work.words() };
        assert_eq!(visited + left(&work) + left(&other), 1 << 30, "{pattern:?}");
    }
}

#[test]
fn the_oldest_half_of_a_tree_is_nearly_all_of_it() {
    let mut work = Work::whole(Pattern::Tree, (1 << 30) - 1);
    let _way_down = work.run(40.0, 0.0, 1.0);
    let before = work.objects();
    let Some(Batch::Entries(given)) = work.give() else { panic!("a deep stack gives") };
    let given: u64 = given.iter().map(|entry| entry.objects()).sum();
    assert!(given as f64 > 0.99 * before as f64, "{given} of {before}");
}

#[test]
fn a_list_is_never_given_and_never_will_be() {
    let mut work = Work::whole(Pattern::List, 1 << 20);
    assert_eq!(work.give(), None);
    assert_eq!(work.gives_after(1.0, 1.0), None);
}

#[test]
fn a_batch_has_no_more_than_its_most() {
    let mut work = Work::none(Pattern::Array);
    work.add(Batch::Entries(vec![Entry::Leaves(100_000)]));
    let Some(Batch::Entries(given)) = work.give() else { panic!("enough to give") };
    assert_eq!(given, vec![Entry::Leaves(BATCH)]);
    let mut few = Work::none(Pattern::Array);
    few.add(Batch::Entries(vec![Entry::Leaves(SHARE_FROM)]));
    assert_eq!(few.give(), None);
}
