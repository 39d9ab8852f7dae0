//! A wire: what a client has sent and what it is told, with a connection between them and no socket. For tests and fuzz targets.
//!
//! It is what the server does for one connection, without other clients and without time. What has come comes in pieces, and what is
//! said is taken in pieces, as the wire's [`Pace`] has it; how large they are must not matter.
#![forbid(unsafe_code)]

use crate::connection::{Connection, Socket, Wish};
use crate::limits::Limits;
use crate::metrics;
use crate::reply::{Kind, Reply};
use crate::request::{Method, Request};
use crate::routes::{Hosts, Route, route};
use crate::tally::Tally;
use crate::watched::Watched;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Bytes that pass at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// From the client, at least one.
    pub read: usize,
    /// To the client, at least one.
    pub written: usize,
}

/// One direction: whether the next call passes a piece, or would block.
#[derive(Debug)]
struct Way {
    piece: usize,
    is_ready: bool,
}

impl Way {
    /// How much of that passes now; `Err` every other time.
    fn pass(&mut self, len: usize) -> io::Result<usize> {
        self.is_ready = !self.is_ready;
        if self.is_ready { Err(ErrorKind::WouldBlock.into()) } else { Ok(len.min(self.piece)) }
    }
}

/// The socket's place.
#[derive(Debug)]
struct Wire<'a> {
    comes: &'a [u8],
    goes: Vec<u8>,
    read: Way,
    written: Way,
}

impl Read for Wire<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let (now, later) = self.comes.split_at(self.read.pass(to.len().min(self.comes.len()))?);
        to[..now.len()].copy_from_slice(now);
        self.comes = later;
        Ok(now.len())
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let len = self.written.pass(from.len())?;
        self.goes.extend_from_slice(&from[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket for Wire<'_> {
    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    fn shutdown(&self, _which: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

/// What a client was told.
#[derive(Debug)]
pub struct Told {
    /// All of it.
    pub bytes: Vec<u8>,
    /// For each reply, whether its document was wanted.
    has_body: Vec<bool>,
}

/// What a client is told that sends these bytes and no more.
///
/// # Panics
/// If the connection goes on for longer than it has anything to do.
#[must_use]
pub fn talk(bytes: &[u8], pace: Pace, heaps: &[Watched], limits: &Limits) -> Told {
    let (now, tally, way) =
        (Instant::now(), Tally::default(), |piece: usize| Way { piece: piece.max(1), is_ready: true });
    let wire = Wire { comes: bytes, goes: Vec::new(), read: way(pace.read), written: way(pace.written) };
    let mut connection = Connection::new(0, wire, now, limits).expect("a wire is never refused");
    let (mut has_body, mut turns) = (Vec::new(), 0_usize);
    while !connection.is_over() {
        let wish = if connection.wants_to_write() {
            connection.write(now, limits);
            connection.next(now, limits)
        } else if connection.has_more() {
            connection.next(now, limits)
        } else {
            connection.read(now, limits)
        };
        match wish {
            Wish::None => {}
            Wish::Refused(_) => has_body.push(true),
            Wish::Answer(request) => {
                has_body.push(request.method == Method::Get);
                answer(&mut connection, &request, heaps, &tally, now, limits);
            }
        }
        turns += 1;
        let passed = bytes.len() + connection.socket().goes.len();
        assert!(turns <= 4 * passed + 16, "{turns} turns for {passed} bytes: {connection:?}");
    }
    Told { bytes: connection.socket().goes.clone(), has_body }
}

fn answer(
    connection: &mut Connection<Wire<'_>>,
    request: &Request,
    heaps: &[Watched],
    tally: &Tally,
    now: Instant,
    limits: &Limits,
) {
    let reply = match route(request, Hosts::Addresses, heaps) {
        Route::Now(reply) => reply,
        Route::Metrics => Reply::of(Kind::Metrics, metrics::render(heaps, tally, None).into_bytes()),
        Route::Later { document, heap } => {
            connection.wait(request);
            let reply = document.make(&heaps[heap], heaps, limits, &AtomicBool::new(false));
            return connection.made(&reply, now, limits);
        }
    };
    connection.reply(request, &reply, now, limits);
}

impl Told {
    /// The status of each reply.
    ///
    /// # Panics
    /// If that is not what the bytes are: heads that end, each followed by the document whose length it tells, unless that was not
    /// wanted.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        let (mut left, mut statuses) = (&self.bytes[..], Vec::new());
        for has_body in &self.has_body {
            let at = left.windows(4).position(|four| four == b"\r\n\r\n").expect("a head that ends");
            let head = core::str::from_utf8(&left[..at]).expect("text");
            let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
            let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
            let (status, len): (u16, usize) = status.zip(len).expect("a status and a length");
            left = left.get(at + 4 + if *has_body { len } else { 0 }..).expect("a whole document");
            statuses.push(status);
        }
        assert!(left.is_empty(), "{} bytes that nobody asked for", left.len());
        statuses
    }
}

#[cfg(test)]
mod tests;
