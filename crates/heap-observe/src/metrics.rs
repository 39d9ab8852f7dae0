//! `/metrics`: the figures of every heap, in OpenMetrics text.
//!
//! Nothing is cached, because nothing has to be: a snapshot is some hundred loads and a few short locks, whatever the size of the heap,
//! and stops nobody; none of the locks is held while a heap waits for the system to make pages accessible. `docs/metrics.md` has the
//! names for readers; a test compares it with the table here.
#![forbid(unsafe_code)]

mod table;

use crate::exposition::{Exposition, Number, Type};
use crate::tally::Tally;
use crate::watched::{Snapshot, Watched};
use table::{Family, HEAP};

/// The families that are not of a heap: name, type, unit, help.
pub(crate) const OTHERS: [(&str, Type, &str, &str); 6] = [
    ("tricolor_heap_up", Type::Gauge, "", "1 as long as the heap lives, 0 after that."),
    (
        "process_resident_memory_bytes",
        Type::Gauge,
        "bytes",
        "Memory of the process that is resident, as the kernel counts it.",
    ),
    ("tricolor_observer_requests", Type::Counter, "", "Replies of this server, by status."),
    ("tricolor_observer_accepted_connections", Type::Counter, "", "Connections that were accepted."),
    (
        "tricolor_observer_cut_connections",
        Type::Counter,
        "",
        "Connections that were closed for being slow, or for room.",
    ),
    ("tricolor_observer_connections", Type::Gauge, "", "Connections that are open."),
];

/// The text.
pub(crate) fn render(watched: &[Watched], tally: &Tally, resident: Option<usize>) -> String {
    let looks: Vec<_> = watched
        .iter()
        .map(|one| (one.name.as_str(), one.heap.upgrade().map(|heap| Snapshot::of(&heap))))
        .collect();
    let mut text = Exposition::default();
    let [up, process, requests, accepted, cut, open] = OTHERS;
    begin(&mut text, up);
    for (name, look) in &looks {
        text.sample(up.0, up.1, &[("heap", name)], Number::Whole(u64::from(look.is_some())));
    }
    for Family { name, kind, unit, help, samples } in HEAP {
        text.family(name, *kind, unit, help);
        for (heap, look) in looks.iter().filter_map(|(heap, look)| Some((heap, look.as_ref()?))) {
            samples.tell(look, &mut |label, number| {
                let labels = [("heap", *heap), label.unwrap_or_default()];
                text.sample(name, *kind, &labels[..1 + usize::from(label.is_some())], number);
            });
        }
    }
    begin(&mut text, process);
    if let Some(bytes) = resident {
        text.sample(process.0, process.1, &[], bytes.into());
    }
    begin(&mut text, requests);
    for (code, count) in tally.replies() {
        text.sample(requests.0, requests.1, &[("code", &code.to_string())], count.into());
    }
    begin(&mut text, accepted);
    text.sample(accepted.0, accepted.1, &[], tally.accepted().into());
    begin(&mut text, cut);
    text.sample(cut.0, cut.1, &[], tally.cut().into());
    begin(&mut text, open);
    text.sample(open.0, open.1, &[], tally.open().into());
    text.finish()
}

fn begin(text: &mut Exposition, (name, kind, unit, help): (&str, Type, &str, &str)) {
    text.family(name, kind, unit, help);
}

#[cfg(test)]
mod tests;
