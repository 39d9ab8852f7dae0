//! One connection: what has come, what is to go, and until when.
//!
//! ```text
//!   Reading ──whole request──▶ Waiting ──reply──▶ Writing ──all gone──▶ Reading
//!      │                                             │
//!      └──refused──▶ Writing, the last ──all gone──▶ Closing ──they close, or late──▶ gone
//! ```
//! Each state has a moment at which it is over. While a reply is waited for or written nothing is read, so a connection keeps at most
//! a head's bytes of what its client sends in advance, and one reply.
//!
//! *Closing* reads on for a moment and throws away what comes: a socket that is closed with bytes unread is reset, and the client might lose the
//! reply that says what was wrong.
#![forbid(unsafe_code)]

use crate::limits::{Limits, end_of};
use crate::reply::{After, Reply, Status};
use crate::request::{Method, Parsed, Request, parse};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// How long a connection that is done is read from, and how much.
const CLOSING_TIME: Duration = Duration::from_millis(500);
const CLOSING_BYTES: usize = 256 << 10;

/// What a connection needs of its socket beside bytes.
pub(crate) trait Socket: Read + Write {
    /// Makes it one that never blocks.
    ///
    /// # Errors
    /// If the system does not.
    fn prepare(&self) -> io::Result<()>;

    /// Closes one direction, or both.
    ///
    /// # Errors
    /// If it is closed already.
    fn shutdown(&self, which: Shutdown) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn prepare(&self) -> io::Result<()> {
        self.set_nonblocking(true)?;
        // A reply is one write: there is nothing to wait for.
        self.set_nodelay(true)
    }

    fn shutdown(&self, which: Shutdown) -> io::Result<()> {
        Self::shutdown(self, which)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// For a request, of which some has come or nothing.
    Reading,
    /// For the desk.
    Waiting { has_body: bool, after: After },
    /// Until the client has taken the reply.
    Writing { after: After },
    /// For the client to close.
    Closing { left: usize },
    /// Nothing more.
    Over,
}

/// What a connection wants of its server.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Nothing now.
    None,
    /// To have this answered, by [`Connection::reply`] or [`Connection::wait`].
    Answer(Request),
    /// A refusal of its request was put into its way.
    Refused(Status),
}

/// A connection. See the module's text.
#[derive(Debug)]
pub(crate) struct Connection<S = TcpStream> {
    pub(crate) number: u64,
    socket: S,
    inbox: Vec<u8>,
    /// Whether the inbox is known to hold no whole request.
    is_partial: bool,
    outbox: Vec<u8>,
    sent: usize,
    state: State,
    /// When the state began; of a request, when its first byte came.
    since: Instant,
    /// When it is over.
    until: Instant,
}

impl<S: Socket> Connection<S> {
    /// A connection that was accepted now.
    ///
    /// # Errors
    /// If the system does not make it one that does not block.
    pub(crate) fn new(number: u64, socket: S, now: Instant, limits: &Limits) -> io::Result<Self> {
        socket.prepare()?;
        // The first request has its own time from the start: who connects has something to ask.
        let until = end_of(now, limits.request_time);
        Ok(Self {
            number,
            socket,
            inbox: Vec::new(),
            is_partial: false,
            outbox: Vec::new(),
            sent: 0,
            state: State::Reading,
            since: now,
            until,
        })
    }

    pub(crate) fn socket(&self) -> &S {
        &self.socket
    }

    /// Whether it is to be told when there is something to read.
    pub(crate) fn wants_to_read(&self) -> bool {
        matches!(self.state, State::Reading | State::Closing { .. })
    }

    /// Whether it is to be told when there is room to write.
    pub(crate) fn wants_to_write(&self) -> bool {
        matches!(self.state, State::Writing { .. })
    }

    /// Whether a request may be there that came with one before it.
    pub(crate) fn has_more(&self) -> bool {
        self.state == State::Reading && !self.inbox.is_empty() && !self.is_partial
    }

    /// Whether it can be dropped.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// When it is late, if nothing happens.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// Since when it keeps the server waiting for a request; `None` if the server is at work for it.
    pub(crate) fn idles_since(&self) -> Option<Instant> {
        self.wants_to_read().then_some(self.since)
    }

    /// Ends it, whatever it was at.
    pub(crate) fn cut(&mut self) {
        self.state = State::Over;
        self.socket.shutdown(Shutdown::Both).ok();
    }

    /// It is late: says so, if a request had begun, or ends. Says whether it was cut.
    pub(crate) fn late(&mut self, now: Instant, limits: &Limits) -> Option<Status> {
        if self.state == State::Reading && !self.inbox.is_empty() {
            self.refuse(Status::RequestTimeout, now, limits);
            return Some(Status::RequestTimeout);
        }
        self.cut();
        None
    }

    /// The other side is gone.
    pub(crate) fn hung_up(&mut self) {
        self.cut();
    }

    /// There is something to read.
    pub(crate) fn read(&mut self, now: Instant, limits: &Limits) -> Wish {
        if let State::Closing { left } = self.state {
            self.throw_away(left);
            return Wish::None;
        }
        let mut is_ended = false;
        let mut bytes = [0; 4096];
        // One byte more than a head may have tells one that is too long from one that is just as long.
        while self.inbox.len() <= limits.head {
            let room = bytes.len().min((limits.head - self.inbox.len()).saturating_add(1));
            match self.socket.read(&mut bytes[..room]) {
                Ok(0) => {
                    is_ended = true;
                    break;
                }
                Ok(count) => {
                    if self.inbox.is_empty() {
                        self.begin(now, limits);
                    }
                    self.inbox.extend_from_slice(&bytes[..count]);
                    self.is_partial = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.cut();
                    return Wish::None;
                }
            }
        }
        let wish = self.next(now, limits);
        // Who sends no more may still wait for an answer; who has not sent a whole request gets none.
        if is_ended && self.state == State::Reading && !matches!(wish, Wish::Answer(_)) {
            self.cut();
        }
        wish
    }

    fn begin(&mut self, now: Instant, limits: &Limits) {
        (self.since, self.until) = (now, end_of(now, limits.request_time));
    }

    /// The request that has come, if one is whole.
    pub(crate) fn next(&mut self, now: Instant, limits: &Limits) -> Wish {
        if self.state != State::Reading || self.inbox.is_empty() {
            return Wish::None;
        }
        match parse(&self.inbox, limits) {
            Parsed::Partial => {
                self.is_partial = true;
                Wish::None
            }
            Parsed::Whole(request, len) => {
                self.inbox.drain(..len);
                Wish::Answer(request)
            }
            Parsed::Refused(status) => {
                self.refuse(status, now, limits);
                Wish::Refused(status)
            }
        }
    }

    fn refuse(&mut self, status: Status, now: Instant, limits: &Limits) {
        self.inbox.clear();
        self.send(&Reply::error(status), true, After::Close, now, limits);
    }

    /// Waits for the desk.
    pub(crate) fn wait(&mut self, request: &Request) {
        let after = if request.keeps_alive { After::Stay } else { After::Close };
        self.state = State::Waiting { has_body: request.method == Method::Get, after };
    }

    /// Since it waits for the desk, which has a limit of its own, it is not late.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Sends a reply to a request.
    pub(crate) fn reply(&mut self, request: &Request, reply: &Reply, now: Instant, limits: &Limits) {
        let after = if request.keeps_alive { After::Stay } else { After::Close };
        self.send(reply, request.method == Method::Get, after, now, limits);
    }

    /// Sends what the desk has made.
    pub(crate) fn made(&mut self, reply: &Reply, now: Instant, limits: &Limits) {
        if let State::Waiting { has_body, after } = self.state {
            self.send(reply, has_body, after, now, limits);
        }
    }

    fn send(&mut self, reply: &Reply, has_body: bool, after: After, now: Instant, limits: &Limits) {
        (self.outbox, self.sent) = (reply.bytes(has_body, after), 0);
        self.state = State::Writing { after };
        (self.since, self.until) = (now, end_of(now, limits.reply_time));
        self.write(now, limits);
    }

    /// There may be room to write.
    pub(crate) fn write(&mut self, now: Instant, limits: &Limits) {
        let State::Writing { after } = self.state else { return };
        while self.sent < self.outbox.len() {
            match self.socket.write(&self.outbox[self.sent..]) {
                Ok(0) => return self.cut(),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.cut(),
            }
        }
        (self.outbox, self.sent) = (Vec::new(), 0);
        match after {
            After::Stay => {
                self.state = State::Reading;
                (self.since, self.until) = (now, end_of(now, limits.idle_time));
                if !self.inbox.is_empty() {
                    self.begin(now, limits);
                }
            }
            After::Close => {
                self.state = State::Closing { left: CLOSING_BYTES };
                (self.since, self.until) = (now, now + CLOSING_TIME);
                if self.socket.shutdown(Shutdown::Write).is_err() {
                    self.cut();
                }
            }
        }
    }

    fn throw_away(&mut self, mut left: usize) {
        let mut bytes = [0; 4096];
        while left > 0 {
            match self.socket.read(&mut bytes) {
                Ok(0) => return self.cut(),
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.state = State::Closing { left };
                    return;
                }
                Err(_) => return self.cut(),
            }
        }
        self.cut();
    }
}
