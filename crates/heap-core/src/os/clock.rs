//! Processor time of the calling thread, for figures.

use core::time::Duration;

/// Processor time the calling thread has used. Zero where the system does not say (and under Miri).
#[must_use]
pub fn thread_cpu_time() -> Duration {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid place for the answer.
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        if failed == 0 {
            return Duration::new(
                u64::try_from(time.tv_sec).unwrap_or(0),
                u32::try_from(time.tv_nsec).unwrap_or(0),
            );
        }
    }
    Duration::ZERO
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    #[test]
    fn working_uses_processor_time() {
        let before = super::thread_cpu_time();
        let mut sum = 0_u64;
        while super::thread_cpu_time() - before < core::time::Duration::from_millis(2) {
            sum = core::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
    }
}
