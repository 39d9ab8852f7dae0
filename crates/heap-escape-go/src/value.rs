//! Values of constants.

use std::rc::Rc;

use crate::token::Op;

/// The value of a constant. Integers are exact up to 127 bits, and everything else is as exact as a double: [`Value::Unknown`] is what
/// would not fit.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Unknown,
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
    Str(Rc<[u8]>),
}

impl Value {
    pub(crate) fn str(text: &str) -> Self {
        Value::Str(Rc::from(text.as_bytes()))
    }

    /// As a double.
    pub(crate) fn float(&self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "the constants of a program are small, or approximate anyway"
            )]
            Value::Int(int) => Some(*int as f64),
            Value::Float(float) => Some(*float),
            Value::Complex(re, im) if *im == 0.0 => Some(*re),
            _ => None,
        }
    }

    /// As an integer, if it is one.
    pub(crate) fn int(&self) -> Option<i128> {
        match self {
            Value::Int(int) => Some(*int),
            Value::Float(float) | Value::Complex(float, 0.0)
                if float.fract() == 0.0 && float.abs() < 1e38 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
                Some(*float as i128)
            }
            _ => None,
        }
    }

    fn complex(&self) -> Option<(f64, f64)> {
        match self {
            Value::Complex(re, im) => Some((*re, *im)),
            other => other.float().map(|re| (re, 0.0)),
        }
    }

    /// A unary operation. `bits`: of an unsigned type, its size.
    pub(crate) fn unary(&self, op: Op, bits: Option<u32>) -> Self {
        match (op, self) {
            (Op::Add, _) => self.clone(),
            (Op::Not, Value::Bool(value)) => Value::Bool(!value),
            (Op::Sub, Value::Int(int)) => int.checked_neg().map_or(Value::Unknown, Value::Int),
            (Op::Sub, Value::Float(float)) => Value::Float(-float),
            (Op::Sub, Value::Complex(re, im)) => Value::Complex(-re, -im),
            (Op::Xor, Value::Int(int)) => match bits {
                Some(bits) => Value::Int(!int & ((1_i128 << bits) - 1)),
                None => Value::Int(!int),
            },
            _ => Value::Unknown,
        }
    }

    /// A binary operation that is no comparison. `whole`: division is that of integers.
    pub(crate) fn binary(&self, op: Op, other: &Self, whole: bool) -> Self {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => match op {
                Op::AndAnd => Value::Bool(*a && *b),
                Op::OrOr => Value::Bool(*a || *b),
                _ => Value::Unknown,
            },
            (Value::Str(a), Value::Str(b)) if op == Op::Add => {
                Value::Str(a.iter().chain(b.iter()).copied().collect())
            }
            (Value::Int(a), Value::Int(b)) if whole || op != Op::Div => {
                Self::ints(*a, op, *b).map_or(Value::Unknown, Value::Int)
            }
            (Value::Complex(..), _) | (_, Value::Complex(..)) => {
                let (Some((a, b)), Some((c, d))) = (self.complex(), other.complex()) else {
                    return Value::Unknown;
                };
                match op {
                    Op::Add => Value::Complex(a + c, b + d),
                    Op::Sub => Value::Complex(a - c, b - d),
                    Op::Mul => Value::Complex(a * c - b * d, a * d + b * c),
                    Op::Div => {
                        let norm = c * c + d * d;
                        Value::Complex((a * c + b * d) / norm, (b * c - a * d) / norm)
                    }
                    _ => Value::Unknown,
                }
            }
            _ => match (self.float(), other.float(), op) {
                (Some(a), Some(b), Op::Add) => Value::Float(a + b),
                (Some(a), Some(b), Op::Sub) => Value::Float(a - b),
                (Some(a), Some(b), Op::Mul) => Value::Float(a * b),
                (Some(a), Some(b), Op::Div) => Value::Float(a / b),
                _ => Value::Unknown,
            },
        }
    }

    fn ints(a: i128, op: Op, b: i128) -> Option<i128> {
        match op {
            Op::Add => a.checked_add(b),
            Op::Sub => a.checked_sub(b),
            Op::Mul => a.checked_mul(b),
            Op::Div => a.checked_div(b),
            Op::Rem => a.checked_rem(b),
            Op::And => Some(a & b),
            Op::Or => Some(a | b),
            Op::Xor => Some(a ^ b),
            Op::AndNot => Some(a & !b),
            Op::Shl => {
                let b = u32::try_from(b).ok().filter(|b| *b < 127)?;
                a.checked_mul(1_i128.checked_shl(b)?)
            }
            Op::Shr => Some(a >> u32::try_from(b).ok()?.min(127)),
            _ => None,
        }
    }

    /// A comparison.
    pub(crate) fn compare(&self, op: Op, other: &Self) -> Self {
        let order = match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.partial_cmp(b),
            (Value::Str(a), Value::Str(b)) => a.partial_cmp(b),
            (Value::Int(a), Value::Int(b)) => a.partial_cmp(b),
            (Value::Complex(..), _) | (_, Value::Complex(..)) => {
                let same = self.complex().is_some() && self.complex() == other.complex();
                Some(if same { std::cmp::Ordering::Equal } else { std::cmp::Ordering::Less })
            }
            _ => match (self.float(), other.float()) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                _ => None,
            },
        };
        let Some(order) = order else { return Value::Unknown };
        Value::Bool(match op {
            Op::Eq => order.is_eq(),
            Op::Ne => order.is_ne(),
            Op::Lt => order.is_lt(),
            Op::Le => order.is_le(),
            Op::Gt => order.is_gt(),
            _ => order.is_ge(),
        })
    }
}

/// The value of an integer literal.
pub(crate) fn int(text: &str) -> Value {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let lower = digits.to_ascii_lowercase();
    let parsed = if let Some(hex) = lower.strip_prefix("0x") {
        i128::from_str_radix(hex, 16)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        i128::from_str_radix(binary, 2)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        i128::from_str_radix(octal, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        i128::from_str_radix(&lower, 8)
    } else {
        lower.parse()
    };
    parsed.map_or_else(|_| lower.parse().map_or(Value::Unknown, Value::Float), Value::Int)
}

/// The value of a floating-point literal.
pub(crate) fn float(text: &str) -> Value {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) else {
        return digits.parse().map_or(Value::Unknown, Value::Float);
    };
    let (mantissa, power) = hex.split_once(['p', 'P']).unwrap_or((hex, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()).filter_map(|c| c.to_digit(16)) {
        value = value * 16.0 + f64::from(digit);
    }
    let places = i32::try_from(fraction.len()).unwrap_or(0);
    let power = power.parse().unwrap_or(0_i32).saturating_sub(places.saturating_mul(4));
    Value::Float(value * 2.0_f64.powi(power))
}

/// The value of an imaginary literal.
pub(crate) fn imaginary(text: &str) -> Value {
    let number = text.trim_end_matches('i');
    match float(number) {
        Value::Float(im) => Value::Complex(0.0, im),
        _ => int(number).float().map_or(Value::Unknown, |im| Value::Complex(0.0, im)),
    }
}

/// The value of a rune literal, with its quotes.
pub(crate) fn rune(text: &str) -> Value {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
    if !inner.starts_with('\\') {
        return inner.chars().next().map_or(Value::Unknown, |c| Value::Int(i128::from(u32::from(c))));
    }
    match escape(&inner[1..]) {
        Some((Escaped::Byte(byte), _)) => Value::Int(i128::from(byte)),
        Some((Escaped::Rune(rune), _)) => Value::Int(i128::from(rune)),
        None => Value::Unknown,
    }
}

enum Escaped {
    Byte(u8),
    Rune(u32),
}

/// What follows a backslash, and its length.
fn escape(text: &str) -> Option<(Escaped, usize)> {
    let first = text.chars().next()?;
    let simple = |byte: u8| Some((Escaped::Byte(byte), 1));
    let digits = |from: usize, count: usize, radix: u32| {
        u32::from_str_radix(text.get(from..from + count)?, radix).ok()
    };
    match first {
        'a' => simple(7),
        'b' => simple(8),
        'f' => simple(12),
        'n' => simple(10),
        'r' => simple(13),
        't' => simple(9),
        'v' => simple(11),
        '\\' | '\'' | '"' => simple(u8::try_from(first).ok()?),
        'x' => Some((Escaped::Byte(u8::try_from(digits(1, 2, 16)?).ok()?), 3)),
        'u' => Some((Escaped::Rune(digits(1, 4, 16)?), 5)),
        'U' => Some((Escaped::Rune(digits(1, 8, 16)?), 9)),
        '0'..='7' => Some((Escaped::Byte(u8::try_from(digits(0, 3, 8)?).ok()?), 3)),
        _ => None,
    }
}

/// The value of a string literal, with its quotes.
pub(crate) fn string(text: &str) -> Value {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
    if text.starts_with('`') {
        return Value::Str(inner.bytes().filter(|byte| *byte != b'\r').collect());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let Some((escaped, length)) = escape(rest) else { return Value::Unknown };
        match escaped {
            Escaped::Byte(byte) => bytes.push(byte),
            Escaped::Rune(rune) => {
                let c = char::from_u32(rune).unwrap_or(char::REPLACEMENT_CHARACTER);
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        rest = &rest[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Value::Str(Rc::from(bytes))
}
