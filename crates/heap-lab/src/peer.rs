//! Peers: programs that do on other memory managers what the lab does here, where they are installed.
//!
//! ```text
//!   go        Go's runtime: `benches/peers/go`, built, or its source and a compiler     beside most experiments
//!   others    the programs of `benches/peers`, one for each memory manager              in the experiment `peers`
//! ```
//! None is needed for anything, unless it is asked for: a report says so when there is none. Whatever one says, the last thing that it
//! prints is an object with its figures.

mod go;
mod others;

pub(crate) use go::GoPeer;
pub(crate) use others::{Answer, Peer, Peers};

use crate::error::LabError;
use serde_json::Value;
use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Output;

/// What was asked about others beside us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// If it is there.
    #[default]
    Auto,
    /// Not at all.
    Off,
    /// Without it, nothing is measured.
    Required,
}

impl Wanted {
    /// The choice of this name for an option; if nothing was said, `auto`.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn typed(option: &'static str, word: Option<&str>) -> Result<Self, LabError> {
        match word {
            None | Some("auto") => Ok(Self::Auto),
            Some("off") => Ok(Self::Off),
            Some("require") => Ok(Self::Required),
            Some(word) => Err(LabError::unknown(option, word, ["auto", "off", "require"])),
        }
    }
}

/// The figures that a program printed which has ended well.
///
/// # Errors
/// When it has not, or printed none: with what it said instead.
pub(crate) fn figures(who: &str, output: &Output) -> Result<Value, LabError> {
    printed(&output.stdout).filter(|_| output.status.success()).ok_or_else(|| {
        LabError::Measure(format!("{who} ended with {} and no figures: {}", output.status, said(output)))
    })
}

/// The object that is the last thing a program printed.
fn printed(output: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(output);
    let object = text.lines().rev().find(|line| line.starts_with('{'))?;
    serde_json::from_str(object).ok()
}

/// What it said about its trouble.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// The first file of that name in the folders of a search path.
fn on_path(path: &OsStr, name: &str) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
