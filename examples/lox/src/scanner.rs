//! Source text to tokens.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    Comma,
    Dot,
    Minus,
    Plus,
    Semicolon,
    Slash,
    Star,
    Bang,
    BangEqual,
    Equal,
    EqualEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Identifier,
    String,
    Number,
    And,
    Class,
    Else,
    False,
    For,
    Fun,
    If,
    Nil,
    Or,
    Print,
    Return,
    Super,
    This,
    True,
    Var,
    While,
    /// Not a token. Its text says why.
    Error,
    End,
}

const KEYWORDS: [(&[u8], Kind); 16] = [
    (b"and", Kind::And),
    (b"class", Kind::Class),
    (b"else", Kind::Else),
    (b"false", Kind::False),
    (b"for", Kind::For),
    (b"fun", Kind::Fun),
    (b"if", Kind::If),
    (b"nil", Kind::Nil),
    (b"or", Kind::Or),
    (b"print", Kind::Print),
    (b"return", Kind::Return),
    (b"super", Kind::Super),
    (b"this", Kind::This),
    (b"true", Kind::True),
    (b"var", Kind::Var),
    (b"while", Kind::While),
];

/// A piece of the source. Its line is the one it ends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'s> {
    pub(crate) kind: Kind,
    pub(crate) text: &'s [u8],
    pub(crate) line: u32,
}

/// Gives the tokens of a source one by one, and then [`Kind::End`] for ever.
pub(crate) struct Scanner<'s> {
    source: &'s [u8],
    start: usize,
    next: usize,
    line: u32,
}

impl<'s> Scanner<'s> {
    pub(crate) fn new(source: &'s [u8]) -> Self {
        Self { source, start: 0, next: 0, line: 1 }
    }

    pub(crate) fn token(&mut self) -> Token<'s> {
        self.skip_blanks();
        self.start = self.next;
        let Some(byte) = self.advance() else { return self.make(Kind::End) };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.identifier(),
            b'0'..=b'9' => self.number(),
            b'(' => self.make(Kind::LeftParen),
            b')' => self.make(Kind::RightParen),
            b'{' => self.make(Kind::LeftBrace),
            b'}' => self.make(Kind::RightBrace),
            b';' => self.make(Kind::Semicolon),
            b',' => self.make(Kind::Comma),
            b'.' => self.make(Kind::Dot),
            b'-' => self.make(Kind::Minus),
            b'+' => self.make(Kind::Plus),
            b'/' => self.make(Kind::Slash),
            b'*' => self.make(Kind::Star),
            b'!' => self.with_equal(Kind::BangEqual, Kind::Bang),
            b'=' => self.with_equal(Kind::EqualEqual, Kind::Equal),
            b'<' => self.with_equal(Kind::LessEqual, Kind::Less),
            b'>' => self.with_equal(Kind::GreaterEqual, Kind::Greater),
            b'"' => self.string(),
            _ => self.error("Unexpected character."),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.next).copied()
    }

    fn advance(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.next += 1;
        Some(byte)
    }

    fn skip_while(&mut self, holds: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&holds) {
            self.next += 1;
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\r' | b'\t' => self.next += 1,
                b'\n' => {
                    self.line += 1;
                    self.next += 1;
                }
                b'/' if self.source.get(self.next + 1) == Some(&b'/') => {
                    self.skip_while(|byte| byte != b'\n');
                }
                _ => return,
            }
        }
    }

    fn make(&self, kind: Kind) -> Token<'s> {
        Token { kind, text: &self.source[self.start..self.next], line: self.line }
    }

    fn error(&self, message: &'static str) -> Token<'s> {
        Token { kind: Kind::Error, text: message.as_bytes(), line: self.line }
    }

    fn with_equal(&mut self, with: Kind, without: Kind) -> Token<'s> {
        if self.peek() == Some(b'=') {
            self.next += 1;
            return self.make(with);
        }
        self.make(without)
    }

    fn identifier(&mut self) -> Token<'s> {
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let text = &self.source[self.start..self.next];
        let keyword = KEYWORDS.iter().find(|(word, _)| *word == text);
        self.make(keyword.map_or(Kind::Identifier, |&(_, kind)| kind))
    }

    fn number(&mut self) -> Token<'s> {
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.peek() == Some(b'.') && self.source.get(self.next + 1).is_some_and(u8::is_ascii_digit) {
            self.next += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        self.make(Kind::Number)
    }

    fn string(&mut self) -> Token<'s> {
        while let Some(byte) = self.advance() {
            match byte {
                b'"' => return self.make(Kind::String),
                b'\n' => self.line += 1,
                _ => {}
            }
        }
        self.error("Unterminated string.")
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Scanner};

    fn kinds(source: &str) -> Vec<Kind> {
        let mut scanner = Scanner::new(source.as_bytes());
        std::iter::from_fn(|| Some(scanner.token().kind)).take_while(|&kind| kind != Kind::End).collect()
    }

    #[test]
    fn words_that_begin_like_keywords_are_identifiers() {
        assert_eq!(
            kinds("class classy _class fo for"),
            [Kind::Class, Kind::Identifier, Kind::Identifier, Kind::Identifier, Kind::For]
        );
    }

    #[test]
    fn a_point_belongs_to_a_number_only_between_digits() {
        assert_eq!(kinds("1.5 1. .5"), [Kind::Number, Kind::Number, Kind::Dot, Kind::Dot, Kind::Number]);
    }

    #[test]
    fn lines_are_counted_in_strings_and_after_comments() {
        let mut scanner = Scanner::new(b"// one\n\"two\nthree\" x");
        assert_eq!(scanner.token().line, 3);
        assert_eq!((scanner.token().line, scanner.token().kind), (3, Kind::End));
    }

    #[test]
    fn what_is_no_token_is_an_error_with_its_reason() {
        let mut scanner = Scanner::new(b"| \"open");
        assert_eq!(scanner.token().text, b"Unexpected character.");
        assert_eq!(scanner.token().text, b"Unterminated string.");
        assert_eq!(scanner.token().kind, Kind::End);
    }
}
