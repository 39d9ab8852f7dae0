//! Failure, in the three shapes of the house.
//!
//! * The *environment* failed (no memory, a limit, an impossible request): an [`AllocError`] or a
//!   [`crate::os::OsError`], carrying the size, the limit and what it was for. Nothing was changed.
//! * The *caller* broke a documented rule: a panic, listed under `# Panics`.
//! * *We* broke an invariant: [`bug!`](crate::bug) prints the figures that show the lie and aborts. A heap whose bookkeeping is wrong
//!   must not limp on, in release builds least of all.

use crate::units::Bytes;
use core::fmt;

/// Why an allocation was refused. The heap is as it was before the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AllocError {
    /// The request would take the heap over its hard limit. Collect, or drop roots, and try again.
    Limit {
        /// What was asked for, rounded to the slot or pages it needs.
        asked: Bytes,
        /// What the heap holds in spans and frames now.
        held: Bytes,
        /// The hard limit.
        limit: Bytes,
    },
    /// The reserved address space is used up. Build the heap with a larger `reservation`.
    Reservation {
        /// What was asked for.
        asked: Bytes,
        /// The whole reservation.
        reserved: Bytes,
    },
    /// The operating system refused memory.
    Os {
        /// What was asked for.
        asked: Bytes,
        /// The system's error number.
        code: i32,
    },
    /// The size of the request does not fit in the address space (`len * size_of::<T>()` overflowed, or is above
    /// `isize::MAX`).
    TooLarge {
        /// Elements asked for.
        count: usize,
        /// Bytes of one element.
        size: Bytes,
    },
    /// The heap has as many layouts as it can, and the type needs one of its own because it has a drop or is traced by hand.
    Layouts {
        /// How many there can be.
        most: usize,
    },
    /// The alignment is above a page (8 KiB), which no slot guarantees.
    Alignment {
        /// The alignment asked for.
        asked: Bytes,
    },
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { asked, held, limit } => write!(
                f,
                "allocating {asked} would pass the heap's hard limit of {limit} ({held} held): collect or drop roots and \
                 try again, or build the heap with a higher hard_limit"
            ),
            Self::Reservation { asked, reserved } => write!(
                f,
                "allocating {asked} does not fit into what is left of the {reserved} of reserved address space: build the heap with a \
                 larger reservation"
            ),
            Self::Os { asked, code } => {
                write!(f, "the operating system refused {asked} (error {code}): free memory and try again")
            }
            Self::TooLarge { count, size } => {
                write!(f, "{count} elements of {size} each do not fit in the address space: ask for fewer")
            }
            Self::Layouts { most } => write!(
                f,
                "the heap has {most} layouts, the most there can be, and this type needs another: use fewer types with drops, or put \
                 some of them into a second heap"
            ),
            Self::Alignment { asked } => {
                write!(
                    f,
                    "an alignment of {asked} is above a page (8 KiB), the most a slot can give: align by less"
                )
            }
        }
    }
}

impl core::error::Error for AllocError {}

/// Prints what was found to be impossible and aborts the process. For broken invariants of this library only.
#[macro_export]
macro_rules! bug {
    ($($figure:tt)*) => {
        $crate::error::abort(format_args!($($figure)*))
    };
}

/// The cold end of [`bug!`](crate::bug).
///
/// # Panics
/// Always, and the process ends while the panic unwinds.
#[cold]
#[inline(never)]
pub fn abort(figures: fmt::Arguments<'_>) -> ! {
    // A panic in a destructor that is already unwinding aborts: the message of the panic reaches the panic hook
    // (so an embedder's logging sees it), and the process ends whatever the hook does.
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            std::process::abort();
        }
    }
    let _abort = Abort;
    panic!("tricolor: an invariant of the heap is broken: {figures}");
}
