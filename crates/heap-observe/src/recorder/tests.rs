use super::*;
use heap_gc::Heap;

#[test]
fn rings_are_bounded_and_keep_the_newest() {
    let mut ring = VecDeque::new();
    (0..10).for_each(|number| push(&mut ring, 4, number));
    assert_eq!(ring, [6, 7, 8, 9]);
}

#[test]
fn a_listener_keeps_every_cycle_and_a_look_adds_what_it_missed() {
    let recorder = Recorder::new();
    let heap = recorder.listen(Heap::builder().gc_off()).build().expect("a heap");
    (0..CYCLES + 5).for_each(|_| heap.collect());
    let numbers = |recorder: &Recorder| -> Vec<u64> {
        recorder.copy().cycles.iter().map(|cycle| cycle.number).collect()
    };
    let kept: Vec<_> = (6..CYCLES as u64 + 6).collect();
    assert_eq!(numbers(&recorder), kept);
    recorder.look(&heap.figures(), Some(5));
    assert_eq!(numbers(&recorder), kept, "the last is there already");
    let history = recorder.copy();
    assert_eq!(history.points.len(), 1);
    assert_eq!(history.points[0].resident, Some(5));
    assert!(history.cycles[0].rounds.len() >= 4 && history.cycles[0].reason == "asked");

    // Somebody who was not told sees the last one only.
    let other = Recorder::new();
    other.look(&heap.figures(), None);
    assert_eq!(numbers(&other), [CYCLES as u64 + 5]);
}

#[test]
fn what_a_reader_should_know_is_told_in_words() {
    let recorder = Recorder::new();
    let told = |event: &Event| {
        recorder.event(event);
        recorder.copy().notes.back().map(|note| note.text.clone())
    };
    assert_eq!(told(&Event::Ended { number: 1 }), None);
    let late = Event::Late { round: "roots", thread: "worker".into(), waited: Duration::from_millis(20) };
    assert_eq!(
        told(&late).as_deref(),
        Some("thread worker stays inside enter: round roots has waited for 20.0ms")
    );
    (0..NOTES * 2).for_each(|_| recorder.event(&Event::Lost));
    assert_eq!(recorder.copy().notes.len(), NOTES);
}
