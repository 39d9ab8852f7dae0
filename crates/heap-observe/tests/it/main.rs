//! The promises of the observer, over real sockets on this machine: one module a promise.

#[path = "../support/client.rs"]
mod client;
#[path = "../support/openmetrics.rs"]
mod openmetrics;

mod documents;
mod lifetime;
mod refusals;
mod slices;
mod streams;
