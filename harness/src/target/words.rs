//! Values of a target file that can be written in more than one way.

use loginproof_mocks::deserialize_one_of;
use loginproof_mocks::one_of::OneOf;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess};

/// One command, or several.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Commands {
    /// One: program and arguments.
    One(Vec<String>),
    /// Several, one after the other.
    Several(Vec<Vec<String>>),
}

/// One folder, or several.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Folders {
    /// One.
    One(String),
    /// Several, in the order in which they are searched.
    Several(Vec<String>),
}

impl Commands {
    /// The commands in order.
    #[must_use]
    pub fn list(&self) -> Vec<Vec<String>> {
        match self {
            Self::One(words) => vec![words.clone()],
            Self::Several(commands) => commands.clone(),
        }
    }

    /// All words of all commands.
    pub fn words(&self) -> impl Iterator<Item = &String> {
        let (one, several) = match self {
            Self::One(words) => (Some(words), None),
            Self::Several(commands) => (None, Some(commands)),
        };
        one.into_iter()
            .flatten()
            .chain(several.into_iter().flatten().flatten())
    }
}

impl Folders {
    /// The folders in order.
    #[must_use]
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(folder) => std::slice::from_ref(folder),
            Self::Several(folders) => folders,
        }
    }
}

deserialize_one_of!(Commands, Folders, Element);

/// A word of a command, or a command.
enum Element {
    Word(String),
    Command(Vec<String>),
}

impl<'de> OneOf<'de> for Element {
    const WAYS: &'static str = "a word, or a command as a list of words";

    fn from_text<E: de::Error>(text: &str) -> Result<Self, E> {
        Ok(Self::Word(text.to_owned()))
    }

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self::Command)
    }
}

impl<'de> OneOf<'de> for Commands {
    const WAYS: &'static str = "a command as a list of words, or a list of commands";

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        let (mut words, mut commands) = (Vec::new(), Vec::new());
        for element in Vec::<Element>::deserialize(SeqAccessDeserializer::new(list))? {
            match element {
                Element::Word(word) => words.push(word),
                Element::Command(command) => commands.push(command),
            }
        }
        match (words.is_empty(), commands.is_empty()) {
            (_, true) => Ok(Self::One(words)),
            (true, false) => Ok(Self::Several(commands)),
            (false, false) => Err(de::Error::custom(
                "either all elements are words of one command, or all are commands",
            )),
        }
    }
}

impl<'de> OneOf<'de> for Folders {
    const WAYS: &'static str = "a folder, or a list of folders";

    fn from_text<E: de::Error>(text: &str) -> Result<Self, E> {
        Ok(Self::One(text.to_owned()))
    }

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self::Several)
    }
}
