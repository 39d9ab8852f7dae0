//! A bell that wakes a thread which waits for sockets: a pair of them, of which a byte goes in at one end.
#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// Whoever rings.
#[derive(Debug)]
pub(crate) struct Bell(UnixStream);

/// Whoever is woken: the other end can be read when somebody rang.
#[derive(Debug)]
pub(crate) struct Ear(UnixStream);

/// A bell, and who hears it.
///
/// # Errors
/// If the system refuses the pair.
pub(crate) fn bell() -> io::Result<(Bell, Ear)> {
    let (rings, hears) = UnixStream::pair()?;
    rings.set_nonblocking(true)?;
    hears.set_nonblocking(true)?;
    Ok((Bell(rings), Ear(hears)))
}

impl Bell {
    /// Wakes. When the pair is full, it rings already.
    pub(crate) fn ring(&self) {
        (&self.0).write_all(&[1]).ok();
    }
}

impl Ear {
    /// What to wait for.
    pub(crate) fn socket(&self) -> &UnixStream {
        &self.0
    }

    /// Stops the ringing so far.
    pub(crate) fn calm(&self) {
        let mut bytes = [0; 64];
        while (&self.0).read(&mut bytes).is_ok_and(|count| count > 0) {}
    }
}
