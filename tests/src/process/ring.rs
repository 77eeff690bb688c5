//! What stones say of the ring, and members that leave it.

use super::binary;
use super::http::Http;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The ring as a stone knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Names of the members.
    pub members: Vec<String>,
    /// For each partition its owners, as numbers of `members`.
    pub owners: Vec<Vec<usize>>,
    /// Partitions whose owners are not those that they are to have.
    pub unsettled: u64,
}

impl Ring {
    /// The ring as the stone behind `http` knows it; `None` if it does not say.
    ///
    /// # Panics
    /// If what it says is no ring.
    #[must_use]
    pub fn of(http: &Http) -> Option<Self> {
        let answer = http.try_get("/v1/ring")?;
        if answer.status != 200 {
            return None;
        }
        let ring = answer.json();
        let list = |value: &Value| value.as_array().cloned().expect("a list");
        let number = |value: &Value| value.as_u64().expect("a number");
        let index = |value: &Value| usize::try_from(number(value)).expect("a small number");
        let name = |member: &Value| member["name"].as_str().expect("a name").to_owned();
        let owners = |value: &Value| list(value).iter().map(index).collect();
        Some(Self {
            members: list(&ring["members"]).iter().map(name).collect(),
            owners: list(&ring["owners"]).iter().map(owners).collect(),
            unsettled: number(&ring["unsettled"]),
        })
    }

    fn is_settled(&self, names: &[&str]) -> bool {
        let is_named = |name: &String| names.contains(&name.as_str());
        self.unsettled == 0
            && self.members.len() == names.len()
            && self.members.iter().all(is_named)
    }

    fn summary(&self) -> String {
        let (left, all) = (self.unsettled, self.owners.len());
        let members = self.members.join(", ");
        format!("{left} of {all} partitions are unsettled, the members are {members}")
    }
}

/// Waits until each stone of `asked` says that the members are those called `names`, and that no
/// owners change. Returns how long that took.
///
/// # Panics
/// After `limit`, with what the stone has said last.
pub fn wait_settled(asked: &[Http], names: &[&str], limit: Duration) -> Duration {
    let began = Instant::now();
    for http in asked {
        loop {
            let ring = Ring::of(http);
            if ring.as_ref().is_some_and(|ring| ring.is_settled(names)) {
                break;
            }
            let said = || ring.as_ref().map_or("no answer".into(), Ring::summary);
            assert!(
                began.elapsed() < limit,
                "after {limit:?} the owners are not settled among {}: {}",
                names.join(", "),
                said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    began.elapsed()
}

/// Lets the member called `name` leave, by the command line and the stone at `server`. Returns when
/// it has left. `more` is `--dead` if it is.
///
/// # Panics
/// If the command does not succeed.
pub fn leave(name: &str, more: &[&str], server: &str) {
    let arguments = [&["ring", "leave", name], more, &["--server", server]].concat();
    let ended = binary::run(&arguments);
    assert_eq!(ended.code(), 0, "{arguments:?}: {ended:?}");
    assert_eq!(ended.text(), format!("{name} has left\n"));
}
