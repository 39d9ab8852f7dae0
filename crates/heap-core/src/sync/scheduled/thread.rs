//! Threads of a schedule.

use super::turn::{Grain, Key, Schedule, Woken, point, with};
use core::num::NonZero;
use core::time::Duration;
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

pub use std::thread::{AccessError, LocalKey, Result, ThreadId, panicking};

/// See [`std::thread::Builder`].
#[derive(Debug)]
pub struct Builder {
    real: std::thread::Builder,
    name: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A thread without a name.
    #[must_use]
    pub fn new() -> Self {
        Self { real: std::thread::Builder::new(), name: None }
    }

    /// Names it.
    #[must_use]
    pub fn name(self, name: String) -> Self {
        Self { real: self.real.name(name.clone()), name: Some(name) }
    }

    /// The size of its stack in bytes.
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { real: self.real.stack_size(bytes), ..self }
    }

    /// Starts the thread, in the schedule of the calling one.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let Some((schedule, own)) = with(|schedule, own| (Arc::clone(schedule), own)) else {
            return Ok(JoinHandle { real: self.real.spawn(f)?, number: None });
        };
        let (number, place) = schedule.make(self.name.as_deref());
        let theirs = Arc::clone(&schedule);
        let real = self.real.spawn(move || {
            Arc::clone(&theirs).join_in(number, &place);
            catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
                theirs.panicked(number, &*panic);
                resume_unwind(panic)
            })
        });
        schedule.made(own, number, real.as_ref().ok().map(|real| real.thread().clone()));
        point(Grain::Sync);
        Ok(JoinHandle { real: real?, number: Some((schedule, number)) })
    }
}

/// Starts a thread.
///
/// # Panics
/// If the system refuses.
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f).expect("the system starts a thread")
}

/// See [`std::thread::JoinHandle`].
#[derive(Debug)]
pub struct JoinHandle<T> {
    real: std::thread::JoinHandle<T>,
    number: Option<(Arc<Schedule>, usize)>,
}

impl<T> JoinHandle<T> {
    /// Waits until the thread has ended, its thread-locals with it.
    ///
    /// # Errors
    /// With its panic.
    pub fn join(self) -> core::result::Result<T, Box<dyn Any + Send + 'static>> {
        if let Some((_, number)) = self.number {
            point(Grain::Sync);
            with(|schedule, own| {
                while !schedule.has_ended(number) {
                    schedule.block(own, Key::Thread(number), false);
                }
            });
        }
        self.real.join()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        point(Grain::Sync);
        match &self.number {
            Some((schedule, number)) => schedule.has_ended(*number),
            None => self.real.is_finished(),
        }
    }

    /// For [`Thread::unpark`].
    #[must_use]
    pub fn thread(&self) -> Thread {
        Thread { real: self.real.thread().clone(), number: self.number.clone() }
    }
}

/// See [`std::thread::Thread`].
#[derive(Clone, Debug)]
pub struct Thread {
    real: std::thread::Thread,
    number: Option<(Arc<Schedule>, usize)>,
}

impl Thread {
    /// Ends the thread's [`park`], or its next one.
    pub fn unpark(&self) {
        let Some((schedule, number)) = &self.number else { return self.real.unpark() };
        schedule.keep_unpark(*number, true);
        with(|schedule, own| schedule.call(own, Key::Parked(*number), true));
        point(Grain::Sync);
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.real.name()
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.real.id()
    }
}

/// The calling thread.
#[must_use]
pub fn current() -> Thread {
    Thread { real: std::thread::current(), number: with(|schedule, own| (Arc::clone(schedule), own)) }
}

fn park_scheduled(timed: bool) -> Option<()> {
    point(Grain::Sync);
    with(|schedule, own| {
        while !schedule.keep_unpark(own, false) {
            if schedule.block(own, Key::Parked(own), timed) == Woken::TimedOut {
                break;
            }
        }
    })
}

/// Waits for [`Thread::unpark`].
pub fn park() {
    if park_scheduled(false).is_none() {
        std::thread::park();
    }
}

/// Waits for [`Thread::unpark`], but not for ever.
pub fn park_timeout(most: Duration) {
    if park_scheduled(true).is_none() {
        std::thread::park_timeout(most);
    }
}

/// Waits until there is nothing else to do, or the order of threads changes.
pub fn sleep(time: Duration) {
    if with(|schedule, own| schedule.block(own, Key::Time(own), true)).is_none() {
        std::thread::sleep(time);
    }
}

/// Lets all others run.
pub fn yield_now() {
    if with(|schedule, own| schedule.yield_now(own)).is_none() {
        std::thread::yield_now();
    }
}

/// Two, wherever the schedule runs: it must not depend on the machine.
///
/// # Errors
/// Never.
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    NonZero::new(2).ok_or_else(|| io::Error::other("two is not zero"))
}
