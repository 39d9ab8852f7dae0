//! What a program says about itself in its comments, and whether it comes true.
//!
//! | comment | means |
//! |---|---|
//! | `// expect: text` | this line of output, in order |
//! | `// Error at 'x': text` | this compile error, on this line |
//! | `// [line N] Error…` or `// [c line N] Error…` | this compile error, on that line |
//! | `// [java line N] Error…` | an error of another implementation |
//! | `// expect runtime error: text` | this runtime error, on this line |
//! | `// nontest` | the file is no test |

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a program should do.
#[derive(Default, Debug)]
pub(crate) struct Expected {
    output: Vec<String>,
    errors: BTreeSet<String>,
    failure: Option<(usize, String)>,
}

impl Expected {
    /// What the comments say; none if the file is no test.
    pub(crate) fn of(source: &str) -> Option<Self> {
        let mut expected = Self::default();
        for (number, line) in (1..).zip(source.lines()) {
            // A comment may follow what only looks like one, in a string.
            let comments = line.match_indices("//").map(|(at, _)| line[at..].trim_start_matches(['/', ' ']));
            for comment in comments {
                if comment.starts_with("nontest") {
                    return None;
                }
                if expected.add(number, comment) {
                    break;
                }
            }
        }
        Some(expected)
    }

    /// Takes in what a comment says, if it says anything.
    fn add(&mut self, number: usize, comment: &str) -> bool {
        if let Some(text) = comment.strip_prefix("expect: ").or_else(|| comment.strip_prefix("expect:")) {
            self.output.push(text.to_owned());
        } else if let Some(text) = comment.strip_prefix("expect runtime error: ") {
            self.failure = Some((number, text.to_owned()));
        } else if comment.starts_with("Error") {
            self.errors.insert(format!("[line {number}] {comment}"));
        } else if comment.starts_with("[line ") && comment.contains("] Error") {
            self.errors.insert(comment.to_owned());
        } else if let Some(rest) = comment.strip_prefix("[c line ") {
            self.errors.insert(format!("[line {rest}"));
        } else {
            return false;
        }
        true
    }

    /// How the program's end differs from this; nothing if it does not.
    pub(crate) fn differences(&self, ended: &Output) -> Vec<String> {
        let mut wrong = Vec::new();
        let output = String::from_utf8_lossy(&ended.stdout);
        let output: Vec<&str> = output.lines().collect();
        if output != self.output {
            wrong.push(format!("output {output:?}, expected {:?}", self.output));
        }
        let errors = String::from_utf8_lossy(&ended.stderr);
        let code = match &self.failure {
            Some((line, message)) => {
                if errors.lines().next() != Some(message) {
                    wrong.push(format!("error {errors:?}, expected {message:?}"));
                }
                if !errors
                    .lines()
                    .nth(1)
                    .is_some_and(|trace| trace.starts_with(&format!("[line {line}] in ")))
                {
                    wrong.push(format!("trace {errors:?}, expected line {line}"));
                }
                70
            }
            None => {
                let found: BTreeSet<String> = errors.lines().map(str::to_owned).collect();
                if found != self.errors {
                    wrong.push(format!("errors {found:?}, expected {:?}", self.errors));
                }
                if self.errors.is_empty() { 0 } else { 65 }
            }
        };
        if ended.status.code() != Some(code) {
            wrong.push(format!("{}, expected exit code {code}: {errors}", ended.status));
        }
        wrong
    }
}

/// Runs the interpreter.
pub(crate) fn lox(options: &[&str], path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lox")).args(options).arg(path).output().expect("the interpreter runs")
}

/// Every program under a folder, sorted.
pub(crate) fn programs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(programs(&path));
        } else if path.extension().is_some_and(|extension| extension == "lox") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs programs; how many passed, and what was wrong with the others.
pub(crate) fn judge(options: &[&str], paths: &[PathBuf]) -> (usize, Vec<String>) {
    let (mut passed, mut wrong) = (0, Vec::new());
    for path in paths {
        let source = std::fs::read(path).expect("the program can be read");
        let Some(expected) = Expected::of(&String::from_utf8_lossy(&source)) else { continue };
        let differences = expected.differences(&lox(options, path));
        passed += usize::from(differences.is_empty());
        wrong.extend(differences.iter().map(|what| format!("{} {options:?}: {what}", path.display())));
    }
    (passed, wrong)
}
