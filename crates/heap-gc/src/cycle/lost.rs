//! What a marker had no room for: found again by looking at everything that is marked.

use super::Cycle;
use crate::event::Event;
use crate::mark::Marker;
use heap_core::fault::{self, Fault};
use heap_core::sync::atomic::Ordering::Relaxed;

impl Cycle<'_> {
    /// If a marker had no room: stops the world, scans every marked object again, and says that there was something. What is
    /// marked is whole then, also what was allocated meanwhile.
    pub(super) fn look_for_lost(&mut self) -> bool {
        if !self.has_lost() {
            return false;
        }
        let heap = self.heap;
        let world = heap.world.stop();
        for part in world.parts() {
            // What is left of black runs is marked, and no object.
            part.flush(heap.shading());
        }
        self.look_for_lost_in_stopped_world()
    }

    fn has_lost(&self) -> bool {
        (self.marker.has_lost() || self.heap.lost.load(Relaxed)) && !fault::on(Fault::LostForgotten)
    }

    /// The same, when the world is stopped already.
    pub(super) fn look_for_lost_in_stopped_world(&mut self) -> bool {
        if !self.has_lost() {
            return false;
        }
        self.heap.tell(&mut self.panics, || Event::Lost);
        let work = self.marker.work();
        self.helped.add(work);
        self.marker = Marker::new(&self.heap.memory, &self.heap.queue, self.heap.mark_limits);
        self.heap.lost.store(false, Relaxed);
        // Again and again, until a look at everything that is marked marks nothing new that has no room.
        while self.marker.scan_all_marked() {}
        true
    }
}
