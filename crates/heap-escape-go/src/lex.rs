//! The lexer: from text to tokens.
//!
//! It inserts semicolons at the ends of lines as the language says, and keeps the `//go:` comments, which the parser gives to the
//! declaration that follows. It does not decode literals; that is done where their values are wanted.

use std::rc::Rc;

use crate::source::{Fault, Moved, Pos};
use crate::token::{Op, Token, word};

/// The lexer, at a token.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    base: u32,
    /// Where the token after the present one is looked for.
    next: usize,
    pub(crate) token: Token,
    /// The text of the present token; of a semicolon that was inserted, nothing.
    pub(crate) lit: &'a str,
    start: usize,
    /// Whether a line's end here is a semicolon.
    ends: bool,
    /// The `//go:` comments since they were taken last.
    pub(crate) pragmas: Vec<&'a str>,
    /// The comments that may be line directives, by where they begin; kept only if they are looked for.
    directives: Option<Vec<(usize, &'a str)>>,
}

/// What the line directives of a file say.
///
/// # Errors
/// A number in one that is none. Nothing is said of what else may be wrong: what follows a mistake is not looked at.
pub(crate) fn directives(text: &str, base: Pos) -> Result<Vec<Moved>, Fault> {
    // Most files have none, and need not be read for them.
    if !text.contains("//line ") && !text.contains("/*line ") {
        return Ok(Vec::new());
    }
    let mut lexer = Lexer { directives: Some(Vec::new()), ..Lexer::new(text, base) };
    while lexer.advance().is_ok() && lexer.token != Token::End {}
    let mut all = Vec::new();
    for (start, comment) in lexer.directives.take().unwrap_or_default() {
        let Some(words) = comment[2..].strip_prefix("line ") else { continue };
        let is_line = comment.starts_with("//");
        let at_margin = start == 0 || text.as_bytes()[start - 1] == b'\n';
        if is_line && !at_margin {
            continue;
        }
        let words = if is_line { words.trim_end_matches('\r') } else { words.trim_end_matches("*/") };
        // The comment of a line has the line's end in it.
        let from = lexer.at(start + comment.len() + usize::from(is_line));
        let number = |words: &str| {
            let number = words.parse::<u32>().ok().filter(|number| (1..1 << 30).contains(number));
            number.ok_or_else(|| Fault::new(lexer.at(start), format!("invalid line number: {words}")))
        };
        let Some((before, last)) = words.rsplit_once(':') else { continue };
        let last_number = last.parse::<u64>().ok();
        all.push(match before.rsplit_once(':') {
            Some((path, line)) if last_number.is_some() && line.parse::<u64>().is_ok() => {
                let path = Some(path).filter(|path| !path.is_empty()).map(Rc::from);
                Moved { from, path, line: number(line)?, column: Some(number(last)?) }
            }
            _ => Moved { from, path: Some(Rc::from(before)), line: number(last)?, column: None },
        });
    }
    Ok(all)
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str, base: Pos) -> Self {
        Self {
            text,
            base: base.0,
            next: 0,
            token: Token::End,
            lit: "",
            start: 0,
            ends: false,
            pragmas: Vec::new(),
            directives: None,
        }
    }

    /// Where the present token begins.
    pub(crate) fn pos(&self) -> Pos {
        self.at(self.start)
    }

    fn at(&self, offset: usize) -> Pos {
        // `Places::add` has seen to it that this fits.
        Pos(self.base + u32::try_from(offset).unwrap_or(u32::MAX))
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.next + ahead).copied().unwrap_or(0)
    }

    /// Goes to the next token.
    pub(crate) fn advance(&mut self) -> Result<(), Fault> {
        if self.skip_space()? {
            self.start = self.next;
            (self.token, self.lit, self.ends) = (Token::Semicolon, "", false);
            return Ok(());
        }
        self.start = self.next;
        let token = self.scan()?;
        self.token = token;
        self.lit = &self.text[self.start..self.next];
        self.ends = matches!(
            token,
            Token::Name
                | Token::Int
                | Token::Float
                | Token::Imaginary
                | Token::Char
                | Token::String
                | Token::Break
                | Token::Continue
                | Token::Fallthrough
                | Token::Return
                | Token::IncDec(_)
                | Token::RParen
                | Token::RBracket
                | Token::RBrace
        );
        Ok(())
    }

    /// Skips space and comments; whether a semicolon belongs here.
    fn skip_space(&mut self) -> Result<bool, Fault> {
        loop {
            let rest = &self.text.as_bytes()[self.next..];
            match rest {
                [] => return Ok(self.ends),
                [b'\n', ..] if self.ends => return Ok(true),
                [b' ' | b'\t' | b'\r' | b'\n', ..] => self.next += 1,
                [b'/', b'/', ..] => {
                    let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                    let comment = &self.text[self.next..self.next + length];
                    if comment.starts_with("//go:") {
                        self.pragmas.push(comment.trim_end());
                    }
                    if let Some(directives) = &mut self.directives {
                        directives.push((self.next, comment));
                    }
                    self.next += length;
                }
                [b'/', b'*', ..] => {
                    let Some(length) = self.text[self.next + 2..].find("*/") else {
                        return Err(Fault::new(self.at(self.next), "comment not terminated"));
                    };
                    let end = self.next + 2 + length + 2;
                    let ends = self.ends && self.text[self.next..end].contains('\n');
                    if ends {
                        return Ok(true);
                    }
                    if let Some(directives) = &mut self.directives {
                        directives.push((self.next, &self.text[self.next..end]));
                    }
                    self.next = end;
                }
                _ => return Ok(false),
            }
        }
    }

    fn scan(&mut self) -> Result<Token, Fault> {
        let Some(first) = self.text[self.next..].chars().next() else { return Ok(Token::End) };
        match first {
            'a'..='z' | 'A'..='Z' | '_' => Ok(self.name()),
            '0'..='9' => self.number(),
            '.' if self.byte(1).is_ascii_digit() => self.number(),
            '"' => self.quoted('"', Token::String),
            '\'' => self.quoted('\'', Token::Char),
            '`' => {
                let Some(length) = self.text[self.next + 1..].find('`') else {
                    return Err(Fault::new(self.at(self.next), "string not terminated"));
                };
                self.next += length + 2;
                Ok(Token::String)
            }
            _ if first.is_alphabetic() => Ok(self.name()),
            _ => self.operator(first),
        }
    }

    fn name(&mut self) -> Token {
        let rest = &self.text[self.next..];
        let length = rest
            .char_indices()
            .find(|(_, c)| {
                !(c.is_ascii_alphanumeric() || *c == '_' || (!c.is_ascii() && c.is_alphanumeric()))
            })
            .map_or(rest.len(), |(at, _)| at);
        self.next += length;
        word(&rest[..length])
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let start = self.next;
        let hex = self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X');
        let prefixed = hex || self.byte(0) == b'0' && matches!(self.byte(1), b'b' | b'B' | b'o' | b'O');
        let mut float = false;
        if prefixed {
            self.next += 2;
        }
        loop {
            match self.byte(0) {
                b'.' => float = true,
                b'e' | b'E' if !prefixed => {
                    float = true;
                    if matches!(self.byte(1), b'+' | b'-') {
                        self.next += 1;
                    }
                }
                b'p' | b'P' if hex => {
                    float = true;
                    if matches!(self.byte(1), b'+' | b'-') {
                        self.next += 1;
                    }
                }
                b'0'..=b'9' | b'_' => {}
                b'a'..=b'f' | b'A'..=b'F' if hex => {}
                b'i' => {
                    self.next += 1;
                    return Ok(Token::Imaginary);
                }
                _ => break,
            }
            self.next += 1;
        }
        if prefixed && self.next == start + 2 {
            return Err(Fault::new(self.at(start), "number has no digits"));
        }
        Ok(if float { Token::Float } else { Token::Int })
    }

    fn quoted(&mut self, quote: char, token: Token) -> Result<Token, Fault> {
        let start = self.next;
        let mut escaped = false;
        for (at, c) in self.text[start..].char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => {
                    self.next = start + at + c.len_utf8();
                    return Ok(token);
                }
                _ => {}
            }
        }
        let what = if token == Token::String { "string" } else { "rune literal" };
        Err(Fault::new(self.at(start), format!("{what} not terminated")))
    }

    fn operator(&mut self, first: char) -> Result<Token, Fault> {
        let op = |op: Op, second: u8| {
            if second == b'=' { (Token::AssignOp(op), 2) } else { (Token::Op(op), 1) }
        };
        let (second, third) = (self.byte(1), self.byte(2));
        let (token, length) = match (first, second) {
            ('(', _) => (Token::LParen, 1),
            (')', _) => (Token::RParen, 1),
            ('[', _) => (Token::LBracket, 1),
            (']', _) => (Token::RBracket, 1),
            ('{', _) => (Token::LBrace, 1),
            ('}', _) => (Token::RBrace, 1),
            (',', _) => (Token::Comma, 1),
            (';', _) => (Token::Semicolon, 1),
            ('~', _) => (Token::Op(Op::Tilde), 1),
            ('.', b'.') if third == b'.' => (Token::DotDotDot, 3),
            ('.', _) => (Token::Dot, 1),
            (':', b'=') => (Token::Define, 2),
            (':', _) => (Token::Colon, 1),
            ('=', b'=') => (Token::Op(Op::Eq), 2),
            ('=', _) => (Token::Assign, 1),
            ('!', b'=') => (Token::Op(Op::Ne), 2),
            ('!', _) => (Token::Op(Op::Not), 1),
            ('<', b'-') => (Token::Op(Op::Arrow), 2),
            ('<', b'<') if third == b'=' => (Token::AssignOp(Op::Shl), 3),
            ('<', b'<') => (Token::Op(Op::Shl), 2),
            ('<', b'=') => (Token::Op(Op::Le), 2),
            ('<', _) => (Token::Op(Op::Lt), 1),
            ('>', b'>') if third == b'=' => (Token::AssignOp(Op::Shr), 3),
            ('>', b'>') => (Token::Op(Op::Shr), 2),
            ('>', b'=') => (Token::Op(Op::Ge), 2),
            ('>', _) => (Token::Op(Op::Gt), 1),
            ('+', b'+') => (Token::IncDec(Op::Add), 2),
            ('-', b'-') => (Token::IncDec(Op::Sub), 2),
            ('&', b'&') => (Token::Op(Op::AndAnd), 2),
            ('|', b'|') => (Token::Op(Op::OrOr), 2),
            ('&', b'^') if third == b'=' => (Token::AssignOp(Op::AndNot), 3),
            ('&', b'^') => (Token::Op(Op::AndNot), 2),
            ('+', _) => op(Op::Add, second),
            ('-', _) => op(Op::Sub, second),
            ('*', _) => op(Op::Mul, second),
            ('/', _) => op(Op::Div, second),
            ('%', _) => op(Op::Rem, second),
            ('&', _) => op(Op::And, second),
            ('|', _) => op(Op::Or, second),
            ('^', _) => op(Op::Xor, second),
            _ => {
                let words = format!("invalid character U+{:04X}", u32::from(first));
                return Err(Fault::new(self.at(self.next), words));
            }
        };
        self.next += length;
        Ok(token)
    }
}
