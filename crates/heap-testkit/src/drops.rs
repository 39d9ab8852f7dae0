//! The register of drops: which droppable values ran their drop, and how often.
//!
//! Each droppable value of a program is a [`Stone`] with a name of its own. When it is dropped it signs the register
//! of its program. The runner compares the register with the model: the dead once, the living not at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How often each stone was dropped. See the module's text.
#[derive(Debug, Default)]
pub struct Register {
    drops: Mutex<HashMap<u64, u32>>,
}

impl Register {
    /// An empty register.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How often the stone with this name was dropped.
    #[must_use]
    pub fn times(&self, name: u64) -> u32 {
        self.locked(|drops| drops.get(&name).copied().unwrap_or(0))
    }

    /// Whether the stone with this name was dropped that often.
    ///
    /// # Errors
    /// Says how often it was.
    pub fn check_times(&self, name: u64, wanted: u32) -> Result<(), String> {
        let times = self.times(name);
        (times == wanted)
            .then_some(())
            .ok_or(format!("the drop of {name:#x} ran {times} times, not {wanted}"))
    }

    /// How many drops ran in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.locked(|drops| drops.values().map(|&times| u64::from(times)).sum())
    }

    /// Something of that name was done.
    pub fn sign(&self, name: u64) {
        self.locked(|drops| *drops.entry(name).or_default() += 1);
    }

    fn locked<R>(&self, f: impl FnOnce(&mut HashMap<u64, u32>) -> R) -> R {
        f(&mut self.drops.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A value that signs a register when it is dropped.
#[derive(Debug)]
pub struct Stone {
    name: u64,
    register: Arc<Register>,
}

impl Stone {
    /// A stone with a name.
    #[must_use]
    pub fn new(name: u64, register: &Arc<Register>) -> Self {
        Self { name, register: Arc::clone(register) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> u64 {
        self.name
    }
}

impl Drop for Stone {
    fn drop(&mut self) {
        self.register.sign(self.name);
    }
}
