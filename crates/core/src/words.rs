//! Enums with a word for each value.

/// Makes an enum whose values have a word: `ALL`, `as_str`, `from_word`, `Display` and `Serialize`.
///
/// For the crates of this workspace.
#[doc(hidden)]
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$doc:meta])* $value:ident = $word:literal,)+
    }) => {
        $(#[$meta])*
        pub enum $name {
            $($(#[$doc])* $value,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$value),+];
            /// The word of each, in the same order.
            pub const WORDS: [&'static str; Self::ALL.len()] = [$($word),+];

            /// The word for it in JSON, job files, Python and on the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }

            /// The value with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::call::Call;
    use crate::error_table::{FailureScope, RetryAction};
    use crate::resource_state::StateMeaning;
    use crate::step::Phase;
    use crate::verdict::Verdict;

    #[test]
    fn each_word_leads_back_to_its_value() {
        macro_rules! check {
            ($($name:ident)+) => {$(
                for value in $name::ALL {
                    assert_eq!($name::from_word(value.as_str()), Some(value));
                    assert_eq!(value.to_string(), value.as_str());
                    let json = serde_json::to_value(value).unwrap();
                    assert_eq!(json, value.as_str());
                }
                assert_eq!($name::from_word(""), None);
            )+};
        }
        check!(Verdict Phase Call RetryAction FailureScope StateMeaning);
    }
}
