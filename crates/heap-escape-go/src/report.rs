//! The report: what the compiler would print.

use std::fmt;

use heap_escape::{Analysis, Capture, Reason, Step, Tag, Var, Verdict, Why};

use crate::lower::{Lowered, Record, What, Wrapped};
use crate::source::{Places, Pos};

/// A line that `go build -gcflags='-m -l'` prints.
///
/// It displays as `path:line:column: words`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1; 0 for columns that the compiler does not tell, which are those after 254.
    pub column: u32,
    /// What is said.
    pub words: String,
    /// Why, if that was asked for: what `-m=2` prints before it.
    pub because: Vec<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, words, because } = self;
        for (number, words) in because.iter().chain([words]).enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            match column {
                0 => write!(f, "{path}:{line}: {words}")?,
                _ => write!(f, "{path}:{line}:{column}: {words}")?,
            }
        }
        Ok(())
    }
}

/// The last column that messages tell.
const COLUMNS: u32 = 254;

/// What is said of a program, in the order of the source.
pub(crate) fn report(lowered: &Lowered<'_, '_>, places: &Places, explain: bool) -> Vec<Line> {
    let program = &lowered.program;
    let analysis = if explain { program.analyse_in_full() } else { program.analyse() };
    let reporter = Reporter { lowered, places, analysis: &analysis, explain };
    let mut all = Vec::new();
    for record in &lowered.records {
        reporter.record(record, &mut all);
    }
    // Stable: what is said of one place keeps its order.
    all.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    all
}

struct Reporter<'r, 'c, 'a> {
    lowered: &'r Lowered<'c, 'a>,
    places: &'r Places,
    analysis: &'r Analysis<'r>,
    explain: bool,
}

impl Reporter<'_, '_, '_> {
    fn record(&self, record: &Record, all: &mut Vec<Line>) {
        let analysis = self.analysis;
        let mut say = |words: String, because: Vec<String>| {
            let (path, line, column) = self.told(record.pos);
            all.push(Line { path: path.to_owned(), line, column, words, because });
        };
        match &record.what {
            What::Told(words) => say(words.clone(), Vec::new()),
            What::Var(var, name) => {
                let mut because = self.ways(*var, name, record);
                if analysis.verdict(*var) == Verdict::Heap {
                    because.extend(self.escape(*var, name, record));
                    say(format!("moved to heap: {name}"), because);
                } else if let Some(last) = because.pop() {
                    say(last, because);
                }
            }
            What::Param(var, name, results, wrapped) => {
                let mut because = self.ways(*var, name, record);
                if let Some(wrapped) = wrapped.as_ref().filter(|_| self.explain) {
                    self.wrapped(*var, name, results, wrapped, &mut because);
                }
                if analysis.verdict(*var) == Verdict::Heap {
                    because.extend(self.escape(*var, name, record));
                    return say(format!("moved to heap: {name}"), because);
                }
                for words in self.leaks(*var, name, results) {
                    say(words, std::mem::take(&mut because));
                }
            }
            What::Captured(var, name, bytes) => {
                if self.explain {
                    let how = match analysis.capture(*var) {
                        Some(Capture::Reference) => "ref",
                        // What holds no references is not followed into the closures around what is put off, which copy it.
                        Some(Capture::Copy) | None => "value",
                    };
                    let (address, assigned) = (analysis.is_address_taken(*var), analysis.is_reassigned(*var));
                    let function = &record.function;
                    let about = format!("(addr={address} assign={assigned} width={bytes})");
                    say(format!("{function} capturing by {how}: {name} {about}"), Vec::new());
                }
            }
            What::Wrapper(site) => {
                if analysis.verdict(*site) == Verdict::Heap {
                    let mut because = self.escape(*site, "func literal", record);
                    if let Some(last) = because.pop() {
                        say(last, because);
                    }
                }
            }
            What::Site(site, text) | What::Bytes(site, text) => match analysis.verdict(*site) {
                Verdict::Heap => say(format!("{text} escapes to heap"), self.escape(*site, text, record)),
                Verdict::Stack => say(format!("{text} does not escape"), Vec::new()),
            },
        }
        if let What::Bytes(site, _) = &record.what
            && !analysis.is_written(*site)
        {
            say("zero-copy string->[]byte conversion".to_owned(), Vec::new());
        }
    }

    /// Why a parameter leaks: each way by which it does.
    fn ways(&self, param: Var, name: &str, record: &Record) -> Vec<String> {
        let mut lines = Vec::new();
        for (level, reason) in self.analysis.leaks(param) {
            // What is on the heap itself is named, and not the heap.
            let root = reason.steps().last().and_then(|step| step.to).map(|var| self.place(var));
            let to = root.as_deref().unwrap_or("{heap}");
            let head = format!("parameter {name} leaks to {to} for {} with derefs={level}:", record.function);
            lines.extend(self.because(head, Some(reason), record));
        }
        lines
    }

    /// Why the parameter of a method leaks that is made of this one, for pointers.
    fn wrapped(
        &self,
        param: Var,
        name: &str,
        results: &[String],
        wrapped: &Wrapped,
        lines: &mut Vec<String>,
    ) {
        let Wrapped { function, call, is_receiver } = wrapped;
        let tag = self.analysis.tag(param);
        let heap = tag.heap().map(|level| ("{heap}", level, false));
        let results = results.iter().enumerate();
        let results =
            results.filter_map(|(number, result)| Some((result.as_str(), tag.result(number)?, true)));
        for (to, level, returns) in heap.into_iter().chain(results) {
            let level = level + u32::from(*is_receiver);
            lines.push(format!("parameter {name} leaks to {to} for {function} with derefs={level}:"));
            lines.push(format!("  flow: {to} ← {}{name}:", "*".repeat(level as usize)));
            if *is_receiver {
                lines.push(format!("    from {name} (indirection) at <autogenerated>:1"));
            }
            lines.push(format!("    from {call} (call parameter) at <autogenerated>:1"));
            if returns {
                lines.push(format!("    from return {call} (return) at <autogenerated>:1"));
            }
        }
    }

    fn leaks(&self, param: Var, name: &str, results: &[String]) -> Vec<String> {
        let tag: Tag = self.analysis.tag(param);
        let mut said = Vec::new();
        if let Some(level) = tag.heap() {
            let content = if level == 0 { "" } else { " content" };
            said.push(format!("leaking param{content}: {name}"));
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

    fn escape(&self, var: Var, name: &str, record: &Record) -> Vec<String> {
        // An `append` is quoted whole here, and as its name alone in its line.
        let name = if name == "append" { self.lowered.program.name(var) } else { name };
        let head = format!("{name} escapes to heap in {}:", record.function);
        self.because(head, self.analysis.reason(var), record)
    }

    /// The flows of a reason, and what each is made of.
    fn because(&self, head: String, reason: Option<Reason<'_>>, record: &Record) -> Vec<String> {
        if !self.explain {
            return Vec::new();
        }
        let mut lines = vec![head];
        let Some(reason) = reason else { return lines };
        for step in self.merged(reason.steps()) {
            let to = step.last.to.map_or_else(|| "{heap}".to_owned(), |var| self.place(var));
            let loads = match usize::try_from(step.derefs) {
                Ok(loads) => "*".repeat(loads),
                Err(_) => "&".to_owned(),
            };
            lines.push(format!("  flow: {to} ← {loads}{}:", self.place(step.from)));
            for (mark, why) in step.marks {
                self.notes(mark, why == Why::Captured, &mut lines);
            }
            if let Why::TooLarge | Why::TooAligned = step.last.why {
                let at = self.show(record.pos);
                let name = self.lowered.program.name(step.from);
                lines.push(format!("    from {name} ({}) at {at}", step.last.why));
            }
        }
        if reason.is_cut() {
            let words =
                "  warning: truncated explanation due to assignment cycle; see golang.org/issue/35518";
            lines.push(words.to_owned());
        }
        lines
    }

    fn notes(&self, mark: u32, by_reference: bool, lines: &mut Vec<String>) {
        let mut at = mark as usize;
        while let Some(note) = self.lowered.notes.get(at).filter(|note| !note.why.is_empty()) {
            let text = note.of.text(&self.lowered.printer);
            lines.push(format!("    from {text} ({}) at {}", note.why, self.show(note.pos)));
            if by_reference {
                lines.push(format!("    from {text} (reference) at {}", self.show(note.pos)));
            }
            at = note.before as usize;
        }
    }

    fn told(&self, pos: Pos) -> (&str, u32, u32) {
        let (path, line, column) = self.places.told(pos);
        (path, line, if column > COLUMNS { 0 } else { column })
    }

    fn show(&self, pos: Pos) -> String {
        match self.told(pos) {
            (path, line, 0) => format!("{path}:{line}"),
            (path, line, column) => format!("{path}:{line}:{column}"),
        }
    }

    fn merged(&self, steps: impl Iterator<Item = Step>) -> Vec<Merged> {
        let hidden = |var: Option<Var>| {
            var.is_some_and(|var| {
                let name = self.lowered.program.name(var);
                matches!(name, "{temp}" | "{receiver}") && !self.lowered.shown.contains(&var)
            })
        };
        let mut all: Vec<Merged> = Vec::new();
        for step in steps {
            match all.last_mut().filter(|before| hidden(before.last.to)) {
                Some(before) => {
                    before.derefs = (before.derefs + step.derefs).max(-1);
                    before.last = step;
                    before.marks.push((step.mark.0, step.why));
                }
                None => all.push(Merged {
                    from: step.from,
                    last: step,
                    derefs: step.derefs,
                    marks: vec![(step.mark.0, step.why)],
                }),
            }
        }
        all
    }

    /// A location as a flow names it.
    fn place(&self, var: Var) -> String {
        let name = self.lowered.program.name(var);
        match self.lowered.program.kind(var) {
            heap_escape::Kind::Site | heap_escape::Kind::Closure => format!("{{storage for {name}}}"),
            _ => name.to_owned(),
        }
    }
}

/// A flow by way of places that have no name and are in no message.
struct Merged {
    from: Var,
    last: Step,
    derefs: i32,
    marks: Vec<(u32, Why)>,
}
