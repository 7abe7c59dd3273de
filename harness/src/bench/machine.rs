//! The machine in words, without its name.

use serde::Serialize;

/// What figures depend on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor, as it calls itself.
    pub processor: String,
    /// The kernel and its version.
    pub kernel: String,
    /// Memory in all, in GiB.
    pub memory_gib: u64,
    /// How many processes wanted to run in the last minute, when the measurement began.
    pub load: Option<f64>,
    /// How this binary, which the reference client is part of, was built.
    pub build: Build,
}

/// How a binary was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Build {
    /// As it is used.
    Release,
    /// Without optimisation: the reference client is many times slower than it is.
    Debug,
}

impl Machine {
    /// This one, now.
    #[must_use]
    pub fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease");
        let load = read("/proc/loadavg");
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field(&read("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            kernel: format!("{} {}", std::env::consts::OS, kernel.trim())
                .trim_end()
                .to_owned(),
            memory_gib: kib.unwrap_or_default().div_ceil(1 << 20),
            load: load.split(' ').next().and_then(|load| load.parse().ok()),
            build: if cfg!(debug_assertions) {
                Build::Debug
            } else {
                Build::Release
            },
        }
    }

    /// In one line.
    #[must_use]
    pub fn words(&self) -> String {
        let load = (self.load).map_or_else(String::new, |load| format!(", load {load:.1}"));
        let plural = if self.cores == 1 { "" } else { "s" };
        let (cores, memory) = (self.cores, self.memory_gib);
        let (processor, kernel) = (&self.processor, &self.kernel);
        format!("{cores} core{plural} of {processor}, {memory} GiB, {kernel}{load}")
    }
}

/// The value of the first `NAME : VALUE` line.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_in_one_line() {
        let machine = Machine {
            cores: 2,
            processor: "A Processor".to_owned(),
            kernel: "linux 6.1".to_owned(),
            memory_gib: 8,
            load: Some(0.25),
            build: Build::Release,
        };
        assert_eq!(
            machine.words(),
            "2 cores of A Processor, 8 GiB, linux 6.1, load 0.2"
        );
        assert_eq!(
            field("a : 1\nmodel name\t: B: c\n", "model name").as_deref(),
            Some("B: c")
        );
    }

    #[test]
    fn this_machine_does_not_tell_its_name() {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let words = Machine::this().words();
        assert!(name.trim().is_empty() || !words.contains(name.trim()));
        assert!(Machine::this().cores > 0);
    }
}
