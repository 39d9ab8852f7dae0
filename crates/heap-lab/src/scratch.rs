//! Scratch: a folder among the system's temporary files, which goes with whoever made it.
//!
//! What cannot be removed stays where the system puts such things; nothing depends on it being gone.

use crate::error::LabError;
use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A folder that nobody else has.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new one, with nothing in it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new() -> Result<Self, LabError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Relaxed);
            let folder = env::temp_dir().join(format!("heap-lab-{}-{number}", process::id()));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Self(folder)),
                // Of a process that had this number before, and was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(LabError::io("create", &folder)(error)),
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The place of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
impl Scratch {
    /// One with these files, and the folders that they are in.
    pub(crate) fn with(files: &[(&str, impl AsRef<[u8]>)]) -> Self {
        let scratch = Self::new().expect("a folder");
        for (name, text) in files {
            let file = scratch.file(name);
            fs::create_dir_all(file.parent().expect("in a folder")).expect("a folder");
            fs::write(file, text).expect("a file");
        }
        scratch
    }

    /// A program in it: a script for the shell.
    pub(crate) fn script(&self, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.file(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it may run");
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_folder_and_goes_with_all_that_is_in_it() {
        let (one, other) = (Scratch::with(&[("a/b", "text")]), Scratch::new().expect("a folder"));
        assert_ne!(one.path(), other.path());
        assert_eq!(fs::read_to_string(one.file("a/b")).expect("written"), "text");
        let place = one.path().to_owned();
        drop(one);
        assert!(!place.exists() && other.path().is_dir());
    }

    #[test]
    fn what_another_process_left_there_is_passed_over() {
        let first = Scratch::new().expect("a folder");
        let number =
            first.path().to_string_lossy().rsplit('-').next().and_then(|text| text.parse::<u32>().ok());
        let left: Vec<_> = (1..50)
            .map(|further| format!("heap-lab-{}-{}", process::id(), number.expect("a number") + further))
            .map(|name| env::temp_dir().join(name))
            .filter(|folder| fs::create_dir(folder).is_ok())
            .collect();
        let second = Scratch::new();
        for folder in left {
            drop(fs::remove_dir(folder));
        }
        assert!(second.expect("passed over").path().is_dir());
    }
}
