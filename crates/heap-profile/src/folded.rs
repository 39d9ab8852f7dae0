//! Folded stacks: a line for each stack, outermost function first, with a number. What flame graphs are drawn from.

use crate::profile::{Profile, Use, frames_of};
use crate::symbol::Symbols;
use std::collections::BTreeMap;
use std::io::{self, Write};

impl Profile {
    /// Writes a line for each stack: its functions, outermost first, and the type last, with `;` between them; a space; and what
    /// `value` says of it, rounded. Stacks of which it is 0 are left out.
    ///
    /// # Errors
    /// If `to` refuses what is written to it.
    ///
    /// ```
    /// # use heap_gc::Heap;
    /// # use heap_profile::Profiler;
    /// # let profiler = Profiler::new();
    /// # let heap = Heap::builder().sampler(profiler.clone(), 1).build()?;
    /// # heap.attach()?.enter(|mu| _ = mu.alloc([0_u64; 8]));
    /// let mut lines = Vec::new();
    /// profiler.profile("main", &heap).write_folded(&mut lines, |counts| counts.allocated.bytes)?;
    /// assert!(String::from_utf8(lines)?.trim_end().ends_with(";[u64, 8] 64"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_folded(&self, mut to: impl Write, value: impl Fn(&Use) -> f64) -> io::Result<()> {
        let mut symbols = Symbols::default();
        let mut lines: BTreeMap<String, f64> = BTreeMap::new();
        for site in &self.sites {
            let mut line = String::new();
            for frame in frames_of(&mut symbols, site).iter().rev() {
                line.push_str(&plain(&frame.function));
                line.push(';');
            }
            line.push_str(&plain(site.label));
            *lines.entry(line).or_default() += value(&site.counts);
        }
        for (line, sum) in lines.iter().filter(|(_, sum)| sum.round() > 0.0) {
            writeln!(to, "{line} {sum:.0}")?;
        }
        Ok(())
    }
}

/// A name without what separates names, or lines: an array is `[u64, 8]`. Kinds of the raw layer may be called anything.
fn plain(name: &str) -> String {
    name.replace("; ", ", ").replace(';', ",").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use crate::profile::{Count, Profile, Site, Use};
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_name_ends_neither_its_line_nor_its_place_in_it() {
        let allocated = Count { samples: 1, objects: 1.0, bytes: 48.0 };
        let counts = Use { allocated, in_use: Count::default() };
        let site = |label| Site { stack: Vec::new(), label, bytes: 48, counts };
        let profile = Profile {
            heap: "main".to_owned(),
            mean: 1,
            begun: UNIX_EPOCH,
            taken: UNIX_EPOCH,
            dropped: 0,
            broken: 0,
            sites: vec![site("a\nmain;b 7\r"), site("[u64; 8]")],
        };
        let mut lines = Vec::new();
        profile.write_folded(&mut lines, |counts| counts.allocated.bytes).expect("a list takes it");
        assert_eq!(String::from_utf8_lossy(&lines), "[u64, 8] 48\na main,b 7  48\n");
    }
}
