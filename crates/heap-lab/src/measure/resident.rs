//! Resident memory: what the kernel says this process holds, beside what the heap says it uses.
//!
//! ```text
//!   /proc/self/statm        resident pages now: cheap, exact to the kernel's per-CPU batching (about 256 KiB)
//!   /proc/self/smaps_rollup the same from the page tables: exact, a few milliseconds for a large heap
//!   /proc/self/status       VmHWM, the peak since the start or since the last reset
//!   /proc/self/clear_refs   writing 5 resets that peak, where the kernel allows it
//!   /proc/self/stat         minor and major page faults
//! ```
//! [`resident`] prefers the exact one. Nothing here allocates on the heap under test, so reading does not disturb.
//!
//! Parsing is apart from reading and pure, so that it is tested on text.

use crate::error::LabError;
use std::fs;
use std::path::Path;

fn read(path: &'static str) -> Result<String, LabError> {
    fs::read_to_string(path).map_err(LabError::io("read", Path::new(path)))
}

/// Bytes of a `Name:   123 kB` line.
pub(super) fn kib_line(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let number = rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(number * 1024)
}

/// Minor and major faults of a `stat` line, whose second field is a name in parentheses that may hold anything.
fn faults_of(stat: &str) -> Option<(u64, u64)> {
    let after = &stat[stat.rfind(')')? + 1..];
    let mut fields = after.split_ascii_whitespace();
    // After the name: state ppid pgrp session tty tpgid flags minflt cminflt majflt
    let minor = fields.nth(7)?.parse().ok()?;
    let major = fields.nth(1)?.parse().ok()?;
    Some((minor, major))
}

/// Bytes of this process that are resident now.
///
/// # Errors
/// When neither proc file can be read.
pub(crate) fn resident() -> Result<u64, LabError> {
    if let Some(bytes) = read("/proc/self/smaps_rollup").ok().and_then(|text| kib_line(&text, "Rss")) {
        return Ok(bytes);
    }
    kib_line(&read("/proc/self/status")?, "VmRSS")
        .ok_or_else(|| LabError::Measure(String::from("/proc/self/status has no VmRSS line")))
}

/// Bytes of another process of ours that are resident now.
///
/// # Errors
/// When its file cannot be read: it may have ended.
pub(crate) fn resident_of(process: u32) -> Result<u64, LabError> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).map_err(LabError::io("read", Path::new(&path)))?;
    kib_line(&text, "VmRSS").ok_or_else(|| LabError::Measure(format!("{path} has no VmRSS line")))
}

/// The largest resident size since the start, or since [`reset_peak`] last succeeded.
///
/// # Errors
/// When the status file cannot be read.
pub(crate) fn peak() -> Result<u64, LabError> {
    kib_line(&read("/proc/self/status")?, "VmHWM")
        .ok_or_else(|| LabError::Measure(String::from("/proc/self/status has no VmHWM line")))
}

/// Sets the peak back to what is resident now. Says whether the kernel did it.
pub(crate) fn reset_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Page faults of this process so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Served without reading a disk: the first touch of a page.
    pub(crate) minor: u64,
    /// Waited for a disk.
    pub(crate) major: u64,
}

/// Page faults of this process so far, all threads.
///
/// # Errors
/// When the stat file cannot be read or has another shape.
pub(crate) fn faults() -> Result<Faults, LabError> {
    let text = read("/proc/self/stat")?;
    let (minor, major) = faults_of(&text)
        .ok_or_else(|| LabError::Measure(String::from("/proc/self/stat has another shape")))?;
    Ok(Faults { minor, major })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn lines_in_kibibytes_are_read_as_bytes() {
        let text = "Name:\theap\nVmHWM:\t    2048 kB\nVmRSS:\t 12 kB\n";
        assert_eq!(kib_line(text, "VmHWM"), Some(2 << 20));
        assert_eq!(kib_line(text, "VmRSS"), Some(12 << 10));
        assert_eq!(kib_line(text, "VmLck"), None);
        assert_eq!(kib_line("VmRSS: many kB", "VmRSS"), None);
    }

    #[test]
    fn a_process_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let text = "7 (a b) c) R 1 7 7 0 -1 4194304 151 3 2 0 0 0";
        assert_eq!(faults_of(text), Some((151, 2)));
        assert_eq!(faults_of("nothing"), None);
    }

    #[test]
    fn touching_memory_raises_resident_peak_and_faults() {
        let touched = || {
            let before = (resident().expect("resident"), faults().expect("faults"));
            let bytes = black_box(vec![1u8; 32 << 20]);
            let after = (resident().expect("resident"), faults().expect("faults"));
            assert!(after.1.minor > before.1.minor);
            assert!(peak().expect("peak") + (1 << 20) >= after.0);
            drop(bytes);
            (before, after)
        };
        // Resident memory is the process's, and other tests may give theirs back at this moment: seldom ten times in a row.
        let tries: Vec<_> = (0..10).map(|_| touched()).collect();
        assert!(tries.iter().any(|(before, after)| after.0 >= before.0 + (24 << 20)), "{tries:?}");
    }
}
