//! Files: the checkout as the house tests see it, by path relative to its root.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file of the checkout.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// Path from the root of the checkout, with `/` between its parts.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
}

/// The root of the checkout: where the facade's `Cargo.toml` lies.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of the file at `path`, relative to the root.
///
/// # Panics
/// If it cannot be read: a house test without its file has nothing to say.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file under `folder` (relative to the root, `""` for all of it) whose name ends in `ending`, sorted by
/// path. Build output and hidden folders are not part of the checkout and are left out.
pub(crate) fn files_under(folder: &str, ending: &str) -> Vec<TextFile> {
    let mut found = Vec::new();
    let start = if folder.is_empty() { root() } else { root().join(folder) };
    walk(&start, ending, &mut found);
    found.sort();
    let root = root();
    found
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&root).expect("walked from the root");
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let path = parts.join("/");
            TextFile { text: read(&path), path }
        })
        .collect()
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                walk(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}
