//! Plots as SVG: bars and curves, drawn with classes instead of colours.
//!
//! A page's style sheet decides every colour, so one drawing serves light, dark and print. The drawings are 480
//! units wide, the width of a phone or of half a desktop page, so that their text is never scaled far from the
//! text around it. Series are told apart by dash pattern and marker as well as by shade. Every drawing has a
//! `title`, a `desc` with the reading of the plot, and the role `img`; the numbers themselves stand in the tables
//! and raw figures beside it, and each mark carries its value as a tooltip.
//!
//! ```text
//!   bars    label ........ value      lines   legend
//!           ████████████████                  | grid, curves
//!           label ........ value              +-----------
//!           ██████                              x label
//! ```
//! Single events ([`Shape::Points`]) are drawn like curves, without the lines.
//!
//! Pure: a plot in, text out.

use super::markup::escape;
use crate::record::{Axis, Bar, Plot, Scale, Series, Shape, Ticks};
use crate::unit::{Unit, digits};
use std::fmt::Write as _;

/// Units across every drawing.
const WIDTH: f64 = 480.0;
/// Units down for each bar with its label.
const ROW: f64 = 38.0;
/// Units down of a drawing of curves, without its legend.
const HEIGHT: f64 = 250.0;
/// Rough width of a character of label text, to place legends without measuring fonts.
const CHARACTER: f64 = 7.0;

/// The drawing of `plot`; `id` must be unique on the page.
pub(crate) fn svg(plot: &Plot, id: &str) -> String {
    let (height, body) = match &plot.shape {
        Shape::Bars { unit, bars } => draw_bars(*unit, bars),
        Shape::Lines { x, y, series } => draw_lines(x, y, series, Between::Line),
        Shape::Points { x, y, series } => draw_lines(x, y, series, Between::Nothing),
    };
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{body}</svg>",
        escape(&plot.title),
        escape(&plot.reading),
    )
}

/// What is drawn between two points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Line,
    Nothing,
}

fn draw_bars(unit: Unit, bars: &[Bar]) -> (f64, String) {
    let longest = bars
        .iter()
        .flat_map(|bar| bar.samples.iter().copied().chain([bar.value]))
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let across =
        |value: f64| if longest > 0.0 { (value / longest).clamp(0.0, 1.0) * (WIDTH - 2.0) } else { 0.0 };
    let mut out = String::new();
    for (row, bar) in bars.iter().enumerate() {
        let top = row as f64 * ROW;
        let value = unit.show(bar.value);
        let _ = write!(
            out,
            "<text class=\"label\" x=\"0\" y=\"{y:.1}\">{}</text>\
             <text class=\"value\" x=\"{WIDTH:.0}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"track\" x=\"0\" y=\"{t:.1}\" width=\"{WIDTH:.0}\" height=\"9\" rx=\"1.5\"/>\
             <rect class=\"bar {}\" x=\"0.5\" y=\"{t:.1}\" width=\"{:.1}\" height=\"9\" rx=\"1.5\"><title>{}: {}</title></rect>",
            escape(&bar.label),
            escape(&value),
            bar.source.word(),
            across(bar.value).max(1.0),
            escape(&bar.label),
            escape(&value),
            y = top + 13.0,
            t = top + 19.0,
        );
        for sample in bar.samples.iter().filter(|sample| sample.is_finite()) {
            let _ = write!(
                out,
                "<line class=\"sample\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                top + 17.0,
                top + 30.0,
                x = across(*sample) + 0.5,
            );
        }
    }
    (bars.len() as f64 * ROW, out)
}

/// Where the values of an axis lie, and its ticks.
struct Ruler {
    low: f64,
    high: f64,
    scale: Scale,
    ticks: Vec<(f64, String)>,
}

impl Ruler {
    /// A ruler over these values; a linear one begins at zero when `from_zero`.
    fn over(axis: &Axis, values: impl Iterator<Item = f64>, from_zero: bool) -> Self {
        let usable = |value: &f64| value.is_finite() && (axis.scale == Scale::Linear || *value > 0.0);
        let (mut low, mut high) = values
            .filter(usable)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        if axis.scale == Scale::Linear && from_zero {
            low = low.min(0.0);
        }
        if low == high {
            high = if low == 0.0 { 1.0 } else { low + low.abs() };
        }
        let mut ruler = Self { low, high, scale: axis.scale, ticks: Vec::new() };
        ruler.ticks = match &axis.ticks {
            Ticks::Named(names) => names.clone(),
            Ticks::Unit(unit) => {
                let places = match axis.scale {
                    Scale::Linear if *unit == Unit::Bytes => binary_ticks(low, high),
                    Scale::Linear => linear_ticks(low, high),
                    Scale::Log if *unit == Unit::Bytes => log_ticks(low, high, 2.0),
                    Scale::Log => log_ticks(low, high, 10.0),
                };
                // A vertical axis of decades looks better when it begins and ends on a tick.
                places.into_iter().map(|place| (place, unit.tick(place))).collect()
            }
        };
        if from_zero {
            ruler.widen_to_ticks();
        }
        ruler.ticks.retain(|(place, _)| *place >= ruler.low && *place <= ruler.high);
        ruler
    }

    fn widen_to_ticks(&mut self) {
        for (place, _) in &self.ticks {
            self.low = self.low.min(*place);
            self.high = self.high.max(*place);
        }
    }

    /// The share (0..=1) of the way from low to high at which `value` lies.
    fn share(&self, value: f64) -> f64 {
        let place = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).ln(),
        };
        ((place(value) - place(self.low)) / (place(self.high) - place(self.low))).clamp(0.0, 1.0)
    }
}

/// Round numbers around `low..=high`, about five, one at or beyond each end.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|by| by * decade).find(|step| *step >= rough);
    let step = step.unwrap_or(decade * 10.0);
    let first = (low / step).floor();
    (0..12).map(|index| (first + f64::from(index)) * step).take_while(|tick| *tick < high + step).collect()
}

/// Powers of two and their multiples around `low..=high`, at most about five: bytes are named in binary units.
fn binary_ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = ((high - low) / 4.0).max(1.0);
    let step = rough.log2().ceil().exp2();
    let first = (low / step).floor();
    (0..12).map(|index| (first + f64::from(index)) * step).take_while(|tick| *tick < high + step).collect()
}

/// Powers of `base` around `low..=high`, thinned to at most eight, both ends among them where that is possible.
fn log_ticks(low: f64, high: f64, base: f64) -> Vec<f64> {
    let first = (low.ln() / base.ln() + 1e-9).floor();
    let last = (high.ln() / base.ln() - 1e-9).ceil();
    let least = ((last - first) / 7.0).ceil().max(1.0);
    let every = (0..3).map(|more| least + f64::from(more)).find(|every| (last - first) % every == 0.0);
    let every = every.unwrap_or(least);
    let mut ticks = Vec::new();
    let mut exponent = first;
    while exponent < last + every {
        ticks.push(base.powf(exponent));
        exponent += every;
    }
    ticks
}

fn draw_lines(x: &Axis, y: &Axis, series: &[Series], between: Between) -> (f64, String) {
    const LEFT: f64 = 58.0;
    const RIGHT: f64 = 24.0;
    const BOTTOM: f64 = 44.0;
    /// Between the legend and the first line of the grid: the name of the vertical axis.
    const HEAD: f64 = 28.0;
    let mut out = String::new();
    let legend = draw_legend(&mut out, series, between);
    let top = legend + HEAD;
    let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - HEAD);
    let points = || series.iter().flat_map(|one| one.points.iter());
    let across = Ruler::over(x, points().map(|point| point.0), false);
    let up = Ruler::over(y, points().map(|point| point.1), true);
    let place_x = |value: f64| LEFT + across.share(value) * width;
    let place_y = |value: f64| top + (1.0 - up.share(value)) * height;

    let _ =
        write!(out, "<text class=\"axis\" x=\"0\" y=\"{:.1}\">{}</text>", legend + 11.0, escape(&y.label));
    for (value, name) in &up.ticks {
        let at = place_y(*value);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT:.0}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 7.0,
            at + 4.0,
            escape(name),
        );
    }
    let floor = top + height;
    for (value, name) in &across.ticks {
        let at = place_x(*value);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{floor:.1}\" y2=\"{:.1}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            floor + 4.0,
            floor + 17.0,
            escape(name),
        );
    }
    let _ = write!(
        out,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        LEFT + width / 2.0,
        floor + 36.0,
        escape(&x.label),
    );
    // The first series lies on top.
    for (index, one) in series.iter().enumerate().rev() {
        let drawable = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
        if between == Between::Line {
            let path: Vec<String> = one
                .points
                .iter()
                .filter(drawable)
                .map(|point| format!("{:.1},{:.1}", place_x(point.0), place_y(point.1)))
                .collect();
            let _ = write!(
                out,
                "<polyline class=\"line s{} {}\" points=\"{}\"/>",
                index % 6,
                one.source.word(),
                path.join(" ")
            );
        }
        // On a curve, markers only while they can be told apart.
        if between == Between::Nothing || one.points.len() <= 24 {
            for point in one.points.iter().filter(drawable) {
                let _ = write!(
                    out,
                    "<circle class=\"dot s{} {}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.4\"><title>{}: {} at {}</title></circle>",
                    index % 6,
                    one.source.word(),
                    place_x(point.0),
                    place_y(point.1),
                    escape(&one.label),
                    escape(&y.show(point.1)),
                    escape(&named(x, point.0)),
                );
            }
        }
    }
    (legend + HEIGHT, out)
}

/// A place on an axis, in words.
fn named(axis: &Axis, value: f64) -> String {
    match &axis.ticks {
        Ticks::Unit(unit) => unit.tick(value),
        Ticks::Named(_) => format!("{} {}", axis.label, digits(value)),
    }
}

/// Draws the names of the series in rows and says how far down they reach.
fn draw_legend(out: &mut String, series: &[Series], between: Between) -> f64 {
    let (mut x, mut y) = (0.0, 12.0);
    for (index, one) in series.iter().enumerate() {
        let width = 30.0 + one.label.chars().count() as f64 * CHARACTER + 18.0;
        if x > 0.0 && x + width > WIDTH {
            (x, y) = (0.0, y + 18.0);
        }
        let (style, source, at) = (index % 6, one.source.word(), y - 4.0);
        let _ = match between {
            Between::Line => write!(
                out,
                "<line class=\"line s{style} {source}\" x1=\"{x:.1}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
                x + 22.0,
            ),
            Between::Nothing => write!(
                out,
                "<circle class=\"dot s{style} {source}\" cx=\"{:.1}\" cy=\"{at:.1}\" r=\"3\"/>",
                x + 16.0
            ),
        };
        let _ = write!(
            out,
            "<text class=\"label\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
            x + 29.0,
            escape(&one.label)
        );
        x += width;
    }
    y + 12.0
}

#[cfg(test)]
mod tests;
