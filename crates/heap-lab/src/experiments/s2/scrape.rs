//! A client of an observer: asks over one connection, and reads what it is told.

use crate::error::LabError;
use heap_observe::Observer;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// No part of a reply is waited for longer than that.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to an observer, or one end of one whose other end asks ([`end`](Client::end)).
pub(super) struct Client {
    socket: TcpStream,
    came: Vec<u8>,
    /// Bytes of the reply that was returned last, at the beginning of what came.
    returned: usize,
}

fn broken(why: impl std::fmt::Display) -> LabError {
    LabError::Measure(format!("the observer could not be asked: {why}"))
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When the system does not let it.
    pub(super) fn new(observer: &Observer) -> Result<Self, LabError> {
        let socket = TcpStream::connect(observer.address()).map_err(broken)?;
        socket.set_nodelay(true).map_err(broken)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
        Ok(Self::at(socket))
    }

    fn at(socket: TcpStream) -> Self {
        Self { socket, came: Vec::with_capacity(64 << 10), returned: 0 }
    }

    /// The same connection once more, for another thread: one asks, and the other takes replies.
    ///
    /// # Errors
    /// When the system does not let it.
    pub(super) fn end(&self) -> Result<Self, LabError> {
        self.socket.try_clone().map(Self::at).map_err(broken)
    }

    /// Sends some bytes that are no whole request.
    pub(super) fn begin(&mut self) {
        self.socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").ok();
    }

    /// Asks.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(super) fn ask(&mut self, path: &str) -> Result<(), LabError> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        self.socket.write_all(request.as_bytes()).map_err(broken)
    }

    /// Waits for the last byte of the next document.
    ///
    /// # Errors
    /// When the connection ends before that, or the reply is none.
    pub(super) fn take(&mut self) -> Result<&[u8], LabError> {
        self.came.drain(..self.returned);
        self.returned = 0;
        let mut bytes = [0; 64 << 10];
        loop {
            if let Some((head, end)) = reply(&self.came)?
                && self.came.len() >= end
            {
                self.returned = end;
                return Ok(&self.came[head..end]);
            }
            match read(&mut self.socket, &mut bytes, PATIENCE).map_err(broken)? {
                0 => return Err(broken("it closed")),
                count => self.came.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// Asks, and waits for the last byte of the document.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) fn get(&mut self, path: &str) -> Result<&[u8], LabError> {
        self.ask(path)?;
        self.take()
    }

    /// The metrics, as text.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) fn metrics(&mut self) -> Result<&str, LabError> {
        whole(self.get("/metrics")?)
    }
}

/// Reads once, and again if a signal came first. A read that has a timeout is not restarted by the system. Who is interrupted for longer
/// than `patience` hears of it.
fn read(from: &mut impl Read, bytes: &mut [u8], patience: Duration) -> io::Result<usize> {
    let begun = Instant::now();
    loop {
        match from.read(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted && begun.elapsed() < patience => {}
            read => return read,
        }
    }
}

/// Where the document of the first reply begins and ends, if its head has come.
fn reply(came: &[u8]) -> Result<Option<(usize, usize)>, LabError> {
    let Some(at) = came.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&came[..at]).map_err(broken)?;
    if !text.starts_with("HTTP/1.1 200 ") {
        return Err(broken(text.lines().next().unwrap_or_default()));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).ok_or_else(|| broken("no length"))?;
    Ok(Some((at + 4, at + 4 + length)))
}

/// Metrics as text, if they are whole.
///
/// # Errors
/// When they do not end as they must.
pub(super) fn whole(document: &[u8]) -> Result<&str, LabError> {
    let text = std::str::from_utf8(document).map_err(broken)?;
    if text.ends_with("# EOF\n") { Ok(text) } else { Err(broken("the metrics do not end")) }
}

/// The value of a sample, by its name with its labels as they are written.
pub(super) fn value(text: &str, sample: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests;
