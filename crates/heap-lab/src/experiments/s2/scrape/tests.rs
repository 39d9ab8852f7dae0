use super::{ErrorKind, PATIENCE, read};
use std::io::{self, Read};
use std::time::Duration;

/// A socket that signals come to, so many times, before there is something to read.
struct Interrupted(u32);

impl Read for Interrupted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.0.checked_sub(1) else {
            bytes[..2].copy_from_slice(b"OK");
            return Ok(2);
        };
        self.0 = left;
        Err(ErrorKind::Interrupted.into())
    }
}

#[test]
fn a_read_that_a_signal_interrupts_is_read_again() {
    for signals in [0, 1, 5] {
        let mut bytes = [0; 8];
        let count = read(&mut Interrupted(signals), &mut bytes, PATIENCE).expect("there is something");
        assert_eq!(&bytes[..count], b"OK", "{signals} signals");
    }
}

#[test]
fn a_read_that_is_interrupted_for_too_long_ends() {
    let read = read(&mut Interrupted(u32::MAX), &mut [0; 8], Duration::from_millis(1));
    assert_eq!(read.expect_err("no end of signals").kind(), ErrorKind::Interrupted);
}
