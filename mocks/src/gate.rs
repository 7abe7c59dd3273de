//! Gates: places where answers wait until somebody opens them. Order in a scenario is made by gates,
//! never by time.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// The gates of one server, by name. A gate comes into being when it is first named; a gate once
/// open stays open.
#[derive(Debug)]
pub struct Gates {
    states: watch::Sender<States>,
}

#[derive(Debug, Default)]
struct States {
    gates: BTreeMap<String, State>,
    /// Every gate is open, named so far or not.
    all_open: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    open: bool,
    arrived: usize,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            states: watch::Sender::new(States::default()),
        }
    }
}

impl Gates {
    /// Opens a gate: who waits there goes on, and who comes later does not wait.
    pub fn open(&self, name: &str) {
        self.states
            .send_modify(|states| states.gates.entry(name.to_owned()).or_default().open = true);
    }

    /// Opens every gate, named so far or not.
    pub fn open_all(&self) {
        self.states.send_modify(|states| states.all_open = true);
    }

    /// Waits until at least `count` requests have come to the gate, whether they still wait or not.
    pub async fn held(&self, name: &str, count: usize) {
        let mut states = self.states.subscribe();
        // Fails only when the sender is gone, and the sender is `self`.
        let _ = states
            .wait_for(|states| states.arrived(name) >= count)
            .await;
    }

    /// How many requests have come to the gate so far.
    #[must_use]
    pub fn arrived(&self, name: &str) -> usize {
        self.states.borrow().arrived(name)
    }

    /// Comes to the gate and waits until it is open.
    pub(crate) async fn pass(&self, name: &str) {
        let mut states = self.states.subscribe();
        self.states.send_modify(|states| {
            states.gates.entry(name.to_owned()).or_default().arrived += 1;
        });
        let _ = states.wait_for(|states| states.is_open(name)).await;
    }
}

impl States {
    fn arrived(&self, name: &str) -> usize {
        self.gates.get(name).map_or(0, |state| state.arrived)
    }

    fn is_open(&self, name: &str) -> bool {
        self.all_open || self.gates.get(name).is_some_and(|state| state.open)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const BOUND: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_request_waits_until_its_gate_opens() {
        let gates = Arc::new(Gates::default());
        let waiting = tokio::spawn({
            let gates = Arc::clone(&gates);
            async move { gates.pass("a").await }
        });
        timeout(BOUND, gates.held("a", 1)).await.unwrap();
        assert!(!waiting.is_finished());
        gates.open("a");
        timeout(BOUND, waiting).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_open_gate_stays_open_and_still_counts() {
        let gates = Gates::default();
        gates.open("a");
        timeout(BOUND, gates.pass("a")).await.unwrap();
        timeout(BOUND, gates.pass("a")).await.unwrap();
        timeout(BOUND, gates.held("a", 2)).await.unwrap();
        assert_eq!(gates.arrived("a"), 2);
    }

    #[tokio::test]
    async fn open_all_opens_gates_that_nobody_named_yet() {
        let gates = Gates::default();
        gates.open_all();
        timeout(BOUND, gates.pass("later")).await.unwrap();
    }
}
