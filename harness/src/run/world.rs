//! One scenario's world: its own servers, home, environment and credential file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use loginproof_mocks::server::{MockServer, ServerConfig};

use super::credentials::{self, Seeds};
use super::network::Network;
use super::plan::{Item, Settings, fnv};
use super::store_watch::StoreWatch;
use crate::sandbox::environment::{Environment, search_path};
use crate::sandbox::home::Home;
use crate::sandbox::namespace::NamespaceError;
use crate::scenario::model::Scenario;
use crate::target::model::Network as Way;
use crate::target::placeholders::Placeholders;
use crate::target::store::Layout;
use crate::target::{CommandKind, Target};

/// The model that every scenario asks for.
pub const MODEL: &str = "gpt-5.1-codex";

/// How long a stream may be silent when the scenario does not say.
const IDLE: Duration = Duration::from_secs(60);

/// What every program is told, besides its own flags and files.
const STANDARD: [(&str, &str); 5] = [
    ("LOGINPROOF_ORIGIN", "{origin}"),
    ("LOGINPROOF_ISSUER", "{issuer}"),
    ("LOGINPROOF_BASE_URL", "{base_url}"),
    ("LOGINPROOF_MODEL", "{model}"),
    ("LOGINPROOF_IDLE_TIMEOUT_MS", "{idle_timeout_ms}"),
];

/// One scenario's world.
pub struct World {
    /// The program under test.
    pub target: Arc<Target>,
    /// What is played.
    pub scenario: Arc<Scenario>,
    /// The servers.
    pub server: MockServer,
    /// How the program reaches them.
    pub network: Network,
    /// Evidence folder.
    pub dir: PathBuf,
    /// The program's home.
    pub home: Home,
    /// Where the program is started.
    pub work: PathBuf,
    /// The credential file.
    pub store: Option<PathBuf>,
    /// Its shape.
    pub layout: Option<Layout>,
    /// What the credential file held before the first step.
    pub seeded: Option<Vec<u8>>,
    /// Other files that stood in the home before the first step, with their content.
    pub furnished: Vec<(PathBuf, Vec<u8>)>,
    /// This binary.
    pub loginproof: PathBuf,
    placeholders: Placeholders,
}

/// Why a world could not be made.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A folder or file could not be made.
    #[error("cannot prepare {what}: {reason}")]
    Io {
        /// Which.
        what: String,
        /// The system's words.
        reason: String,
    },
    /// The servers did not start.
    #[error("cannot start the mock servers: {0}")]
    Server(String),
    /// No way that the scenario asks for is open.
    #[error("{0}")]
    NoWay(String),
    /// There is no network for the program.
    #[error("cannot make a network namespace: {0}")]
    Network(#[from] NamespaceError),
}

fn io(what: &Path) -> impl Fn(std::io::Error) -> WorldError + '_ {
    move |error| WorldError::Io {
        what: what.display().to_string(),
        reason: error.to_string(),
    }
}

impl World {
    /// Makes the world of one item of a plan.
    ///
    /// # Errors
    /// When servers, folders or files cannot be made.
    pub async fn set_up(item: &Item, settings: &Settings) -> Result<Self, WorldError> {
        let dir = settings.out.join(item.folder());
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(io(&dir))?;
        }
        std::fs::create_dir_all(&dir).map_err(io(&dir))?;
        let home = Home::create(&Home::parent()).map_err(|error| WorldError::Io {
            what: "a home folder".to_owned(),
            reason: error.to_string(),
        })?;
        let work = home.path().join("work");
        std::fs::create_dir_all(&work).map_err(io(&work))?;
        let way = item.network.clone().map_err(WorldError::NoWay)?;
        let direct = way == Way::Direct;
        // Reached by its own address, a server that speaks HTTP/2 is the only one with TLS.
        let own_tls = direct && item.scenario.server.is_http2();
        let ground = settings.ground.as_ref().filter(|_| own_tls || !direct);
        let (network, front) =
            Network::open(way, &item.scenario.settings, ground, &settings.loginproof)?;
        let authority = ground.map(|ground| ground.authority());
        let server = MockServer::start(ServerConfig {
            script: item.scenario.server.clone(),
            fixtures: settings.fixtures.clone(),
            seed: settings.seed
                ^ fnv(&format!(
                    "{}/{}",
                    item.name,
                    item.variant.as_deref().unwrap_or_default()
                )),
            bind: ([127, 0, 0, 1], 0).into(),
            tls: authority.clone().filter(|_| own_tls),
            ambient: item.target.ambient().to_vec(),
            front,
            authority,
            hosts: item.target.hosts(),
            issuer: network.issuer(),
            who: network.who(),
        })
        .await
        .map_err(|error| WorldError::Server(error.to_string()))?;

        let idle = item
            .scenario
            .settings
            .idle_timeout
            .map_or(IDLE, |span| span.0);
        let mut placeholders = Placeholders::default()
            .with("home", home.path().display().to_string())
            .with("work", work.display().to_string())
            .with("model", MODEL)
            .with("idle_timeout_ms", idle.as_millis().to_string())
            .with("loginproof", settings.loginproof.display().to_string());
        placeholders = network.placeholders(placeholders, &server);
        if let Some(tools) = &item.target.tools {
            placeholders = placeholders.with("tools", tools.display().to_string());
        }
        let flow = credentials::flow(&item.scenario);
        placeholders = placeholders.with("flow", flow.name());
        let (store, layout) = match item.target.store(flow) {
            Some((path, layout)) => (
                Some(PathBuf::from(placeholders.fill(path))),
                Some(layout.clone()),
            ),
            None => (None, None),
        };
        if let Some(store) = &store {
            placeholders = placeholders.with("store", store.display().to_string());
        }
        let seeds = Seeds::mint(
            &item.scenario,
            &item.target,
            store.as_deref().zip(layout.as_ref()),
            &placeholders,
            server.authorization(),
        );
        if let Some(token) = &seeds.access_token {
            placeholders = placeholders.with("access_token", token);
        }
        let mut world = Self {
            target: item.target.clone(),
            scenario: item.scenario.clone(),
            server,
            network,
            dir,
            home,
            work,
            store,
            layout,
            seeded: seeds.own.clone(),
            furnished: Vec::new(),
            loginproof: settings.loginproof.clone(),
            placeholders,
        };
        world.furnish(seeds)?;
        Ok(world)
    }

    /// Files that stand in the home before the first step.
    fn furnish(&mut self, seeds: Seeds) -> Result<(), WorldError> {
        for (path, file) in self.target.files(&self.scenario.settings.modes) {
            let path = PathBuf::from(self.placeholders.fill(path));
            let content = file.content(&self.placeholders).into_bytes();
            write(&path, &content, 0o600)?;
            self.furnished.push((path, content));
        }
        if let Some(folder) = self.store.as_deref().and_then(Path::parent) {
            private_folder(folder)?;
        }
        for file in seeds.files {
            write(&file.path, &file.bytes, file.mode)?;
        }
        Ok(())
    }

    /// Every file that may hold tokens of the program or of another one.
    #[must_use]
    pub fn credential_files(&self) -> Vec<PathBuf> {
        credentials::files(&self.target, &self.placeholders)
    }

    /// Watches the credential file, if there is one.
    #[must_use]
    pub fn watch(&self) -> Option<StoreWatch> {
        self.store.as_deref().and_then(StoreWatch::start)
    }

    /// Another client of the same sign-in rotates the tokens, and stores the new pair if told so.
    ///
    /// # Errors
    /// In words: no family to rotate, or the file cannot be written.
    pub fn rotate_elsewhere(&self, store_it: bool) -> Result<(), String> {
        let tokens = self
            .server
            .authorization()
            .rotate_elsewhere()
            .ok_or("there is no sign-in that another client could rotate")?;
        if !store_it {
            return Ok(());
        }
        let (Some(store), Some(layout)) = (&self.store, &self.layout) else {
            return Err("the target names no credential file".to_owned());
        };
        let bytes = std::fs::read(store)
            .map_err(|error| format!("cannot read {}: {error}", store.display()))?;
        let mut file = serde_json::from_slice(&bytes)
            .map_err(|error| format!("{} is not JSON: {error}", store.display()))?;
        layout.replace(&mut file, &tokens);
        // As a well-behaved program does it: a whole file in place of the old one.
        let beside = store.with_extension("elsewhere");
        let text = serde_json::to_string_pretty(&file).unwrap_or_default();
        write(&beside, text.as_bytes(), 0o600).map_err(|error| error.to_string())?;
        std::fs::rename(&beside, store)
            .map_err(|error| format!("cannot replace {}: {error}", store.display()))
    }

    /// A text of the target file with its placeholders filled.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        self.placeholders.fill(text)
    }

    /// Arguments and environment of one command.
    #[must_use]
    pub fn command(
        &self,
        kind: CommandKind,
        prompts: &[String],
        verbose: bool,
    ) -> Option<(Vec<String>, BTreeMap<String, String>)> {
        let modes = &self.scenario.settings.modes;
        let invocation = self.target.invocation(kind, modes, verbose)?;
        let placeholders = match prompts.first() {
            Some(prompt) => self.placeholders.clone().with("prompt", prompt),
            None => self.placeholders.clone(),
        };
        let mut argv = Vec::new();
        for word in &invocation.run {
            if word == "{prompts}" {
                argv.extend(prompts.iter().cloned());
            } else {
                argv.push(placeholders.fill(word));
            }
        }
        Some((argv, placeholders.fill_env(&invocation.env)))
    }

    /// The complete environment of a program: empty, plus what every program gets, plus the target's, the scenario's and the step's.
    #[must_use]
    pub fn environment(
        &self,
        command: BTreeMap<String, String>,
        step: &BTreeMap<String, String>,
    ) -> Vec<(OsString, OsString)> {
        let path = search_path(&self.bin(), std::env::var_os("PATH").as_deref());
        let mut env = Environment::new(self.home.path(), path);
        for (name, placeholder) in STANDARD {
            env.set(name, self.placeholders.fill(placeholder));
        }
        if let Some(store) = &self.store {
            env.set("LOGINPROOF_STORE", store);
        }
        self.network.furnish(&mut env, &self.server);
        for (name, value) in command
            .into_iter()
            .chain(self.scenario.settings.env.clone())
            .chain(step.clone())
        {
            env.set(name, self.placeholders.fill(&value));
        }
        env.into_variables()
    }

    /// Environment lines a person can paste to point a program of their own at this world.
    #[must_use]
    pub fn lines_to_paste(&self) -> Vec<String> {
        let own = self
            .target
            .file
            .env
            .clone()
            .into_iter()
            .map(|(name, value)| (name, self.placeholders.fill(&value)));
        STANDARD
            .into_iter()
            .map(|(name, value)| (name.to_owned(), self.placeholders.fill(value)))
            .chain(self.network.variables(&self.server))
            .chain(own)
            .map(|(name, value)| format!("export {name}='{value}'"))
            .collect()
    }

    fn bin(&self) -> Vec<PathBuf> {
        self.target.bin(&self.placeholders)
    }
}

impl Target {
    /// What a scenario needs that this program does not claim. Seeding credentials needs a known credential file.
    #[must_use]
    pub fn missing_for(&self, scenario: &Scenario) -> Vec<crate::scenario::model::Capability> {
        use crate::scenario::model::Capability::{Import, Pool, Store};
        let mut missing = self.lacks(&scenario.needs);
        let Some(credentials) = &scenario.credentials else {
            return missing;
        };
        let several = || self.layout.as_ref().is_some_and(Layout::holds_several);
        let known = |name: &String| self.imports.contains_key(name);
        let impossible = [
            (Store, !credentials.absent && !self.can_be_seeded()),
            (Pool, !credentials.pool.is_empty() && !several()),
            (Import, !credentials.imports.keys().all(known)),
        ];
        for (capability, impossible) in impossible {
            if impossible && !missing.contains(&capability) {
                missing.push(capability);
            }
        }
        missing
    }
}

fn private_folder(folder: &Path) -> Result<(), WorldError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io(folder))
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), WorldError> {
    use std::os::unix::fs::PermissionsExt;
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    std::fs::write(path, bytes).map_err(io(path))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(io(path))
}
