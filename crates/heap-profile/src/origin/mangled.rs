//! Symbols of the newer mangling: the modules around a function, which the symbol says whatever the function is of.
//!
//! The grammar is in the reference of rustc, "v0 symbol format". A path begins with a letter, and what it is inside of comes
//! first, so the crate and the modules can be read without the types:
//!
//! ```text
//!   C name                    a crate
//!   N kind path name          something inside a path; kind `t` for modules and types
//!   I path arguments… E       a path with arguments
//!   M path type               a function of a type, written in the module `path`
//!   X path type trait         a function of a trait for a type, written in the module `path`
//!   B number _                what began at that place of the symbol
//! ```

/// Paths inside paths that are followed: a symbol of a closure in a closure has a handful.
const DEEPEST: usize = 64;

/// The modules around a function, its crate first; nothing, if the symbol is of another form, or a function that a trait brings along.
/// A type may be the last.
pub(super) fn modules(symbol: &str) -> Option<Vec<String>> {
    let mut text = Text { symbol: symbol.strip_prefix("_R")?.as_bytes(), at: 0 };
    // A version of the format comes as a number; there is none so far.
    let mut modules = Vec::new();
    text.path(&mut modules, DEEPEST)?;
    Some(modules)
}

struct Text<'a> {
    symbol: &'a [u8],
    at: usize,
}

/// Whether the names that follow are inside of what was read.
enum Then {
    /// They are of modules as well, if their kind is.
    Goes,
    /// Something that is no module came between.
    Ends,
}

impl Text<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.symbol.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Adds the crate and the modules of a path.
    fn path(&mut self, modules: &mut Vec<String>, deepest: usize) -> Option<Then> {
        let deeper = deepest.checked_sub(1)?;
        match self.next()? {
            b'C' => {
                self.disambiguator()?;
                modules.push(self.name()?);
                Some(Then::Goes)
            }
            b'N' => {
                let kind = self.next()?;
                match (self.path(modules, deeper)?, kind) {
                    (Then::Goes, b't') => {
                        self.disambiguator()?;
                        modules.push(self.name()?);
                        Some(Then::Goes)
                    }
                    _ => Some(Then::Ends),
                }
            }
            b'I' => {
                self.path(modules, deeper)?;
                Some(Then::Ends)
            }
            b'M' | b'X' => {
                self.disambiguator()?;
                self.path(modules, deeper)?;
                Some(Then::Ends)
            }
            b'B' => {
                let at = usize::try_from(self.number()?).ok()?;
                if at >= self.at {
                    return None;
                }
                let after = core::mem::replace(&mut self.at, at);
                let then = self.path(modules, deeper)?;
                self.at = after;
                Some(then)
            }
            _ => None,
        }
    }

    /// `s` and a number, if there is one.
    fn disambiguator(&mut self) -> Option<()> {
        if self.symbol.get(self.at) == Some(&b's') {
            self.at += 1;
            self.number()?;
        }
        Some(())
    }

    /// A number to the base of 62, one less than it is, and `_`; `_` alone is 0.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        let mut is_any = false;
        loop {
            let digit = match self.next()? {
                b'_' => return if is_any { number.checked_add(1) } else { Some(0) },
                byte @ b'0'..=b'9' => byte - b'0',
                byte @ b'a'..=b'z' => byte - b'a' + 10,
                byte @ b'A'..=b'Z' => byte - b'A' + 36,
                _ => return None,
            };
            is_any = true;
            number = number.checked_mul(62)?.checked_add(u64::from(digit))?;
        }
    }

    /// A name, after its length. One that is not ASCII is given as it is written.
    fn name(&mut self) -> Option<String> {
        if self.symbol.get(self.at) == Some(&b'u') {
            self.at += 1;
        }
        let mut len = 0_usize;
        while let Some(digit @ b'0'..=b'9') = self.symbol.get(self.at) {
            self.at += 1;
            len = len.checked_mul(10)?.checked_add(usize::from(digit - b'0'))?;
        }
        if self.symbol.get(self.at) == Some(&b'_') {
            self.at += 1;
        }
        let end = self.at.checked_add(len)?;
        let name = self.symbol.get(self.at..end)?;
        self.at = end;
        (len > 0).then(|| String::from_utf8_lossy(name).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_says_where_its_function_was_written() {
        // What rustc 1.95 made of small programs with `-C symbol-mangling-version=v0`.
        let table = [
            ("_RNvMNtCsfq2Zq5gqAK1_2v06ordersINtB2_5OrderhE4pushB4_", "v0::orders"),
            ("_RNCNvMNtCsfq2Zq5gqAK1_2v06ordersINtB4_5OrderhE4push0B6_", "v0::orders"),
            ("_RNvXNtNtCsfq2Zq5gqAK1_2v06orders4deepAyj3_NtB4_6Priced4dear", "v0::orders::deep"),
            (
                "_RNvXs_NtCsfq2Zq5gqAK1_2v06ordersINtNtCslNYArtu3iFV_5alloc3vec3VechENtB4_6Priced4dear",
                "v0::orders",
            ),
            ("_RNvNvXs0_NtCsfq2Zq5gqAK1_2v06ordersINtB7_5OrderpENtB7_6Priced4dear5inner", "v0::orders"),
            (
                "_RINvNtCsgEmfK2I1SDS_4core4hint9black_boxNCNvMNtCsfq2Zq5gqAK1_2v06ordersINtBH_5OrderhE4push0EBJ_",
                "core::hint",
            ),
            ("_RNvNtCs4X4t9plMPHF_9addr2line4line9path_push", "addr2line::line"),
        ];
        for (symbol, expected) in table {
            assert_eq!(modules(symbol).map(|parts| parts.join("::")).as_deref(), Some(expected), "{symbol}");
        }
        let from_a_trait = "_RNvYINtNtCsfq2Zq5gqAK1_2v06orders5OrderhENtB5_6Priced5priceB7_";
        for symbol in ["", "main", "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", from_a_trait] {
            assert_eq!(modules(symbol), None, "{symbol}");
        }
    }

    #[test]
    fn a_symbol_that_is_broken_says_nothing_and_harms_nobody() {
        let good = "_RNCNvMNtCsfq2Zq5gqAK1_2v06ordersINtB4_5OrderhE4push0B6_";
        for end in 0..good.len() {
            drop(modules(&good[..end]));
            for byte in "BCNXMIs_9zé".chars() {
                drop(modules(&format!("{}{byte}{}", &good[..end], &good[end..])));
            }
        }
        for symbol in
            ["_RB_", "_RNvB_1a", "_RC99999999999999999999a", "_RCszzzzzzzzzzzzzzzzzzz_1a", "_RC0", "_RC5ab"]
        {
            assert_eq!(modules(symbol), None, "{symbol}");
        }
        assert_eq!(modules(&format!("_R{}C1a", "Nt".repeat(100_000))), None);
    }
}
