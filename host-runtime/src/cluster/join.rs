//! How a stone that joins hears of the cluster: any stone of it tells, over HTTP.

use crate::http::ask::{AskError, ask};
use henge_core::cluster::ClusterState;
use henge_core::hash::hash64;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::sleep;

/// Where a stone tells it.
pub const PATH: &str = "/v1/cluster";

/// How long to wait between two rounds of asking.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// A cluster as a stone of it knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The cluster's name.
    pub cluster: String,
    /// Its state.
    pub state: ClusterState,
}

impl Snapshot {
    /// The cluster called `cluster` in `state`.
    #[must_use]
    pub fn new(cluster: &str, state: ClusterState) -> Self {
        let cluster = cluster.to_owned();
        Self { cluster, state }
    }

    /// Its bytes: a checksum and postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = postcard::to_allocvec(self).unwrap_or_default();
        let mut bytes = hash64(&body).to_le_bytes().to_vec();
        bytes.extend_from_slice(&body);
        bytes
    }

    /// What `encode` has written; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (checksum, body) = bytes.split_first_chunk()?;
        let is_whole = u64::from_le_bytes(*checksum) == hash64(body);
        is_whole.then(|| postcard::from_bytes(body).ok()).flatten()
    }
}

/// Asks the stones at `seeds` in turn until one tells what its cluster is. Says once why it waits.
pub async fn hear(seeds: &[String]) -> Snapshot {
    let mut told = String::new();
    loop {
        let mut said = Vec::new();
        for seed in seeds {
            match ask_one(seed).await {
                Ok(snapshot) => return snapshot,
                Err(why) => said.push(format!("{seed}: {why}")),
            }
        }
        let why = said.join("; ");
        if why != told {
            tracing::warn!("no seed tells what its cluster is, trying again: {why}");
            told = why;
        }
        sleep(ASK_EVERY).await;
    }
}

async fn ask_one(seed: &str) -> Result<Snapshot, AskError> {
    let bytes = ask(seed, hyper::Method::GET, PATH).await?;
    Snapshot::decode(&bytes)
        .ok_or_else(|| AskError::Senseless("it is no stone, or one of another version".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use henge_core::ring::{Member, Members, Placement};

    #[test]
    fn a_snapshot_reads_back_and_a_damaged_one_does_not() {
        let member = Member::new("a", "eu/a".parse().unwrap(), 1);
        let members = Members::new(vec![member]).unwrap();
        let state = ClusterState::new(Placement::new(members, 8, 3).unwrap());
        let snapshot = Snapshot::new("henge", state);
        let mut bytes = snapshot.encode();
        assert_eq!(Snapshot::decode(&bytes), Some(snapshot));
        bytes[12] ^= 1;
        assert_eq!(Snapshot::decode(&bytes), None);
        assert_eq!(Snapshot::decode(b"short"), None);
    }
}
