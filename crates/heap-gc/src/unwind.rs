//! `FirstPanic`: the first panic of several calls of a user's code, kept until it can go on.
//!
//! What is in the middle of something that has to be ended (a cycle, a list of drops) calls a user's code through this, and
//! lets the panic go on when it has ended.

use core::any::Any;
use heap_core::fault::{self, Fault};
use heap_core::sync::thread;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The first panic, if there was one. See the module's text.
#[derive(Default)]
pub(crate) struct FirstPanic(Option<Box<dyn Any + Send>>);

impl FirstPanic {
    /// Calls a user's code. Only the first panic is kept.
    pub(crate) fn note(&mut self, call: impl FnOnce()) {
        if fault::on(Fault::PanicUncaught) {
            return call();
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            match self.0 {
                None => self.0 = Some(panic),
                // Dropping what it says may panic again; there is one panic to go on with already.
                Some(_) => core::mem::forget(panic),
            }
        }
    }

    /// The panic goes on, unless the thread is panicking already: two at once would end the process.
    pub(crate) fn go_on(self) {
        match self.0 {
            Some(panic) if thread::panicking() => core::mem::forget(panic),
            Some(panic) => resume_unwind(panic),
            None => {}
        }
    }
}
