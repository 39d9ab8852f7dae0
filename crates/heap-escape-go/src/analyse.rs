//! The whole: from source to report.

use std::fmt;

use crate::check::decl::Loaded;
use crate::check::{Checker, What};
use crate::imports::{Budget, Finder, NoPackages, Packages};
use crate::lex;
use crate::lower::lower;
use crate::parse;
use crate::report::{Line, report};
use crate::source::{Diagnostic, Places, Source};

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
    /// The import path of the package, where it has one: names of types that are written in full have it. Without one, its name is taken.
    pub path: Option<&'o str>,
    /// Further tables of imports, by path; asked before those that are built in. The tags in a table are believed: wrong ones make
    /// wrong lines.
    pub tables: &'o (dyn Fn(&str) -> Option<String> + Sync),
    /// The source of imports; asked where none of those tables is known, and before the tables that are built in.
    pub packages: &'o dyn Packages,
    /// How much of that there may be.
    pub budget: Budget,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            explain: false,
            path: None,
            tables: &|_| None,
            packages: &NoPackages,
            budget: Budget::default(),
        }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("explain", &self.explain)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// Analyses the files of one package.
///
/// The lines are those that `go build -gcflags='-m -l'` prints, in the order of the source.
///
/// # Errors
/// The first mistake that is found in the source or in a table, or how far what is imported is past its [`Budget`], or that no thread
/// could be started for the analysis.
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
    let finder = Finder::new(options.path, options.tables, options.packages, options.budget);
    let until = finder.until;
    let imported = finder.find(files)?;
    let mut places = Places::default();
    let (path, what) = (options.path.unwrap_or_default().to_owned(), What::Program);
    let mut program = Loaded { path, what, files: Vec::new(), table: None };
    for file in files {
        let base = places.add(&file.path, &file.text)?;
        let moved = lex::directives(&file.text, base).map_err(|fault| places.diagnostic(fault))?;
        places.moved(moved);
        let parsed = parse::file(&file.text, base).map_err(|fault| places.diagnostic(fault))?;
        program.files.push(parsed);
    }
    let mut packages = Vec::new();
    for package in &imported {
        let what = if package.is_source { What::Source } else { What::Table };
        let mut loaded = Loaded { path: package.path.clone(), what, files: Vec::new(), table: None };
        for (path, text) in &package.files {
            let base = places.add(path, text)?;
            loaded.files.push(parse::file(text, base).map_err(|fault| places.diagnostic(fault))?);
        }
        if let Some(text) = package.table {
            let base = places.add(&package.path, text)?;
            loaded.table = Some(parse::file(text, base).map_err(|fault| places.diagnostic(fault))?);
        }
        packages.push(loaded);
    }
    packages.push(program);
    let checker = Checker::check(&packages, until).map_err(|fault| places.diagnostic(fault))?;
    let lowered = lower(&checker);
    Ok(report(&lowered, &places, options.explain))
}
