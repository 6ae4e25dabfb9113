//! JSON objects of the API: known fields once each, unknown ones skipped, nesting capped.
//!
//! Deriving `Deserialize` would skip unknown fields without a limit on their depth. These skip by
//! recursion, so that `serde_json`'s own limit of 128 levels holds for every byte of the answer.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::withheld::Withheld;

/// Any value, read and forgotten.
pub(crate) struct Skip;

impl<'de> Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// A text, borrowed from the input unless it holds escapes.
///
/// Only the reader of an answer turns it into a text of its own, without the secret of the request.
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn told(self, withheld: Option<&Withheld>) -> String {
        match withheld {
            Some(withheld) => withheld.taken_out(&self.0),
            None => self.0.into_owned(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;

        impl<'de> Visitor<'de> for Borrow {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }

        deserializer.deserialize_str(Borrow).map(Text)
    }
}

/// A list of no more elements than any page has: small elements of a large body would take many
/// times its size.
pub(crate) struct Few<T>(pub(crate) Vec<T>);

const MANY: usize = 1000;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut few = Vec::new();
                while let Some(element) = seq.next_element()? {
                    if few.len() == MANY {
                        return Err(A::Error::custom("a page of more than 1,000 elements"));
                    }
                    few.push(element);
                }
                Ok(Few(few))
            }
        }

        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// A parser's message without the value it complains of, which may be a secret in the wrong place.
pub(crate) fn without_value(message: &str) -> String {
    match (
        message.split_once("string \""),
        message.rsplit_once("\", expected"),
    ) {
        (Some((before, _)), Some((_, after))) => format!("{before}string, expected{after}"),
        _ => message.to_owned(),
    }
}

/// Sets a field that must not come twice; `null` is as good as absent.
pub(crate) fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<Option<T>>,
    key: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(A::Error::duplicate_field(key));
    }
    *slot = Some(map.next_value()?);
    Ok(())
}

/// A struct of optional fields that reads itself from a JSON object.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $key:literal),+ $(,)? }) => {
        $(#[$doc])*
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: Option<$type>,)+
            marker: std::marker::PhantomData<&'a str>,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields<'a>(std::marker::PhantomData<&'a str>);

                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a JSON object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        $(let mut $field = None;)+
                        while let Some(key) = map.next_key::<$crate::json::Text<'de>>()? {
                            match key.as_str() {
                                $($key => $crate::json::once(&mut $field, $key, &mut map)?,)+
                                _ => {
                                    map.next_value::<$crate::json::Skip>()?;
                                }
                            }
                        }
                        Ok($name { $($field: $field.flatten(),)+ marker: std::marker::PhantomData })
                    }
                }

                deserializer.deserialize_map(Fields(std::marker::PhantomData))
            }
        }
    };
}
pub(crate) use object;
