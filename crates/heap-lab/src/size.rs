//! Sizes as people type them.
//!
//! Pure.

use crate::error::LabError;

/// Bytes of a size such as `64MiB`, `1.5GiB`, `16TiB`, `4096`.
///
/// # Errors
/// When the text is no size, or one below a byte or above 256 TiB.
pub(crate) fn parse_size(text: &str) -> Result<u64, LabError> {
    let wrong = || {
        LabError::Argument(format!("`{text}` is no size: give bytes, or a number with KiB, MiB, GiB or TiB"))
    };
    let unit = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let scale: u64 = match text[unit..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: f64 = text[..unit].trim().parse().map_err(|_| wrong())?;
    let bytes = number * scale as f64;
    // More than a process can address is a typing error.
    if !(1.0..=(1u64 << 48) as f64).contains(&bytes) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to lie between 1 and 2^48")]
    #[expect(clippy::cast_sign_loss, reason = "checked to be at least 1")]
    let whole = bytes as u64;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_units() {
        for (text, bytes) in [
            ("4096", 4096),
            ("4096B", 4096),
            ("64MiB", 64 << 20),
            ("64m", 64 << 20),
            ("1.5GiB", 3 << 29),
            ("16TiB", 1 << 44),
            ("1 k", 1024),
        ] {
            assert_eq!(parse_size(text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "NaN", "inf", "1e30", "1XiB", "1024GiB1"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
