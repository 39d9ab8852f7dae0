//! What the system takes for giving memory back and for touching it again, by the length of a piece. The figures behind the
//! scavenger's quantum and behind the advice it gives: docs/design/scavenging.md.
//!
//! A block of 64 MiB is mapped as a heap's pages are, touched, given back piece by piece, and touched again. Printed are the
//! medians of some rounds, in microseconds of this thread's processor time for a MiB, and the longest single call by the clock.

use std::time::{Duration, Instant};
use tricolor::core::os::thread_cpu_time;

const BLOCK: usize = 64 << 20;
const ROUNDS: usize = 9;
const OS_PAGE: usize = 4096;
/// Of a stride of twice the piece, the first half is given back: neighbouring pieces would be one.
const PIECES: [usize; 7] = [8 << 10, 64 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20];

/// A mapping that begins at a huge page of x86-64.
struct Block {
    base: *mut u8,
}

impl Block {
    fn new() -> std::io::Result<Self> {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a mapping wherever the system likes, of no file, overlays nothing that exists.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), BLOCK + (4 << 20), access, flags, -1, 0) };
        if at == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let at = at.cast::<u8>();
        let head = at.addr().next_multiple_of(4 << 20) - at.addr();
        // SAFETY: `head` is below 4 MiB, and the mapping is that much longer than the block.
        Ok(Self { base: unsafe { at.add(head) } })
    }

    /// Gives advice on every other piece; returns the longest call. False is a refusal.
    fn advise(&self, piece: usize, advice: i32) -> Option<Duration> {
        let mut longest = Duration::ZERO;
        for at in (0..BLOCK).step_by(2 * piece) {
            let begun = Instant::now();
            // SAFETY: the piece lies in the block, which only this thread uses; its contents are not looked at again.
            let refused = unsafe { libc::madvise(self.base.wrapping_add(at).cast(), piece, advice) };
            longest = longest.max(begun.elapsed());
            if refused != 0 {
                return None;
            }
        }
        Some(longest)
    }

    /// Writes a byte to each page of the system.
    fn touch(&self) {
        for at in (0..BLOCK).step_by(OS_PAGE) {
            // SAFETY: a byte of the block, which only this thread uses.
            unsafe { self.base.wrapping_add(at).write_volatile(1) };
        }
    }
}

/// Microseconds for each MiB of half the block.
fn for_a_mib(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / (BLOCK / 2 / (1 << 20)) as f64
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = thread_cpu_time();
    work();
    thread_cpu_time() - begun
}

fn main() -> std::io::Result<()> {
    println!(
        "{:>16} {:>9} {:>13} {:>13} {:>13} {:>13}",
        "", "piece", "give us/MiB", "touch us/MiB", "p50 call us", "longest us"
    );
    for (name, advice, huge) in [
        ("dontneed", libc::MADV_DONTNEED, false),
        ("free", libc::MADV_FREE, false),
        ("dontneed, huge", libc::MADV_DONTNEED, true),
    ] {
        for piece in PIECES {
            let block = Block::new()?;
            if huge && block.advise(BLOCK / 2, libc::MADV_HUGEPAGE).is_none() {
                println!("{name:>16} SKIPPED: the system has no huge pages");
                break;
            }
            block.touch();
            let (mut give, mut touch, mut longest) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let mut most = None;
                give.push(for_a_mib(timed(|| most = block.advise(piece, advice))));
                let Some(most) = most else { break };
                longest.push(most.as_secs_f64() * 1e6);
                touch.push(for_a_mib(timed(|| block.touch())));
            }
            if longest.is_empty() {
                println!("{name:>16} SKIPPED: the system refuses this advice");
                break;
            }
            let call = median(give.clone()) * piece as f64 / (1 << 20) as f64;
            println!(
                "{name:>16} {:>5} KiB {:>13.1} {:>13.1} {call:>13.1} {:>13.1}",
                piece >> 10,
                median(give),
                median(touch),
                median(longest)
            );
            // SAFETY: the block is not used again; what was mapped before and after it stays until the process ends.
            unsafe { libc::munmap(block.base.cast(), BLOCK) };
        }
    }
    Ok(())
}
