//! The families of a heap, in the order they are written.

use crate::exposition::{Number, Type};
use crate::watched::Snapshot;
use Samples::{Classes, Last, One, Several};
use core::time::Duration;
use heap_gc::CycleFigures;
use std::time::UNIX_EPOCH;

/// Where samples go: with a label beside the heap's, or without.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(Option<(&str, &str)>, Number);

/// Which samples a family has.
pub(crate) enum Samples {
    /// One.
    One(fn(&Snapshot) -> Number),
    /// One, as soon as there was a collection.
    Last(fn(&CycleFigures) -> Number),
    /// One for each size class of which there ever was an object, by its number.
    Classes(fn(&Snapshot, usize) -> Number),
    /// Others.
    Several(fn(&Snapshot, Tell<'_>)),
}

/// A family.
pub(crate) struct Family {
    /// Its name, without what counters end in.
    pub(crate) name: &'static str,
    /// What it counts.
    pub(crate) kind: Type,
    /// Its unit; empty for a count.
    pub(crate) unit: &'static str,
    /// What it is, in a sentence.
    pub(crate) help: &'static str,
    /// Its samples.
    pub(crate) samples: Samples,
}

macro_rules! families {
    ($($name:literal $kind:ident $unit:literal $help:literal, $samples:expr;)*) => {
        &[$(Family { name: $name, kind: Type::$kind, unit: $unit, help: $help, samples: $samples }),*]
    };
}

/// All of them.
pub(crate) const HEAP: &[Family] = families! {
    "tricolor_heap_alloc_bytes" Gauge "bytes" "Slots that are allocated: live objects, and dead ones not swept yet.",
        One(|of| of.figures.memory.heap_alloc.get().into());
    "tricolor_heap_objects" Gauge "" "Slots that are allocated.",
        One(|of| of.figures.memory.heap_objects.into());
    "tricolor_heap_inuse_bytes" Gauge "bytes" "Pages in spans, whole spans counted.",
        One(|of| of.figures.memory.heap_inuse.get().into());
    "tricolor_heap_frames_bytes" Gauge "bytes" "Pages of mutators' frames, and kept for them.",
        One(|of| of.accounting.frames.get().into());
    "tricolor_heap_idle_bytes" Gauge "bytes" "Pages in no span and no frame whose memory the heap keeps.",
        One(|of| of.accounting.idle.get().into());
    "tricolor_heap_released_bytes" Gauge "bytes" "Pages in no span and no frame whose memory is with the system.",
        One(|of| of.accounting.released.get().into());
    "tricolor_heap_metadata_bytes" Gauge "bytes" "Side tables, in whole pages of the system.",
        One(|of| of.accounting.metadata.get().into());
    "tricolor_heap_retained_bytes" Gauge "bytes" "The most of this heap that can be resident: in use, idle and metadata.",
        One(|of| of.accounting.retained().get().into());
    "tricolor_heap_reserved_bytes" Gauge "bytes" "Address space that the heap has not grown to.",
        One(|of| of.accounting.reserved.get().into());
    "tricolor_heap_external_bytes" Gauge "bytes" "Bytes outside the heap that its objects were said to keep.",
        One(|of| of.figures.external.get().into());
    "tricolor_allocated_bytes" Counter "bytes" "Bytes of slots handed out since the heap was built.",
        One(|of| of.figures.memory.total_alloc.get().into());
    "tricolor_allocated_objects" Counter "" "Objects handed out since the heap was built, tiny ones included.",
        One(|of| of.figures.memory.mallocs.into());
    "tricolor_freed_objects" Counter "" "Objects freed since the heap was built, tiny ones included.",
        One(|of| of.figures.memory.frees.into());

    "tricolor_fragmentation_ratio" Gauge "ratio" "HeapInuse / HeapAlloc: bytes of spans for each byte of a slot that is allocated. 1 for an empty heap.",
        One(|of| of.figures.memory.fragmentation().into());
    "tricolor_fragmentation_at_rest_ratio" Gauge "ratio" "Bytes of spans at rest for each byte of an object in them; spans in mutators' hands are left out.",
        One(|of| of.fragmentation.total.ratio().into());
    "tricolor_spans" Gauge "" "Spans in use.",
        One(|of| of.fragmentation.total.spans.into());
    "tricolor_spans_lone" Gauge "" "Spans at rest with one object that have room for more: what keeps pages for little.",
        One(|of| of.fragmentation.total.lone.into());
    "tricolor_spans_full" Gauge "" "Spans at rest without a free slot.",
        One(|of| of.fragmentation.total.full.into());
    "tricolor_spans_held" Gauge "" "Spans in mutators' hands, or being swept: how full they are is not known.",
        One(|of| of.fragmentation.total.held.into());
    "tricolor_spans_pinned_bytes" Gauge "bytes" "Free slots beside at least one object: what fragmentation costs.",
        One(|of| of.fragmentation.total.pinned.get().into());
    "tricolor_spans_tail_bytes" Gauge "bytes" "Ends of spans that are no slot, and of large objects' last pages.",
        One(|of| of.fragmentation.total.tail.get().into());

    "tricolor_class_spans" Gauge "" "Spans in use, by size class: bytes of a slot, or large.",
        Classes(|of, class| of.fragmentation.classes[class].spans.into());
    "tricolor_class_spans_lone" Gauge "" "Spans at rest with one object that have room for more, by size class.",
        Classes(|of, class| of.fragmentation.classes[class].lone.into());
    "tricolor_class_spans_full" Gauge "" "Spans at rest without a free slot, by size class.",
        Classes(|of, class| of.fragmentation.classes[class].full.into());
    "tricolor_class_spans_held" Gauge "" "Spans in mutators' hands, or being swept, by size class.",
        Classes(|of, class| of.fragmentation.classes[class].held.into());
    "tricolor_class_occupied_bytes" Gauge "bytes" "Objects in spans at rest, by size class.",
        Classes(|of, class| of.fragmentation.classes[class].occupied.get().into());
    "tricolor_class_pinned_bytes" Gauge "bytes" "Free slots beside at least one object, by size class.",
        Classes(|of, class| of.fragmentation.classes[class].pinned.get().into());
    "tricolor_class_fragmentation_ratio" Gauge "ratio" "Bytes of spans at rest for each byte of an object in them, by size class.",
        Classes(|of, class| of.fragmentation.classes[class].ratio().into());
    "tricolor_class_allocated_objects" Counter "" "Slots handed out since the heap was built, by size class.",
        Classes(|of, class| of.figures.memory.by_size[class].mallocs.into());
    "tricolor_class_freed_objects" Counter "" "Slots freed since the heap was built, by size class.",
        Classes(|of, class| of.figures.memory.by_size[class].frees.into());

    "tricolor_gc_cycles" Counter "" "Completed collections.",
        One(|of| of.figures.cycles.into());
    "tricolor_gc_cycles_asked" Counter "" "Of them, those the program asked for.",
        One(|of| of.figures.cycles_asked.into());
    "tricolor_gc_goal_bytes" Gauge "bytes" "The size at which the next collection shall be finished; infinite for never.",
        One(|of| bytes_or_never(of.figures.goal.get()));
    "tricolor_gc_cpu_ratio" Gauge "ratio" "The part of all processor time since the heap was built that marking took.",
        One(|of| of.figures.gc_cpu_fraction.into());
    "tricolor_gc_mark_cpu_seconds" Counter "seconds" "Processor time of marking.",
        One(|of| seconds(of.figures.mark_cpu_total));
    "tricolor_gc_assist_cpu_seconds" Counter "seconds" "Processor time that mutators spent marking.",
        One(|of| seconds(of.figures.assist_cpu_total));
    "tricolor_gc_stopped_seconds" Counter "seconds" "Time the world was stopped; 0 for a collector beside the program.",
        One(|of| seconds(of.figures.pause_total));
    "tricolor_gc_last_seconds" Gauge "seconds" "The last collection, from its begin to its end.",
        Last(|cycle| seconds(cycle.wall));
    "tricolor_gc_last_mark_seconds" Gauge "seconds" "The last collection's marking.",
        Last(|cycle| seconds(cycle.mark));
    "tricolor_gc_last_answer_seconds" Gauge "seconds" "The longest that the last collection waited for one mutator's answer.",
        Last(|cycle| seconds(cycle.rounds.iter().map(|round| round.slowest).max().unwrap_or_default()));
    "tricolor_gc_last_live_bytes" Gauge "bytes" "What the last collection found alive.",
        Last(|cycle| cycle.live.get().into());
    "tricolor_gc_last_end_timestamp_seconds" Gauge "seconds" "When the last collection ended, in seconds since 1970.",
        Last(|cycle| seconds(cycle.ended.duration_since(UNIX_EPOCH).unwrap_or_default()));
    "tricolor_mutator_pause_seconds" Summary "seconds" "How long mutators were kept by pieces of the collector's work; without samples unless pauses are measured.",
        Several(pauses);

    "tricolor_mutators" Gauge "" "Mutators attached.",
        One(|of| of.figures.mutators.into());
    "tricolor_roots" Gauge "" "Roots, but for those of raw mutators' own.",
        One(|of| of.figures.roots.into());
    "tricolor_cleanups_waiting" Gauge "" "Cleanups whose object has not been found dead.",
        One(|of| of.figures.cleanups.waiting.into());
    "tricolor_cleanups_run" Counter "" "Cleanups that have begun to run.",
        One(|of| of.figures.cleanups.run.into());
    "tricolor_finalizers_waiting" Gauge "" "Finalizers whose object has not been found dead.",
        One(|of| of.figures.finalizers.waiting.into());
    "tricolor_finalizers_run" Counter "" "Finalizers that have begun to run.",
        One(|of| of.figures.finalizers.run.into());

    "tricolor_scavenged_bytes" Counter "bytes" "Bytes given back to the system, by who gave them.",
        Several(scavenged);
    "tricolor_scavenge_refused_calls" Counter "" "Calls to give memory back that the system refused.",
        One(|of| of.figures.scavenge.refused.into());
    "tricolor_scavenge_cpu_seconds" Counter "seconds" "Processor time of the scavenging thread.",
        One(|of| seconds(of.figures.scavenge.background_cpu));
};

impl Samples {
    /// Tells them.
    pub(crate) fn tell(&self, of: &Snapshot, tell: Tell<'_>) {
        match self {
            One(number) => tell(None, number(of)),
            Last(number) => {
                if let Some(cycle) = &of.figures.last_cycle {
                    tell(None, number(cycle));
                }
            }
            Classes(number) => {
                let classes = of.figures.memory.by_size.iter().enumerate();
                for (index, class) in classes.filter(|(_, class)| class.mallocs > 0) {
                    let name = if index == 0 { "large".to_owned() } else { class.size.get().to_string() };
                    tell(Some(("class", &name)), number(of, index));
                }
            }
            Several(samples) => samples(of, tell),
        }
    }
}

fn seconds(time: Duration) -> Number {
    time.as_secs_f64().into()
}

fn bytes_or_never(bytes: usize) -> Number {
    if bytes == usize::MAX { Number::Real(f64::INFINITY) } else { bytes.into() }
}

fn pauses(of: &Snapshot, tell: Tell<'_>) {
    let felt = &of.figures.mutator_pauses;
    if felt.count > 0 {
        for (quantile, time) in [("0.5", felt.p50), ("0.99", felt.p99), ("0.999", felt.p999), ("1", felt.max)]
        {
            tell(Some(("quantile", quantile)), seconds(time));
        }
    }
}

fn scavenged(of: &Snapshot, tell: Tell<'_>) {
    let given = &of.figures.scavenge;
    for (by, bytes) in [
        ("assist", given.assisted),
        ("background", given.background),
        ("idle", given.idle),
        ("request", given.on_request),
    ] {
        tell(Some(("by", by)), bytes.get().into());
    }
}
