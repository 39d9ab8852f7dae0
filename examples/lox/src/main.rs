//! The command `lox`: runs a file, or reads programs line by line.

#![forbid(unsafe_code)]

use lox::{Error, Options, Session, USAGE};
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;
use tricolor::Figures;

/// The stack of the thread that compiles: enough for the deepest nesting that the compiler takes.
const STACK_BYTES: usize = 64 << 20;

fn main() -> ExitCode {
    let Some(options) = Options::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let running = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || run(&options));
    match running.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            eprintln!("Could not start the interpreter: {error}.");
            ExitCode::from(71)
        }
    }
}

fn run(options: &Options) -> u8 {
    let Ok(source) = options.path.as_ref().map(std::fs::read).transpose() else {
        let path = options.path.as_deref().unwrap_or("".as_ref());
        eprintln!("Could not open file \"{}\".", path.display());
        return 74;
    };
    let mut session = match Session::new(&options.heap(), options.collect_every.is_some()) {
        Ok(session) => session.escape(options.escape),
        Err(error) => return show(&error),
    };
    let (code, figures, wrong) = match source {
        Some(source) => {
            let mut out = BufWriter::new(io::stdout().lock());
            let (ended, session) = session.run_only(&source, &mut out);
            (code(out, ended), session.figures(), session.wrong_hints())
        }
        None => (lines(&mut session), session.figures(), session.wrong_hints()),
    };
    for line in wrong {
        eprintln!("[line {line}] A closure or an instance has outlived its call, and was not expected to.");
    }
    if options.shows_figures {
        show_figures(&figures);
    }
    code
}

/// The exit code of a program, and its error on the standard error output.
fn code(mut out: impl Write, ended: Result<(), Error>) -> u8 {
    let flushed = out.flush().map_err(Error::Output);
    drop(out);
    match ended.and(flushed) {
        Ok(()) => 0,
        Err(error) => show(&error),
    }
}

/// Runs every line as a program.
fn lines(session: &mut Session) -> u8 {
    let mut line = Vec::new();
    loop {
        print!("> ");
        line.clear();
        let read = io::stdout().flush().and_then(|()| io::stdin().lock().read_until(b'\n', &mut line));
        match read {
            Ok(0) => {
                println!();
                return 0;
            }
            Ok(_) => {
                let mut out = BufWriter::new(io::stdout().lock());
                let ended = session.interpret(&line, &mut out);
                code(out, ended);
            }
            Err(_) => return 74,
        }
    }
}

/// Shows an error; its exit code.
fn show(error: &Error) -> u8 {
    // If that fails, the exit code says it all the same.
    io::stderr().write_all(&error.message()).ok();
    error.exit_code()
}

fn show_figures(figures: &Figures) {
    eprintln!(
        "{} collections, {} objects of {} in the heap, {:.1} ms marking, {:.1} ms of it by the program, {:.1} ms stopped",
        figures.cycles,
        figures.memory.heap_objects,
        figures.memory.heap_alloc,
        figures.mark_cpu_total.as_secs_f64() * 1e3,
        figures.assist_cpu_total.as_secs_f64() * 1e3,
        figures.pause_total.as_secs_f64() * 1e3,
    );
}
