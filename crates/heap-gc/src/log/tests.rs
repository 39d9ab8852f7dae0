//! Promise: a log keeps what it has room for, counts the rest, and keeps nobody waiting.

use super::*;
use heap_core::sync::thread;

fn event(number: u64) -> Event {
    Event::Ended { number }
}

fn heap_log(log: &Arc<EventLog>, heap: u64) -> HeapLog {
    HeapLog::new(Some(&(Arc::clone(log), format!("heap {heap}"))), heap)
}

#[test]
fn what_has_no_room_is_dropped_and_counted_and_there_is_room_again_when_records_are_taken() {
    let log = Arc::new(EventLog::new(1000));
    let heap = heap_log(&log, 7);
    heap.note(Track::Collector, || unreachable!("nobody listens"));
    assert!(heap.begin().is_none());
    for round in 0..3 {
        log.start();
        (0..1500).for_each(|number| heap.note(Track::Collector, || event(number)));
        log.stop();
        let numbers: Vec<_> = log.take().into_iter().map(|record| record.event).collect();
        assert_eq!(numbers, (0..1000).map(event).collect::<Vec<_>>(), "the first ones, in order");
        assert_eq!(log.dropped(), 500 * (round + 1));
    }
    assert_eq!(log.heaps(), [(7, "heap 7".to_owned())]);
    assert_eq!(log.take(), []);
}

#[test]
fn threads_that_put_and_one_that_takes_lose_nothing_that_is_not_counted() {
    const EACH: u64 = 5000;
    let log = Arc::new(EventLog::new(2000));
    log.start();
    let threads: Vec<_> = (0..4)
        .map(|heap| {
            let log = heap_log(&log, heap);
            thread::spawn(move || (0..EACH).for_each(|number| log.note(Track::here(), || event(number))))
        })
        .collect();
    let mut taken = Vec::new();
    while threads.iter().any(|thread| !thread.is_finished()) {
        taken.extend(log.take());
    }
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    taken.extend(log.take());
    assert_eq!(taken.len() as u64 + log.dropped(), 4 * EACH);
    assert_eq!(log.held.load(Relaxed), 0);
    for heap in 0..4 {
        let mut seen: Vec<_> = taken.iter().filter(|record| record.heap == heap).collect();
        seen.sort_by_key(|record| record.begun);
        let numbers = seen.iter().map(|record| {
            let Event::Ended { number } = record.event else { panic!("{record:?}") };
            number
        });
        let numbers: Vec<_> = numbers.collect();
        assert!(numbers.is_sorted(), "a thread's records are in its order");
    }
}

#[test]
fn a_record_that_finds_every_shard_taken_is_dropped_and_does_not_wait() {
    let log = Arc::new(EventLog::new(100));
    let heap = heap_log(&log, 1);
    log.start();
    let mut all: Vec<_> = log.shards.iter().map(|shard| shard.lock()).collect();
    heap.note(Track::Scavenger, || event(1));
    assert_eq!(log.dropped(), 1);
    all.pop();
    heap.note(Track::Scavenger, || event(2));
    drop(all);
    let taken: Vec<_> = log.take().into_iter().map(|record| record.event).collect();
    assert_eq!((log.dropped(), taken), (1, vec![event(2)]));
}

#[test]
fn of_records_that_begin_at_once_the_longest_is_first() {
    let log = Arc::new(EventLog::new(100));
    let heap = heap_log(&log, 1);
    let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(1));
    heap.put(Track::Collector, now, None, event(3));
    heap.put(Track::Collector, now, Some(now), event(2));
    heap.put(Track::Collector, now, Some(later), event(1));
    let order: Vec<_> = log.take().into_iter().map(|record| record.event).collect();
    assert_eq!(order, [event(1), event(2), event(3)]);
}

#[test]
fn a_record_is_not_large() {
    assert!(size_of::<Record>() <= 160, "{} bytes", size_of::<Record>());
}
