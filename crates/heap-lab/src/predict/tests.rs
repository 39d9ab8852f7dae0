use super::*;
use crate::experiment::{Effort, Extension, Options, Until};
use crate::experiments;
use crate::progress::Progress;
use std::collections::BTreeSet;

/// The names of claims of the practice text's tasks, and of their extensions.
fn names(experiment: &dyn Experiment, extension: Extension) -> [BTreeSet<String>; 2] {
    let options = Options { until: Until::Predicted, extension, ..Options::default() };
    let lab = Lab { effort: Effort::Quick, options, progress: Progress::hidden() };
    let all = claims(experiment, &lab).expect("predicted");
    let (beyond, asked): (Vec<_>, Vec<_>) = all.into_iter().partition(|claim| claim.extension);
    [asked, beyond].map(|claims| claims.into_iter().map(|claim| claim.name).collect())
}

#[test]
fn an_extension_is_claims_that_are_there_if_it_is_on_and_nothing_else_changes() {
    let tasks = experiments::ALL.iter().filter(|one| one.id().starts_with(['t', 's']) && one.id() != "scale");
    let mut extended = 0;
    for task in tasks {
        let ([asked, beyond], [without, none]) = (names(*task, Extension::On), names(*task, Extension::Off));
        let id = task.id();
        assert!(
            !asked.is_empty() && asked == without && none.is_empty(),
            "{id}: {asked:?} {without:?} {none:?}"
        );
        assert_eq!(task.extension().is_some(), !beyond.is_empty(), "{id}: {beyond:?}");
        extended += usize::from(!beyond.is_empty());
    }
    assert_eq!(extended, 20, "each of the twenty tasks has one, and the challenges have none");
}
