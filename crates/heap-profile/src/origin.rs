//! Origins: the crate and the module that a function was written in.
//!
//! Three things say it, each in its own way:
//!
//! * a symbol of the newer mangling (`_R…`), exactly: [`mangled`];
//! * the function's name. That of a function of a trait, `<T as Trait>::f`, names two crates, and the code is in the one or the other
//!   (nothing else is allowed): in that of the source file, if the file says one of them; else in the one that is not the
//!   standard library; else in the type's;
//! * the source file, where the name is bare (`f`): so it is for binaries that have only line tables, as release builds often do.
//!   That says the crate by its folder, and the module by the files' usual names: [`mod@file`].

mod file;
mod mangled;

/// Where a function was written.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Origin {
    /// The crate; empty if nothing says.
    pub(crate) krate: String,
    /// The module, with its crate: `shop::orders`. Empty where the crate is.
    pub(crate) module: String,
}

impl Origin {
    /// From parts of a path, the crate first: modules are written small, and what comes after them is not one.
    fn of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let modules = parts.into_iter().take_while(|part| is_module(part));
        let parts: Vec<&str> = modules.collect();
        Self { krate: parts.first().copied().unwrap_or_default().to_owned(), module: parts.join("::") }
    }

    /// Of a function with this name, as it is shown, and this symbol and source file.
    pub(crate) fn of(function: &str, symbol: &str, source: &str) -> Self {
        if let Some(parts) = mangled::modules(symbol) {
            return Self::of_parts(parts.iter().map(String::as_str));
        }
        if is_bare(function) {
            return file::parts(source)
                .map_or_else(Self::default, |parts| Self::of_parts(parts.iter().map(String::as_str)));
        }
        let Some((own, of_trait)) = implementation(function) else { return Self::of_function(function) };
        let (own, of_trait) = (Self::of_type(own), of_trait.map(Self::of_type).unwrap_or_default());
        // A function that a trait brings along is the trait's.
        if symbol.starts_with("_RNvY") {
            return of_trait;
        }
        let from_file = file::parts(source).and_then(|parts| parts.first().cloned());
        let candidates = [own, of_trait];
        let is_in_file = |origin: &&Self| from_file.as_deref() == Some(&origin.krate);
        let chosen = candidates.iter().find(is_in_file);
        let chosen = chosen.or_else(|| candidates.iter().find(|origin| !origin.is_standard()));
        let chosen = chosen.or_else(|| candidates.iter().find(|origin| !origin.krate.is_empty()));
        chosen.cloned().unwrap_or_default()
    }

    /// Whether it is the standard library, or nobody knows.
    pub(crate) fn is_standard(&self) -> bool {
        matches!(self.krate.as_str(), "std" | "core" | "alloc" | "")
    }

    /// The last part of a path is the function, or what it belongs to.
    fn of_function(function: &str) -> Self {
        let path = path(function);
        if function[path.len()..].starts_with("<impl ") {
            // `module::<impl Trait for T>::f`.
            return Self::of_parts(path.split("::"));
        }
        let path = path.trim_end_matches("::");
        path.rsplit_once("::").map_or_else(Self::default, |(before, _)| Self::of_parts(before.split("::")))
    }

    /// The last part of a path is a type or a trait.
    fn of_type(name: &str) -> Self {
        let mut name = name.trim_start_matches(['&', '[', '(', '*']);
        for word in ["mut ", "const ", "dyn "] {
            name = name.strip_prefix(word).unwrap_or(name);
        }
        Self::of_function(name)
    }
}

/// A function with its module before it, where it has a bare name and the file says the module.
pub(crate) fn with_module(function: String, source: &str) -> String {
    if !is_bare(&function) {
        return function;
    }
    match file::parts(source) {
        Some(parts) => format!("{}::{function}", parts.join("::")),
        None => function,
    }
}

fn is_module(part: &str) -> bool {
    !part.is_empty()
        && part.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
}

/// What comes before the first generic argument, closure, or shim.
fn path(name: &str) -> &str {
    let end = name.find(['<', '>', ' ', '[', ']', ',', '(', ')', '{', '\'']).unwrap_or(name.len());
    &name[..end]
}

/// Whether a name does not begin with a path: `f`, `f<T>`, `{closure#0}`.
fn is_bare(function: &str) -> bool {
    !function.starts_with('<') && !path(function).contains("::")
}

/// The type and the trait of `<T as Trait>::f`; the type alone of `<T>::f`.
fn implementation(function: &str) -> Option<(&str, Option<&str>)> {
    let inside = function.strip_prefix('<')?;
    let (mut depth, mut before, mut as_at) = (0_usize, ' ', None);
    for (at, char) in inside.char_indices() {
        match char {
            '<' | '(' | '[' => depth += 1,
            // The arrow of `fn() -> T`.
            '>' if before == '-' => {}
            '>' if depth == 0 => {
                let of_trait = as_at.map(|as_at: usize| &inside[as_at + " as ".len()..at]);
                return Some((&inside[..as_at.unwrap_or(at)], of_trait));
            }
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && as_at.is_none() && inside[at..].starts_with(" as ") => as_at = Some(at),
            _ => {}
        }
        before = char;
    }
    None
}

#[cfg(test)]
mod tests;
