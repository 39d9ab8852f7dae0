//! The observer: what a program makes to be looked at, and how it is built.
#![forbid(unsafe_code)]

use crate::desk::Desk;
use crate::limits::Limits;
use crate::routes::Hosts;
use crate::server::Server;
use crate::tally::Tally;
use crate::wake::bell;
use crate::watched::Watched;
use core::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Settings for an [`Observer`].
#[derive(Clone, Debug)]
pub struct ObserverBuilder {
    watched: Vec<Watched>,
    limits: Limits,
}

/// A window on heaps: serves their figures over HTTP until it is dropped. See the crate's text.
///
/// It has two threads. Dropping it closes its connections, ends both and waits for them, for as long as the document takes that is being
/// made. It keeps no heap: one whose last handle goes while it is looked at goes when that look is over, some milliseconds later, on the
/// observer's thread.
///
/// The thread that answers asks the system for short slices of a processor, which Linux gives to who asks since 6.12: so it comes soon
/// also when the program keeps all of them busy. It takes no more processor time for that.
#[derive(Debug)]
pub struct Observer {
    address: SocketAddr,
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

impl Observer {
    /// An observer of one heap, or of more: `&heap` is watched under the name `main`, and [`Watched`] says more.
    #[must_use]
    pub fn builder(first: impl Into<Watched>) -> ObserverBuilder {
        ObserverBuilder { watched: vec![first.into()], limits: Limits::default() }
    }

    /// Where it listens: with the port that the system chose, if it was 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser finds it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.desk.quit();
        for thread in self.threads.drain(..) {
            // A heap that it looked at may be dropped by it, and with that heap an object that holds the observer: its own thread it
            // does not wait for. It ends at its next turn.
            if thread.thread().id() != thread::current().id() {
                // A panic has been reported already.
                thread.join().ok();
            }
        }
    }
}

impl ObserverBuilder {
    /// One more heap.
    #[must_use]
    pub fn heap(mut self, watched: impl Into<Watched>) -> Self {
        self.watched.push(watched.into());
        self
    }

    /// How much of its clients it bears.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Listens at an address of this machine that others cannot reach, and answers from now on. Port 0 is one that is free.
    ///
    /// Answered are requests to an address or to `localhost`, not to other names: a page of another site could make its own name
    /// point here, and read.
    ///
    /// # Errors
    /// If the address is not understood, can be reached from elsewhere ([`bind_anywhere`](Self::bind_anywhere)), or is taken; if two heaps
    /// have one name; or if the system refuses a thread.
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<Observer, BindError> {
        let listener = listen(address, |address| {
            if address.ip().is_loopback() { Ok(()) } else { Err(BindError::Reachable { address }) }
        })?;
        self.serve(listener, Hosts::Addresses)
    }

    /// Listens at any address, also where other machines reach it. Whoever does may read types, sizes and stacks: there is no
    /// password. Requests to any host name are answered.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_anywhere(self, address: impl ToSocketAddrs) -> Result<Observer, BindError> {
        let listener = listen(address, |_| Ok(()))?;
        self.serve(listener, Hosts::Any)
    }

    fn serve(self, listener: TcpListener, hosts: Hosts) -> Result<Observer, BindError> {
        for (index, one) in self.watched.iter().enumerate() {
            if self.watched[..index].iter().any(|other| other.name == one.name) {
                return Err(BindError::SameName { name: one.name.clone() });
            }
        }
        let refused = BindError::Refused;
        let address = listener.local_addr().map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let (bell, ear) = bell().map_err(refused)?;
        let watched: Arc<[Watched]> = self.watched.into();
        let desk = Arc::new(Desk::new(Arc::clone(&watched), self.limits, bell));
        let server = Server {
            listener,
            ear,
            desk: Arc::clone(&desk),
            watched,
            limits: self.limits,
            hosts,
            tally: Arc::new(Tally::default()),
        };
        // From here on a drop ends what was started.
        let mut observer = Observer { address, desk: Arc::clone(&desk), threads: Vec::with_capacity(2) };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        observer.threads.push(named("heap-documents").spawn(move || desk.run()).map_err(refused)?);
        observer.threads.push(named("heap-observer").spawn(move || server.run()).map_err(refused)?);
        Ok(observer)
    }
}

/// Listens at the first address that can be had and may be.
fn listen(
    address: impl ToSocketAddrs,
    may: impl Fn(SocketAddr) -> Result<(), BindError>,
) -> Result<TcpListener, BindError> {
    let mut last = BindError::Nowhere;
    for address in address.to_socket_addrs().map_err(BindError::Address)? {
        match may(address).map(|()| TcpListener::bind(address)) {
            Ok(Ok(listener)) => return Ok(listener),
            Ok(Err(source)) => last = BindError::Taken { address, source },
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Why an observer was not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The address is not understood, or its name is not known.
    Address(io::Error),
    /// The name has no address.
    Nowhere,
    /// Other machines could reach the address.
    Reachable {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let the process listen there.
    Taken {
        /// The address.
        address: SocketAddr,
        /// What it said.
        source: io::Error,
    },
    /// Two heaps have one name.
    SameName {
        /// The name.
        name: String,
    },
    /// The system refused a thread, or a socket.
    Refused(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(source) => {
                write!(f, "the address is not understood: {source}; give one such as 127.0.0.1:0")
            }
            Self::Nowhere => f.write_str("the name has no address: give one such as 127.0.0.1:0"),
            Self::Reachable { address } => write!(
                f,
                "{address} can be reached from other machines: use 127.0.0.1, or ObserverBuilder::bind_anywhere if they shall read \
                 what the heap holds"
            ),
            Self::Taken { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{address} is taken by another program: give another port, or 0 for one that is free"
                )
            }
            Self::Taken { address, source } => write!(f, "cannot listen at {address}: {source}"),
            Self::SameName { name } => {
                write!(f, "two heaps are called {name:?}: give Watched::new different names")
            }
            Self::Refused(source) => write!(f, "the system refuses what an observer needs: {source}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(source) | Self::Taken { source, .. } | Self::Refused(source) => Some(source),
            Self::Nowhere | Self::Reachable { .. } | Self::SameName { .. } => None,
        }
    }
}
