//! The format of pprof: a protocol buffer, compressed with gzip.
//!
//! The fields and their numbers are those of `profile.proto` in <https://github.com/google/pprof>. There are four values to a
//! sample, with Go's names, so that `go tool pprof` knows them: `alloc_objects`, `alloc_space`, `inuse_objects`, `inuse_space`. Values are estimates
//! already, as they are in Go's files. Labels are `type`, `heap` and `bytes`.

use crate::profile::{OTHER, Profile, Site, frames_of};
use crate::proto::Message;
use crate::symbol::{Frame, Symbols};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Numbers of the fields of a `Profile`.
mod field {
    pub(super) const SAMPLE_TYPE: u64 = 1;
    pub(super) const SAMPLE: u64 = 2;
    pub(super) const MAPPING: u64 = 3;
    pub(super) const LOCATION: u64 = 4;
    pub(super) const FUNCTION: u64 = 5;
    pub(super) const STRING: u64 = 6;
    pub(super) const TIME_NANOS: u64 = 9;
    pub(super) const DURATION_NANOS: u64 = 10;
    pub(super) const PERIOD_TYPE: u64 = 11;
    pub(super) const PERIOD: u64 = 12;
    pub(super) const COMMENT: u64 = 13;
    pub(super) const DEFAULT_SAMPLE_TYPE: u64 = 14;
}

/// What a reader of a profile shows first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Shown {
    /// Bytes in use.
    #[default]
    InUse,
    /// Bytes that were allocated.
    Allocated,
}

impl Profile {
    /// Writes the profile for `go tool pprof` and what else reads its format. Names of functions are looked up now: the first time in
    /// a process that takes some tens of milliseconds, or more for a large program.
    ///
    /// # Errors
    /// If `to` refuses what is written to it.
    pub fn write_pprof(&self, to: impl Write) -> io::Result<()> {
        self.write_pprof_showing(to, Shown::InUse)
    }

    /// As [`write_pprof`](Self::write_pprof), with what a reader shows who was not told what to show.
    ///
    /// # Errors
    /// If `to` refuses what is written to it.
    pub fn write_pprof_showing(&self, to: impl Write, shown: Shown) -> io::Result<()> {
        let mut file = File::default();
        for (kind, unit) in VALUES {
            let kind = file.value_type(kind, unit);
            file.profile.message(field::SAMPLE_TYPE, &kind);
        }
        // One mapping that says that nothing is left to be looked up.
        let mut mapping = Message::default();
        mapping.number(1, 1);
        (7..=10).for_each(|has_names| mapping.number(has_names, 1));
        file.profile.message(field::MAPPING, &mapping);
        let mut symbols = Symbols::default();
        for site in &self.sites {
            file.sample(site, &frames_of(&mut symbols, site), &self.heap);
        }
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let since = |start: SystemTime| nanos(self.taken.duration_since(start).unwrap_or_default());
        file.profile.number(field::TIME_NANOS, since(UNIX_EPOCH));
        file.profile.number(field::DURATION_NANOS, since(self.begun));
        let period = file.value_type("space", "bytes");
        file.profile.message(field::PERIOD_TYPE, &period);
        file.profile.number(field::PERIOD, self.mean as u64);
        if self.dropped > 0 {
            let text = format!("{} samples had stacks for which there was no room", self.dropped);
            let text = file.text(&text);
            file.profile.number(field::COMMENT, text);
        }
        if self.broken > 0 {
            let text = format!(
                "{} samples had no frame pointers to follow (-C force-frame-pointers=yes makes them), and cost more",
                self.broken
            );
            let text = file.text(&text);
            file.profile.number(field::COMMENT, text);
        }
        let default = file.text(match shown {
            Shown::InUse => "inuse_space",
            Shown::Allocated => "alloc_space",
        });
        file.profile.number(field::DEFAULT_SAMPLE_TYPE, default);

        let mut gzip = GzEncoder::new(to, Compression::fast());
        gzip.write_all(&file.into_bytes())?;
        gzip.finish()?;
        Ok(())
    }
}

/// The values of a sample, with their units.
const VALUES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// A file that is being written. Texts, functions and locations are written once and named by numbers after that.
struct File {
    profile: Message,
    texts: HashMap<String, u64>,
    /// Texts in the order of their numbers.
    text_order: Vec<String>,
    functions: HashMap<(String, String, String), u64>,
    locations: HashMap<Vec<Frame>, u64>,
}

impl Default for File {
    fn default() -> Self {
        let mut file = Self {
            profile: Message::default(),
            texts: HashMap::new(),
            text_order: Vec::new(),
            functions: HashMap::new(),
            locations: HashMap::new(),
        };
        // Number 0 is the empty text.
        file.text("");
        file
    }
}

impl File {
    fn text(&mut self, text: &str) -> u64 {
        if let Some(&number) = self.texts.get(text) {
            return number;
        }
        let number = self.text_order.len() as u64;
        self.texts.insert(text.to_owned(), number);
        self.text_order.push(text.to_owned());
        number
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> Message {
        let mut message = Message::default();
        message.number(1, self.text(kind));
        message.number(2, self.text(unit));
        message
    }

    fn function(&mut self, frame: &Frame) -> u64 {
        let key = (frame.function.clone(), frame.symbol.clone(), frame.file.clone());
        let next = self.functions.len() as u64 + 1;
        if let Some(&number) = self.functions.get(&key) {
            return number;
        }
        self.functions.insert(key, next);
        let mut message = Message::default();
        message.number(1, next);
        message.number(2, self.text(&frame.function));
        message.number(3, self.text(&frame.symbol));
        message.number(4, self.text(&frame.file));
        self.profile.message(field::FUNCTION, &message);
        next
    }

    /// A place in the code: a function, and those whose code is inside it.
    fn location(&mut self, frames: &[Frame]) -> u64 {
        if let Some(&number) = self.locations.get(frames) {
            return number;
        }
        let next = self.locations.len() as u64 + 1;
        self.locations.insert(frames.to_vec(), next);
        let mut message = Message::default();
        message.number(1, next);
        message.number(2, 1);
        for frame in frames {
            let mut line = Message::default();
            line.number(1, self.function(frame));
            line.number(2, u64::from(frame.line));
            message.message(4, &line);
        }
        self.profile.message(field::LOCATION, &message);
        next
    }

    fn sample(&mut self, site: &Site, frames: &[Frame], heap: &str) {
        let other;
        let frames = if frames.is_empty() {
            other = [Frame::placeholder(OTHER)];
            &other[..]
        } else {
            frames
        };
        let mut locations = Vec::new();
        for place in frames.split_inclusive(|frame| !frame.is_inlined) {
            locations.push(self.location(place));
        }
        let (allocated, in_use) = (site.counts.allocated, site.counts.in_use);
        let mut message = Message::default();
        message.packed(1, locations);
        message.packed(2, [allocated.objects, allocated.bytes, in_use.objects, in_use.bytes].map(whole));
        for (name, value) in [("type", site.label), ("heap", heap)] {
            let mut label = Message::default();
            label.number(1, self.text(name));
            label.number(2, self.text(value));
            message.message(3, &label);
        }
        let mut label = Message::default();
        label.number(1, self.text("bytes"));
        label.number(3, site.bytes as u64);
        label.number(4, self.text("bytes"));
        message.message(3, &label);
        self.profile.message(field::SAMPLE, &message);
    }

    fn into_bytes(mut self) -> Vec<u8> {
        for text in &self.text_order {
            self.profile.bytes(field::STRING, text.as_bytes());
        }
        self.profile.into_bytes()
    }
}

/// An estimate as the whole number that is nearest.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
#[expect(clippy::cast_sign_loss, reason = "estimates are not below 0")]
fn whole(estimate: f64) -> u64 {
    estimate.round() as u64
}
