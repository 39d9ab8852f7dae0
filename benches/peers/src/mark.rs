//! Mark: what is said of full collections of a heap that does not change, as `heap-lab bench mark` says it.

use crate::report::{Report, Spent};

/// The report of collections of so many live objects: what each took by the clock, in milliseconds, and all together.
///
/// # Panics
/// If there was none.
pub fn report(peer: &str, args: &[&str], objects: usize, mut walls_ms: Vec<f64>, spent: Spent) -> Report {
    let cycles = walls_ms.len();
    walls_ms.sort_by(f64::total_cmp);
    let mut report = Report::new(peer, "mark", args, spent);
    report.field("objects", objects);
    report.field("cycles", cycles);
    report.field("cycle_wall_ms", f64::midpoint(walls_ms[(cycles - 1) / 2], walls_ms[cycles / 2]));
    report.field("cpu_ns_per_object", spent.cpu.as_secs_f64() * 1e9 / (objects * cycles) as f64);
    report
}
