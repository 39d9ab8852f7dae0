//! What a subscriber of `tracing` is told of a heap.

use heap_gc::{Event, Heap};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

#[derive(Debug, PartialEq, Clone)]
enum Told {
    Span { id: u64, fields: String },
    Event { parent: Option<u64>, level: Level, text: String },
    Closed(u64),
}

/// Remembers what it is told, and panics at an event if it is to.
#[derive(Clone, Default)]
struct Notebook {
    told: Arc<Mutex<Vec<Told>>>,
    panics_at: Option<&'static str>,
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn core::fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl Subscriber for Notebook {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tricolor"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text::default();
        span.record(&mut text);
        assert_eq!(span.metadata().name(), "cycle");
        let mut told = self.told.lock().unwrap();
        let id = told.len() as u64 + 1;
        told.push(Told::Span { id, fields: text.0 });
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let parent = event.parent().map(Id::into_u64);
        if self.panics_at.is_some_and(|word| text.0.contains(word)) {
            resume_unwind(Box::new("in a subscriber"));
        }
        let level = *event.metadata().level();
        self.told.lock().unwrap().push(Told::Event { parent, level, text: text.0 });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, id: Id) -> bool {
        // Clones of spans are dropped, too: the last of a cycle's is what counts.
        self.told.lock().unwrap().push(Told::Closed(id.into_u64()));
        false
    }
}

#[test]
fn a_cycle_is_a_span_and_its_steps_are_events_in_it() {
    let notebook = Notebook::default();
    let told = Arc::clone(&notebook.told);
    tracing::subscriber::with_default(notebook, || {
        let heap = heap_trace::tracing::traced(Heap::builder(), "main").build().unwrap();
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| (0..1000).for_each(|_| _ = mu.alloc([0_u64; 8])));
        mutator.collect();
        assert!(mutator.release_free_memory() > 0);
    });
    let told = told.lock().unwrap();
    let spans: Vec<_> = told.iter().filter(|one| matches!(one, Told::Span { .. })).collect();
    assert_eq!(spans.len(), 2, "two cycles");
    let Told::Span { id: first, fields } = &told[0] else { panic!("{:?}", told[0]) };
    for field in ["heap=\"main\"", "number=1", "reason=\"asked\""] {
        assert!(fields.contains(field), "{fields}");
    }
    let steps: Vec<_> = told
        .iter()
        .filter_map(|one| {
            let Told::Event { parent, level, text } = one else { return None };
            (*parent == Some(*first)).then(|| {
                assert_eq!(*level, Level::DEBUG);
                text.as_str()
            })
        })
        .collect();
    assert!(steps[0].contains("message=marking"), "{steps:?}");
    for (step, round) in steps[1..].iter().zip(["barrier on", "settled", "roots", "dry"]) {
        assert!(step.contains(&format!("round=\"{round}\"")), "{steps:?}");
    }
    assert!(told.contains(&Told::Closed(*first)));
    let scavenged = told.iter().any(|one| {
        matches!(one, Told::Event { parent: None, text, .. } if text.contains("message=scavenged") && text.contains("by=\"asked\""))
    });
    assert!(scavenged, "{told:?}");
}

#[test]
fn a_subscriber_that_panics_ends_no_cycle_in_its_middle() {
    let notebook = Notebook { panics_at: Some("settled"), ..Notebook::default() };
    tracing::subscriber::with_default(notebook, || {
        let heap = heap_trace::tracing::traced(Heap::builder(), "main").build().unwrap();
        let mut mutator = heap.attach().unwrap();
        for cycle in 1..4 {
            let outcome = catch_unwind(AssertUnwindSafe(|| mutator.collect()));
            assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"in a subscriber"));
            assert_eq!(heap.figures().cycles, cycle, "it ran to its end");
        }
        assert_eq!(heap.verify(), []);
    });
}

/// What `traced` takes the place of.
#[test]
fn the_last_listener_is_the_one() {
    let builder = Heap::builder().on_event(|event: &Event| panic!("{event:?}"));
    heap_trace::tracing::traced(builder, "main").build().unwrap().collect();
}
