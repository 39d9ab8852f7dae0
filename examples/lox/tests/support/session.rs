//! A program in an interpreter of this process.

use lox::{Options, Session};

/// The exit code, the output, and the errors.
pub(crate) type Ended = (u8, String, String);

/// Runs a program on a heap with these options, on a thread with room for deep nesting.
pub(crate) fn run_with(options: &Options, source: &[u8]) -> Ended {
    let run = || {
        let mut out = Vec::new();
        let ended = Session::new(&options.heap(), options.collect_every.is_some())
            .and_then(|mut session| session.interpret(source, &mut out));
        let out = String::from_utf8_lossy(&out).into_owned();
        match ended {
            Ok(()) => (0, out, String::new()),
            Err(error) => (error.exit_code(), out, String::from_utf8_lossy(&error.message()).into_owned()),
        }
    };
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(threads, run);
        thread.expect("a thread").join().expect("no panic")
    })
}

/// Runs a program.
pub(crate) fn run(source: &str) -> Ended {
    run_with(&Options::default(), source.as_bytes())
}
