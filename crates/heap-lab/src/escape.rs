//! Escape: what the Go compiler's escape analysis says of a package, without the Go compiler.
//!
//! The analysis is the crate `heap-escape-go`; this module reads files and writes lines. They are those of
//! `go build -gcflags='-m=N -l'`, with the paths as they were typed. What is imported is looked for by [`crate::imports`].

use crate::error::LabError;
use crate::imports::{GoRoot, Imports};
use heap_escape_go::{Line, Options, Source, Tree, analyse};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// What to analyse, and how to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Escape {
    /// The files of one package.
    pub(crate) files: Vec<PathBuf>,
    /// Whether each line says why.
    pub(crate) explain: bool,
    /// As JSON rather than as text.
    pub(crate) json: bool,
    /// Where further tables of imports are.
    pub(crate) tables: Option<PathBuf>,
    /// Where the source of imports is.
    pub(crate) goroot: GoRoot,
}

impl Escape {
    /// The text that was asked for, ending in a newline unless it is empty.
    ///
    /// # Errors
    /// When a file cannot be read, or is no Go that is understood.
    pub(crate) fn show(&self) -> Result<String, LabError> {
        let mut sources = Vec::new();
        for path in &self.files {
            let bytes = fs::read(path).map_err(LabError::io("read", path))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| LabError::Source(format!("{}: not UTF-8", path.display())))?;
            sources.push(Source { path: path.display().to_string(), text });
        }
        let tables = |path: &str| {
            let name = format!("{}.go.txt", path.replace('/', "_"));
            fs::read_to_string(self.tables.as_ref()?.join(name)).ok()
        };
        let imports = match self.files.first() {
            Some(file) => self.goroot.imports_of(file)?,
            None => Imports { tree: Tree::new(), path: None },
        };
        let options = Options {
            explain: self.explain,
            path: imports.path.as_deref(),
            tables: &tables,
            packages: &imports.tree,
            ..Options::default()
        };
        let lines = analyse(&sources, &options).map_err(|mistake| LabError::Source(mistake.to_string()))?;
        Ok(if self.json { as_json(&lines) } else { lines.iter().map(|line| format!("{line}\n")).collect() })
    }
}

fn as_json(lines: &[Line]) -> String {
    let items: Vec<_> = lines
        .iter()
        .map(|line| {
            let mut item = json!({
                "file": line.path,
                "line": line.line,
                "column": line.column,
                "message": line.words,
            });
            if !line.because.is_empty() {
                item["because"] = json!(line.because);
            }
            item
        })
        .collect();
    format!("{}\n", serde_json::Value::from(items))
}

#[cfg(test)]
mod tests;
