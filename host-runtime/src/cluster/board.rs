//! The newest state of the cluster that the stone's nodes go by.

use henge_core::cluster::ClusterState;
use std::sync::Arc;
use tokio::sync::watch;

/// Where the state is put up for everybody in the stone. Empty until the first shard is open.
#[derive(Debug, Default)]
pub struct Board(watch::Sender<Option<Arc<ClusterState>>>);

impl Board {
    /// The state, if it is known already.
    #[must_use]
    pub fn state(&self) -> Option<Arc<ClusterState>> {
        self.0.borrow().clone()
    }

    /// The state, as soon as it is known.
    pub async fn known(&self) -> Arc<ClusterState> {
        self.after(None).await
    }

    /// The state, as soon as it is newer than that of `epoch`, if one is given.
    pub async fn after(&self, epoch: Option<u64>) -> Arc<ClusterState> {
        let mut news = self.0.subscribe();
        loop {
            let state = news.borrow_and_update().clone();
            if let Some(state) = state.filter(|state| Some(state.epoch) > epoch) {
                return state;
            }
            if news.changed().await.is_err() {
                // The sender is in `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Puts up a newer state. Says whether it is one.
    pub(super) fn put(&self, state: ClusterState) -> bool {
        self.0.send_if_modified(|known| {
            let is_new = known.as_ref().is_none_or(|it| it.epoch < state.epoch);
            if is_new {
                *known = Some(Arc::new(state));
            }
            is_new
        })
    }
}
