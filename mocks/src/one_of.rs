//! Values that people may write in more than one way: a word or a table, a number or a range.
//!
//! Unlike an untagged enum, the way is chosen by the kind of the value, so that a mistake inside a table is
//! reported where it stands.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};

/// A value that can be written in more than one way. Each way that is not overridden is refused.
pub trait OneOf<'de>: Sized {
    /// The ways there are, for error messages: "a number or a table".
    const WAYS: &'static str;

    /// From a string.
    ///
    /// # Errors
    /// When a string is not one of the ways, or not a valid one.
    fn from_text<E: de::Error>(text: &str) -> Result<Self, E> {
        Err(E::invalid_type(Unexpected::Str(text), &Self::WAYS))
    }

    /// From a whole number.
    ///
    /// # Errors
    /// When a number is not one of the ways, or out of range.
    fn from_number<E: de::Error>(number: i64) -> Result<Self, E> {
        Err(E::invalid_type(Unexpected::Signed(number), &Self::WAYS))
    }

    /// From a list.
    ///
    /// # Errors
    /// When a list is not one of the ways, or an element is wrong.
    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        drop(list);
        Err(de::Error::invalid_type(Unexpected::Seq, &Self::WAYS))
    }

    /// From a table.
    ///
    /// # Errors
    /// When a table is not one of the ways, or a field is wrong.
    fn from_table<A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        drop(table);
        Err(de::Error::invalid_type(Unexpected::Map, &Self::WAYS))
    }
}

/// Deserialises a value in whichever way it is written.
///
/// # Errors
/// What the chosen way reports.
pub fn deserialize<'de, T: OneOf<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Ways(PhantomData))
}

/// A word of an enum, by its serde name.
///
/// # Errors
/// An unknown word, with the known ones.
pub fn word<'de, T: Deserialize<'de>, E: de::Error>(text: &str) -> Result<T, E> {
    T::deserialize(de::value::StrDeserializer::new(text))
}

struct Ways<T>(PhantomData<T>);

impl<'de, T: OneOf<'de>> Visitor<'de> for Ways<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WAYS)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::from_number(number)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        i64::try_from(number)
            .map_err(|_| E::custom("the number is too large"))
            .and_then(T::from_number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<T, A::Error> {
        T::from_table(table)
    }
}

/// Implements `Deserialize` through [`OneOf`] and, for the schema, keeps the derived `JsonSchema`.
#[macro_export]
macro_rules! deserialize_one_of {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::one_of::deserialize(deserializer)
            }
        }
    )+};
}
