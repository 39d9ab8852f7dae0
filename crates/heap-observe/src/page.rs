//! The page: three files that are part of the program, and an icon. They load nothing from anywhere else.
#![forbid(unsafe_code)]

/// The page's frame.
pub(crate) const HTML: &str = include_str!("page/page.html");
/// How it looks.
pub(crate) const CSS: &str = include_str!("page/page.css");
/// What it does.
pub(crate) const SCRIPT: &str = include_str!("page/page.js");
/// Its icon.
pub(crate) const ICON: &str = include_str!("page/icon.svg");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_is_inline() {
        for text in [HTML, CSS, SCRIPT, ICON] {
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            for word in ["http:", "https:", "//cdn", "@import", "url("] {
                assert!(!elsewhere.contains(word), "{word}");
            }
        }
        // The policy in the headers forbids both, so they would do nothing.
        for word in [" style=", " onclick=", " onload=", "<style", "javascript:"] {
            assert!(!HTML.contains(word), "{word}");
        }
        assert_eq!(HTML.matches("<script").count(), HTML.matches("<script src=\"page.js\"").count());
    }
}
