//! Folders with the source of packages: a Go installation, and modules.

use std::fs;
use std::path::{Path, PathBuf};

use crate::constraint::System;
use crate::imports::Packages;
use crate::parse;
use crate::source::Source;
use crate::tables::RELEASE;

/// The largest file that is read, in bytes: more than ten times the largest of the standard library.
const LARGEST: u64 = 8 << 20;

/// How many entries of a folder are looked at.
const ENTRIES: usize = 10_000;

/// Folders in which the source of packages is looked for, on disk.
///
/// Of a package those files are given that are built for linux/amd64 without cgo. What does not lie in one of the folders, and what is
/// no import path that the language accepts, is not known. Links are followed.
///
/// # Examples
/// ```
/// use std::fs;
/// use heap_escape_go::{Options, Source, Tree, analyse};
///
/// let dir = std::env::temp_dir().join(format!("heap-escape-go-tree-{}", std::process::id()));
/// fs::create_dir_all(dir.join("keep"))?;
/// fs::write(dir.join("keep/keep.go"), "package keep\n\nfunc Look(p *int) int { return *p }\n")?;
///
/// let tree = Tree::new().with_module("example.com/m", &dir);
/// let text = "package p\n\nimport \"example.com/m/keep\"\n\nfunc f(p *int) int { return keep.Look(p) }\n";
/// let file = Source { path: "p.go".to_owned(), text: text.to_owned() };
/// let lines = analyse(&[file], &Options { packages: &tree, ..Options::default() })?;
/// assert_eq!(lines[0].to_string(), "p.go:5:8: p does not escape");
/// # fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    /// The folder `src` of a Go installation, and its release.
    go: Option<(PathBuf, u32)>,
    /// Modules by their paths.
    modules: Vec<(String, PathBuf)>,
}

impl Tree {
    /// No folders.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the standard library of the Go installation in this folder (`GOROOT`), and with what it has in its own `vendor`.
    ///
    /// # Errors
    /// If there is no standard library there, in words.
    pub fn with_go(self, root: &Path) -> Result<Self, String> {
        let src = root.join("src");
        if !src.join("runtime").is_dir() {
            return Err(format!("{}: no Go installation: src/runtime is not there", root.display()));
        }
        let version = fs::read_to_string(root.join("VERSION")).unwrap_or_default();
        let release = version.strip_prefix("go1.").map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().unwrap_or(RELEASE)
        });
        Ok(Self { go: Some((src, release.unwrap_or(RELEASE))), ..self })
    }

    /// With the module of this path, which lies in this folder.
    #[must_use]
    pub fn with_module(mut self, path: &str, folder: &Path) -> Self {
        self.modules.push((path.to_owned(), folder.to_owned()));
        self
    }

    /// The folder of a package.
    fn folder(&self, path: &str) -> Option<PathBuf> {
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0', ':']);
        if !path.split('/').all(is_part) {
            return None;
        }
        // A module may lie in another one: the longest path is the nearest.
        let of_module = |(module, folder): &(String, PathBuf)| {
            let rest = path.strip_prefix(module.as_str())?;
            let rest = if rest.is_empty() { "" } else { rest.strip_prefix('/')? };
            Some((module.len(), folder.join(rest)))
        };
        let modules = self.modules.iter().filter_map(of_module).max_by_key(|(length, _)| *length);
        let vendored = self.modules.iter().map(|(_, folder)| folder.join("vendor").join(path));
        let of_go = self.go.iter().flat_map(|(src, _)| [src.join(path), src.join("vendor").join(path)]);
        let mut all = modules.map(|(_, folder)| folder).into_iter().chain(of_go).chain(vendored);
        all.find(|folder| folder.is_dir())
    }
}

impl Packages for Tree {
    fn package(&self, path: &str) -> Result<Option<Vec<Source>>, String> {
        let Some(folder) = self.folder(path) else { return Ok(None) };
        let system = System { release: self.go.as_ref().map_or(RELEASE, |(_, release)| *release) };
        let failed = |what: &Path| {
            let shown = what.display().to_string();
            move |error| format!("{shown}: {error}")
        };
        let mut names = Vec::new();
        for (number, entry) in fs::read_dir(&folder).map_err(failed(&folder))?.enumerate() {
            if number >= ENTRIES {
                return Err(format!("{}: more than {ENTRIES} entries", folder.display()));
            }
            let name = entry.map_err(failed(&folder))?.file_name().to_string_lossy().into_owned();
            if system.builds_name(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        let mut files = Vec::new();
        for name in names {
            let file = folder.join(&name);
            let about = fs::metadata(&file).map_err(failed(&file))?;
            if !about.is_file() {
                continue;
            }
            if about.len() > LARGEST {
                return Err(format!("{}: more than {LARGEST} bytes", file.display()));
            }
            let text = String::from_utf8_lossy(&fs::read(&file).map_err(failed(&file))?).into_owned();
            let is_cgo = || parse::imports(&text).iter().any(|(_, path)| *path == "\"C\"");
            if system.builds_text(&text) && !is_cgo() {
                files.push(Source { path: file.display().to_string(), text });
            }
        }
        Ok((!files.is_empty()).then_some(files))
    }

    fn release(&self, path: &str) -> Option<u32> {
        let (src, release) = self.go.as_ref()?;
        self.folder(path).is_some_and(|folder| folder.starts_with(src)).then_some(*release)
    }
}

#[cfg(test)]
mod tests;
