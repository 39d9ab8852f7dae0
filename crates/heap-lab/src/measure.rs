//! Measuring: clocks, resident memory, spread of samples, latencies, utilisation, what a collector says of itself, where the
//! processor is in another process and how much memory that may have, and the machine it all ran on.
//!
//! Two habits hold in every file here. A figure that the system cannot give is an error and never a zero. And a
//! sample is never thrown away: [`spread`] names outliers, it does not drop them, and the reports print every one.
//!
//! Called by the experiments and the benches. Knows nothing of claims or reports.

pub(crate) mod collector;
pub(crate) mod trace_file;
pub(crate) mod trace_line;
pub(crate) mod scav_line;
pub(crate) mod group;
pub(crate) mod latency;
pub(crate) mod ledger;
pub(crate) mod machine;
pub(crate) mod mmu;
pub(crate) mod perf;
pub(crate) mod resident;
pub(crate) mod smaps;
pub(crate) mod spread;
pub(crate) mod time;
pub(crate) mod turns;
