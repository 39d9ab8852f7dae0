//! Markup: text made safe for HTML and SVG, and raw figures as text.

use crate::unit::digits;
use serde_json::Value;

/// `text` for content, with what stands between `backticks` marked as code.
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        // A last backtick without a partner is one.
        match (is_code, parts.peek().is_some()) {
            (true, true) => {
                out.push_str("<code>");
                out.push_str(&escape(part));
                out.push_str("</code>");
            }
            (true, false) => {
                out.push('`');
                out.push_str(&escape(part));
            }
            (false, _) => out.push_str(&escape(part)),
        }
        is_code = !is_code;
    }
    out
}

/// `text` with the five characters that mean something in markup replaced, for content and quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A raw figure as text: numbers grouped, lists in full, objects as name and value.
pub(crate) fn raw(value: &Value) -> String {
    match value {
        Value::Null => String::from("n/a"),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), digits),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(raw).collect::<Vec<_>>().join(" · "),
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, field)| field.as_array().is_none_or(|items| !items.is_empty()))
            .map(|(name, field)| format!("{name} {}", raw(field)))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_means_markup_survives() {
        assert_eq!(escape("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
        assert_eq!(escape("µs × 3"), "µs × 3");
    }

    #[test]
    fn what_is_in_backticks_is_code_and_is_escaped() {
        assert_eq!(prose("run `a<b>` & `c`"), "run <code>a&lt;b&gt;</code> &amp; <code>c</code>");
        assert_eq!(prose("`go`"), "<code>go</code>");
        assert_eq!(prose("one ` alone <"), "one ` alone &lt;");
        assert_eq!(prose("`a` and ` alone"), "<code>a</code> and ` alone");
    }

    #[test]
    fn raw_figures_are_written_in_full() {
        let value =
            serde_json::json!({ "median": 1.5, "samples": [1, 2, 2_000], "outliers": [], "ok": null });
        assert_eq!(raw(&value), "median 1.5; samples 1 · 2 · 2,000; ok n/a");
    }
}
