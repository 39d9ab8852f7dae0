//! What is wrong with a wish that cannot be met.
#![forbid(unsafe_code)]

use super::MOST_WORKERS;
use core::fmt;
use core::time::Duration;
use heap_core::os::OsError;
use heap_core::units::Bytes;

/// Why a heap was not built. Nothing is left behind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The reservation is below 4 MiB or above 16 TiB.
    Reservation {
        /// What was asked for.
        asked: Bytes,
    },
    /// The hard limit is below one page.
    HardLimit {
        /// What was asked for.
        asked: Bytes,
    },
    /// No marking worker, or more than 256.
    Workers {
        /// What was asked for.
        asked: usize,
    },
    /// A share of the processors that is not above 0 and up to 1.
    CpuShare {
        /// What was asked for.
        asked: String,
    },
    /// A share of one processor for the scavenger that is not above 0 and up to one half.
    ScavengeShare {
        /// What was asked for.
        asked: String,
    },
    /// A longest time between two cycles of less than a millisecond.
    Period {
        /// What was asked for.
        asked: Duration,
    },
    /// The operating system refused.
    Os(OsError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reservation { asked } => {
                write!(
                    f,
                    "a reservation of {asked} is not between 4 MiB and 16 TiB: give HeapBuilder::reservation a size in bytes"
                )
            }
            Self::HardLimit { asked } => {
                write!(
                    f,
                    "a hard limit of {asked} is below one page of 8 KiB: give HeapBuilder::hard_limit a size in bytes"
                )
            }
            Self::Workers { asked } => {
                write!(
                    f,
                    "{asked} marking workers are not between 1 and {MOST_WORKERS}: leave HeapBuilder::workers out for one per processor"
                )
            }
            Self::CpuShare { asked } => {
                write!(
                    f,
                    "a share of {asked} is not above 0 and up to 1: give HeapBuilder::cpu_share a part of the processors, such as 0.25"
                )
            }
            Self::ScavengeShare { asked } => {
                write!(
                    f,
                    "a share of {asked} is not above 0 and up to 0.5: give HeapBuilder::scavenge_share a part of one processor, such as 0.02"
                )
            }
            Self::Period { asked } => {
                write!(
                    f,
                    "a cycle at least every {asked:?} is more often than each millisecond: give \
                     HeapBuilder::collect_at_least_every a longer time, or None for never"
                )
            }
            Self::Os(error) => write!(f, "the heap cannot be built: {error}"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os(error) => Some(error),
            Self::Reservation { .. }
            | Self::HardLimit { .. }
            | Self::Workers { .. }
            | Self::CpuShare { .. }
            | Self::ScavengeShare { .. }
            | Self::Period { .. } => None,
        }
    }
}
