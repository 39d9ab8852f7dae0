use super::*;
use crate::claim::Tolerance;
use crate::unit::Unit;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Half {
    judged: bool,
}

impl Experiment for Half {
    fn id(&self) -> &'static str {
        "half"
    }
    fn title(&self) -> &'static str {
        "halving"
    }
    fn question(&self) -> &'static str {
        "Is half of ten five?"
    }
    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let half = claims.predict("half of ten", "10 / 2", 5.0, Unit::Count, Tolerance::Exact);
        let mut trial = lab.begin(self, claims)?;
        let spread = trial.samples("halves", vec![4.0, 5.0, 9.0])?;
        if self.judged {
            trial.judge(half, spread.median());
        }
        trial.finish()
    }
}

fn lab(effort: Effort) -> Lab {
    Lab { effort, options: Options::default(), progress: Progress::hidden() }
}

#[test]
fn a_judged_experiment_becomes_a_record_with_its_samples_and_tolerances() {
    let record = Half { judged: true }.run(&lab(Effort::Quick)).expect("judged");
    assert!(record.holds());
    assert_eq!(record.figures["halves"]["median"], json!(5));
    assert_eq!(record.figures["halves"]["samples"], json!([4, 5, 9]));
    assert_eq!(record.figures["tolerances"]["half of ten"], json!("exact"));
}

#[test]
fn an_experiment_that_forgets_a_claim_is_an_error_that_names_it() {
    let error = Half { judged: false }.run(&lab(Effort::Quick)).expect_err("not judged");
    assert_eq!(error.to_string(), "experiment half stated but never measured: half of ten");
}

#[test]
fn samples_that_are_no_numbers_are_an_error() {
    let lab = lab(Effort::Full);
    let mut trial = lab.begin(&Half { judged: true }, Claims::new()).expect("begun");
    assert!(trial.samples("none", vec![]).is_err());
    assert!(trial.samples("nan", vec![f64::NAN]).is_err());
}

#[test]
fn effort_chooses_the_size() {
    assert_eq!(lab(Effort::Quick).size(1, 10), 1);
    assert_eq!(lab(Effort::Full).size(1, 10), 10);
}

/// One claim about time and one that is none, which hold from some run on.
struct Late {
    runs: AtomicUsize,
    in_time_from: usize,
    counted_from: usize,
}

impl Late {
    fn measured(in_time_from: usize, counted_from: usize) -> (Record, usize) {
        let late = Self { runs: AtomicUsize::new(0), in_time_from, counted_from };
        let record = measure(&late, &lab(Effort::Quick)).expect("judged");
        (record, late.runs.into_inner())
    }
}

impl Experiment for Late {
    fn id(&self) -> &'static str {
        "late"
    }
    fn title(&self) -> &'static str {
        "being late"
    }
    fn question(&self) -> &'static str {
        "Was something else running?"
    }
    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let mut claims = Claims::new();
        let time = claims.predict_time("time", "one", 1.0, Unit::Millis, Tolerance::AtMost);
        let count = claims.predict("count", "one", 1.0, Unit::Count, Tolerance::Exact);
        let mut trial = lab.begin(self, claims)?;
        trial.judge(time, if run < self.in_time_from { 5.0 } else { 1.0 });
        trial.judge(count, if run < self.counted_from { 0.0 } else { 1.0 });
        trial.finish()
    }
}

#[test]
fn what_is_late_is_measured_again_and_says_so() {
    let (record, runs) = Late::measured(3, 1);
    assert_eq!(runs, 3);
    assert!(record.holds());
    let said = "Measured again, because a claim about time did not hold: time (5 ms).";
    assert_eq!(record.findings, [said, said]);
}

#[test]
fn what_holds_at_once_is_measured_once() {
    let (record, runs) = Late::measured(1, 1);
    assert_eq!((runs, record.holds(), record.findings.len()), (1, true, 0));
}

#[test]
fn what_stays_late_does_not_hold_but_for_time() {
    let (record, runs) = Late::measured(usize::MAX, 1);
    assert_eq!(runs, TRIES);
    assert!(!record.holds() && record.holds_but_for_time());
    assert_eq!(record.findings.len(), TRIES - 1);
}

#[test]
fn what_is_wrong_by_count_is_believed_at_once() {
    for in_time_from in [1, 2] {
        let (record, runs) = Late::measured(in_time_from, 2);
        assert_eq!(runs, 1);
        assert!(!record.holds() && !record.holds_but_for_time());
    }
}
