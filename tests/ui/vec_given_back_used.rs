//! A vector that was given back is gone, and so is whatever borrows it; one in an object cannot be given back.
use tricolor::{GcVec, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        numbers.push(mu, 1_u64);
        numbers.give_back(mu);
        numbers.push(mu, 2);

        let walked = GcVec::new();
        walked.push(mu, 1_u64);
        let steps = walked.iter();
        walked.give_back(mu);
        assert_eq!(steps.count(), 1);

        let kept = mu.alloc(GcVec::new());
        kept.push(mu, 1_u64);
        kept.give_back(mu);
    });
}
