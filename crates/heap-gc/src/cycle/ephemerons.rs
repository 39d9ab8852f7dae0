//! Marking to the end where ephemerons lead on: drain, look, drain again.

use super::Cycle;
use crate::mark::{Go, Work};
use heap_core::os::thread_cpu_time;

impl Cycle<'_> {
    /// Scans until the workers find nothing more, and no ephemeron leads on.
    pub(super) fn drain_to_the_end(&mut self) {
        loop {
            self.drain();
            if self.is_given_up || !self.ephemerons_lead_on() {
                return;
            }
        }
    }

    /// Makes grey the values of keys that are marked by now. Returns whether there were any: then there is more to mark.
    pub(super) fn ephemerons_lead_on(&mut self) -> bool {
        let heap = self.heap;
        let begun = thread_cpu_time();
        let leads_on = if heap.ephemerons.is_long() {
            let mut go = Go::On;
            let followed = heap.ephemerons.follow(&heap.memory, || {
                go = if heap.desk.has_quit() { Go::Home } else { Go::On };
                go
            });
            self.is_given_up |= go == Go::Home;
            self.helped.add(Work { slow_words: followed.slow_words, ..Work::default() });
            followed.values > 0
        } else {
            let marker = &mut self.marker;
            // SAFETY: a value is the address of an allocated slot (F8), and nothing is freed while marking.
            heap.ephemerons.look(&heap.memory, |value| unsafe { marker.visit(value) }) > 0
        };
        let cpu = thread_cpu_time().saturating_sub(begun);
        self.mark_cpu += cpu;
        heap.pace.spend(cpu);
        leads_on
    }
}
