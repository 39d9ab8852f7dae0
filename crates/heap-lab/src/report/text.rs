//! Text: the report on a terminal.
//!
//! For each experiment a heading with its verdict, the claims as a table that wraps to the terminal's width, small
//! plots of block characters, and the findings. Colour is used only when asked for, and never alone: the verdict is
//! always a word too.

use super::{Format, Report};
use crate::record::{Axis, Bar, Plot, Record, Scale, Series, Shape, Source};
use crate::unit::Unit;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use std::fmt::Write as _;

/// Columns that sentences are wrapped to where the terminal is not narrower.
const WIDTH: usize = 100;
/// Columns of the longest bar.
const BAR: usize = 40;

/// A terminal report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// Whether verdicts are coloured.
    pub(crate) colour: bool,
}

/// `text` broken into lines of at most `width` columns, each after `indent` blanks.
fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column == 0 {
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column + 1 + length > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

/// A bar of `share` (0..=1) of the longest, to an eighth of a column.
fn bar(share: f64, source: Source) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    #[expect(clippy::cast_possible_truncation, reason = "at most BAR × 8")]
    let eighths = (share.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
    let full = match source {
        Source::Measured => '█',
        Source::Predicted => '▒',
        Source::Reference => '░',
    };
    let mut out: String = std::iter::repeat_n(full, eighths / 8).collect();
    if source == Source::Measured && !eighths.is_multiple_of(8) {
        out.push(EIGHTHS[eighths % 8]);
    }
    if out.is_empty() {
        out.push('▏');
    }
    out
}

/// The smallest and the largest finite value.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// One character for each finite value, by its height between `low` and `high`.
fn sparkline(values: &[f64], (low, high): (f64, f64), scale: Scale) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let place = |value: f64| match scale {
        Scale::Linear => value,
        Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
    };
    let (low, high) = (place(low), place(high));
    values
        .iter()
        .filter(|value| value.is_finite())
        .map(|value| {
            let share = if high > low { ((place(*value) - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, reason = "a share of 7")]
            let height = (share * 7.0).round() as usize;
            HEIGHTS[height.min(7)]
        })
        .collect()
}

fn bars(out: &mut String, unit: Unit, bars: &[Bar]) {
    let longest = bars.iter().map(|bar| bar.value).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let label = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
    for one in bars {
        let share = if longest > 0.0 { one.value / longest } else { 0.0 };
        let _ =
            writeln!(out, "      {:<label$}  {} {}", one.label, bar(share, one.source), unit.show(one.value));
    }
}

fn lines(out: &mut String, y: &Axis, series: &[Series]) {
    let label = series.iter().map(|one| one.label.chars().count()).max().unwrap_or(0);
    let all = ends(series.iter().flat_map(|one| one.points.iter().map(|point| point.1)));
    // One scale for all series of a plot, from zero when it is linear, as in the drawing.
    let (low, high) = if y.scale == Scale::Linear { (all.0.min(0.0), all.1) } else { all };
    for one in series {
        let values: Vec<f64> = one.points.iter().map(|point| point.1).collect();
        let (least, most) = ends(values.iter().copied());
        let line = sparkline(&values, (low, high), y.scale);
        let _ = writeln!(out, "      {:<label$}  {line}  {} .. {}", one.label, y.show(least), y.show(most));
    }
}

fn plot(out: &mut String, plot: &Plot) {
    let _ = writeln!(out, "    {}", plot.title);
    match &plot.shape {
        Shape::Bars { unit, bars: all } => bars(out, *unit, all),
        Shape::Lines { y, series, .. } | Shape::Points { y, series, .. } => lines(out, y, series),
    }
    out.push('\n');
}

impl Text {
    fn verdict(self, holds: bool) -> String {
        match (holds, self.colour) {
            (true, true) => String::from("\u{1b}[32m✓ holds\u{1b}[0m"),
            (false, true) => String::from("\u{1b}[1;31m✗ does not hold\u{1b}[0m"),
            (true, false) => String::from("✓ holds"),
            (false, false) => String::from("✗ does not hold"),
        }
    }

    /// An empty table that wraps to the terminal.
    fn table(self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        if !self.colour {
            table.force_no_tty();
        }
        table.set_width(u16::try_from(terminal_width().min(120)).unwrap_or(120));
        table
    }

    fn record(self, out: &mut String, record: &Record) {
        let _ = writeln!(out, "{}  {}  {}", record.id, record.title, self.verdict(record.holds()));
        out.push_str(&wrapped(record.question, 4, WIDTH));
        out.push('\n');
        let mut table = self.table();
        table.set_header(["claim", "predicted", "measured", "tolerance", ""]);
        for claim in &record.claims {
            let unit = claim.stated.unit;
            let mark = Cell::new(if claim.holds { "✓" } else { "✗ no" });
            let mark = match (self.colour, claim.holds) {
                (false, _) => mark,
                (true, true) => mark.fg(Color::Green),
                (true, false) => mark.fg(Color::Red).add_attribute(Attribute::Bold),
            };
            table.add_row([
                Cell::new(format!("{}\n{}", claim.stated.name, claim.stated.model)),
                Cell::new(unit.show(claim.stated.predicted)).set_alignment(CellAlignment::Right),
                Cell::new(unit.show(claim.measured)).set_alignment(CellAlignment::Right),
                Cell::new(claim.stated.tolerance.show()),
                mark,
            ]);
        }
        write_table(out, &table);
        for one in &record.plots {
            plot(out, one);
        }
        for one in &record.tables {
            let _ = writeln!(out, "    {}", one.caption);
            let mut table = self.table();
            table.set_header(&one.columns);
            for row in &one.rows {
                table.add_row(row);
            }
            for (_, column) in
                table.column_iter_mut().enumerate().filter(|(at, _)| *at > 0 && one.is_of_figures(*at))
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
            write_table(out, &table);
        }
        for text in &record.findings {
            let lines = wrapped(text, 6, WIDTH.min(terminal_width()));
            let _ = write!(out, "    · {}", lines.trim_start());
        }
        out.push('\n');
    }
}

fn write_table(out: &mut String, table: &Table) {
    for line in table.to_string().lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push('\n');
}

/// The columns of the terminal, or [`WIDTH`] where there is none.
fn terminal_width() -> usize {
    Table::new().width().map_or(WIDTH, usize::from).max(40)
}

impl Format for Text {
    fn render(&self, report: &Report) -> String {
        let mut out = String::new();
        for record in &report.records {
            self.record(&mut out, record);
        }
        let (holding, all) = report.score();
        let machine = &report.machine;
        let _ = writeln!(
            out,
            "{holding} of {all} claims hold. {}, {} cores, {}, {}, {:.1} s.",
            machine.cpu,
            machine.cores,
            machine.kernel,
            machine.rustc,
            report.took.as_secs_f64()
        );
        for warning in report.warnings() {
            out.push_str(&wrapped(&warning, 0, WIDTH.min(terminal_width())));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_goes_from_low_to_high_on_either_scale() {
        assert_eq!(sparkline(&[0.0, 7.0], (0.0, 7.0), Scale::Linear), "▁█");
        assert_eq!(sparkline(&[1.0, 10.0, 100.0], (1.0, 100.0), Scale::Log), "▁▅█");
        assert_eq!(sparkline(&[5.0, f64::NAN, 5.0], (5.0, 5.0), Scale::Linear), "▁▁");
        assert_eq!(sparkline(&[], (f64::INFINITY, f64::NEG_INFINITY), Scale::Linear), "");
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_nothing() {
        assert_eq!(bar(1.0, Source::Measured).chars().count(), BAR);
        assert_eq!(bar(0.5, Source::Reference).chars().count(), BAR / 2);
        assert_eq!(bar(0.0, Source::Measured), "▏");
        assert_eq!(bar(f64::NAN, Source::Measured), "▏");
    }

    #[test]
    fn lines_are_wrapped_at_words_after_the_indent() {
        assert_eq!(wrapped("one two three", 2, 9), "  one two\n  three\n");
        assert_eq!(wrapped("unbreakably", 2, 5), "  unbreakably\n");
    }
}
