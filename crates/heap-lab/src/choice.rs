//! Choices: enums whose values have names on the command line.
//!
//! [`choices!`] writes the enum, the list of its values and their words from one table, so that what is parsed,
//! what is listed in an error and what exists can never differ.

/// Defines an enum of named choices: its values, `ALL`, `word` and `named`.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one, in the order of the documentation.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name on the command line.
            pub(crate) fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one with this name.
            ///
            /// # Errors
            /// When there is none; the error lists those that exist.
            pub(crate) fn named(word: &str) -> Result<Self, $crate::error::LabError> {
                let words = || Self::ALL.iter().map(|one| one.word());
                let found = Self::ALL.iter().copied().find(|one| one.word() == word);
                found.ok_or_else(|| $crate::error::LabError::unknown($what, word, words()))
            }
        }
    };
}

pub(crate) use choices;
