//! Units of reported figures, and how a figure is written for a person.
//!
//! Machine-readable reports carry the bare number and [`Unit::name`]; this module writes the human form. Counts and
//! bytes are written in full with digit groups, because a claim about them is often exact; times are scaled to the
//! unit a person would say. A figure that is not a number is written `n/a`, never `0`.
//!
//! Pure.

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Anything that is counted and has no shorter name here: words of text, keys, claims.
    Count,
    /// Heap objects.
    Objects,
    /// Objects that a span holds.
    ObjectsPerSpan,
    /// Bytes.
    Bytes,
    /// Bytes for each object.
    BytesPerObject,
    /// 8 KiB runtime pages.
    Pages,
    /// Spans.
    Spans,
    /// Times a mutator went to the central lists for slots.
    Refills,
    /// Nanoseconds.
    Nanos,
    /// Nanoseconds for each object.
    NanosPerObject,
    /// Milliseconds.
    Millis,
    /// Hundredths of something named by the claim.
    Percent,
    /// A quotient of two figures of one unit.
    Times,
}

impl Unit {
    /// The name in machine-readable reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Objects => "objects",
            Self::ObjectsPerSpan => "objects/span",
            Self::Bytes => "bytes",
            Self::BytesPerObject => "bytes/object",
            Self::Pages => "pages",
            Self::Spans => "spans",
            Self::Refills => "refills",
            Self::Nanos => "ns",
            Self::NanosPerObject => "ns/object",
            Self::Millis => "ms",
            Self::Percent => "%",
            Self::Times => "×",
        }
    }

    /// `value` with its unit, for a person.
    pub(crate) fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return String::from("n/a");
        }
        match self {
            Self::Nanos => show_nanos(value),
            Self::Millis => show_nanos(value * 1e6),
            Self::Times => format!("{}×", digits(value)),
            Self::Percent if (1.0..1000.0).contains(&value.abs()) => format!("{value:.2} %"),
            Self::Percent => format!("{} %", digits(value)),
            Self::Bytes => format!("{} B", digits(value)),
            Self::BytesPerObject => format!("{} B/object", digits(value)),
            Self::Count => digits(value),
            Self::Objects
            | Self::ObjectsPerSpan
            | Self::Pages
            | Self::Spans
            | Self::Refills
            | Self::NanosPerObject => format!("{} {}", digits(value), self.name()),
        }
    }

    /// `value` for the tick of an axis: short, scaled, with the unit left to the axis' label where it is one.
    pub(crate) fn tick(self, value: f64) -> String {
        match self {
            Self::Nanos => show_nanos(value),
            Self::Millis => show_nanos(value * 1e6),
            Self::Bytes => binary(value),
            Self::Percent => format!("{} %", digits(value)),
            Self::Times => format!("{}×", digits(value)),
            Self::Count
            | Self::Objects
            | Self::ObjectsPerSpan
            | Self::BytesPerObject
            | Self::Pages
            | Self::Spans
            | Self::Refills
            | Self::NanosPerObject => decimal(value),
        }
    }
}

/// A time in the unit a person would say, three significant digits.
fn show_nanos(nanos: f64) -> String {
    let size = nanos.abs();
    if size < 1e3 {
        format!("{} ns", significant(nanos))
    } else if size < 1e6 {
        format!("{} µs", significant(nanos / 1e3))
    } else if size < 1e9 {
        format!("{} ms", significant(nanos / 1e6))
    } else {
        format!("{} s", significant(nanos / 1e9))
    }
}

/// Bytes in the largest binary unit that keeps a digit before the point.
pub(crate) fn binary(bytes: f64) -> String {
    let mut scaled = bytes;
    for name in ["B", "KiB", "MiB", "GiB"] {
        if scaled.abs() < 1024.0 {
            return format!("{} {name}", significant(scaled));
        }
        scaled /= 1024.0;
    }
    format!("{} TiB", significant(scaled))
}

/// A count in thousands, millions, billions.
fn decimal(value: f64) -> String {
    let mut scaled = value;
    for name in ["", "k", "M"] {
        if scaled.abs() < 1000.0 {
            return format!("{}{name}", significant(scaled));
        }
        scaled /= 1000.0;
    }
    format!("{}G", significant(scaled))
}

/// A whole number in groups of three digits; any other with three significant digits.
pub(crate) fn digits(value: f64) -> String {
    if !value.is_finite() {
        return String::from("n/a");
    }
    if value.fract() != 0.0 && value.abs() < 1e4 {
        return significant(value);
    }
    let plain = format!("{:.0}", value.abs());
    let mut grouped = String::with_capacity(plain.len() + plain.len() / 3 + 1);
    if value < 0.0 {
        grouped.push('-');
    }
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Three significant digits, without trailing zeros after the point.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return String::from("0");
    }
    #[expect(clippy::cast_possible_truncation, reason = "a decimal exponent is within -324..=308")]
    let exponent = value.abs().log10().floor() as i32;
    let decimals = usize::try_from((2 - exponent).clamp(0, 12)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_written_in_full_with_groups() {
        assert_eq!(Unit::Bytes.show(24_003_584.0), "24,003,584 B");
        assert_eq!(Unit::Objects.show(-1000.0), "-1,000 objects");
        assert_eq!(Unit::Count.show(0.0), "0");
        assert_eq!(Unit::Count.show(999.0), "999");
    }

    #[test]
    fn fractions_have_three_significant_digits() {
        assert_eq!(Unit::Times.show(2.2345), "2.23×");
        assert_eq!(Unit::Percent.show(0.012_345), "0.0123 %");
        assert_eq!(Unit::Percent.show(29.2358), "29.24 %");
        assert_eq!(Unit::BytesPerObject.show(8.5), "8.5 B/object");
        assert_eq!(Unit::NanosPerObject.show(14.96), "15 ns/object");
    }

    #[test]
    fn times_are_said_in_their_natural_unit() {
        assert_eq!(Unit::Nanos.show(999.0), "999 ns");
        assert_eq!(Unit::Nanos.show(1_500.0), "1.5 µs");
        assert_eq!(Unit::Millis.show(0.25), "250 µs");
        assert_eq!(Unit::Millis.show(2_500.0), "2.5 s");
    }

    #[test]
    fn what_is_not_a_number_is_not_written_as_one() {
        assert_eq!(Unit::Nanos.show(f64::NAN), "n/a");
        assert_eq!(digits(f64::INFINITY), "n/a");
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!(Unit::Bytes.tick((1u64 << 44) as f64), "16 TiB");
        assert_eq!(Unit::Objects.tick(10_000_000.0), "10M");
        assert_eq!(Unit::NanosPerObject.tick(12.5), "12.5");
        assert_eq!(Unit::Nanos.tick(2e6), "2 ms");
    }
}
