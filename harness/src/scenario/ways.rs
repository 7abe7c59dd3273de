//! How the values of a scenario that can be written in more than one way are read.

use loginproof_mocks::deserialize_one_of;
use loginproof_mocks::one_of::{OneOf, word};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess};

use super::model::{AnswerCheck, Branch, Count, ExitCheck, Prompts, Repeated, StoreCheck};

deserialize_one_of!(AnswerCheck, Branch, Count, ExitCheck, Prompts, StoreCheck);

impl<'de> OneOf<'de> for Prompts {
    const WAYS: &'static str = "a prompt, a list of prompts, or `prompt` and `times`";

    fn from_text<E: de::Error>(text: &str) -> Result<Self, E> {
        Ok(Self::One(text.to_owned()))
    }

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self::Many)
    }

    fn from_table<A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        Repeated::deserialize(MapAccessDeserializer::new(table)).map(Self::Repeated)
    }
}

impl<'de> OneOf<'de> for Branch {
    const WAYS: &'static str = "a step or a list of steps";

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self::Steps)
    }

    fn from_table<A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        Box::deserialize(MapAccessDeserializer::new(table)).map(Self::Step)
    }
}

impl<'de> OneOf<'de> for Count {
    const WAYS: &'static str = "a number, or `at-least` and `at-most`";

    fn from_number<E: de::Error>(number: i64) -> Result<Self, E> {
        usize::try_from(number)
            .map(Self::Exactly)
            .map_err(|_| E::custom("a count is not negative"))
    }

    fn from_table<A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(table)).map(Self::Range)
    }
}

impl<'de> OneOf<'de> for AnswerCheck {
    const WAYS: &'static str = "a text, or a rule on it";

    fn from_text<E: de::Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Text(text.to_owned()))
    }

    fn from_table<A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(table)).map(Self::Rule)
    }
}

impl<'de> OneOf<'de> for ExitCheck {
    const WAYS: &'static str = "`success`, `failure`, `any`, or an exit status";

    fn from_text<E: de::Error>(text: &str) -> Result<Self, E> {
        word(text).map(Self::Word)
    }

    fn from_number<E: de::Error>(number: i64) -> Result<Self, E> {
        i32::try_from(number)
            .map(Self::Code)
            .map_err(|_| E::custom("an exit status lies between 0 and 255"))
    }
}

impl<'de> OneOf<'de> for StoreCheck {
    const WAYS: &'static str =
        "`unchanged`, `signed-out`, `always-whole`, `always-private`, or rules on the file";

    fn from_text<E: de::Error>(text: &str) -> Result<Self, E> {
        word(text).map(Self::Word)
    }

    fn from_table<A: MapAccess<'de>>(table: A) -> Result<Self, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(table)).map(Self::Rules)
    }
}
