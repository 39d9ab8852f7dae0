//! For how long an allocation sweeps before it takes fresh memory.
//!
//! It sweeps so many spans at most, and what a span takes depends on the machine and on the heap: 0.5 µs where its marks are in a
//! cache, 5 where each line is fetched from memory that others use as well. So it looks at the clock, too.
#![forbid(unsafe_code)]

use crate::stress::STRESSED;
use core::time::Duration;
use std::time::Instant;

/// So long, or a step more: what was begun is ended first. Less takes fresh memory sooner where spans are full, and sweeps the heap later.
const LONG: Duration = Duration::from_micros(20);
/// So long for a large object, whose pages take longer to clear than this.
const LONG_FOR_LARGE: Duration = Duration::from_micros(60);

/// How long somebody has been sweeping. See the module's text.
#[derive(Debug)]
pub(crate) struct Patience {
    begun: Option<Instant>,
    lasts: Duration,
}

impl Patience {
    /// Which begins with the first question: who need not ask does not look at the clock.
    pub(crate) const fn later() -> Self {
        Self { begun: None, lasts: LONG }
    }

    /// Which begins now.
    pub(crate) fn begun() -> Self {
        Self { begun: Some(Instant::now()), lasts: LONG }
    }

    /// Of somebody who needs a large object, from now.
    pub(crate) fn for_large() -> Self {
        Self { lasts: LONG_FOR_LARGE, ..Self::begun() }
    }

    /// Whether it is at an end. Under stress, where no clock decides what happens, it never is.
    pub(crate) fn is_over(&mut self) -> bool {
        !STRESSED && self.begun.get_or_insert_with(Instant::now).elapsed() >= self.lasts
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn patience_begins_now_or_with_the_first_question_and_ends() {
        let mut all = [Patience::begun(), Patience::for_large(), Patience::later()];
        std::thread::sleep(2 * LONG_FOR_LARGE);
        let [now, large, later] = &mut all;
        assert_eq!([now.is_over(), large.is_over()], [!STRESSED; 2]);
        assert!(later.begun.is_none(), "nobody has asked");
        // So long that it cannot be over by then.
        later.lasts = Duration::from_hours(1);
        assert!(!later.is_over());
        later.lasts = LONG;
        std::thread::sleep(2 * LONG);
        assert_eq!(later.is_over(), !STRESSED);
    }
}
