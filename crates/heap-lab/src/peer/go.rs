//! The Go peer: the same shapes and tasks in Go's runtime.
//!
//! Looked for on `PATH`: `peers-go`, the built program of `benches/peers/go`; else `go`, which builds that folder, once in a run and
//! outside of what is timed, if this lab was built in its checkout; else the `go` of `GOROOT`.

use super::{Wanted, figures, on_path, said};
use crate::error::LabError;
use crate::scratch::Scratch;
use serde_json::Value;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// The name of the built program.
const BUILT: &str = "peers-go";
/// Its source, as seen from this crate.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/go");

/// A way to run the Go peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GoPeer {
    /// A built program.
    Built(PathBuf),
    /// A compiler, and the folder of the source.
    Source(PathBuf, PathBuf, Once),
}

/// What the compiler made of the source, the first time somebody asked; equal to any other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Once(Arc<OnceLock<Result<Scratch, String>>>);

impl PartialEq for Once {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Once {}

/// A folder with the program of this source, by this compiler; or what the compiler said.
fn built_by(go: &Path, source: &Path) -> Result<Scratch, String> {
    let folder = Scratch::new().map_err(|error| error.to_string())?;
    let output = Command::new(go)
        .args(["build", "-o"])
        .arg(folder.file(BUILT))
        .arg(".")
        .current_dir(source)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", go.display()))?;
    if output.status.success() && folder.file(BUILT).is_file() {
        Ok(folder)
    } else {
        Err(format!("the Go peer was not built ({}): {}", output.status, said(&output)))
    }
}

impl GoPeer {
    /// The one that is wanted, or none: `bin` if it is given, a compiler or a built peer; else what is on `PATH`, else the compiler of
    /// `GOROOT`.
    ///
    /// # Errors
    /// When `bin` is no program, or one is required and there is none.
    pub(crate) fn wanted(wanted: Wanted, bin: Option<&Path>) -> Result<Option<Self>, LabError> {
        if wanted == Wanted::Off {
            return Ok(None);
        }
        let source = Path::new(SOURCE);
        let found = match bin {
            Some(bin) if !bin.is_file() => {
                return Err(LabError::Argument(format!("--go-bin: {} is no program", bin.display())));
            }
            Some(bin) if bin.file_name().is_some_and(|name| name == BUILT) => {
                Some(Self::Built(bin.to_owned()))
            }
            Some(bin) => source.is_dir().then(|| Self::source(bin.to_owned(), source)),
            None => Self::among(&env::var_os("PATH").unwrap_or_default(), source).or_else(|| {
                let go = PathBuf::from(env::var_os("GOROOT")?).join("bin/go");
                (go.is_file() && source.is_dir()).then(|| Self::source(go, source))
            }),
        };
        match found {
            None if wanted == Wanted::Required => Err(LabError::Argument(format!(
                "--go require: neither `{BUILT}` nor `go` is on PATH, nor in GOROOT, and --go-bin names none; or the source of the peer \
                 is gone"
            ))),
            found => Ok(found),
        }
    }

    fn among(path: &OsStr, source: &Path) -> Option<Self> {
        on_path(path, BUILT).map(Self::Built).or_else(|| {
            let go = on_path(path, "go").filter(|_| source.is_dir())?;
            Some(Self::source(go, source))
        })
    }

    fn source(go: PathBuf, source: &Path) -> Self {
        Self::Source(go, source.to_owned(), Once::default())
    }

    /// The compiler: this one, or beside a built program the one on `PATH`.
    pub(crate) fn compiler(&self) -> Option<PathBuf> {
        match self {
            Self::Built(_) => on_path(&env::var_os("PATH")?, "go"),
            Self::Source(go, ..) => Some(go.clone()),
        }
    }

    /// The program, built if it is not yet: whoever measures beside it asks for it before.
    ///
    /// # Errors
    /// When the compiler cannot be run, or refuses.
    pub(crate) fn program(&self) -> Result<PathBuf, LabError> {
        match self {
            Self::Built(program) => Ok(program.clone()),
            Self::Source(go, source, once) => match once.0.get_or_init(|| built_by(go, source)) {
                Ok(folder) => Ok(folder.file(BUILT)),
                Err(why) => Err(LabError::Measure(why.clone())),
            },
        }
    }

    /// Runs it, and gives the object that it prints.
    ///
    /// # Errors
    /// When it cannot be run, fails, or prints no object.
    pub(crate) fn run(&self, args: &[String]) -> Result<Value, LabError> {
        self.run_with(args, None)
    }

    /// The same with so many of Go's processors, if that is said.
    ///
    /// # Errors
    /// As [`GoPeer::run`].
    pub(crate) fn run_with(&self, args: &[String], processors: Option<u32>) -> Result<Value, LabError> {
        let program = self.program()?;
        let mut command = Command::new(&program);
        if let Some(processors) = processors {
            command.env("GOMAXPROCS", processors.to_string());
        }
        let output = command.args(args).output().map_err(LabError::io("run", &program))?;
        figures("the Go peer", &output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_built_peer_comes_before_a_compiler_and_nothing_is_found_where_nothing_is() {
        let scratch = Scratch::new().expect("a folder");
        let folder = scratch.path();
        let path = folder.as_os_str();
        assert_eq!(GoPeer::among(path, folder), None);
        let (go, built) = (folder.join("go"), folder.join(BUILT));
        fs::write(&go, "").expect("a file");
        assert_eq!(GoPeer::among(path, folder), Some(GoPeer::source(go, folder)));
        assert_eq!(GoPeer::among(path, &folder.join("none")), None);
        fs::write(&built, "").expect("a file");
        assert_eq!(GoPeer::among(path, folder), Some(GoPeer::Built(built)));
    }

    #[test]
    fn a_source_is_built_once_and_what_was_built_goes_with_the_last_who_knows_it() {
        let source = Scratch::new().expect("a folder");
        // A compiler that notes that it ran, and whose program prints an object.
        let script =
            "echo ran >> builds\nprintf '#!/bin/sh\\necho {\\\\\"ns\\\\\":1}\\n' > \"$3\"\nchmod +x \"$3\"";
        let peer = GoPeer::source(source.script("go", script), source.path());
        let other = peer.clone();
        assert_eq!(peer.run(&[]).expect("it prints")["ns"], 1);
        assert_eq!(other.run(&[]).expect("again")["ns"], 1);
        assert_eq!(fs::read_to_string(source.file("builds")).expect("noted"), "ran\n");
        let GoPeer::Source(_, _, once) = &peer else { panic!("it is a source") };
        let made = once.0.get().expect("built").as_ref().expect("built").path().to_owned();
        assert!(made.is_dir());
        drop((peer, other));
        assert!(!made.exists());
        let refuses = source.script("refuses", "echo no such type >&2\nexit 1");
        let error =
            GoPeer::source(refuses, source.path()).run(&[]).expect_err("it does not build").to_string();
        assert!(error.contains("no such type"), "{error}");
    }

    #[test]
    fn what_is_required_must_be_there_and_what_is_named_must_be_a_program() {
        let nothing = Path::new("/none/such/go");
        assert!(GoPeer::wanted(Wanted::Off, Some(nothing)).is_ok_and(|found| found.is_none()));
        for wanted in [Wanted::Auto, Wanted::Required] {
            let error = GoPeer::wanted(wanted, Some(nothing)).expect_err("missing").to_string();
            assert!(error.contains("/none/such/go is no program"), "{error}");
        }
        assert!(
            Wanted::typed("choice of --go", Some("sometimes"))
                .expect_err("unknown")
                .to_string()
                .contains("auto off require")
        );
        let found = GoPeer::wanted(Wanted::Required, Some(Path::new("/bin/true"))).expect("there");
        assert!(matches!(found, Some(GoPeer::Source(go, ..)) if go == Path::new("/bin/true")));
    }

    #[test]
    fn a_peer_that_prints_no_object_is_an_error() {
        let peer = GoPeer::Built(PathBuf::from("/bin/true"));
        assert!(peer.run(&[]).is_err());
        assert!(GoPeer::Built(PathBuf::from("/none/such")).run(&[]).is_err());
        let echo = GoPeer::Built(PathBuf::from("/bin/echo"));
        assert_eq!(echo.run(&[String::from("{\"cycles\":3}")]).expect("an object")["cycles"], 3);
    }
}
