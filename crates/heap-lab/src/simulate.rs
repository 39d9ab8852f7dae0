//! The command `simulate`: what cycles and the page allocator would take, from 1 GiB to 16 TiB and with 1 to 256 workers.

use crate::calibrate;
use crate::error::LabError;
use crate::scale::costs::Costs;
use crate::scale::cycle::{Cycle, Wish, cycle, pace};
use crate::scale::pages::{AT_ONCE, Paged, paged};
use crate::shapes::MarkShape;
use crate::size::parse_size;
use crate::unit::{Unit, binary, digits};
use comfy_table::{CellAlignment, Table, presets};
use heap_core::units::PAGE_BYTES;
use serde_json::{Value, json};
use std::fmt::Write as _;
use tricolor::Heap;

/// Collections of each heap that is measured.
const CYCLES: usize = 5;

/// What to simulate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Simulate {
    /// Live bytes of the heaps, ascending.
    heaps: Vec<u64>,
    /// Numbers of workers, ascending; as many mutators are asked.
    workers: Vec<usize>,
    /// Bytes a nanosecond that memory gives; `None` for what it gives here.
    ceiling: Option<f64>,
}

/// One simulated cycle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forecast {
    /// What is live.
    pub(crate) shape: MarkShape,
    /// Bytes of it.
    pub(crate) heap: u64,
    /// Workers, and mutators.
    pub(crate) workers: usize,
    /// What it takes.
    pub(crate) cycle: Cycle,
}

/// `FROM..TO`, doubling, or one value.
fn range<T: Copy + PartialOrd + From<u8> + std::ops::Mul<Output = T>>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, LabError>,
) -> Result<Vec<T>, LabError> {
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (parse(from)?, parse(to)?),
        None => (parse(text)?, parse(text)?),
    };
    if from > to {
        return Err(LabError::Argument(format!("`{text}` ends before it begins")));
    }
    let doubled = std::iter::successors(Some(from), |value| Some(*value * T::from(2)));
    let mut values: Vec<T> = doubled.take_while(|value| *value < to).collect();
    values.push(to);
    Ok(values)
}

impl Simulate {
    /// What these words mean.
    ///
    /// # Errors
    /// When one makes no sense.
    pub(crate) fn parse(heap: &str, workers: &str, memory: Option<f64>) -> Result<Self, LabError> {
        /// More than any machine has.
        const MOST: u64 = 1 << 46;
        let heaps = range(heap, |text| match parse_size(text)? {
            bytes if (1 << 20..=MOST).contains(&bytes) => Ok(bytes),
            _ => Err(LabError::Argument(format!("--heap {text} is not from 1MiB to 64TiB"))),
        })?;
        let workers = range(workers, |text| match text.trim().parse::<u32>() {
            Ok(count) if (1..=1024).contains(&count) => Ok(count),
            _ => Err(LabError::Argument(format!("--workers {text} is not from 1 to 1024"))),
        })?;
        if memory.is_some_and(|rate| !(rate > 0.0 && rate < 1e6)) {
            return Err(LabError::Argument(String::from("--memory is in gigabytes a second, above 0")));
        }
        let workers = workers.into_iter().map(|count| count as usize).collect();
        Ok(Self { heaps, workers, ceiling: memory })
    }

    /// Measures the steps, simulates, and shows it.
    ///
    /// # Errors
    /// When something cannot be measured.
    pub(crate) fn show(&self, as_json: bool, stage: &dyn Fn(&str)) -> Result<String, LabError> {
        let costs = calibrate::costs(&Heap::builder(), CYCLES, stage)?;
        stage("simulating");
        let ceiling = self.ceiling.unwrap_or(costs.memory_bytes_per_ns);
        let cycles = forecast(&costs, &calibrate::SHAPES, &self.heaps, &self.workers, ceiling);
        let pages: Vec<(u64, usize, Paged)> = self
            .heaps
            .iter()
            .flat_map(|heap| {
                self.workers.iter().map(|workers| (*heap, *workers, paged(&costs, *heap, *workers)))
            })
            .collect();
        Ok(if as_json {
            format!("{}\n", self.json(&costs, ceiling, &cycles, &pages))
        } else {
            self.text(&costs, ceiling, &cycles, &pages)
        })
    }

    fn json(&self, costs: &Costs, ceiling: f64, cycles: &[Forecast], pages: &[(u64, usize, Paged)]) -> Value {
        let cycles: Vec<Value> = cycles
            .iter()
            .map(|one| {
                json!({
                    "shape": one.shape.word(),
                    "heap_bytes": one.heap,
                    "workers": one.workers,
                    "mutators": one.workers,
                    "total_ns": one.cycle.total_ns(),
                    "parts": one.cycle,
                })
            })
            .collect();
        let pages: Vec<Value> = pages
            .iter()
            .map(
                |(heap, mutators, paged)| json!({ "heap_bytes": heap, "mutators": mutators, "pages": paged }),
            )
            .collect();
        json!({ "costs": costs, "memory_bytes_per_ns": ceiling, "cycles": cycles, "pages": pages })
    }

    fn text(
        &self,
        costs: &Costs,
        ceiling: f64,
        cycles: &[Forecast],
        pages: &[(u64, usize, Paged)],
    ) -> String {
        let mut out = format!(
            "Simulated from steps measured here, under a ceiling of {} GB/s. docs/design/scale.md has what is assumed.\n\n",
            digits(ceiling)
        );
        let head = |first: &str| {
            std::iter::once(first.to_owned()).chain(self.workers.iter().map(|workers| workers.to_string()))
        };
        for shape in calibrate::SHAPES {
            let each = costs.of(shape).map_or(f64::NAN, |of| of.ns_per_object());
            let _ = writeln!(
                out,
                "A cycle over `{}`, {} an object alone, by live bytes and workers:",
                shape.word(),
                Unit::Nanos.show(each)
            );
            let rows = self.heaps.iter().map(|heap| {
                let of_row = cycles.iter().filter(|one| one.shape == shape && one.heap == *heap);
                std::iter::once(binary(*heap as f64))
                    .chain(of_row.map(|one| Unit::Nanos.show(one.cycle.total_ns())))
                    .collect()
            });
            write_table(&mut out, head("live"), rows);
        }
        out.push_str("Of a cycle over `tree`, what one thread does alone (counting what survived), and with all workers marking:\n");
        let most = self.workers.last().copied().unwrap_or(1);
        let rows =
            cycles.iter().filter(|one| one.shape == MarkShape::Tree && one.workers == most).map(|one| {
                let part = |ns: f64| format!("{} %", digits((100.0 * ns / one.cycle.total_ns()).round()));
                vec![
                    binary(one.heap as f64),
                    Unit::Nanos.show(one.cycle.rounds_ns),
                    Unit::Nanos.show(one.cycle.marking.wall_ns),
                    Unit::Nanos.show(one.cycle.count_ns),
                    part(one.cycle.count_ns),
                    Unit::Nanos.show(one.cycle.sweep_ns),
                ]
            });
        let columns = ["live", "rounds", "marking", "counting", "of the cycle", "sweeping, later"];
        write_table(&mut out, columns.map(String::from), rows);
        out.push_str("Pages, by live bytes, with as many mutators as workers at most:\n");
        let rows = pages.iter().filter(|(_, mutators, _)| *mutators == most).map(|(heap, _, paged)| {
            let looked = paged.looked;
            vec![
                binary(*heap as f64),
                format!("{} + {} + {}", looked.rows, looked.root_entries, looked.entries_below),
                Unit::Nanos.show(paged.search_ns),
                Unit::Nanos.show(paged.lock.visit_ns),
                Unit::Percent.show(100.0 * paged.lock.held),
                format!("{} GB/s", digits(paged.lock.visits_per_ns * AT_ONCE * PAGE_BYTES as f64)),
                binary(paged.metadata_bytes),
            ]
        });
        let columns =
            ["live", "rows + root + below", "search", "with waiting", "lock held", "all allocate", "tables"];
        write_table(&mut out, columns.map(String::from), rows);
        out
    }
}

/// Cycles over every shape, heap and number of workers.
pub(crate) fn forecast(
    costs: &Costs,
    shapes: &[MarkShape],
    heaps: &[u64],
    workers: &[usize],
    ceiling: f64,
) -> Vec<Forecast> {
    let mut all = Vec::new();
    for &shape in shapes {
        let paces: Vec<_> =
            workers.iter().filter_map(|&count| Some((count, pace(costs, shape, count, ceiling)?))).collect();
        for &heap in heaps {
            for (workers, pace) in &paces {
                let wish = Wish { shape, heap, mutators: *workers };
                all.extend(cycle(costs, pace, wish).map(|cycle| Forecast {
                    shape,
                    heap,
                    workers: *workers,
                    cycle,
                }));
            }
        }
    }
    all
}

fn write_table(
    out: &mut String,
    head: impl IntoIterator<Item = String>,
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header(head.into_iter().collect::<Vec<_>>());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.to_string().lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::costs::tests::costs;

    #[test]
    fn ranges_double_and_end_where_they_are_said_to() {
        let of = |heap, workers| Simulate::parse(heap, workers, None);
        let all = of("1GiB..16TiB", "1..256").expect("the ranges of the help");
        assert_eq!((all.heaps.len(), all.workers.len()), (15, 9));
        assert_eq!((all.heaps[14], all.workers[8]), (1 << 44, 256));
        assert_eq!(of("1GiB", "6").expect("single values").workers, [6]);
        assert_eq!(of("1GiB", "1..6").expect("an end between").workers, [1, 2, 4, 6]);
        for (heap, workers) in
            [("2GiB..1GiB", "1"), ("1GiB", "0"), ("1GiB", "4..2"), ("1KiB", "1"), ("", "1")]
        {
            assert!(of(heap, workers).is_err(), "{heap} {workers}");
        }
        assert!(Simulate::parse("1GiB", "1", Some(-1.0)).is_err());
    }

    #[test]
    fn more_memory_takes_longer_and_a_higher_ceiling_never_does() {
        let costs = costs();
        let shapes = [MarkShape::Tree, MarkShape::List];
        let of = |ceiling| forecast(&costs, &shapes, &[1 << 30, 1 << 34, 1 << 40], &[1, 4], ceiling);
        let (low, high) = (of(2.0), of(1e3));
        assert_eq!(low.len(), 2 * 3 * 2);
        for (low, high) in low.iter().zip(&high) {
            assert!(low.cycle.total_ns() >= high.cycle.total_ns() * 0.999, "{low:?} {high:?}");
        }
        for one in &low {
            let larger = low.iter().filter(|other| {
                other.shape == one.shape && other.workers == one.workers && other.heap > one.heap
            });
            for larger in larger {
                assert!(larger.cycle.total_ns() > one.cycle.total_ns());
            }
        }
    }
}
