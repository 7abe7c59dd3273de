//! Loading target files: embedded ones by name, others by path, each with what it extends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::flow::Flow;
use super::model::{SeedFile, TargetFile};
use super::source::{Source, Sources};
use super::store::{Layout, StoreFile};
use super::validate::validate;
use crate::file_error::{FileError, suggestion};
use crate::scenario::model::Capability;

static TARGETS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../targets");

/// A program under test, ready to be run.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its file, with everything of the target it extends.
    pub file: TargetFile,
    /// Shape of its credential file.
    pub layout: Option<Layout>,
    /// Credential files of single ways to sign in, where they differ.
    pub logins: BTreeMap<Flow, Credential>,
    /// Credential files of other programs that it takes over, by name.
    pub imports: BTreeMap<String, Credential>,
    /// Where its installed program lies, when `install` is known for it.
    pub tools: Option<PathBuf>,
}

/// A credential file: where it is, and its shape.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Where it is, with placeholders.
    pub path: String,
    /// Its shape.
    pub layout: Layout,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TargetError {
    /// No such built-in target and no such file.
    #[error("there is no target `{name}`")]
    #[diagnostic(help("{help}"))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        help: String,
    },
    /// The file cannot be read.
    #[error("cannot read target file {path}: {reason}")]
    Unreadable {
        /// Which.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// The file holds a mistake.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
}

impl Target {
    /// Names of the built-in targets.
    #[must_use]
    pub fn built_in() -> Vec<String> {
        let mut names: Vec<String> = TARGETS
            .files()
            .filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// The target of this name, or in this file (anything with a slash or ending in `.toml`).
    ///
    /// # Errors
    /// No such target, or a mistake in its file.
    pub fn load(name: &str) -> Result<Self, TargetError> {
        Self::from_source(find(name)?)
    }

    /// Reads a target file.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(path: &str, text: &str) -> Result<Self, TargetError> {
        Self::from_source(Source {
            path: path.to_owned(),
            text: text.to_owned(),
            built_in: false,
        })
    }

    fn from_source(source: Source) -> Result<Self, TargetError> {
        let (sources, installed_as) = chain(source)?;
        let mut file: TargetFile = sources.read()?;
        validate(&file, &sources)?;
        let modes = file.modes.values_mut().map(|mode| &mut mode.files);
        let installed = file.install.iter_mut().map(|install| &mut install.files);
        for seeds in std::iter::once(&mut file.files)
            .chain(modes)
            .chain(installed)
        {
            load_files(seeds, &sources)?;
        }
        let credential = |store: &StoreFile, needle: &str| -> Result<Credential, FileError> {
            let layout = store
                .layout()
                .map_err(|message| sources.at(needle, message))?;
            Ok(Credential {
                path: store.path.clone(),
                layout,
            })
        };
        let store = file.store.clone().unwrap_or_default();
        let layout = match &file.store {
            Some(store) => Some(credential(store, "[store]")?.layout),
            None => None,
        };
        if file.speaks.contains(&Capability::Pool)
            && !layout.as_ref().is_some_and(Layout::holds_several)
        {
            let message = "the target claims `pool` but its [store] holds one account";
            return Err(sources.at("\"pool\"", message).into());
        }
        let mut logins = BTreeMap::new();
        for (flow, command) in &file.logins {
            if let Some(own) = &command.store {
                let needle = format!("[{}]", flow.key());
                logins.insert(*flow, credential(&own.over(&store), &needle)?);
            }
        }
        let mut imports = BTreeMap::new();
        for (name, store) in &file.imports {
            let needle = format!("[imports.{name}]");
            imports.insert(name.clone(), credential(&store.named(name), &needle)?);
        }
        let tools = file
            .install
            .as_ref()
            .map(|install| tools_folder(&installed_as, &install.pin));
        Ok(Self {
            file,
            layout,
            logins,
            imports,
            tools,
        })
    }
}

/// The source of a target by name or path.
fn find(name: &str) -> Result<Source, TargetError> {
    if name.contains('/') || name.ends_with(".toml") {
        let text = std::fs::read_to_string(name).map_err(|error| TargetError::Unreadable {
            path: name.to_owned(),
            reason: error.to_string(),
        })?;
        return Ok(Source {
            path: name.to_owned(),
            text,
            built_in: false,
        });
    }
    built_in(name).ok_or_else(|| TargetError::Unknown {
        name: name.to_owned(),
        help: format!(
            "{}; a file of your own is named by its path, such as ./{name}.toml",
            known_names(name)
        ),
    })
}

fn built_in(name: &str) -> Option<Source> {
    let path = format!("{name}.toml");
    let text = TARGETS.get_file(&path)?.contents_utf8()?;
    Some(Source {
        path: format!("targets/{path}"),
        text: text.to_owned(),
        built_in: true,
    })
}

fn known_names(name: &str) -> String {
    let known = Target::built_in();
    let meant = suggestion(name, known.iter().map(String::as_str))
        .map(|meant| format!("did you mean `{meant}`? "));
    format!(
        "{}built in: {}",
        meant.unwrap_or_default(),
        known.join(", ")
    )
}

/// A file with all that it extends, and the name under which its program is installed.
fn chain(source: Source) -> Result<(Sources, String), FileError> {
    let mut files = vec![source];
    let mut installed_as = None;
    let mut names = Vec::new();
    loop {
        let source = &files[files.len() - 1];
        let head = source.head()?;
        let wrong = |span, message: String| {
            Err(FileError::new(
                &source.path,
                &source.text,
                Some(span),
                message,
            ))
        };
        if let Some(name) = head.name {
            if head.install.is_some() && installed_as.is_none() {
                installed_as = Some(name.get_ref().clone());
            }
            if names.contains(name.get_ref()) {
                return wrong(
                    name.span(),
                    format!(
                        "`{}` is also the name of a target that extends this one",
                        name.get_ref()
                    ),
                );
            }
            names.push(name.into_inner());
        } else if files.len() == 1 && head.extends.is_some() {
            return wrong(
                0..0,
                "a target that extends another needs a `name` of its own".to_owned(),
            );
        }
        let Some(extends) = head.extends else { break };
        let (span, base) = (extends.span(), extends.into_inner());
        let file = base.contains('/') || base.ends_with(".toml");
        let next = if file && source.built_in {
            return wrong(
                span,
                "a built-in target extends another by its name".to_owned(),
            );
        } else if file {
            let path = source.folder().join(&base).display().to_string();
            match std::fs::read_to_string(&path) {
                Ok(text) => Source {
                    path,
                    text,
                    built_in: false,
                },
                Err(error) => return wrong(span, format!("cannot read {path}: {error}")),
            }
        } else {
            match built_in(&base) {
                Some(next) => next,
                None => {
                    let help = known_names(&base);
                    return wrong(span, format!("there is no target `{base}` to extend"))
                        .map_err(|error| error.with_help(Some(help)));
                }
            }
        };
        if let Some(at) = files.iter().position(|seen| same_file(seen, &next)) {
            let mut way: Vec<&str> = files[at..].iter().map(|seen| seen.path.as_str()).collect();
            way.push(&next.path);
            return wrong(
                span,
                format!("a target cannot extend itself: {}", way.join(" -> ")),
            );
        }
        files.push(next);
    }
    let name = installed_as.or_else(|| names.into_iter().next());
    Ok((Sources::new(files), name.unwrap_or_default()))
}

fn same_file(one: &Source, other: &Source) -> bool {
    let real = |source: &Source| std::fs::canonicalize(&source.path).ok();
    if one.built_in || other.built_in {
        return one.built_in && other.built_in && one.path == other.path;
    }
    one.path == other.path || real(one).is_some_and(|path| Some(path) == real(other))
}

/// Reads the files that seeds take their text from.
fn load_files(seeds: &mut BTreeMap<String, SeedFile>, sources: &Sources) -> Result<(), FileError> {
    for seed in seeds.values_mut() {
        let Some(from) = &seed.from else { continue };
        // The file that names it, or another of the chain that says the same.
        let source = sources.naming(from);
        let text = if source.built_in {
            let file = TARGETS.get_file(from).and_then(|file| file.contents_utf8());
            file.map(str::to_owned)
                .ok_or_else(|| format!("there is no file targets/{from}"))
        } else {
            let path = source.folder().join(from);
            std::fs::read_to_string(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        seed.loaded = Some(text.map_err(|message| sources.at(from, message))?);
    }
    Ok(())
}

/// The folder below the user's cache where loginproof keeps what it makes.
#[must_use]
pub fn cache_folder() -> PathBuf {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| Path::new(value).is_absolute())
            .map(PathBuf::from)
    };
    let home = from("HOME").unwrap_or_else(std::env::temp_dir);
    let base = from("XDG_CACHE_HOME").unwrap_or_else(|| {
        if cfg!(target_os = "macos") {
            home.join("Library/Caches")
        } else {
            home.join(".cache")
        }
    });
    base.join("loginproof")
}

/// Where the pinned version of a program is installed.
#[must_use]
pub fn tools_folder(name: &str, pin: &str) -> PathBuf {
    cache_folder().join("tools").join(format!("{name}-{pin}"))
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
