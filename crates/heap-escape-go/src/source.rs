//! Source files, and places in them.
//!
//! All files of a package lie behind one another in one space of numbers, so that a place is one number ([`Pos`]): the files'
//! texts in the order in which they were added, with one number between them for the end of each.

use std::fmt;
use std::rc::Rc;

/// A place in the source: a byte of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Pos(pub(crate) u32);

/// A file to be analysed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// What messages call it.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// A mistake in the source, or something in it that is not understood.
///
/// It displays as `path:line:column: words`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 if it is about the whole file.
    pub line: u32,
    /// The column in bytes, from 1; 0 if it is about the whole line.
    pub column: u32,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, words } = self;
        write!(f, "{path}")?;
        if *line > 0 {
            write!(f, ":{line}")?;
        }
        if *column > 0 {
            write!(f, ":{column}")?;
        }
        write!(f, ": {words}")
    }
}

impl std::error::Error for Diagnostic {}

/// A mistake at a place that is still a number.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) pos: Pos,
    pub(crate) words: String,
}

impl Fault {
    pub(crate) fn new(pos: Pos, words: impl Into<String>) -> Self {
        Self { pos, words: words.into() }
    }
}

/// Where each file begins, and where its lines do.
#[derive(Debug, Default)]
pub(crate) struct Places {
    files: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    path: String,
    base: u32,
    lines: Vec<u32>,
    /// What its line directives say, in the order of the source.
    moved: Vec<Moved>,
}

/// A comment that says where what comes after it is to be told to be: `//line path:line`, or `/*line path:line:column*/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Moved {
    /// What follows the comment.
    pub(crate) from: Pos,
    /// Nothing: the file that was told before.
    pub(crate) path: Option<Rc<str>>,
    pub(crate) line: u32,
    /// Nothing: no column is told.
    pub(crate) column: Option<u32>,
}

/// How the compiler calls a file that a directive has taken the name from.
const NAMELESS: &str = "??";

impl Places {
    /// Makes room for a file, and says where it begins.
    ///
    /// # Errors
    /// If all files together have 2^31 bytes or more.
    pub(crate) fn add(&mut self, path: &str, text: &str) -> Result<Pos, Diagnostic> {
        let base = self.files.last().map_or(1, |last| last.lines[last.lines.len() - 1] + 1);
        let end = u64::from(base) + text.len() as u64;
        if end >= 1 << 31 {
            let words = "too large: all files together have to be smaller than 2 GiB".to_owned();
            return Err(Diagnostic { path: path.to_owned(), line: 0, column: 0, words });
        }
        let at = |offset: usize| base + u32::try_from(offset).unwrap_or(u32::MAX);
        let mut lines = vec![base];
        lines.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| at(i + 1)));
        // One more, past the end, so that the next file knows where it begins.
        lines.push(at(text.len()) + 1);
        self.files.push(Place { path: path.to_owned(), base, lines, moved: Vec::new() });
        Ok(Pos(base))
    }

    /// Has the places of the file that was added last told as its directives say.
    pub(crate) fn moved(&mut self, mut moved: Vec<Moved>) {
        let Some(file) = self.files.last_mut() else { return };
        let mut last = None;
        for one in &mut moved {
            last = one.path.clone().or(last);
            one.path.clone_from(&last);
        }
        file.moved = moved;
    }

    /// File, line and column.
    pub(crate) fn resolve(&self, pos: Pos) -> (&str, u32, u32) {
        let file = self.files.partition_point(|file| file.base <= pos.0);
        let Some(file) = file.checked_sub(1).map(|file| &self.files[file]) else { return ("", 0, 0) };
        let line = file.lines.partition_point(|start| *start <= pos.0).clamp(1, file.lines.len() - 1);
        let column = pos.0 - file.lines[line - 1] + 1;
        (&file.path, u32::try_from(line).unwrap_or(0), column)
    }

    /// The same as line directives say; the column is 0 if they tell none.
    pub(crate) fn told(&self, pos: Pos) -> (&str, u32, u32) {
        let (path, line, column) = self.resolve(pos);
        let file = self.files.partition_point(|file| file.base <= pos.0);
        let Some(file) = file.checked_sub(1).map(|file| &self.files[file]) else {
            return (path, line, column);
        };
        let at = file.moved.partition_point(|moved| moved.from <= pos);
        let Some(moved) = at.checked_sub(1).map(|at| &file.moved[at]) else { return (path, line, column) };
        let (_, from, first) = self.resolve(moved.from);
        let column = match moved.column {
            Some(told) if line == from => told.saturating_add(column - first),
            Some(_) => column,
            None => 0,
        };
        let named = moved.path.as_deref().unwrap_or(path);
        let named = if named.is_empty() { NAMELESS } else { named };
        (named, moved.line.saturating_add(line - from), column)
    }

    pub(crate) fn diagnostic(&self, fault: Fault) -> Diagnostic {
        let (path, line, column) = self.resolve(fault.pos);
        Diagnostic { path: path.to_owned(), line, column, words: fault.words }
    }
}
