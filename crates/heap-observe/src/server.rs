//! The server: one thread that waits for all its sockets at once.
//!
//! A turn of the loop: wait until a socket is ready, somebody rings, or the next moment is over; take replies that the desk has made;
//! accept; let each connection that is ready go on; cut who is late; look at the heaps, if it is time. Nothing in a turn waits for
//! a client, and nothing of a heap's that takes longer than a snapshot is done here. So a client that is slow, or many, cost their
//! own connections and nobody else's time.
//!
//! What a turn takes is some tens of microseconds, so its thread asks for the shortest slices of a processor that there are
//! ([`shorten_slice`]): it comes soon when mutators and the collector keep every processor busy, and takes no more than it did.
#![forbid(unsafe_code)]

use crate::connection::{Connection, Wish};
use crate::desk::{Desk, Job};
use crate::limits::Limits;
use crate::metrics;
use crate::reply::{Kind, Reply, Status};
use crate::request::Request;
use crate::resident::resident;
use crate::routes::{Hosts, Route, route};
use crate::tally::Tally;
use crate::wake::Ear;
use crate::watched::Watched;
use core::time::Duration;
use heap_core::os::shorten_slice;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

/// Between two looks at the heaps for their curves.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing is accepted when the system had no room for a connection: otherwise it would be asked again at once.
const REST: Duration = Duration::from_millis(50);
/// Accepted in one turn at most: clients that come again as soon as they are answered keep somebody at the door for ever. More lets
/// those inside wait longer for their turn.
const ACCEPTED_AT_ONCE: usize = 16;

/// The server's loop.
pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) ear: Ear,
    pub(crate) desk: Arc<Desk>,
    pub(crate) watched: Arc<[Watched]>,
    pub(crate) limits: Limits,
    pub(crate) hosts: Hosts,
    pub(crate) tally: Arc<Tally>,
}

/// What a wait found.
struct Ready {
    rang: bool,
    listener: bool,
    /// In the order of the connections.
    connections: Vec<PollFlags>,
}

impl Server {
    /// The thread.
    pub(crate) fn run(self) {
        // Where the system does not, replies come later when all processors are busy, and nothing else changes.
        shorten_slice();
        let mut connections: Vec<Connection> = Vec::new();
        let (mut next_number, mut next_look, mut rests_until) = (0_u64, Instant::now(), None);
        while !self.desk.quits() {
            let now = Instant::now();
            if now >= next_look {
                let resident = resident();
                self.watched.iter().for_each(|one| one.look(resident));
                next_look = now + LOOK;
            }
            rests_until = rests_until.filter(|until| *until > now);
            let accepts = rests_until.is_none() && self.has_room(&connections);
            let wakes = connections.iter().filter(|one| !one.is_waiting()).map(Connection::until);
            let until = wakes.chain(rests_until).fold(next_look, Instant::min);
            let has_more = connections.iter().any(Connection::has_more);
            let time = if has_more { Duration::ZERO } else { until.saturating_duration_since(now) };
            let ready = self.wait(&connections, accepts, time);
            if self.desk.quits() {
                break;
            }
            let now = Instant::now();
            if ready.rang {
                self.ear.calm();
            }
            for (number, reply) in self.desk.take_done() {
                // Who has gone meanwhile is not there.
                if let Some(connection) = connections.iter_mut().find(|one| one.number == number) {
                    self.tally.reply(reply.status);
                    connection.made(&reply, now, &self.limits);
                    self.go_on(connection, now);
                }
            }
            for (connection, flags) in connections.iter_mut().zip(&ready.connections) {
                if connection.has_more() {
                    self.go_on(connection, now);
                } else {
                    self.serve(connection, *flags, now);
                }
            }
            if ready.listener && self.accept(&mut connections, &mut next_number, now).is_err() {
                rests_until = Some(now + REST);
            }
            for connection in &mut connections {
                if !connection.is_waiting() && !connection.is_over() && connection.until() <= now {
                    self.tally.cut_one();
                    if let Some(status) = connection.late(now, &self.limits) {
                        self.tally.reply(status);
                    }
                }
            }
            connections.retain(|one| !one.is_over());
            self.tally.set_open(connections.len());
        }
    }

    /// Whether one more connection would be kept, perhaps in the place of one that keeps the server waiting.
    fn has_room(&self, connections: &[Connection]) -> bool {
        connections.len() < self.limits.connections
            || connections.iter().any(|one| one.idles_since().is_some())
    }

    /// Waits for something to happen, for that long at most.
    fn wait(&self, connections: &[Connection], accepts: bool, time: Duration) -> Ready {
        let mut sockets = Vec::with_capacity(connections.len() + 2);
        sockets.push(PollFd::new(self.ear.socket(), PollFlags::IN));
        let wanted = if accepts { PollFlags::IN } else { PollFlags::empty() };
        sockets.push(PollFd::new(&self.listener, wanted));
        for connection in connections {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, connection.wants_to_read());
            wanted.set(PollFlags::OUT, connection.wants_to_write());
            sockets.push(PollFd::new(connection.socket(), wanted));
        }
        let time = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        if poll(&mut sockets, Some(&time)).is_err() {
            // Interrupted, or out of memory: the next turn asks again.
            return Ready { rang: true, listener: false, connections: Vec::new() };
        }
        let mut flags = sockets.iter().map(PollFd::revents);
        let rang = flags.next().is_some_and(|flags| !flags.is_empty());
        let listener = flags.next().is_some_and(|flags| flags.contains(PollFlags::IN));
        Ready { rang, listener, connections: flags.collect() }
    }

    /// Accepts who is there; who is left finds the door open in the next turn.
    fn accept(
        &self,
        connections: &mut Vec<Connection>,
        next_number: &mut u64,
        now: Instant,
    ) -> std::io::Result<()> {
        for _ in 0..ACCEPTED_AT_ONCE {
            connections.retain(|one| !one.is_over());
            if !self.has_room(connections) {
                return Ok(());
            }
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                // Gone before it was accepted.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            self.tally.accept();
            if connections.len() >= self.limits.connections {
                let idle = connections.iter_mut().filter(|one| one.idles_since().is_some());
                if let Some(longest) = idle.min_by_key(|one| one.idles_since()) {
                    longest.cut();
                    self.tally.cut_one();
                }
            }
            // What the system does not make usable is dropped.
            if let Ok(mut connection) = Connection::new(*next_number, socket, now, &self.limits) {
                *next_number += 1;
                // A request is often there already.
                self.serve(&mut connection, PollFlags::IN, now);
                connections.push(connection);
            }
        }
        Ok(())
    }

    /// Lets a connection go on that is ready.
    fn serve(&self, connection: &mut Connection, flags: PollFlags, now: Instant) {
        if flags.intersects(PollFlags::ERR | PollFlags::NVAL)
            || (flags.contains(PollFlags::HUP) && !connection.wants_to_read())
        {
            connection.hung_up();
            return;
        }
        if flags.contains(PollFlags::OUT) {
            connection.write(now, &self.limits);
            self.go_on(connection, now);
        } else if flags.intersects(PollFlags::IN | PollFlags::HUP) {
            let wish = connection.read(now, &self.limits);
            self.grant(connection, wish, now);
        }
    }

    /// A reply may have gone, and another request be there already: it is answered now, and one that follows it in the next
    /// turn, when the others have had theirs.
    fn go_on(&self, connection: &mut Connection, now: Instant) {
        let wish = connection.next(now, &self.limits);
        self.grant(connection, wish, now);
    }

    fn grant(&self, connection: &mut Connection, wish: Wish, now: Instant) {
        match wish {
            Wish::None => {}
            Wish::Refused(status) => self.tally.reply(status),
            Wish::Answer(request) => self.answer(connection, &request, now),
        }
    }

    fn answer(&self, connection: &mut Connection, request: &Request, now: Instant) {
        let reply = match route(request, self.hosts, &self.watched) {
            Route::Now(reply) => reply,
            Route::Metrics => {
                let text = metrics::render(&self.watched, &self.tally, resident());
                Reply::of(Kind::Metrics, text.into_bytes())
            }
            Route::Later { document, heap } => {
                if self.desk.leave(Job { connection: connection.number, document, heap }) {
                    return connection.wait(request);
                }
                Reply::error(Status::Unavailable)
            }
        };
        self.tally.reply(reply.status);
        connection.reply(request, &reply, now, &self.limits);
    }
}
