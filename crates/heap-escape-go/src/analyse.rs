//! The whole: from source to report.

use crate::check::decl::Loaded;
use crate::check::Checker;
use crate::lower::lower;
use crate::parse;
use crate::report::{Line, report};
use crate::source::{Diagnostic, Places, Source};
use crate::tables::table;
use crate::value::{self, Value};

/// The stack of the thread that analyses, in bytes. It is as deep as the deepest program that is accepted wants it
/// ([`NESTING`](parse::NESTING)); what is not used is not backed by memory.
const STACK: usize = 512 << 20;

/// Analyses the files of one package.
///
/// The lines are those that `go build -gcflags='-m -l'` prints, in the order of the source.
///
/// # Errors
/// The first mistake that is found in the source, or that no thread could be started for the analysis.
///
/// # Examples
/// ```
/// use heap_escape_go::{Source, analyse};
///
/// let text = "package p\n\nfunc f() *int {\n\tx := 1\n\treturn &x\n}\n";
/// let lines = analyse(&[Source { path: "f.go".to_owned(), text: text.to_owned() }])?;
/// assert_eq!(lines[0].to_string(), "f.go:4:2: moved to heap: x");
/// # Ok::<(), heap_escape_go::Diagnostic>(())
/// ```
pub fn analyse(files: &[Source]) -> Result<Vec<Line>, Diagnostic> {
    std::thread::scope(|scope| {
        let failed = |words: &str| {
            let path = files.first().map_or_else(String::new, |file| file.path.clone());
            Err(Diagnostic { path, line: 0, column: 0, words: words.to_owned() })
        };
        let thread = std::thread::Builder::new().name("escape".to_owned()).stack_size(STACK);
        match thread.spawn_scoped(scope, || analyse_here(files)) {
            Ok(thread) => thread.join().unwrap_or_else(|_| failed("the analysis has a mistake of its own")),
            Err(error) => failed(&format!("no thread for the analysis: {error}")),
        }
    })
}

fn analyse_here(files: &[Source]) -> Result<Vec<Line>, Diagnostic> {
    let mut places = Places::default();
    let mut program = Loaded { path: "main".to_owned(), files: Vec::new() };
    for file in files {
        let base = places.add(&file.path, &file.text)?;
        let parsed = parse::file(&file.text, base).map_err(|fault| places.diagnostic(fault))?;
        program.files.push(parsed);
    }
    let mut packages = imports(&program, &mut places)?;
    packages.push(program);
    let checker = Checker::check(&packages).map_err(|fault| places.diagnostic(fault))?;
    let lowered = lower(checker);
    Ok(report(&lowered, &places))
}

/// The tables of everything that is imported, also by tables.
fn imports<'a>(program: &Loaded<'a>, places: &mut Places) -> Result<Vec<Loaded<'a>>, Diagnostic> {
    let mut found: Vec<Loaded<'a>> = Vec::new();
    let mut wanted = paths(program);
    while let Some(path) = wanted.pop() {
        if found.iter().any(|loaded| loaded.path == path) {
            continue;
        }
        let Some(text) = table(&path) else { continue };
        let base = places.add(&path, text)?;
        let file = parse::file(text, base).map_err(|fault| places.diagnostic(fault))?;
        let loaded = Loaded { path, files: vec![file] };
        wanted.extend(paths(&loaded));
        found.push(loaded);
    }
    Ok(found)
}

fn paths(loaded: &Loaded<'_>) -> Vec<String> {
    let imports = loaded.files.iter().flat_map(|file| &file.imports);
    imports
        .filter_map(|import| match value::string(import.path) {
            Value::Str(path) => Some(String::from_utf8_lossy(&path).into_owned()),
            _ => None,
        })
        .collect()
}
