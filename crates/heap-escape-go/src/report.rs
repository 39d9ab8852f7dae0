//! The report: what the compiler would print.

use std::fmt;

use heap_escape::{Analysis, Tag, Var, Verdict};

use crate::lower::{Lowered, What};
use crate::source::Places;

/// A line that `go build -gcflags='-m -l'` prints.
///
/// It displays as `path:line:column: words`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1; 0 for columns that the compiler does not tell, which are those after 255.
    pub column: u32,
    /// What is said.
    pub words: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, words } = self;
        if *column == 0 { write!(f, "{path}:{line}: {words}") } else { write!(f, "{path}:{line}:{column}: {words}") }
    }
}

/// The last column that messages tell.
const COLUMNS: u32 = 255;

/// What is said of a program, in the order of the source.
pub(crate) fn report(lowered: &Lowered, places: &Places) -> Vec<Line> {
    let analysis = lowered.program.analyse();
    let mut all = Vec::new();
    for record in &lowered.records {
        let said = match &record.what {
            What::Var(var, name) => moved(&analysis, *var, name).into_iter().collect(),
            What::Param(var, name, results) => match moved(&analysis, *var, name) {
                Some(moved) => vec![moved],
                None => leaks(analysis.tag(*var), name, results),
            },
            What::Site(site, text) => vec![site_words(&analysis, *site, text)],
            What::Bytes(site, text) => {
                let mut said = vec![site_words(&analysis, *site, text)];
                if !analysis.is_written(*site) {
                    said.push("zero-copy string->[]byte conversion".to_owned());
                }
                said
            }
            What::Told(words) => vec![words.clone()],
        };
        let (path, line, column) = places.resolve(record.pos);
        let column = if column > COLUMNS { 0 } else { column };
        all.extend(said.into_iter().map(|words| Line { path: path.to_owned(), line, column, words }));
    }
    // Stable: what is said of one place keeps its order.
    all.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    all
}

fn moved(analysis: &Analysis<'_>, var: Var, name: &str) -> Option<String> {
    (analysis.verdict(var) == Verdict::Heap).then(|| format!("moved to heap: {name}"))
}

fn site_words(analysis: &Analysis<'_>, site: Var, text: &str) -> String {
    match analysis.verdict(site) {
        Verdict::Heap => format!("{text} escapes to heap"),
        Verdict::Stack => format!("{text} does not escape"),
    }
}

fn leaks(tag: Tag, name: &str, results: &[String]) -> Vec<String> {
    let mut said = Vec::new();
    match tag.heap() {
        Some(0) => said.push(format!("leaking param: {name}")),
        Some(_) => said.push(format!("leaking param content: {name}")),
        None => {}
    }
    for (number, result) in results.iter().enumerate() {
        if let Some(level) = tag.result(number) {
            said.push(format!("leaking param: {name} to result {result} level={level}"));
        }
    }
    if said.is_empty() {
        said.push(format!("{name} does not escape"));
    }
    said
}
