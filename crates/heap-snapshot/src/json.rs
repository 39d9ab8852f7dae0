//! JSON, read a byte at a time: as much of it as snapshots need, with the position of what is wrong.
//!
//! Values that nobody asks for are [skipped](Json::skip) without recursion: how deep the input nests costs no stack, and is bounded.

use crate::error::{Mistake, ReadError};
use std::io::{ErrorKind, Read};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// How deep a value that is skipped may nest.
const DEEPEST: usize = 512;

/// Input, and how far it has been read.
pub(crate) struct Json<R> {
    from: R,
    chunk: Vec<u8>,
    /// The next byte in the chunk.
    next: usize,
    /// Bytes before the chunk.
    before: u64,
    /// How many bytes there may be.
    most: u64,
    /// The string that is being read.
    scratch: Vec<u8>,
}

impl<R: Read> Json<R> {
    pub(crate) fn new(from: R, most: u64) -> Self {
        Self { from, chunk: Vec::new(), next: 0, before: 0, most, scratch: Vec::new() }
    }

    /// Where the next byte is.
    pub(crate) fn position(&self) -> u64 {
        self.before + self.next as u64
    }

    /// An error here.
    pub(crate) fn error(&self, what: Mistake) -> ReadError {
        ReadError { at: self.position(), what }
    }

    fn expected<T>(&self, what: &'static str) -> Result<T, ReadError> {
        Err(self.error(Mistake::Expected(what)))
    }

    /// The next byte, which stays; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        if let Some(&byte) = self.chunk.get(self.next) {
            return Ok(Some(byte));
        }
        self.refill()
    }

    #[cold]
    fn refill(&mut self) -> Result<Option<u8>, ReadError> {
        self.before += self.chunk.len() as u64;
        self.next = 0;
        self.chunk.resize(CHUNK, 0);
        let read = loop {
            match self.from.read(&mut self.chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.chunk.clear();
                    return Err(self.error(Mistake::Io(error)));
                }
                Ok(read) => break read,
            }
        };
        self.chunk.truncate(read);
        if self.before + read as u64 > self.most {
            return Err(self.error(Mistake::TooLarge { what: "bytes", most: self.most }));
        }
        Ok(self.chunk.first().copied())
    }

    /// Takes the byte that was peeked at.
    fn take(&mut self) {
        self.next += 1;
    }

    /// The next byte that is no space, which stays.
    fn peek_token(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.take(),
                byte => return Ok(byte),
            }
        }
    }

    /// Whether a token comes next, which stays.
    pub(crate) fn is_next(&mut self, token: u8) -> Result<bool, ReadError> {
        Ok(self.peek_token()? == Some(token))
    }

    /// Takes a token if it comes next.
    fn takes(&mut self, token: u8) -> Result<bool, ReadError> {
        let is_next = self.is_next(token)?;
        if is_next {
            self.take();
        }
        Ok(is_next)
    }

    /// Takes a token that must come next.
    fn insist(&mut self, token: u8, name: &'static str) -> Result<(), ReadError> {
        if self.takes(token)? { Ok(()) } else { self.expected(name) }
    }

    /// Whether another item follows in a list or an object that ends with `end`. `is_first` is whether none has been read.
    fn goes_on(&mut self, end: u8, is_first: &mut bool) -> Result<bool, ReadError> {
        if self.takes(end)? {
            return Ok(false);
        }
        if !core::mem::take(is_first) {
            self.insist(b',', "a comma or the end of a list")?;
        }
        Ok(true)
    }

    /// Reads an object, of which `value` reads each value; it is told the key, of `longest` bytes at most.
    pub(crate) fn object(
        &mut self,
        longest: usize,
        mut value: impl FnMut(&mut Self, &str) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let (mut key, mut is_first) = (String::new(), true);
        self.insist(b'{', "an object")?;
        while self.goes_on(b'}', &mut is_first)? {
            key.clear();
            self.string(&mut key, longest)?;
            self.insist(b':', "a colon")?;
            value(self, &key)?;
        }
        Ok(())
    }

    /// Reads a list, of which `item` reads each item.
    pub(crate) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut is_first = true;
        self.insist(b'[', "a list")?;
        while self.goes_on(b']', &mut is_first)? {
            item(self)?;
        }
        Ok(())
    }

    /// Nothing follows but space.
    pub(crate) fn end(&mut self) -> Result<(), ReadError> {
        if self.peek_token()?.is_none() { Ok(()) } else { self.expected("the end of the file") }
    }

    /// A number without sign, fraction and exponent.
    pub(crate) fn number(&mut self) -> Result<u64, ReadError> {
        let Some(b'0'..=b'9') = self.peek_token()? else { return self.expected("a whole number") };
        let mut number = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.peek()? {
            let longer =
                number.checked_mul(10).and_then(|number| number.checked_add(u64::from(digit - b'0')));
            let Some(longer) = longer else { return self.expected("a number below 2^64") };
            number = longer;
            self.take();
        }
        if let Some(b'.' | b'e' | b'E') = self.peek()? {
            return self.expected("a whole number");
        }
        Ok(number)
    }

    /// Appends a string to `to`, which may come to be `most` bytes long.
    pub(crate) fn string(&mut self, to: &mut String, most: usize) -> Result<(), ReadError> {
        self.insist(b'"', "a string")?;
        let mut bytes = core::mem::take(&mut self.scratch);
        bytes.clear();
        loop {
            let Some(byte) = self.peek()? else { return self.expected("the end of a string") };
            self.take();
            match byte {
                b'"' => break,
                b'\\' => self.escape(&mut bytes)?,
                0..=0x1F => return self.expected("an escape, and no control character, in a string"),
                byte => bytes.push(byte),
            }
            if bytes.len() + to.len() > most {
                return Err(self.error(Mistake::TooLarge { what: "bytes of strings", most: most as u64 }));
            }
        }
        let Ok(text) = core::str::from_utf8(&bytes) else {
            return self.expected("UTF-8, in the string before this,");
        };
        to.try_reserve(text.len()).map_err(|_| self.error(Mistake::NoMemory))?;
        to.push_str(text);
        self.scratch = bytes;
        Ok(())
    }

    /// What follows a backslash. A half of a surrogate pair without the other is the replacement character.
    fn escape(&mut self, to: &mut Vec<u8>) -> Result<(), ReadError> {
        fn put(to: &mut Vec<u8>, character: char) {
            to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        // The first half of a pair, which waits for the second.
        let mut half: Option<u32> = None;
        loop {
            let Some(byte) = self.peek()? else { return self.expected("an escape") };
            self.take();
            let unit = match byte {
                b'"' | b'\\' | b'/' => u32::from(byte),
                b'b' => 0x8,
                b'f' => 0xC,
                b'n' => 0xA,
                b'r' => 0xD,
                b't' => 0x9,
                b'u' => self.four()?,
                _ => return self.expected("an escape that exists"),
            };
            match half {
                Some(high) if (0xDC00..0xE000).contains(&unit) => {
                    let code = 0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00);
                    put(to, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    return Ok(());
                }
                Some(_) => put(to, char::REPLACEMENT_CHARACTER),
                None => {}
            }
            if !(0xD800..0xDC00).contains(&unit) {
                put(to, char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            half = Some(unit);
            if self.peek()? != Some(b'\\') {
                put(to, char::REPLACEMENT_CHARACTER);
                return Ok(());
            }
            self.take();
        }
    }

    /// Reads a string, and forgets it.
    fn skip_string(&mut self) -> Result<(), ReadError> {
        self.insist(b'"', "a string")?;
        loop {
            let Some(byte) = self.peek()? else { return self.expected("the end of a string") };
            self.take();
            match byte {
                b'"' => return Ok(()),
                b'\\' if self.peek()?.is_some() => self.take(),
                _ => {}
            }
        }
    }

    fn four(&mut self) -> Result<u32, ReadError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek()?.and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return self.expected("four hexadecimal digits") };
            unit = unit << 4 | digit;
            self.take();
        }
        Ok(unit)
    }

    /// Reads a value of any kind, and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), ReadError> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            // A value comes.
            match self.peek_token()? {
                Some(b'"') => self.skip_string()?,
                Some(opening @ (b'[' | b'{')) => {
                    self.take();
                    if open.len() == DEEPEST {
                        return Err(
                            self.error(Mistake::TooLarge { what: "levels of nesting", most: DEEPEST as u64 })
                        );
                    }
                    let end = if opening == b'[' { b']' } else { b'}' };
                    open.push(end);
                    if !self.takes(end)? {
                        self.key_in(end)?;
                        continue;
                    }
                    open.pop();
                }
                Some(b'-' | b'0'..=b'9') => {
                    while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek()? {
                        self.take();
                    }
                }
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return self.expected("a value"),
            }
            // It is over, and so may be what it is in.
            loop {
                let Some(&end) = open.last() else { return Ok(()) };
                if self.takes(end)? {
                    open.pop();
                    continue;
                }
                self.insist(b',', "a comma or the end of a list")?;
                self.key_in(end)?;
                break;
            }
        }
    }

    /// Reads the key of the next item, if the items of what ends with `end` have keys.
    fn key_in(&mut self, end: u8) -> Result<(), ReadError> {
        if end == b'}' {
            self.skip_string()?;
            self.insist(b':', "a colon")?;
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), ReadError> {
        for &byte in word {
            if self.peek()? != Some(byte) {
                return self.expected("true, false or null");
            }
            self.take();
        }
        Ok(())
    }
}
