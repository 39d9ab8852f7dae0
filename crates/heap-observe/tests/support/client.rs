//! A client that says exactly what it is told to, and reads what comes back. Every wait has an end.

use heap_observe::Observer;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// No test waits longer for anything.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The value of a header, whose name is given as it is written.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("Content-Type"), Some("application/json"));
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// A connection.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    came: Vec<u8>,
}

impl Client {
    pub(crate) fn new(observer: &Observer) -> Self {
        let socket = TcpStream::connect_timeout(&observer.address(), LONG).expect("it listens");
        socket.set_read_timeout(Some(LONG)).expect("a timeout");
        socket.set_write_timeout(Some(LONG)).expect("a timeout");
        Self { socket, came: Vec::new() }
    }

    /// Sends; says whether all of it could be.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.socket.write_all(bytes.as_ref()).is_ok()
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        assert!(self.send(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")));
        self.reply().expect("a reply")
    }

    pub(crate) fn ends(&self) {
        self.socket.shutdown(Shutdown::Write).expect("an open socket");
    }

    /// The next reply, with its document; `None` if the connection ends first.
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        let head = loop {
            if let Some(at) = self.came.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8(self.came.drain(..at + 4).collect()).expect("a head in ASCII");
                break head;
            }
            if !self.more() {
                assert!(self.came.is_empty(), "half a head");
                return None;
            }
        };
        let status = head.split(' ').nth(1)?.parse().expect("a number");
        let mut reply = Reply { status, head, body: Vec::new() };
        let len: usize = reply.header("Content-Length").expect("a length").parse().expect("a number");
        while self.came.len() < len {
            assert!(self.more(), "the document is cut");
        }
        reply.body = self.came.drain(..len).collect();
        Some(reply)
    }

    /// Whether the server has closed, nothing else having come.
    pub(crate) fn is_closed(&mut self) -> bool {
        !self.more() && self.came.is_empty()
    }

    fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let begun = Instant::now();
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => {
                    self.came.extend_from_slice(&bytes[..count]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted && begun.elapsed() < LONG => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("nothing came for {LONG:?}")
                }
                // Reset: the server has closed with something of ours unread.
                Err(_) => return false,
            }
        }
    }
}

/// Gets a document over a connection of its own.
pub(crate) fn get(observer: &Observer, path: &str) -> Reply {
    Client::new(observer).get(path)
}
