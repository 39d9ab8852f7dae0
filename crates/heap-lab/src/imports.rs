//! Imports: where the source of what a Go program imports is looked for.
//!
//! Three places, all of them folders: the Go installation, for the standard library; the module that the program's files lie in,
//! which its `go.mod` names; and the folders to which the `go` command has downloaded the modules that this file requires. What is in
//! none of them is known by a built-in table, or not at all.

use crate::error::LabError;
use heap_escape_go::Tree;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many folders up a `go.mod` is looked for.
const UP: usize = 64;

/// Which Go installation has the standard library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum GoRoot {
    /// The one of `GOROOT`, or else of the `go` on `PATH`, if there is one.
    #[default]
    Auto,
    /// None: imports are known by tables only, and no source is read.
    Off,
    /// This one.
    At(PathBuf),
}

/// What is known of a program's surroundings.
#[derive(Debug)]
pub(crate) struct Imports {
    /// The folders with source.
    pub(crate) tree: Tree,
    /// The import path of the program's own package, if it lies in a module or in the standard library.
    pub(crate) path: Option<String>,
}

impl GoRoot {
    /// The choice that was typed: `auto`, `off` or a folder.
    pub(crate) fn named(word: &OsStr) -> Self {
        match word.to_str() {
            Some("auto") => Self::Auto,
            Some("off") => Self::Off,
            _ => Self::At(PathBuf::from(word)),
        }
    }

    /// Looks for everything that the package of this file may import.
    ///
    /// # Errors
    /// When there is no Go installation where one was named.
    pub(crate) fn imports_of(&self, file: &Path) -> Result<Imports, LabError> {
        let tree = match self {
            Self::Off => return Ok(Imports { tree: Tree::new(), path: None }),
            Self::At(root) => (root.clone(), Tree::new().with_go(root).map_err(LabError::Argument)?),
            Self::Auto => found().unwrap_or_default(),
        };
        let (root, tree) = tree;
        let mut imports = Imports { tree, path: None };
        let Ok(file) = fs::canonicalize(file) else { return Ok(imports) };
        let Some(folder) = file.parent() else { return Ok(imports) };
        let src = fs::canonicalize(root.join("src"));
        if let Some(path) = src.ok().and_then(|src| inside(&src, folder)) {
            imports.path = Some(path);
            return Ok(imports);
        }
        let module = folder.ancestors().take(UP).find_map(|above| {
            let text = fs::read_to_string(above.join("go.mod")).ok()?;
            Some((above, text))
        });
        let Some((above, text)) = module else { return Ok(imports) };
        let Some(name) = words(&text).find_map(|(kind, path, _)| (kind == "module").then_some(path)) else {
            return Ok(imports);
        };
        imports.tree = imports.tree.with_module(name, above);
        imports.path = inside(above, folder).map(|rest| [name, &rest].join("/")).or(Some(name.to_owned()));
        for (path, folder) in required(&text) {
            imports.tree = imports.tree.with_module(path, &folder);
        }
        Ok(imports)
    }
}

/// The installation that is there, and its folder.
fn found() -> Option<(PathBuf, Tree)> {
    let named = env::var_os("GOROOT").filter(|root| !root.is_empty()).map(PathBuf::from);
    let of_go = || {
        let said = Command::new("go").args(["env", "GOROOT"]).output().ok()?;
        Some(PathBuf::from(String::from_utf8(said.stdout).ok()?.trim()))
    };
    let root = named.or_else(of_go)?;
    let tree = Tree::new().with_go(&root).ok()?;
    Some((root, tree))
}

/// The way from a folder to one in it, with `/`; nothing if it is no folder in it, or the folder itself.
fn inside(outer: &Path, inner: &Path) -> Option<String> {
    let parts: Option<Vec<_>> = inner.strip_prefix(outer).ok()?.iter().map(OsStr::to_str).collect();
    parts.map(|parts| parts.join("/")).filter(|path| !path.is_empty())
}

/// What the lines of a `go.mod` say: of which kind each is, and its next two words.
fn words(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut block = "";
    text.lines().filter_map(move |line| {
        let line = line.split("//").next().unwrap_or("");
        let mut words = line.split_whitespace().map(|word| word.trim_matches(['"', '`']));
        let first = words.next()?;
        if first == ")" {
            block = "";
            return None;
        }
        let kind = if block.is_empty() { first } else { block };
        let second = if block.is_empty() { words.next()? } else { first };
        if second == "(" {
            block = first;
            return None;
        }
        Some((kind, second, words.next().unwrap_or("")))
    })
}

/// The modules that a `go.mod` requires, as far as they are downloaded, and where. What is replaced by something is left out.
fn required(text: &str) -> Vec<(&str, PathBuf)> {
    let of_path =
        || Some(PathBuf::from(env::var_os("GOPATH").filter(|path| !path.is_empty())?).join("pkg/mod"));
    let at_home = || Some(PathBuf::from(env::var_os("HOME")?).join("go/pkg/mod"));
    let named = env::var_os("GOMODCACHE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(cache) = named.or_else(of_path).or_else(at_home) else { return Vec::new() };
    let replaced: Vec<&str> =
        words(text).filter(|(kind, ..)| *kind == "replace").map(|(_, path, _)| path).collect();
    let all = words(text).filter(|(kind, path, _)| *kind == "require" && !replaced.contains(path));
    let all = all.filter_map(|(_, path, version)| {
        let is_plain = !path.split('/').any(|part| matches!(part, "" | "." | ".."));
        let folder = cache.join(format!("{}@{}", cached(path), cached(version)));
        (is_plain && !version.contains('/') && folder.is_dir()).then_some((path, folder))
    });
    all.collect()
}

/// A path as folders of downloaded modules have it: `!x` for `X`.
fn cached(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if c.is_ascii_uppercase() {
            out.push('!');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests;
