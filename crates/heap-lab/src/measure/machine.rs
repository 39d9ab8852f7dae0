//! The machine: what a figure was measured on, because without it the figure cannot be compared.
//!
//! Read once, at the start of a run, from proc and sysfs. A field that cannot be read says so in words and stops
//! nothing: a description is not a measurement.

use crate::error::LabError;
use crate::unit::binary;
use serde::Serialize;
use std::fs;
use std::time::SystemTime;
use tricolor::core::os::cgroup_memory_limit;

/// What the figures of a report were measured on, and by which build.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) cpu: String,
    /// Threads that may run at once.
    pub(crate) cores: usize,
    /// Sizes of the caches that one processor sees.
    pub(crate) caches: String,
    /// Memory of the machine, in bytes; `None` when unknown.
    pub(crate) memory: Option<u64>,
    /// System and kernel release.
    pub(crate) kernel: String,
    /// The kernel's policy of transparent huge pages, which decides what a first touch costs.
    pub(crate) huge_pages: String,
    /// Average number of runnable threads in the minute before the run: above the cores, times are not to be trusted.
    pub(crate) load: Option<f64>,
    /// Version of the heap, and the commit where the lab was built in a checkout.
    pub(crate) tricolor: String,
    /// The compiler that built the lab.
    pub(crate) rustc: String,
    /// Whether the lab was built with optimisation: without, times mean nothing.
    pub(crate) optimised: bool,
    /// When the run began, UTC.
    pub(crate) date: String,
}

fn first_line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().and_then(|text| text.lines().next().map(|line| line.trim().to_owned()))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

/// The bracketed choice of a sysfs line such as `always [madvise] never`.
fn chosen(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once('[')?;
    rest.split_once(']').map(|(inside, _)| inside)
}

/// `2026-01-31T12:34:56Z` as people write it, to the minute.
fn minute(rfc3339: &str) -> String {
    match rfc3339.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", time.get(..5).unwrap_or(time)),
        None => rfc3339.to_owned(),
    }
}

/// Such as `L1 data 32K, L2 1024K, L3 32768K`, of the first processor.
fn caches() -> Option<String> {
    let of = |index: usize, name: &str| {
        first_line(&format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}"))
    };
    let named = |index: usize| {
        let kind = match of(index, "type")?.as_str() {
            "Data" => " data",
            "Instruction" => " code",
            _ => "",
        };
        Some(format!("L{}{kind} {}", of(index, "level")?, of(index, "size")?))
    };
    let all: Vec<String> = (0..8).map_while(named).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Bytes that this process, which has `resident`, could have beside those now without another losing any: what the kernel says, and no more than its
/// control group lets it have. `None` if the kernel does not say.
pub(crate) fn available(resident: u64) -> Option<u64> {
    let free = bytes_of(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable")?;
    let limit = cgroup_memory_limit().map_or(u64::MAX, |limit| limit.get() as u64);
    Some(free.min(limit.saturating_sub(resident)))
}

/// A line of `/proc/meminfo`, in bytes.
fn bytes_of(meminfo: &str, name: &str) -> Option<u64> {
    let kib: u64 = field(meminfo, name)?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Refuses what this machine's memory cannot hold, before the kernel has to end the process for it.
///
/// # Errors
/// When `bytes`, which `what` asks for, are more than nine tenths of the memory.
pub(crate) fn must_fit(bytes: u64, what: &str) -> Result<(), LabError> {
    match Machine::here().memory {
        Some(memory) if bytes > memory / 10 * 9 => Err(LabError::Argument(format!(
            "{what} needs {} of memory, and this machine has {}: give a smaller number",
            binary(bytes as f64),
            binary(memory as f64)
        ))),
        Some(_) | None => Ok(()),
    }
}

impl Machine {
    /// This machine, now.
    pub(crate) fn here() -> Self {
        let unknown = || String::from("unknown");
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            cpu: field(&cpuinfo, "model name").map_or_else(unknown, str::to_owned),
            cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            caches: caches().unwrap_or_else(unknown),
            memory: bytes_of(&meminfo, "MemTotal"),
            kernel: first_line("/proc/sys/kernel/osrelease")
                .map_or_else(unknown, |release| format!("{} {release}", std::env::consts::OS)),
            huge_pages: first_line("/sys/kernel/mm/transparent_hugepage/enabled")
                .and_then(|line| chosen(&line).map(str::to_owned))
                .unwrap_or_else(unknown),
            load: first_line("/proc/loadavg")
                .and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()),
            tricolor: format!("{}{}", env!("CARGO_PKG_VERSION"), env!("HEAP_LAB_COMMIT")),
            rustc: env!("HEAP_LAB_RUSTC").to_owned(),
            optimised: !cfg!(debug_assertions),
            date: minute(&humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_choices_are_found_by_name() {
        let text = "processor\t: 0\nmodel name\t: Fast: 3 GHz\n";
        assert_eq!(field(text, "model name"), Some("Fast: 3 GHz"));
        assert_eq!(field(text, "bogomips"), None);
        assert_eq!(chosen("always [madvise] never"), Some("madvise"));
        assert_eq!(chosen("none"), None);
    }

    #[test]
    fn who_has_all_of_the_machine_can_have_no_more_than_is_free() {
        let total = Machine::here().memory.expect("a Linux machine");
        let (nothing, all) = (available(0).expect("as above"), available(total).expect("as above"));
        assert!(nothing <= total && all <= total, "{nothing} {all} {total}");
    }

    #[test]
    fn lines_of_meminfo_are_bytes() {
        let text = "MemTotal:       16384 kB\nMemAvailable:   1 kB\nHugePages_Total:       3\n";
        assert_eq!(bytes_of(text, "MemTotal"), Some(16 << 20));
        assert_eq!(bytes_of(text, "MemAvailable"), Some(1024));
        assert_eq!((bytes_of(text, "HugePages_Total"), bytes_of(text, "Swap")), (None, None));
    }

    #[test]
    fn more_than_the_machine_has_is_refused_with_both_sizes() {
        assert!(must_fit(1 << 20, "a little").is_ok());
        let text = must_fit(1 << 62, "COUNT").expect_err("4 EiB").to_string();
        assert!(text.starts_with("COUNT needs ") && text.contains("this machine has"), "{text}");
    }

    #[test]
    fn this_machine_has_at_least_one_core_and_a_date() {
        let machine = Machine::here();
        assert!(machine.cores >= 1);
        assert!(machine.tricolor.starts_with(env!("CARGO_PKG_VERSION")), "{}", machine.tricolor);
        assert!(machine.caches == "unknown" || machine.caches.contains("L1"), "{}", machine.caches);
        assert!(machine.date.starts_with("20") && machine.date.ends_with(" UTC"), "{}", machine.date);
        assert_eq!(minute("2026-01-31T12:34:56Z"), "2026-01-31 12:34 UTC");
    }
}
