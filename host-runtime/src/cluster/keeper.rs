//! Keeps what follows from the cluster's state: the other shards know it, the list of peers is that
//! of its members, and a stone that has joined finds it again after a restart.

use super::join::Snapshot;
use crate::http::status::inspect_all;
use crate::net::dial;
use crate::shard::{ShardHandle, ShardState};
use crate::stone::Stone;
use henge_core::cluster::{Change, ClusterState};
use henge_core::id::MemberId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep};

/// How often it is looked whether all shards go by a state.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often it is said again to those that do not.
const SAY_EVERY: Duration = Duration::from_millis(100);

/// What a shard has to say about the cluster.
#[derive(Debug)]
pub enum News {
    /// The first shard goes by this state now.
    Cluster(Box<ClusterState>),
    /// It wants this change.
    Wish(Change),
}

/// Handles news until the stone ends.
pub async fn keep(stone: Arc<Stone>, mut news: UnboundedReceiver<News>) {
    while let Some(news) = news.recv().await {
        match news {
            News::Wish(change) => {
                let is_end = change == Change::Forget(stone.config.me);
                if !is_end || is_empty(&stone).await {
                    stone.wish(change).await;
                }
            }
            News::Cluster(state) => adopt(&stone, *state).await,
        }
    }
}

/// Puts up for all of the stone what each of its shards goes by, until the stone ends.
pub async fn spread(stone: Arc<Stone>) {
    let mut epoch = None;
    loop {
        let state = stone.board.after(epoch).await;
        epoch = Some(state.epoch);
        let mut say_at = Instant::now() + SAY_EVERY;
        loop {
            let behind = behind(&stone, state.epoch).await;
            if behind.is_empty() {
                break;
            }
            if say_at <= Instant::now() {
                say_at = Instant::now() + SAY_EVERY;
                for shard in behind {
                    // One that was opening, or has trapped, has missed it.
                    let _ = shard.cluster(ClusterState::clone(&state)).await;
                }
            }
            sleep(LOOK_EVERY).await;
        }
        stone.shared.put(ClusterState::clone(&state));
    }
}

/// The shards that are to serve and do not go by the state of `epoch`, or a later one.
async fn behind(stone: &Stone, epoch: u64) -> Vec<&ShardHandle> {
    let reports = inspect_all(stone).await;
    let shards = stone.shards.iter().zip(reports);
    let behind = shards.filter(|(shard, report)| match shard.status().state() {
        ShardState::Failed(_) => false,
        ShardState::Ready => report.epoch < epoch,
        ShardState::Replaying => true,
    });
    behind.map(|(shard, _)| shard).collect()
}

/// Whether no shard has anything any more, for this member or for others.
async fn is_empty(stone: &Stone) -> bool {
    let reports = inspect_all(stone).await;
    { reports.iter() }.all(|report| report.ready && report.storage.keys == 0)
}

async fn adopt(stone: &Arc<Stone>, state: ClusterState) {
    for shard in stone.shards.iter().skip(1) {
        // A shard that has ended needs no news.
        let _ = shard.cluster(state.clone()).await;
    }
    if !stone.board.put(state.clone()) {
        return;
    }
    let changed = stone.peers.turn_to(members(stone, &state), &stone.clock);
    for peer in changed.gone {
        tracing::info!("{} at {} is no member any more", peer.name, peer.address);
    }
    for peer in changed.new {
        tokio::spawn(dial::keep(Arc::clone(stone), peer));
    }
    let snapshot = Snapshot::new(&stone.settings.cluster, state);
    if let Err(error) = stone.folder.keep_cluster(&snapshot.encode()) {
        tracing::warn!("the data folder cannot note who the members are: {error}");
    }
}

/// The other members with their names and addresses.
fn members(stone: &Stone, state: &ClusterState) -> BTreeMap<MemberId, (String, String)> {
    let others = state.members().iter().map(|(_, member)| member);
    let others = others.filter(|member| member.id != stone.config.me);
    let address = |id: MemberId| {
        let said = state.life(id).map(|life| life.address.as_str());
        let said = said.filter(|address| !address.is_empty());
        said.or_else(|| stone.settings.address_of(id))
            .map(Into::into)
    };
    others
        .filter_map(|member| Some((member.id, (member.name.clone(), address(member.id)?))))
        .collect()
}
