//! What a program imports, also by way of others: source that somebody gives, and tables.
//!
//! Packages are found depth first, so that each comes after those that it imports. Source is somebody else's, and there may be any
//! amount of it: how much is read, and how long that and the analysis of it may take, is bounded ([`Budget`]).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, Instant};

use crate::parse;
use crate::source::{Diagnostic, Source};
use crate::tables::{RELEASE, table};
use crate::value::{self, Value};

/// Where the source of imported packages comes from.
///
/// Of a package that is given as source, everything is known: its types, the bodies of its functions, and with them where their
/// arguments go. Those bodies are looked at that may be called, on the way through any number of packages.
///
/// # Examples
/// ```
/// use heap_escape_go::{Options, Packages, Source, analyse};
///
/// struct One;
///
/// impl Packages for One {
///     fn package(&self, path: &str) -> Result<Option<Vec<Source>>, String> {
///         let text = "package keep\n\nvar all []*int\n\nfunc Keep(p *int) { all = append(all, p) }\n\nfunc Look(p *int) int { return *p }\n";
///         let file = Source { path: "keep.go".to_owned(), text: text.to_owned() };
///         Ok((path == "example.com/keep").then(|| vec![file]))
///     }
/// }
///
/// let text = "package p\n\nimport \"example.com/keep\"\n\nfunc f() int {\n\tx, y := 1, 2\n\tkeep.Keep(&x)\n\treturn keep.Look(&y)\n}\n";
/// let file = Source { path: "p.go".to_owned(), text: text.to_owned() };
/// let lines = analyse(&[file], &Options { packages: &One, ..Options::default() })?;
/// let shown: Vec<String> = lines.iter().map(ToString::to_string).collect();
/// assert_eq!(shown, ["p.go:6:2: moved to heap: x"]);
/// # Ok::<(), heap_escape_go::Diagnostic>(())
/// ```
pub trait Packages: Sync {
    /// The files of the package with this path, as far as they are to be built; nothing if it is not known here.
    ///
    /// It is asked once for each path in an analysis.
    ///
    /// # Errors
    /// Why a package that is known cannot be given, in words for whoever wrote the import.
    fn package(&self, path: &str) -> Result<Option<Vec<Source>>, String>;

    /// The release of Go whose standard library this package belongs to, as the 27 in 1.27; nothing if it belongs to none.
    ///
    /// For the release that the built-in tables are of, they say where the arguments of functions go that are in them. That is what the
    /// compiler found, which had put small functions in place of their calls.
    fn release(&self, _path: &str) -> Option<u32> {
        None
    }
}

/// No source: what is imported is known by tables, if at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoPackages;

impl Packages for NoPackages {
    fn package(&self, _: &str) -> Result<Option<Vec<Source>>, String> {
        Ok(None)
    }
}

/// How much may be imported as source, and how long that may take.
///
/// What is more ends the analysis, with a [`Diagnostic`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// How many packages.
    pub packages: usize,
    /// How long a chain of packages may be of which each imports the next.
    pub depth: usize,
    /// How many bytes of text, all files together. The syntax tree is several times as large.
    pub bytes: usize,
    /// How long after its beginning an analysis may still read packages and look at their functions. It is asked between files and
    /// between functions, so that the end of one of these is waited for.
    pub time: Duration,
}

impl Default for Budget {
    /// Several times what the largest packages of the standard library import: 3,000 packages, 300 in a chain, 64 MiB, two minutes.
    fn default() -> Self {
        Self { packages: 3000, depth: 300, bytes: 64 << 20, time: Duration::from_secs(120) }
    }
}

/// A package that is imported.
pub(crate) struct Imported {
    pub(crate) path: String,
    /// Whether these files are its source, and not its table.
    pub(crate) is_source: bool,
    /// Beside the source: its table, if that says how the arguments of its functions go.
    pub(crate) table: Option<&'static str>,
    /// What messages call each, and what is in it.
    pub(crate) files: Vec<(String, Cow<'static, str>)>,
}

/// Looks for what is imported.
pub(crate) struct Finder<'f> {
    tables: &'f (dyn Fn(&str) -> Option<String> + Sync),
    packages: &'f dyn Packages,
    budget: Budget,
    /// When the time is over.
    pub(crate) until: Option<Instant>,
    found: Vec<Imported>,
    seen: HashSet<String>,
    /// The packages of which the imports are looked for.
    chain: Vec<String>,
    bytes: usize,
}

/// An import as it is written.
struct Import<'t> {
    file: &'t str,
    text: &'t str,
    /// Where its path begins, in bytes.
    at: usize,
    path: String,
}

impl Import<'_> {
    fn mistake(&self, words: impl fmt::Display) -> Diagnostic {
        let before = &self.text[..self.at];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Diagnostic {
            path: self.file.to_owned(),
            line: number(before.matches('\n').count() + 1),
            column: number(self.at - start + 1),
            words: format!("import of {}: {words}", self.path),
        }
    }
}

impl<'f> Finder<'f> {
    pub(crate) fn new(
        program: Option<&str>,
        tables: &'f (dyn Fn(&str) -> Option<String> + Sync),
        packages: &'f dyn Packages,
        budget: Budget,
    ) -> Self {
        let (found, seen) = (Vec::new(), HashSet::new());
        let chain = program.map(str::to_owned).into_iter().collect();
        let until = Instant::now().checked_add(budget.time);
        Self { tables, packages, budget, until, found, seen, chain, bytes: 0 }
    }

    /// Everything that these files import, also by way of others, each package after those that it imports.
    ///
    /// # Errors
    /// A package that cannot be given, one that imports itself by way of others, or more than the budget has.
    pub(crate) fn find(mut self, files: &[Source]) -> Result<Vec<Imported>, Diagnostic> {
        for file in files {
            self.imports_of(&file.path, &file.text)?;
        }
        Ok(self.found)
    }

    fn imports_of(&mut self, file: &str, text: &str) -> Result<(), Diagnostic> {
        for (at, path) in parse::imports(text) {
            let Value::Str(path) = value::string(path) else { continue };
            let path = String::from_utf8_lossy(&path).into_owned();
            self.import(&Import { file, text, at, path })?;
        }
        Ok(())
    }

    fn import(&mut self, import: &Import<'_>) -> Result<(), Diagnostic> {
        let path = &import.path;
        if let Some(from) = self.chain.iter().position(|known| known == path) {
            let circle = self.chain[from..].join(" imports ");
            return Err(import.mistake(format!("import cycle not allowed: {circle} imports {path}")));
        }
        if path == "unsafe" || path == "C" || !self.seen.insert(path.clone()) {
            return Ok(());
        }
        let package = match (self.tables)(path) {
            Some(text) => Some(of_table(path, Cow::Owned(text))),
            None => match self.packages.package(path).map_err(|words| import.mistake(words))? {
                Some(files) => Some(self.of_source(import, files)?),
                None => table(path).map(|text| of_table(path, Cow::Borrowed(text))),
            },
        };
        let Some(package) = package else { return Ok(()) };
        if self.found.len() + self.chain.len() >= self.budget.packages {
            return Err(import.mistake(format!("more than {} packages", self.budget.packages)));
        }
        if self.chain.len() >= self.budget.depth {
            return Err(import.mistake(format!("a chain of more than {} imports", self.budget.depth)));
        }
        // Tables may name one another.
        self.chain.push(if package.is_source { path.clone() } else { String::new() });
        for (file, text) in &package.files {
            self.imports_of(file, text)?;
        }
        self.chain.pop();
        self.found.push(package);
        Ok(())
    }

    fn of_source(&mut self, import: &Import<'_>, files: Vec<Source>) -> Result<Imported, Diagnostic> {
        self.bytes += files.iter().map(|file| file.text.len()).sum::<usize>();
        if self.bytes > self.budget.bytes {
            return Err(import.mistake(format!("more than {} bytes of source", self.budget.bytes)));
        }
        if self.until.is_some_and(|until| Instant::now() > until) {
            return Err(import.mistake("what is imported takes too much time"));
        }
        let files = files.into_iter().map(|file| (file.path, Cow::Owned(file.text))).collect();
        let of_tables = self.packages.release(&import.path) == Some(RELEASE);
        let table = if of_tables { table(&import.path) } else { None };
        Ok(Imported { path: import.path.clone(), is_source: true, table, files })
    }
}

fn of_table(path: &str, text: Cow<'static, str>) -> Imported {
    Imported { path: path.to_owned(), is_source: false, table: None, files: vec![(path.to_owned(), text)] }
}
