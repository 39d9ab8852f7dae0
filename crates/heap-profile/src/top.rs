//! The top of a profile, as a table of text.

use crate::group::{Group, Value};
use crate::profile::{Profile, Use};
use core::fmt;

/// The groups of a profile that have the most of something, as a table: [`Profile::top`].
#[derive(Clone, Debug)]
pub struct Top {
    heap: String,
    group: Group,
    value: Value,
    rows: Vec<(String, Use)>,
    /// What is not in the rows, and of how many groups.
    others: Option<(usize, Use)>,
    total: Use,
    dropped: u64,
    broken: u64,
}

impl Profile {
    /// The `most` groups that have the most of `value`, to be printed. What others have is in a row of its own, so that columns
    /// add up.
    ///
    /// ```
    /// # use heap_gc::Heap;
    /// use heap_profile::{Group, Profiler, Value};
    /// # let profiler = Profiler::new();
    /// # let heap = Heap::builder().sampler(profiler.clone(), 1).build()?;
    /// # heap.attach()?.enter(|mu| (0..3000_u64).for_each(|number| _ = mu.alloc([number; 4])));
    /// let top = profiler.profile("main", &heap).top(Group::Type, Value::AllocatedBytes, 10);
    /// let text = top.to_string();
    /// assert!(text.contains("        96,000        3,000 ") && text.contains("  [u64; 4]"), "{text}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn top(&self, group: Group, value: Value, most: usize) -> Top {
        let mut rows = self.grouped(group, value);
        let rest = rows.split_off(most.min(rows.len()));
        let sum = |rows: &[(String, Use)]| {
            let mut sum = Use::default();
            rows.iter().for_each(|(_, counts)| sum += *counts);
            sum
        };
        Top {
            heap: self.heap.clone(),
            group,
            value,
            others: (!rest.is_empty()).then(|| (rest.len(), sum(&rest))),
            rows,
            total: self.total(),
            dropped: self.dropped,
            broken: self.broken,
        }
    }
}

/// A whole number with its thousands apart.
fn apart(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Top {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, several) = self.group.names();
        writeln!(f, "{} of heap {:?}, by {}", several, self.heap, self.value.name())?;
        writeln!(f, "{:>27}  {:>27}", "allocated", "in use")?;
        writeln!(f, "{:>14} {:>12} {:>14} {:>12}  {one}", "bytes", "objects", "bytes", "objects")?;
        let mut row = |name: &str, counts: &Use| {
            let Use { allocated, in_use } = counts;
            let numbers = [allocated.bytes, allocated.objects, in_use.bytes, in_use.objects].map(apart);
            let [bytes, objects, live_bytes, live_objects] = numbers;
            writeln!(f, "{bytes:>14} {objects:>12} {live_bytes:>14} {live_objects:>12}  {name}")
        };
        for (name, counts) in &self.rows {
            row(if name.is_empty() { "(unknown)" } else { name }, counts)?;
        }
        if let Some((number, counts)) = &self.others {
            row(&format!("({number} others)"), counts)?;
        }
        row("(total)", &self.total)?;
        let samples = self.total.allocated.samples;
        if self.total.allocated.objects == samples as f64 {
            writeln!(f, "Every allocation was counted.")?;
        } else {
            writeln!(f, "Estimated from {samples} sampled allocations.")?;
        }
        if self.dropped > 0 {
            writeln!(f, "{} samples had stacks for which there was no room.", self.dropped)?;
        }
        if self.broken > 0 {
            writeln!(f, "{} samples had no frame pointers to follow, and cost more.", self.broken)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Count, Site};
    use std::time::UNIX_EPOCH;

    fn profile(samples: u64) -> Profile {
        let count = |objects: f64| Count { samples, objects, bytes: objects * 48.0 };
        let site = |label, objects: f64| Site {
            stack: Vec::new(),
            label,
            bytes: 48,
            counts: Use { allocated: count(objects), in_use: count(objects / 2.0) },
        };
        Profile {
            heap: "main".to_owned(),
            mean: 1,
            begun: UNIX_EPOCH,
            taken: UNIX_EPOCH,
            dropped: 0,
            broken: 0,
            sites: vec![site("Apple", 2000.0), site("Pear", 100.0), site("Plum", 300.0), site("", 1e7)],
        }
    }

    #[test]
    fn a_table_has_the_most_first_the_others_together_and_the_sum() {
        let expected = "\
types of heap \"main\", by allocated bytes
                  allocated                       in use
         bytes      objects          bytes      objects  type
   480,000,000   10,000,000    240,000,000    5,000,000  (unknown)
        96,000        2,000         48,000        1,000  Apple
        19,200          400          9,600          200  (2 others)
   480,115,200   10,002,400    240,057,600    5,001,200  (total)
Estimated from 4 sampled allocations.
";
        assert_eq!(profile(1).top(Group::Type, Value::AllocatedBytes, 2).to_string(), expected);
    }

    #[test]
    fn a_table_says_how_it_was_counted_and_what_is_not_in_it() {
        let mut exact = profile(1);
        exact.sites.truncate(1);
        exact.sites[0].counts.allocated.objects = 1.0;
        (exact.dropped, exact.broken) = (3, 4);
        let text = exact.top(Group::Type, Value::InUseObjects, 0).to_string();
        assert!(text.contains("(1 others)") && text.contains("Every allocation was counted."), "{text}");
        assert!(text.contains("3 samples had stacks") && text.contains("4 samples had no frame"), "{text}");
    }
}
