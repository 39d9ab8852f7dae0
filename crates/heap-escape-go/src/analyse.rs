//! The whole: from source to report.

use std::borrow::Cow;
use std::fmt;

use crate::check::Checker;
use crate::check::decl::Loaded;
use crate::lex;
use crate::lower::lower;
use crate::parse;
use crate::report::{Line, report};
use crate::source::{Diagnostic, Places, Source};
use crate::tables::table;
use crate::value::{self, Value};

/// The stack of the thread that analyses, in bytes. It is as deep as the deepest program that is accepted wants it
/// ([`NESTING`](parse::NESTING)); what is not used is not backed by memory.
const STACK: usize = 512 << 20;

/// How a program is to be analysed.
///
/// # Examples
/// ```
/// use heap_escape_go::{Options, Source, analyse};
///
/// let text = "package p\n\nfunc f() *int {\n\tx := 1\n\treturn &x\n}\n";
/// let file = Source { path: "f.go".to_owned(), text: text.to_owned() };
/// let lines = analyse(&[file], &Options { explain: true, ..Options::default() })?;
/// assert_eq!(lines[0].words, "moved to heap: x");
/// assert_eq!(lines[0].because[0], "x escapes to heap in f:");
/// # Ok::<(), heap_escape_go::Diagnostic>(())
/// ```
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// Whether each line says why.
    pub explain: bool,
    /// Further tables of imports, by path; asked before those that are built in. The tags in a table are believed: wrong ones make
    /// wrong lines.
    pub tables: &'o (dyn Fn(&str) -> Option<String> + Sync),
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { explain: false, tables: &|_| None }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("explain", &self.explain).finish_non_exhaustive()
    }
}

/// Analyses the files of one package.
///
/// The lines are those that `go build -gcflags='-m -l'` prints, in the order of the source.
///
/// # Errors
/// The first mistake that is found in the source or in a table, or that no thread could be started for the analysis.
///
/// # Examples
/// ```
/// use heap_escape_go::{Options, Source, analyse};
///
/// let text = "package p\n\nfunc f() *int {\n\tx := 1\n\treturn &x\n}\n";
/// let file = Source { path: "f.go".to_owned(), text: text.to_owned() };
/// let lines = analyse(&[file], &Options::default())?;
/// assert_eq!(lines[0].to_string(), "f.go:4:2: moved to heap: x");
///
/// let broken = Source { path: "g.go".to_owned(), text: "package p\n\nfunc g( {\n".to_owned() };
/// let mistake = analyse(&[broken], &Options::default()).unwrap_err();
/// assert_eq!((mistake.line, mistake.column), (3, 9));
/// # Ok::<(), heap_escape_go::Diagnostic>(())
/// ```
pub fn analyse(files: &[Source], options: &Options<'_>) -> Result<Vec<Line>, Diagnostic> {
    std::thread::scope(|scope| {
        let failed = |words: &str| {
            let path = files.first().map_or_else(String::new, |file| file.path.clone());
            Err(Diagnostic { path, line: 0, column: 0, words: words.to_owned() })
        };
        let thread = std::thread::Builder::new().name("escape".to_owned()).stack_size(STACK);
        match thread.spawn_scoped(scope, || analyse_here(files, options)) {
            Ok(thread) => thread.join().unwrap_or_else(|_| failed("the analysis has a mistake of its own")),
            Err(error) => failed(&format!("no thread for the analysis: {error}")),
        }
    })
}

fn analyse_here(files: &[Source], options: &Options<'_>) -> Result<Vec<Line>, Diagnostic> {
    let texts = tables(files, options);
    let mut places = Places::default();
    let mut program = Loaded { path: "main".to_owned(), files: Vec::new() };
    for file in files {
        let base = places.add(&file.path, &file.text)?;
        let moved = lex::directives(&file.text, base).map_err(|fault| places.diagnostic(fault))?;
        places.moved(moved);
        let parsed = parse::file(&file.text, base).map_err(|fault| places.diagnostic(fault))?;
        program.files.push(parsed);
    }
    let mut packages = Vec::new();
    for (path, text) in &texts {
        let base = places.add(path, text)?;
        let file = parse::file(text, base).map_err(|fault| places.diagnostic(fault))?;
        packages.push(Loaded { path: path.clone(), files: vec![file] });
    }
    packages.push(program);
    let checker = Checker::check(&packages).map_err(|fault| places.diagnostic(fault))?;
    let lowered = lower(&checker);
    Ok(report(&lowered, &places, options.explain))
}

/// The tables of everything that is imported, also by tables.
fn tables(files: &[Source], options: &Options<'_>) -> Vec<(String, Cow<'static, str>)> {
    let mut found: Vec<(String, Cow<'static, str>)> = Vec::new();
    let mut wanted: Vec<String> = files.iter().flat_map(|file| paths(&file.text)).collect();
    while let Some(path) = wanted.pop() {
        if found.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let text = (options.tables)(&path).map(Cow::Owned).or_else(|| table(&path).map(Cow::Borrowed));
        if let Some(text) = text {
            wanted.extend(paths(&text));
            found.push((path, text));
        }
    }
    found
}

/// The paths that a file imports, as far as it can be parsed.
fn paths(text: &str) -> Vec<String> {
    parse::imports(text)
        .iter()
        .filter_map(|path| match value::string(path) {
            Value::Str(path) => Some(String::from_utf8_lossy(&path).into_owned()),
            _ => None,
        })
        .collect()
}
