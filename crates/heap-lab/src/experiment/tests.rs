use super::*;
use crate::claim::Tolerance;
use crate::unit::Unit;

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
