//! Rust: just enough of the language to know which paths a source file names.
//!
//! The house tests ask two things of a source: which paths does its *code* name, and where. Three steps answer.
//! [`masked`] blanks comments, strings and characters, so that what is left is code (a link in a comment may
//! point anywhere). [`tokens`] cuts it into words and punctuation. [`paths`] puts paths together again and
//! spreads `use` groups, so that `use std::{sync::Arc, mem}` names `std::sync::Arc` and `std::mem`.
//!
//! It is a reader for the sources of this house, not a parser: macros are read as if they were code, and a path
//! put together by a macro from pieces is not seen.

/// A word, a lifetime's quote, `::`, or one character of punctuation, with the line it is on (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path that code names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Its parts in order; the last may be `*`.
    pub(crate) parts: Vec<String>,
    /// The line of its last part, from 1.
    pub(crate) line: usize,
    /// Whether it is called as a macro.
    pub(crate) called_as_macro: bool,
    /// The inline modules (`mod x { … }`) around it, outermost first.
    pub(crate) inside: Vec<String>,
}

/// `source` with everything that is not code turned into blanks; lines stay where they are.
pub(crate) fn masked(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_text(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, string or character that starts at `at` ends; `at` itself if none starts there.
fn end_of_text(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    let in_word = at > 0 && is_word(chars[at - 1]);
    match chars[at] {
        '/' if next == Some('/') => {
            chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| at + n)
        }
        '/' if next == Some('*') => end_of_block_comment(chars, at),
        '"' => end_of_string(chars, at),
        '\'' => end_of_character(chars, at),
        'r' | 'b' | 'c' if !in_word => end_of_prefixed(chars, at),
        _ => at,
    }
}

fn end_of_block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

fn end_of_string(chars: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// A character literal, or nothing if the quote begins a lifetime.
fn end_of_character(chars: &[char], quote: usize) -> usize {
    match chars.get(quote + 1) {
        Some('\\') => {
            let after = (quote + 3).min(chars.len());
            chars[after..].iter().position(|&c| c == '\'').map_or(chars.len(), |n| after + n + 1)
        }
        Some(_) if chars.get(quote + 2) == Some(&'\'') => quote + 3,
        _ => quote,
    }
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `b'…'`; nothing if the letter begins a word.
fn end_of_prefixed(chars: &[char], at: usize) -> usize {
    let letters = chars[at..].iter().take(2).take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let raw = chars[at..at + letters].contains(&'r');
    let hashes = chars[at + letters..].iter().take_while(|&&c| c == '#').count();
    let quote = at + letters + hashes;
    match chars.get(quote) {
        Some('"') if raw => {
            let closing = |n: usize| (1..=hashes).all(|k| chars.get(n + k) == Some(&'#'));
            (quote + 1..chars.len())
                .find(|&n| chars[n] == '"' && closing(n))
                .map_or(chars.len(), |n| n + hashes + 1)
        }
        Some('"') if hashes == 0 => end_of_string(chars, quote),
        Some('\'') if hashes == 0 && letters == 1 && chars[at] == 'b' => {
            let end = end_of_character(chars, quote);
            if end == quote { at } else { end }
        }
        _ => at,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of source that went through [`masked`].
pub(crate) fn tokens(masked: &str) -> Vec<Token> {
    let mut out = Vec::new();
    for (number, line) in masked.lines().enumerate() {
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let word = chars[at..].iter().take_while(|&&c| is_word(c)).count();
            let length = match chars[at] {
                ':' if chars.get(at + 1) == Some(&':') => 2,
                _ => word.max(1),
            };
            let text: String = chars[at..at + length].iter().collect();
            if !text.trim().is_empty() {
                out.push(Token { text, line: number + 1 });
            }
            at += length;
        }
    }
    out
}

/// Every path the code in `source` names, a plain word being a path of one part.
pub(crate) fn paths(source: &str) -> Vec<Path> {
    let tokens = tokens(&masked(source));
    let mut reader = Reader { tokens: &tokens, at: 0, out: Vec::new(), inside: Vec::new() };
    let mut depth = 0_usize;
    // The brace depth at which each inline module opened.
    let mut opened: Vec<usize> = Vec::new();
    while reader.at < tokens.len() {
        let text = tokens[reader.at].text.as_str();
        match text {
            "mod" if reader.peek(2) == "{" => {
                reader.inside.push(reader.peek(1).to_owned());
                opened.push(depth);
                depth += 1;
                reader.at += 3;
            }
            "{" => (depth, reader.at) = (depth + 1, reader.at + 1),
            "}" => {
                depth = depth.saturating_sub(1);
                if opened.last() == Some(&depth) {
                    opened.pop();
                    reader.inside.pop();
                }
                reader.at += 1;
            }
            "." => reader.at += 1 + usize::from(reader.word_at(1)),
            _ if reader.word_at(0) => reader.path(&[]),
            _ => reader.at += 1,
        }
    }
    reader.out
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    out: Vec<Path>,
    inside: Vec<String>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| &token.text)
    }

    fn word_at(&self, ahead: usize) -> bool {
        self.peek(ahead).starts_with(is_word)
    }

    /// Reads one path, whose first word is the current token, and emits it (or the members of its group).
    fn path(&mut self, prefix: &[String]) {
        let mut parts = prefix.to_vec();
        let mut line = self.tokens[self.at].line;
        parts.push(self.peek(0).to_owned());
        self.at += 1;
        while self.peek(0) == "::" {
            line = self.tokens[self.at].line;
            if self.peek(1) == "{" {
                self.at += 2;
                return self.group(&parts);
            }
            if !self.word_at(1) && self.peek(1) != "*" {
                self.at += 1;
                break;
            }
            parts.push(self.peek(1).to_owned());
            line = self.tokens[self.at + 1].line;
            self.at += 2;
        }
        let called_as_macro = self.peek(0) == "!" && matches!(self.peek(1), "(" | "[" | "{");
        self.out.push(Path { parts, line, called_as_macro, inside: self.inside.clone() });
    }

    /// Reads the members of a `use` group up to its closing brace.
    fn group(&mut self, prefix: &[String]) {
        while self.at < self.tokens.len() && self.peek(0) != "}" {
            if self.peek(0) == "as" {
                self.at += 2;
            } else if self.word_at(0) || self.peek(0) == "*" {
                self.path(prefix);
            } else {
                self.at += 1;
            }
        }
        self.at += 1;
    }
}
