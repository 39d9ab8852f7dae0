//! Turns: how long threads of this process have waited for a processor while they could have run (`schedstat` of Linux).

use std::fs::{File, read_dir, read_to_string};
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Some threads, whose waits are added up.
#[derive(Debug)]
pub(crate) struct Turns(Vec<File>);

impl Turns {
    /// The calling thread.
    pub(crate) fn own() -> Self {
        Self(File::open("/proc/thread-self/schedstat").into_iter().collect())
    }

    /// The threads of that name, or of what Linux keeps of it: its first 15 bytes.
    pub(crate) fn named(name: &str) -> Self {
        let of_one = |folder: std::path::PathBuf| {
            let own = read_to_string(folder.join("comm")).ok()?;
            (own.trim_end() == name).then(|| File::open(folder.join("schedstat")).ok())?
        };
        let threads = read_dir("/proc/self/task").into_iter().flatten();
        Self(threads.filter_map(|thread| of_one(thread.ok()?.path())).collect())
    }

    /// How long they have waited since they began; none if the system does not tell, or there are no such threads. A wait that has
    /// not ended is not in it. Takes some microseconds.
    pub(crate) fn waited(&self) -> Option<Duration> {
        if self.0.is_empty() {
            return None;
        }
        let of_one = |file: &File| {
            let mut bytes = [0; 128];
            let len = file.read_at(&mut bytes, 0).ok()?;
            waited(std::str::from_utf8(&bytes[..len]).ok()?)
        };
        self.0.iter().map(of_one).sum()
    }
}

/// The second number of the file: nanoseconds.
fn waited(text: &str) -> Option<Duration> {
    text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::{Turns, waited};
    use std::thread;
    use std::time::{Duration, Instant};

    #[test]
    fn the_second_number_is_taken() {
        assert_eq!(waited("12 345 6\n"), Some(Duration::from_nanos(345)));
        assert_eq!(waited("12"), None);
        assert_eq!(waited(""), None);
    }

    #[test]
    fn threads_that_share_processors_wait_and_nobody_does_not() {
        assert_eq!(Turns::named("nobody").waited(), None);
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let end = Instant::now() + Duration::from_millis(300);
        let work = move || {
            let own = Turns::own();
            let before = own.waited()?;
            while Instant::now() < end {}
            Some(own.waited()? - before)
        };
        let threads: Vec<_> = (0..2 * processors).map(|_| thread::spawn(work)).collect();
        let waits: Option<Duration> =
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        // Twice as many as there are processors: half of their time they wait.
        let least = Duration::from_millis(100) * u32::try_from(processors).expect("few");
        assert!(waits.is_none_or(|waits| waits > least), "{waits:?}");
    }
}
