//! JSON, written: objects whose members come in the order in which they were added.

use std::fmt::Write as _;

/// A value of a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Number(u64),
    /// A number with a sign.
    Signed(i64),
    Text(String),
    /// JSON as it is.
    Raw(String),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// An object that is being written.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// With one more member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, name);
        self.0.push(':');
        match value.into() {
            // Writing to a string cannot fail.
            Value::Number(number) => _ = write!(self.0, "{number}"),
            Value::Signed(number) => _ = write!(self.0, "{number}"),
            Value::Text(text) => quote(&mut self.0, &text),
            Value::Raw(json) => self.0.push_str(&json),
        }
        self
    }

    /// With these members, too.
    pub(crate) fn with_all(self, members: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        members.into_iter().fold(self, |object, (name, value)| object.with(name, value))
    }

    /// The whole.
    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Raw(object.end())
    }
}

/// A string in quotes.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => _ = write!(out, "\\u{:04x}", u32::from(control)),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let texts = ["", "a \"b\" \\ \n\t\r\u{1}\u{7f}\u{2028} é 𝄞"];
        for text in texts {
            let inner = Object::new().with(text, text).with("n", u64::MAX);
            let json = Object::new().with("inner", inner).with("s", Value::Signed(-1)).end();
            let read: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
            assert_eq!(read["inner"][text], text);
            assert_eq!((read["inner"]["n"].as_u64(), read["s"].as_i64()), (Some(u64::MAX), Some(-1)));
        }
        assert_eq!(Object::new().end(), "{}");
    }
}
