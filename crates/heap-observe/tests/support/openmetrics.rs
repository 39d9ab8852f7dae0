//! A strict reader of OpenMetrics text, written from the specification: what it does not accept is a mistake of the writer.

use std::collections::{BTreeMap, BTreeSet};

/// A family of a text.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    /// By their labels, in the order of the text.
    pub(crate) samples: Vec<(BTreeMap<String, String>, f64)>,
}

/// The families of a text, by name; or what is wrong with it.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("the last line is not # EOF")?;
    if body.contains('\r') || (!body.is_empty() && !body.ends_with('\n')) {
        return Err("lines end in a line feed".into());
    }
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in body.lines() {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (Some(word), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else {
                return wrong("a line of a family has three parts");
            };
            if current.as_deref() != Some(name) {
                if families.contains_key(name) {
                    return wrong("a family is in two places");
                }
                families.insert(name.to_owned(), Family::default());
                current = Some(name.to_owned());
            }
            let family = families.get_mut(name).expect("it was put in");
            if !family.samples.is_empty() {
                return wrong("a line of a family comes after a sample of it");
            }
            let field = match word {
                "TYPE" if ["counter", "gauge", "summary"].contains(&value) => &mut family.kind,
                "UNIT" if name.ends_with(&format!("_{value}")) => &mut family.unit,
                "HELP" => &mut family.help,
                _ => return wrong("not a line of a family"),
            };
            if !field.is_empty() {
                return wrong("a line of a family is there twice");
            }
            *field = value.to_owned();
            continue;
        }
        let Some(name) = &current else { return wrong("a sample without a family") };
        let family = families.get_mut(name).expect("it was put in");
        let suffix = if family.kind == "counter" { "_total" } else { "" };
        let Some(rest) = line.strip_prefix(&format!("{name}{suffix}")) else {
            return wrong("a sample of another family");
        };
        let (labels, number) = labels(rest).map_err(|what| format!("{what}: {line}"))?;
        let value: f64 = match number.strip_prefix(' ') {
            Some("+Inf") => f64::INFINITY,
            Some(number) if !number.contains(' ') => {
                number.parse().map_err(|_| format!("not a number: {line}"))?
            }
            _ => return wrong("one space and one number"),
        };
        if family.kind == "counter" && !(value >= 0.0 && value.is_finite()) {
            return wrong("a counter is not negative");
        }
        if family.kind == "summary" && !labels.contains_key("quantile") {
            return wrong("a summary without its quantile");
        }
        if family.samples.iter().any(|(other, _)| *other == labels) {
            return wrong("a sample is there twice");
        }
        family.samples.push((labels, value));
    }
    for (name, family) in &families {
        if family.kind.is_empty() || family.help.is_empty() {
            return Err(format!("{name} has no type or no help"));
        }
        let keys: BTreeSet<Vec<&String>> =
            family.samples.iter().map(|(labels, _)| labels.keys().collect()).collect();
        if keys.len() > 1 {
            return Err(format!("{name} has samples with other labels than others"));
        }
    }
    Ok(families)
}

/// The labels at the beginning of a text, and what follows them.
fn labels(text: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Ok((labels, text)) };
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("a label has a value in quotes")?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(format!("no name of a label: {name}"));
        }
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().ok_or("a value does not end")? {
                (at, '"') => break at + 1,
                (_, '\\') => value.push(match letters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, letter @ ('"' | '\\'))) => letter,
                    _ => return Err("an escape that there is not".into()),
                }),
                (_, letter) => value.push(letter),
            }
        };
        if labels.insert(name.to_owned(), value).is_some() {
            return Err("a label is there twice".into());
        }
        rest = &after[end..];
        match rest.as_bytes().first() {
            Some(b',') => rest = &rest[1..],
            Some(b'}') => return Ok((labels, &rest[1..])),
            _ => return Err("labels do not end".into()),
        }
    }
}

#[test]
fn what_is_wrong_is_not_read() {
    let family = "# TYPE a gauge\n# HELP a It.\n";
    assert!(read(&format!("{family}a 1\n# EOF\n")).is_ok());
    for wrong in [
        "a 1\n".to_owned(),
        format!("{family}a 1\n"),
        format!("{family}b 1\n"),
        format!("{family}a  1\n"),
        format!("{family}a one\n"),
        format!("{family}a 1\na 2\n"),
        format!("{family}a{{x=\"1\"}} 1\na{{y=\"1\"}} 2\n"),
        format!("{family}a{{x=\"\\t\"}} 1\n"),
        format!("{family}a{{x=\"1\" 1\n"),
        format!("{family}a 1\n# HELP a Again.\n"),
        format!("{family}# TYPE b gauge\n# HELP b B.\n# UNIT a x\n"),
        "# TYPE a counter\n# HELP a It.\na 1\n".to_owned(),
        "# TYPE a counter\n# HELP a It.\na_total -1\n".to_owned(),
        "# TYPE a gauge\na 1\n".to_owned(),
        "# TYPE a gauge\n# UNIT a bytes\n# HELP a It.\na 1\n".to_owned(),
    ] {
        let text = if wrong.ends_with("a 1\n") && wrong.len() == family.len() + 4 {
            wrong
        } else {
            format!("{wrong}# EOF\n")
        };
        assert!(read(&text).is_err(), "{text}");
    }
}
