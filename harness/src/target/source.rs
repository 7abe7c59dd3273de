//! A target file and those it extends: read as one, every mistake shown in the file where it stands.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::file_error::FileError;

/// A target file and what it extends, itself first.
pub(super) struct Sources(Vec<Source>);

/// The text of one file.
pub(super) struct Source {
    /// How people name it: `targets/codex.toml`, `./mine.toml`.
    pub(super) path: String,
    /// Its content.
    pub(super) text: String,
    /// Built in, or in the file system.
    pub(super) built_in: bool,
}

/// What a file says before it is read as a whole.
#[derive(Deserialize)]
pub(super) struct Head {
    /// Its name.
    pub(super) name: Option<Spanned<String>>,
    /// What it extends.
    pub(super) extends: Option<Spanned<String>>,
    /// Whether it says how to install the program.
    pub(super) install: Option<toml::Table>,
}

impl Source {
    /// Reads the keys that come before all others.
    ///
    /// # Errors
    /// When the file is not TOML, or one of them is of the wrong kind.
    pub(super) fn head(&self) -> Result<Head, FileError> {
        toml::from_str(&self.text)
            .map_err(|error| FileError::from_toml(&self.path, &self.text, &error))
    }

    /// The folder that its paths start from.
    pub(super) fn folder(&self) -> &Path {
        Path::new(&self.path).parent().unwrap_or(Path::new(""))
    }
}

impl Sources {
    /// A file and what it extends, itself first. There is at least one.
    pub(super) fn new(files: Vec<Source>) -> Self {
        debug_assert!(!files.is_empty());
        Self(files)
    }

    /// All files, the one that was asked for first.
    pub(super) fn files(&self) -> &[Source] {
        &self.0
    }

    /// Reads all files as one: what stands in the first takes the place of what stands in the next.
    ///
    /// # Errors
    /// The first mistake, in its file.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        let mut merged: Option<Spanned<DeTable<'_>>> = None;
        let mut offset = 0;
        let mut starts = Vec::new();
        for source in &self.0 {
            let table = DeTable::parse(&source.text)
                .map_err(|error| FileError::from_toml(&source.path, &source.text, &error))?;
            // Each file has a range of places of its own, so that a mistake is found in its file afterwards.
            let span = along(&table, offset);
            let table = moved(table.into_inner(), offset);
            starts.push(offset);
            offset += source.text.len() + 1;
            merged = Some(match merged {
                None => Spanned::new(span, table),
                Some(own) => {
                    let (span, mut below) = (own.span(), table);
                    lay_over(&mut below, own.into_inner(), &mut Vec::new());
                    Spanned::new(span, below)
                }
            });
        }
        let table = merged.unwrap_or_else(|| Spanned::new(0..0, DeTable::new()));
        T::deserialize(toml::Deserializer::from(table)).map_err(|error| {
            let place = error.span().unwrap_or_default();
            let index = starts
                .iter()
                .rposition(|start| *start <= place.start)
                .unwrap_or_default();
            let source = &self.0[index];
            let span = error.span().map(|span| {
                let end = source.text.len();
                let place = |at: usize| at.saturating_sub(starts[index]).min(end);
                place(span.start)..place(span.end)
            });
            FileError::from_reader(&source.path, &source.text, span, error.message())
        })
    }

    /// Whether any of the files holds this text.
    pub(super) fn has(&self, text: &str) -> bool {
        self.0.iter().any(|source| source.text.contains(text))
    }

    /// The first file that holds this text, or the one that was asked for.
    pub(super) fn naming(&self, text: &str) -> &Source {
        let source = self.0.iter().find(|source| source.text.contains(text));
        source.unwrap_or(&self.0[0])
    }

    /// A mistake where `needle` first occurs, in the first file that has it.
    pub(super) fn at(&self, needle: &str, message: impl Into<String>) -> FileError {
        let source = self.naming(needle);
        FileError::at(&source.path, &source.text, needle, message)
    }
}

/// A table whose places are counted from `offset`.
fn moved(table: DeTable<'_>, offset: usize) -> DeTable<'_> {
    let fields = table.into_iter().map(|(key, value)| {
        let key = Spanned::new(along(&key, offset), key.into_inner());
        (key, moved_value(value, offset))
    });
    fields.collect()
}

fn moved_value(value: Spanned<DeValue<'_>>, offset: usize) -> Spanned<DeValue<'_>> {
    let span = along(&value, offset);
    let value = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(moved(table, offset)),
        DeValue::Array(list) => {
            let moved = list.into_iter().map(|value| moved_value(value, offset));
            DeValue::Array(moved.collect())
        }
        value => value,
    };
    Spanned::new(span, value)
}

fn along<T>(spanned: &Spanned<T>, offset: usize) -> Range<usize> {
    let span = spanned.span();
    span.start + offset..span.end + offset
}

/// Puts every key of `own` into `below`. Tables are merged, unless they are one of several ways to say one thing.
fn lay_over<'a>(below: &mut DeTable<'a>, own: DeTable<'a>, path: &mut Vec<String>) {
    for (key, mut value) in own {
        path.push(key.get_ref().to_string());
        let old = below.remove(&key);
        if let (DeValue::Table(own), Some(DeValue::Table(mut merged)), false) = (
            value.get_mut(),
            old.map(Spanned::into_inner),
            is_choice(path),
        ) {
            lay_over(&mut merged, std::mem::take(own), path);
            *own = merged;
        }
        below.insert(key, value);
        path.pop();
    }
}

/// Whether the table at this place holds one of several keys: laid over each other, two would hold two of them.
fn is_choice(path: &[String]) -> bool {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        names[..],
        [.., "answer"] | ["files", _] | ["modes", _, "files", _]
    )
}
