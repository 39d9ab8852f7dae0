//! The resident size of the process, as the kernel counts it: one small file, some microseconds.
#![forbid(unsafe_code)]

use std::fs;

/// Bytes of the process that are resident; none where the system does not tell.
pub(crate) fn resident() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    pages(&text)?.checked_mul(rustix::param::page_size())
}

/// The second number of the file: pages that are resident.
fn pages(text: &str) -> Option<usize> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_is_taken() {
        assert_eq!(pages("9000 512 300 1 0 80 0\n"), Some(512));
        assert_eq!(pages("9000"), None);
        assert_eq!(pages(""), None);
        assert!(resident().is_some_and(|bytes| bytes > 100_000), "this process has some memory");
    }
}
