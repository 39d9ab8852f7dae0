use super::*;
use crate::measure::collector::Round;
use std::collections::BTreeMap;

pub(in crate::measure) const PAGE: &str = include_str!("../../../../../docs/tracing-lines.md");

/// What the page says under the heading of a line that begins with `word`: field by its name, and its unit.
pub(in crate::measure) fn documented(word: &str) -> BTreeMap<&'static str, &'static str> {
    let heading = format!("## `{word}`");
    PAGE.lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [field, unit, _] = cells[..] else { return None };
            Some((field.strip_prefix('`')?.strip_suffix('`')?, unit))
        })
        .collect()
}

/// A value by the documented unit, as a number; words give none.
fn value(unit: &str, text: &str) -> Option<f64> {
    match unit {
        "ms" | "MiB" | "s" | "%" => text.strip_suffix(unit)?.parse().ok(),
        "count" => text.parse::<u64>().ok().map(|count| count as f64),
        "word" => text.chars().all(|letter| letter.is_ascii_lowercase()).then_some(0.0),
        "rounds" => text
            .split(',')
            .map(|round| {
                let (_, times) = round.split_once(':')?;
                let (wall, slowest) = times.split_once('/')?;
                value("ms", wall).and(value("ms", slowest))
            })
            .collect::<Option<Vec<f64>>>()
            .map(|all| all.iter().sum()),
        _ => None,
    }
}

/// The fields of a line, by what the page says of them.
pub(in crate::measure) fn parsed(first: &str, line: &str) -> BTreeMap<String, f64> {
    let page = documented(first);
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some(first), "{line}");
    let number = words.next().expect("a number");
    let at = words.next().and_then(|word| word.strip_prefix('@')).expect("a time");
    let fixed = [("NUMBER", number), ("@SECONDS", at)];
    let named = words.map(|word| word.split_once('=').expect("a field and a value"));
    fixed
        .into_iter()
        .chain(named)
        .map(|(name, text)| {
            let unit = page.get(name).unwrap_or_else(|| panic!("`{name}` is not documented: {line}"));
            let value = value(unit, text).unwrap_or_else(|| panic!("`{name}` is no {unit}: {line}"));
            (name.to_owned(), value)
        })
        .collect()
}

/// A cycle with everything a heap can say.
fn full() -> Cycle {
    let ms = Duration::from_millis;
    Cycle {
        number: 7,
        reason: "goal",
        stopping: Some(Duration::from_micros(12)),
        pause: Some(ms(45)),
        finish_sweep: ms(1),
        mark: ms(44),
        mark_cpu: ms(88),
        assist_cpu: Some(ms(3)),
        background_cpu: Some(ms(45)),
        helper_cpu: Some(ms(40)),
        rounds: vec![
            Round { name: "stop", wall: ms(2), slowest: ms(1) },
            Round { name: "barrier on", wall: ms(4), slowest: ms(3) },
        ],
        heap_before: 128 << 20,
        heap_at_end: Some(130 << 20),
        live: 64 << 20,
        live_objects: 1_000_000,
        roots: 4,
        trigger: Some(120 << 20),
        goal: Some(128 << 20),
        mutators: 2,
        workers: 2,
        wall: ms(46),
    }
}

fn context(at: Duration) -> Context {
    Context { at, spent: at / 4, processors: 2 }
}

#[test]
fn a_full_line_has_every_documented_field_in_its_unit() {
    let fields = parsed("gc", &line(&context(Duration::from_millis(2315)), &full()));
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    assert_eq!(names, documented("gc").into_keys().collect::<Vec<_>>());
    for (name, expected) in [
        ("NUMBER", 7.0),
        ("@SECONDS", 2.315),
        ("gc_cpu", 12.5),
        ("wall", 46.0),
        ("processors", 2.0),
        ("stopping", 0.012),
        ("pause", 45.0),
        ("mark_cpu", 88.0),
        ("heap_before", 128.0),
        ("live_objects", 1e6),
    ] {
        assert_eq!(fields[name], expected, "{name}");
    }
}

#[test]
fn what_a_heap_does_not_say_is_left_out_and_not_zero() {
    let cycle = Cycle {
        stopping: None,
        pause: None,
        assist_cpu: None,
        background_cpu: None,
        helper_cpu: None,
        rounds: Vec::new(),
        heap_at_end: None,
        trigger: None,
        goal: None,
        ..full()
    };
    let fields = parsed("gc", &line(&context(Duration::ZERO), &cycle));
    for name in
        ["stopping", "pause", "assist_cpu", "background_cpu", "rounds", "heap_at_end", "trigger", "goal"]
    {
        assert!(!fields.contains_key(name), "{name}");
    }
    assert!(fields.contains_key("mark") && fields.contains_key("live"));
}

#[test]
fn the_example_of_the_page_is_a_line() {
    let example = PAGE.lines().map(str::trim).find(|line| line.starts_with("gc 18 @")).expect("an example");
    assert!(parsed("gc", example).len() > 10);
}

#[test]
fn a_number_above_zero_asks_for_lines() {
    for (value, expected) in
        [(None, false), (Some("0"), false), (Some(""), false), (Some("yes"), false), (Some("1"), true)]
    {
        assert_eq!(asks(value.map(OsStr::new)), expected, "{value:?}");
    }
}
