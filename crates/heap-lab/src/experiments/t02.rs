//! t02: four ways to make a small struct, and where escape analysis says that it has to be.

use super::verdicts::Program;
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab};
use crate::record::Record;
use crate::unit::Unit;

/// See the module.
pub(super) struct FourFunctions;

static PROGRAM: Program = Program { name: "t02.go", text: include_str!("go/t02.go") };

impl Experiment for FourFunctions {
    fn id(&self) -> &'static str {
        "t02"
    }

    fn title(&self) -> &'static str {
        "Where a struct has to be"
    }

    fn question(&self) -> &'static str {
        "Which of four Go functions need the heap for a small struct: by returning its address, by returning it, by looking at it, \
         or by keeping its address?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("a struct whose address a variable of the package keeps")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let mut claim = |name: &str, model: &str, predicted: f64| {
            claims.predict(name, model, predicted, Unit::Count, Tolerance::Exact)
        };
        let returned =
            claim("on the heap in returned()", "its address goes to a result, which outlives the call", 1.0);
        let copied =
            claim("on the heap in copied()", "what is returned is a copy, and there is no allocation", 0.0);
        let looked = claim("on the heap in looked()", "the address goes to a variable of the same call", 0.0);
        let silent = claim(
            "lines about looked()",
            "a variable whose address is taken is told of only if it is moved; the practice text expects `&t does not escape`",
            0.0,
        );
        let short = claim(
            "flows from the struct of returned() to what keeps it",
            "it is returned where it is made",
            1.0,
        );
        let stored = lab.extension(&mut claims, |claims| {
            claims.predict(
                "on the heap in stored()",
                "a variable of the package has the address, and the list that it is appended to grows on the heap: two",
                2.0,
                Unit::Count,
                Tolerance::Exact,
            )
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "The program is `crates/heap-lab/src/experiments/go/t02.go`; its lines are those of `heap-lab escape`. No claim is about \
             the Go compiler, whose lines are beside them if it is there.",
        );

        let verdicts = PROGRAM.ask(&lab.options)?;
        trial.judge(returned, verdicts.on_heap("returned"));
        trial.judge(copied, verdicts.on_heap("copied"));
        trial.judge(looked, verdicts.on_heap("looked"));
        trial.judge(silent, verdicts.said("looked"));
        trial.judge(short, verdicts.flows("returned"));
        let mut functions = vec!["returned", "copied", "looked"];
        if let Some(stored) = stored {
            trial.judge(stored, verdicts.on_heap("stored"));
            functions.push("stored");
        }
        verdicts.tell(&mut trial, &functions);
        trial.finding(
            "A practice text expects a line `&t does not escape` of the function that only looks at its struct. Compilers since Go 1.13 \
             do not say so: of a variable whose address stays they say nothing, and Go 1.27.3 says nothing here.",
        );
        trial.finding(
            "The text asks for -m alone. Then the compiler also inlines, and says of the same allocation a second time, where it was \
             called, that it does not escape. The lines here are those with -l, where each function is looked at for itself.",
        );
        trial.finish()
    }
}
