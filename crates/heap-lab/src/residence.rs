//! Residence: where the bytes of a heap are as time goes by, beside what the kernel counts as resident.
//!
//! A [`Timeline`] takes a [`Moment`] whenever it is told to, and draws all of them. The Go peer prints moments with the same
//! six figures. What the difference between a heap's figures and the kernel's is made of, at one moment, is
//! [`reconcile`]'s business.
//!
//! Called by the experiments about giving memory back.

pub(crate) mod reconcile;

use crate::error::LabError;
use crate::measure::resident::resident;
use crate::measure::time::millis;
use crate::peer::GoPeer;
use crate::record::{Axis, Plot, Scale, Series, Shape, Source, Ticks};
use crate::unit::Unit;
use serde_json::Value;
use std::time::Instant;
use tricolor::Heap;

/// Where the bytes are at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    /// Milliseconds since the beginning.
    pub(crate) at: f64,
    /// Bytes of slots that hold objects (`HeapAlloc`).
    pub(crate) alloc: f64,
    /// Bytes of pages in spans.
    pub(crate) in_use: f64,
    /// Bytes of pages in none, that the heap keeps.
    pub(crate) idle: f64,
    /// Bytes of pages in none, that are with the system.
    pub(crate) released: f64,
    /// Resident bytes of the process.
    pub(crate) resident: f64,
}

/// Moments of one process, in order.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    /// Whose they are.
    name: String,
    source: Source,
    start: Instant,
    moments: Vec<Moment>,
}

impl Timeline {
    /// An empty one of this process, beginning now.
    pub(crate) fn begin() -> Self {
        Self { name: String::new(), source: Source::Measured, start: Instant::now(), moments: Vec::new() }
    }

    /// That which the Go peer printed. Moments with a figure missing are left out.
    pub(crate) fn of_go(printed: &Value) -> Self {
        let moment = |one: &Value| {
            let number = |index: usize| one.get(index).and_then(Value::as_f64);
            Some(Moment {
                at: number(0)? * 1e3,
                alloc: number(1)?,
                in_use: number(2)?,
                idle: number(3)?,
                released: number(4)?,
                resident: number(5)?,
            })
        };
        let version = printed["peer"].as_str().unwrap_or("go");
        Self {
            name: format!("{}: ", version.replacen("go", "Go ", 1)),
            source: Source::Reference,
            start: Instant::now(),
            moments: printed["moments"].as_array().into_iter().flatten().filter_map(moment).collect(),
        }
    }

    /// That of the Go peer, run with these arguments; or why there is none, as the end of a sentence. A peer is needed for nothing:
    /// one that is missing, or older than what is asked of it, leaves its curve out, and no more.
    pub(crate) fn beside(peer: Option<&GoPeer>, args: &[String]) -> Result<Self, String> {
        let Some(peer) = peer else {
            return Err(String::from("none (not found, or not asked for)"));
        };
        let timeline = Self::of_go(&peer.run(args).map_err(|error| format!("left out, since {error}"))?);
        if timeline.moments.is_empty() {
            return Err(String::from("left out, since the Go peer printed no moments"));
        }
        Ok(timeline)
    }

    /// Takes a moment, and gives it back.
    ///
    /// # Errors
    /// When the kernel does not say what is resident.
    pub(crate) fn take(&mut self, heap: &Heap) -> Result<Moment, LabError> {
        let (accounting, memory) = (heap.accounting(), heap.figures().memory);
        let moment = Moment {
            at: millis(self.start.elapsed()),
            alloc: memory.heap_alloc.get() as f64,
            in_use: accounting.in_use.get() as f64,
            idle: accounting.idle.get() as f64,
            released: accounting.released.get() as f64,
            resident: resident()? as f64,
        };
        self.moments.push(moment);
        Ok(moment)
    }

    /// Whose they are, in words.
    pub(crate) fn whose(&self) -> &str {
        self.name.trim_end_matches(": ")
    }

    /// By how much the resident size had grown since the first moment at the one of this number; not a number if there is none.
    pub(crate) fn grown(&self, at: usize) -> f64 {
        match (self.moments.first(), self.moments.get(at)) {
            (Some(first), Some(then)) => then.resident - first.resident,
            (None, _) | (_, None) => f64::NAN,
        }
    }

    /// The moments so far.
    pub(crate) fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The curves of all five figures.
    pub(crate) fn plot(&self, title: &str, reading: &str) -> Plot {
        type Figure = (&'static str, fn(&Moment) -> f64);
        const FIGURES: [Figure; 5] = [
            ("resident", |one| one.resident),
            ("in use", |one| one.in_use),
            ("idle", |one| one.idle),
            ("released", |one| one.released),
            ("HeapAlloc", |one| one.alloc),
        ];
        let series = FIGURES.iter().map(|(label, figure)| self.series(label, figure)).collect();
        plot(title, reading, series)
    }

    fn series(&self, label: &str, figure: impl Fn(&Moment) -> f64) -> Series {
        Series {
            label: format!("{}{label}", self.name),
            points: self.moments.iter().map(|one| (one.at, figure(one))).collect(),
            source: self.source,
        }
    }
}

/// Resident memory of several timelines, by name.
pub(crate) fn compare(title: &str, reading: &str, timelines: &[(&str, &Timeline)]) -> Plot {
    let series = timelines.iter().map(|(name, timeline)| timeline.series(name, |one| one.resident)).collect();
    plot(title, reading, series)
}

fn plot(title: &str, reading: &str, series: Vec<Series>) -> Plot {
    let axis =
        |label: &str, unit| Axis { label: label.to_owned(), scale: Scale::Linear, ticks: Ticks::Unit(unit) };
    Plot {
        title: title.to_owned(),
        reading: reading.to_owned(),
        shape: Shape::Lines { x: axis("since the start", Unit::Millis), y: axis("", Unit::Bytes), series },
    }
}

/// What a report says of the Go peer in one word or three.
pub(crate) fn word(peer: Option<&GoPeer>, is_there: bool) -> &'static str {
    match (is_there, peer) {
        (true, _) => "measured in this run",
        (false, Some(_)) => "left out",
        (false, None) => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::PathBuf;

    #[test]
    fn a_peer_that_is_missing_or_too_old_leaves_its_curve_out_and_says_why() {
        let why = |peer: Option<&GoPeer>, args: &[&str]| {
            Timeline::beside(peer, &args.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).unwrap_err()
        };
        assert!(why(None, &[]).starts_with("none"));
        let echo = GoPeer::Built(PathBuf::from("/bin/echo"));
        for printed in ["usage: peers trees", "{\"cycles\":3}", "{\"moments\":[]}"] {
            assert!(why(Some(&echo), &[printed]).starts_with("left out, since the Go peer"), "{printed}");
        }
        let moments = String::from("{\"peer\":\"go1.27.3\",\"moments\":[[0,1,2,3,4,5]]}");
        assert_eq!(Timeline::beside(Some(&echo), &[moments]).map(|it| it.moments.len()), Ok(1));
        assert_eq!([word(None, false), word(Some(&echo), false)], ["none", "left out"]);
    }

    #[test]
    fn moments_of_the_peer_are_read_and_those_with_a_figure_missing_left_out() {
        let printed =
            json!({"peer": "go1.27.3", "moments": [[0.5, 1, 2, 3, 4, 5], [1, 2], [1, 6, 7, 8, 9, 10]]});
        let timeline = Timeline::of_go(&printed);
        let [first, second] = timeline.moments() else { panic!("{timeline:?}") };
        assert_eq!((first.at, first.alloc, first.resident, second.idle), (500.0, 1.0, 5.0, 8.0));
        let Shape::Lines { series, .. } = timeline.plot("", "").shape else { panic!("curves") };
        assert_eq!(series.len(), 5);
        assert!(series.iter().all(|one| one.points.len() == 2 && one.label.starts_with("Go 1.27.3: ")));
        assert!(Timeline::of_go(&json!({})).moments().is_empty());
    }

    #[test]
    fn a_moment_of_a_heap_has_its_bytes_in_one_state_each() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("the first");
        // With the word that says how long it is: 1 MiB.
        let bytes = vec![1_u8; (1 << 20) - 8];
        let _root = mutator.enter(|mu| mu.root(mu.alloc_copy(&bytes)));
        let mut timeline = Timeline::begin();
        let now = timeline.take(&heap).expect("told");
        assert_eq!(
            (now.in_use, now.in_use + now.idle + now.released),
            (f64::from(1 << 20), f64::from(4 << 20))
        );
        assert!(now.resident > now.in_use && timeline.moments().len() == 1);
    }
}
