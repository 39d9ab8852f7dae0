//! Verdicts: what escape analysis says of a small Go program, by this project's front end and by the Go compiler.
//!
//! The programs are in the folder `go` beside this file, and are part of this binary. The Go compiler is asked where there is one
//! (`--go`); where there is none, a report says so. Its lines are shown and compared, but nothing is claimed about them: they change
//! from version to version.

use crate::error::LabError;
use crate::experiment::{Options as Chosen, Trial};
use crate::peer::GoPeer;
use crate::record::Table;
use crate::scratch::Scratch;
use heap_escape_go::{Line, Options, Source, analyse};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A Go program of one file.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// What is said of a [`Program`].
pub(super) struct Verdicts {
    program: &'static Program,
    ours: Vec<Line>,
    go: Go,
}

/// What the Go compiler says.
enum Go {
    /// It is not there, or does not work: why nothing is said.
    Silent(String),
    /// Its version, and its lines.
    Said(String, Vec<String>),
}

/// Whether a line says that something is on the heap.
fn is_on_heap(words: &str) -> bool {
    words.starts_with("moved to heap: ") || words.ends_with(" escapes to heap")
}

impl Program {
    /// Asks both.
    ///
    /// # Errors
    /// When the front end does not understand the program, or Go is required and says nothing.
    pub(super) fn ask(&'static self, chosen: &Chosen) -> Result<Verdicts, LabError> {
        let source = Source { path: self.name.to_owned(), text: self.text.to_owned() };
        let options = Options { explain: true, ..Options::default() };
        let ours = analyse(&[source], &options).map_err(|mistake| LabError::Source(mistake.to_string()))?;
        match self.ask_go(chosen.go.as_ref()) {
            Go::Silent(why) if chosen.go_required => Err(LabError::Measure(why)),
            go @ (Go::Silent(_) | Go::Said(..)) => Ok(Verdicts { program: self, ours, go }),
        }
    }

    fn ask_go(&self, peer: Option<&GoPeer>) -> Go {
        let Some(go) = peer.and_then(GoPeer::compiler) else {
            return Go::Silent(String::from("No Go compiler was asked: there is none, or none is wanted."));
        };
        let said = Scratch::new().and_then(|folder| self.run_go(&go, folder.path()));
        said.unwrap_or_else(|error| Go::Silent(format!("The Go compiler has failed: {error}.")))
    }

    fn run_go(&self, go: &Path, folder: &Path) -> Result<Go, LabError> {
        let path = folder.join(self.name);
        fs::write(&path, self.text).map_err(LabError::io("write", &path))?;
        let run = |args: &[&str]| {
            Command::new(go).args(args).current_dir(folder).output().map_err(LabError::io("run", go))
        };
        let version = run(&["env", "GOVERSION"])?;
        let built = run(&["build", "-gcflags=-m -l", "-o", "built", self.name])?;
        let text = String::from_utf8_lossy(&built.stderr).into_owned();
        if !built.status.success() {
            return Err(LabError::Measure(text));
        }
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(|line| line.trim_start_matches("./").to_owned()).collect();
        Ok(Go::Said(String::from_utf8_lossy(&version.stdout).trim().to_owned(), lines))
    }

    /// The lines of the source that a function has.
    fn lines_of(&self, function: &str) -> std::ops::Range<u32> {
        let head = format!("func {function}(");
        let mut lines = (1..).zip(self.text.lines()).skip_while(|(_, line)| !line.starts_with(&head));
        let first = lines.next().map_or(0, |(number, _)| number);
        let last = lines.find(|(_, line)| *line == "}").map_or(first, |(number, _)| number);
        first..last + 1
    }
}

impl Verdicts {
    fn of(&self, function: &str) -> impl Iterator<Item = &Line> {
        let lines = self.program.lines_of(function);
        self.ours.iter().filter(move |line| lines.contains(&line.line))
    }

    /// How many variables and allocations of a function are on the heap.
    pub(super) fn on_heap(&self, function: &str) -> f64 {
        self.of(function).filter(|line| is_on_heap(&line.words)).count() as f64
    }

    /// How many variables of a function are moved to the heap.
    pub(super) fn moved(&self, function: &str) -> f64 {
        self.of(function).filter(|line| line.words.starts_with("moved to heap: ")).count() as f64
    }

    /// How many lines there are about a function.
    pub(super) fn said(&self, function: &str) -> f64 {
        self.of(function).count() as f64
    }

    /// How many flows there are from what is on the heap in a function to what keeps it, the longest if there are several.
    pub(super) fn flows(&self, function: &str) -> f64 {
        let flows = |line: &Line| line.because.iter().filter(|step| step.starts_with("  flow: ")).count();
        self.of(function).filter(|line| is_on_heap(&line.words)).map(flows).max().unwrap_or(0) as f64
    }

    /// Tells a trial everything that was said: a table of the functions, one of the reasons, and whether Go says the same.
    pub(super) fn tell(&self, trial: &mut Trial<'_>, functions: &[&str]) {
        let mut table = Table::new("What is said of each function", ["function", "here", "by Go"]);
        let mut reasons = Table::new("Why, flow by flow", ["function", "what", "flows"]);
        for function in functions {
            let ours: Vec<String> = self.of(function).map(|line| place_of(&line.to_string())).collect();
            let ours = self.of(function).map(|line| line.words.clone()).zip(ours);
            let ours: Vec<String> = ours.map(|(words, place)| format!("{place} {words}")).collect();
            table.row([(*function).to_owned(), or_nothing(&ours), self.by_go(function)]);
            for line in self.of(function).filter(|line| !line.because.is_empty()) {
                let steps: Vec<&str> = line.because.iter().skip(1).map(|step| step.trim()).collect();
                reasons.row([(*function).to_owned(), line.words.clone(), steps.join(" · ")]);
            }
        }
        trial.table(table);
        trial.table(reasons);
        match &self.go {
            Go::Silent(why) => {
                trial.fact("go", why.clone());
                trial.finding(why.clone());
            }
            Go::Said(version, lines) => {
                let ours: BTreeSet<String> = self
                    .ours
                    .iter()
                    .map(|line| Line { because: Vec::new(), ..line.clone() }.to_string())
                    .collect();
                let theirs: BTreeSet<String> = lines.iter().cloned().collect();
                let differ = ours.symmetric_difference(&theirs).count();
                trial.fact("go", version.clone());
                trial.figure("lines that differ from Go's", differ as f64);
                trial.finding(format!(
                    "{version} was asked too: {} lines, of which {differ} differ from those here.",
                    theirs.len()
                ));
            }
        }
    }

    fn by_go(&self, function: &str) -> String {
        let Go::Said(_, lines) = &self.go else { return String::from("not asked") };
        let within = self.program.lines_of(function);
        let number = |line: &str| line.split(':').nth(1).and_then(|text| text.parse::<u32>().ok());
        let lines = lines.iter().filter(|line| number(line).is_some_and(|number| within.contains(&number)));
        let lines: Vec<String> = lines
            .map(|line| {
                let words = line.splitn(4, ':').nth(3).unwrap_or_default().trim();
                format!("{} {words}", place_of(line))
            })
            .collect();
        or_nothing(&lines)
    }
}

/// `line:column` of a line of either.
fn place_of(line: &str) -> String {
    line.lines().last().unwrap_or_default().split(':').skip(1).take(2).collect::<Vec<_>>().join(":")
}

fn or_nothing(lines: &[String]) -> String {
    if lines.is_empty() { String::from("nothing is said") } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PROGRAM: Program = Program {
        name: "verdicts.go",
        text: "package p\n\nfunc one() *int {\n\tx := 1\n\treturn &x\n}\n\nfunc other() int {\n\treturn 1\n}\n",
    };

    #[test]
    fn lines_belong_to_the_function_that_they_are_in() {
        assert_eq!((PROGRAM.lines_of("one"), PROGRAM.lines_of("other")), (3..7, 8..11));
        let verdicts = PROGRAM.ask(&Chosen::default()).expect("Go that is understood");
        assert_eq!((verdicts.on_heap("one"), verdicts.moved("one"), verdicts.flows("one")), (1.0, 1.0, 1.0));
        assert_eq!(
            (verdicts.on_heap("other"), verdicts.said("other"), verdicts.flows("other")),
            (0.0, 0.0, 0.0)
        );
    }

    #[test]
    fn a_line_of_go_is_taken_apart() {
        assert_eq!(place_of("t.go:10:9: &pair{...} escapes to heap"), "10:9");
        assert!(is_on_heap("moved to heap: n") && is_on_heap("new(int) escapes to heap"));
        assert!(!is_on_heap("new(int) does not escape") && !is_on_heap("leaking param: n"));
    }

    #[test]
    fn a_compiler_is_asked_for_its_version_and_its_lines_or_is_silent() {
        let folder = Scratch::new().expect("a folder");
        let speaks = folder.script(
            "speaks",
            "if [ $1 = env ]; then echo go9.9; else echo '# p' >&2; echo './verdicts.go:4:2: moved to heap: x' >&2; fi",
        );
        let Ok(Go::Said(version, lines)) = PROGRAM.run_go(&speaks, folder.path()) else {
            panic!("it has said nothing")
        };
        assert_eq!(
            (version.as_str(), lines),
            ("go9.9", vec![String::from("verdicts.go:4:2: moved to heap: x")])
        );
        let fails = folder.script("fails", "echo broken >&2\nexit 1");
        assert!(PROGRAM.run_go(&fails, folder.path()).is_err());
        assert!(PROGRAM.run_go(&folder.file("none"), folder.path()).is_err());
    }
}
