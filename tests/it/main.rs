//! The promises of the library, tested through its public interface: one module a promise.

mod support;

mod programs;
