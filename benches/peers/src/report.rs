//! Report: the JSON object of a run, and the clock behind it.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value};

/// The time and the process's CPU time since a moment.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Instant,
    cpu: Duration,
}

impl Clock {
    /// From now on.
    pub fn start() -> Self {
        Self { cpu: process_cpu(), wall: Instant::now() }
    }

    /// The time, and the CPU time of all threads, since the start.
    pub fn since(self) -> Spent {
        Spent { wall: self.wall.elapsed(), cpu: process_cpu() - self.cpu }
    }
}

/// What a part took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// By the clock.
    pub wall: Duration,
    /// Of all the process's threads.
    pub cpu: Duration,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

fn process_cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(now).expect("a process has used no negative time")
}

/// The fields of a run.
#[derive(Debug)]
pub struct Report(Map<String, Value>);

impl Report {
    /// A run of this peer that took so long in its timed part.
    pub fn new(peer: &str, bench: &str, args: &[&str], spent: Spent) -> Self {
        let mut report = Self(Map::new());
        report.field("bench", bench);
        report.field("args", args);
        report.field("peer", peer);
        report.field("wall_s", spent.wall.as_secs_f64());
        report.field("cpu_s", spent.cpu.as_secs_f64());
        report.field("peak_rss_bytes", peak_rss_bytes());
        report
    }

    /// One field more.
    pub fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The whole as one line.
    pub fn json(self) -> String {
        Value::Object(self.0).to_string()
    }
}

/// The most memory the process ever had resident, as the kernel remembers it; absent where it does not say.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
