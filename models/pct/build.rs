//! Writes the list of the named windows: every `point("…")` in the sources of the heap, outside comments and tests.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let mut names = Vec::new();
    for folder in ["heap-core", "heap-gc", "heap-scav"] {
        let folder = format!("../../crates/{folder}/src");
        println!("cargo::rerun-if-changed={folder}");
        look(Path::new(&folder), &mut names);
    }
    names.sort();
    names.dedup();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    fs::write(out.join("windows.rs"), format!("&{names:#?}")).expect("the list is written");
}

fn look(at: &Path, names: &mut Vec<String>) {
    if at.is_dir() {
        for entry in fs::read_dir(at).expect("sources").flatten() {
            look(&entry.path(), names);
        }
        return;
    }
    if at.extension().is_none_or(|extension| extension != "rs") || at.ends_with("tests.rs") {
        return;
    }
    let text = fs::read_to_string(at).expect("a source");
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    for call in code.join("\n").split("point(").skip(1) {
        if let Some(name) = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
            names.push(name.to_owned());
        }
    }
}
