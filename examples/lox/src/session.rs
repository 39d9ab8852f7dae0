//! An interpreter: a heap, its world, and programs run in it one after the other.

use crate::compile::{Failure, compile};
use crate::escape::{Asked, Escape, Watched};
use crate::object::{Closure, Native, Value};
use crate::run::{Host, Mark, Stop, run};
use crate::world::{Frame, World};
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::time::Instant;
use tricolor::{AllocError, Figures, Heap, HeapBuilder, Mu, Mutator, Root};

/// Calls and loops between two looks at the collector.
const POLL: u32 = 256;

/// Why a program did not run to its end. The messages are for the standard error output.
#[derive(Debug)]
pub enum Error {
    /// The source has errors.
    Compile(Vec<u8>),
    /// The program failed: the message and the stack trace.
    Runtime(Vec<u8>),
    /// What the program printed could not be written.
    Output(std::io::Error),
}

impl Error {
    /// The exit code that says so.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Compile(_) => 65,
            Self::Runtime(_) => 70,
            Self::Output(_) => 74,
        }
    }

    /// The lines to be shown.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        match self {
            Self::Compile(text) | Self::Runtime(text) => text.clone(),
            Self::Output(error) => format!("Could not write the output: {error}.\n").into_bytes(),
        }
    }

    fn memory(trace: &[u8]) -> Self {
        Self::Runtime([b"Out of memory.\n", trace].concat())
    }
}

/// An interpreter. Global variables stay from one program to the next.
pub struct Session {
    mutator: Mutator,
    world: Root<World<'static>>,
    started: Instant,
    poll: u32,
    asked: Asked,
    /// Whether there was a program before.
    has_run: bool,
    /// Watched sites, by their numbers, with an object that has outlived its call.
    wrong: BTreeSet<u16>,
}

impl Session {
    /// An interpreter on a heap of its own. With `often` the collector is asked for at every call and loop, which is for tests.
    ///
    /// # Errors
    /// [`Error::Runtime`] if there is no memory, or the heap cannot be built.
    pub fn new(heap: &HeapBuilder, often: bool) -> Result<Self, Error> {
        let failed = |error: &dyn fmt::Display| Error::Runtime(format!("{error}\n").into_bytes());
        let heap: Heap = heap.build().map_err(|error| failed(&error))?;
        let mut mutator = heap.attach().map_err(|error| failed(&error))?;
        let world = mutator.enter(Self::begin).map_err(|_| Error::memory(b""))?;
        Ok(Self {
            mutator,
            world,
            started: Instant::now(),
            poll: if often { 1 } else { POLL },
            asked: Asked::default(),
            has_run: false,
            wrong: BTreeSet::new(),
        })
    }

    /// Says what is made of the analysis of what outlives its call, for the programs that follow.
    #[must_use]
    pub fn escape(mut self, escape: Escape) -> Self {
        self.asked.mode = escape;
        self
    }

    /// The world with the native functions in it.
    fn begin(mu: &Mu<'_>) -> Result<Root<World<'static>>, AllocError> {
        let world = World::new(mu)?;
        let clock = world.global(mu, world.strings.intern(mu, b"clock")?)?;
        clock.value.set(mu, Some(Value::Native(&Native::Clock)));
        Ok(mu.root(world))
    }

    /// Runs a program that no other one follows. If none came before it, its functions and classes are all there are, which the
    /// analysis of escapes makes use of. What it prints goes to `out`, and what is given back can be asked about it.
    ///
    /// # Errors
    /// What is wrong with the program, or what went wrong.
    pub fn run_only(mut self, source: &[u8], out: &mut dyn Write) -> (Result<(), Error>, Ended) {
        self.asked.is_whole = !self.has_run;
        (self.interpret(source, out), Ended { session: self })
    }

    /// Runs a program, which others may follow. What it prints goes to `out`.
    ///
    /// # Errors
    /// What is wrong with the program, or what went wrong.
    pub fn interpret(&mut self, source: &[u8], out: &mut dyn Write) -> Result<(), Error> {
        self.has_run = true;
        self.compile(source)?;
        let mut host = Host { out, started: self.started, poll: self.poll, ticks: 0 };
        let mut refused: Option<Mark> = None;
        loop {
            let world = &self.world;
            // Between two slices the collector gets what it has waited for.
            match self.mutator.enter(|mu| run(mu, world.get(mu), &mut host)) {
                Stop::Done => {
                    self.judge(true);
                    return Ok(());
                }
                Stop::Pause => self.mutator.safepoint(),
                Stop::Check => self.judge(false),
                Stop::Refused(mark) if refused == Some(mark) => {
                    return Err(Error::memory(&self.end()));
                }
                Stop::Refused(mark) => {
                    refused = Some(mark);
                    self.mutator.collect();
                }
                Stop::Failed(message) => {
                    let trace = self.end();
                    return Err(Error::Runtime([message.as_bytes(), b"\n", &trace].concat()));
                }
                Stop::Output(error) => {
                    self.end();
                    return Err(Error::Output(error));
                }
            }
        }
    }

    /// The figures of the heap.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.mutator.figures()
    }

    /// The lines of closures and instances that were expected not to outlive their call, and have, in programs run so far. There is
    /// none unless [`Escape::Checked`] or [`Escape::Planted`] asks for it.
    #[must_use]
    pub fn wrong_hints(&self) -> Vec<u32> {
        self.lines(|number, _| self.wrong.contains(&number))
    }

    /// The lines of closures and instances of which [`Escape::Planted`] has said that they do not outlive their call, where the
    /// analysis does not.
    #[must_use]
    pub fn planted_hints(&self) -> Vec<u32> {
        self.lines(|_, site| site.is_planted)
    }

    fn lines(&self, is: impl Fn(u16, &Watched) -> bool) -> Vec<u32> {
        (0..)
            .zip(&self.asked.sites)
            .filter(|(number, site)| is(*number, site))
            .map(|(_, site)| site.line)
            .collect()
    }

    /// Collects, and looks which objects that are over are still there.
    fn judge(&mut self, is_done: bool) {
        let world = &self.world;
        if self.mutator.enter(|mu| world.get(mu).watches.is_empty()) {
            return;
        }
        self.mutator.collect();
        let world = &self.world;
        self.wrong.extend(self.mutator.enter(|mu| world.get(mu).watches.judge(mu, is_done)));
    }

    /// Compiles a program and makes it the one to be run; once more after a collection if there is no memory.
    fn compile(&mut self, source: &[u8]) -> Result<(), Error> {
        let watched = self.asked.sites.len();
        for again in [true, false] {
            let (world, asked) = (&self.world, &mut self.asked);
            asked.sites.truncate(watched);
            let compiled = self.mutator.enter(|mu| {
                let world = world.get(mu);
                let function = compile(mu, world, source, asked)?;
                let closure = mu.try_alloc(Closure { function, upvalues: world.no_upvalues });
                let closure = closure.map_err(|_| Failure::Memory)?;
                world.save(mu, &[Value::Closure(closure)], &[], &[Frame { closure, next: 0, base: 0 }]);
                Ok(())
            });
            match compiled {
                Ok(()) => return Ok(()),
                Err(Failure::Source(errors)) => return Err(Error::Compile(errors)),
                Err(Failure::Memory) if again => self.mutator.collect(),
                Err(Failure::Memory) => {}
            }
        }
        Err(Error::memory(b""))
    }

    /// Ends the program; where it was.
    fn end(&mut self) -> Vec<u8> {
        let world = &self.world;
        self.mutator.enter(|mu| {
            let world = world.get(mu);
            let trace = world.trace();
            world.reset(mu);
            trace
        })
    }
}

/// A session whose only program is over.
#[derive(Debug)]
pub struct Ended {
    session: Session,
}

impl Ended {
    /// See [`Session::figures`].
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.session.figures()
    }

    /// See [`Session::wrong_hints`].
    #[must_use]
    pub fn wrong_hints(&self) -> Vec<u32> {
        self.session.wrong_hints()
    }

    /// See [`Session::planted_hints`].
    #[must_use]
    pub fn planted_hints(&self) -> Vec<u32> {
        self.session.planted_hints()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("mutator", &self.mutator).finish_non_exhaustive()
    }
}
