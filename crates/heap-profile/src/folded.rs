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

/// A name without what separates names: an array is `[u64, 8]`.
fn plain(name: &str) -> String {
    name.replace("; ", ", ").replace(';', ",")
}
