//! The other peers: programs of `benches/peers`, which run the benches' shapes on other memory managers.
//!
//! Each is a program of its own, in a package outside the workspace. Looked for in the folder that is named, else where `just peers`
//! builds them in this lab's checkout, else on `PATH`. What is not found, or finds its library missing when it runs, is left out; it is
//! an error only if peers are required.

use super::{Wanted, figures, on_path, said};
use crate::error::LabError;
use serde_json::Value;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where they are built, as seen from this crate.
const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/target/release");
/// The exit codes of a peer that does not run this shape, and of one whose memory manager is not on the machine.
const OTHER_SHAPES: i32 = 2;
const ABSENT: i32 = 3;

/// A memory manager, and the program that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// What it is called.
    pub(crate) name: &'static str,
    program: PathBuf,
}

/// What is known of each: its name, and its program's.
const KNOWN: [(&str, &str); 4] = [
    ("gc-arena", "peers-gc-arena"),
    ("Boehm", "peers-boehm"),
    ("mimalloc", "peers-mimalloc"),
    ("system malloc", "peers-system"),
];

/// Those that are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    /// They.
    pub(crate) found: Vec<Peer>,
    /// Names of those that were looked for in vain.
    pub(crate) missing: Vec<&'static str>,
    /// Whether one that cannot be run is an error.
    pub(crate) required: bool,
}

impl Peers {
    /// Those that are wanted: in `folder` if it is given, else where they are built and on `PATH`.
    ///
    /// # Errors
    /// When `folder` is none, or all are required and one is not there.
    pub(crate) fn wanted(wanted: Wanted, folder: Option<&Path>) -> Result<Self, LabError> {
        if wanted == Wanted::Off {
            return Ok(Self::default());
        }
        let required = wanted == Wanted::Required;
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(LabError::Argument(format!("--peers-dir: {} is no folder", folder.display())));
        }
        let place = |program: &str| match folder {
            Some(folder) => Some(folder.join(program)).filter(|file| file.is_file()),
            None => Some(Path::new(BUILT).join(program))
                .filter(|file| file.is_file())
                .or_else(|| on_path(&env::var_os("PATH")?, program)),
        };
        let mut peers = Self { found: Vec::new(), missing: Vec::new(), required };
        for (name, program) in KNOWN {
            match place(program) {
                Some(program) => peers.found.push(Peer { name, program }),
                None if required => {
                    return Err(LabError::Argument(format!(
                        "--peers require: there is no `{program}`; `just peers` builds it"
                    )));
                }
                None => peers.missing.push(name),
            }
        }
        Ok(peers)
    }
}

/// What came of asking a peer to run a shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Its figures.
    Figures(Value),
    /// It has no such shape.
    NoSuchShape,
    /// Its memory manager is not on this machine, and why.
    Absent(String),
}

impl Peer {
    /// Runs a shape, with one marking thread where the collector has several.
    ///
    /// # Errors
    /// When it cannot be run, fails, or prints no object.
    pub(crate) fn run(&self, args: &[impl AsRef<OsStr>]) -> Result<Answer, LabError> {
        let output = Command::new(&self.program)
            .env("GC_MARKERS", "1")
            .args(args)
            .output()
            .map_err(LabError::io("run", &self.program))?;
        match output.status.code() {
            Some(OTHER_SHAPES) => Ok(Answer::NoSuchShape),
            Some(ABSENT) => Ok(Answer::Absent(said(&output))),
            _ => figures(&self.program.display().to_string(), &output).map(Answer::Figures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn what_is_not_there_is_named_and_is_an_error_only_if_all_are_required() {
        let scratch = Scratch::with(&[("peers-boehm", ""), ("peers-system", "")]);
        let some = scratch.path();
        let peers = Peers::wanted(Wanted::Auto, Some(some)).expect("two are found");
        let names: Vec<_> = peers.found.iter().map(|peer| peer.name).collect();
        assert_eq!((names, peers.missing), (vec!["Boehm", "system malloc"], vec!["gc-arena", "mimalloc"]));
        let error = Peers::wanted(Wanted::Required, Some(some)).expect_err("two are missing").to_string();
        assert!(error.contains("peers-gc-arena") && error.contains("just peers"), "{error}");
        assert!(Peers::wanted(Wanted::Off, Some(some)).expect("none").found.is_empty());
        let error = Peers::wanted(Wanted::Auto, Some(&some.join("none"))).expect_err("no folder").to_string();
        assert!(error.contains("is no folder"), "{error}");
    }

    #[test]
    fn figures_other_shapes_and_a_missing_library_are_told_apart_and_anything_else_is_an_error() {
        let script = "case $1 in figures) echo about; echo '{\"objects\":3}';; shape) exit 2;; \
                      absent) echo no libgc >&2; exit 3;; nothing) exit 0;; *) exit 1;; esac";
        let scratch = Scratch::new().expect("a folder");
        let peer = Peer { name: "Boehm", program: scratch.script("peers-boehm", script) };
        let objects = serde_json::json!({"objects": 3});
        assert_eq!(peer.run(&["figures"]).expect("it ran"), Answer::Figures(objects));
        assert_eq!(peer.run(&["shape"]).expect("it ran"), Answer::NoSuchShape);
        assert_eq!(peer.run(&["absent"]).expect("it ran"), Answer::Absent(String::from("no libgc")));
        for broken in ["nothing", "crash"] {
            assert!(peer.run(&[broken]).is_err(), "{broken}");
        }
    }
}
