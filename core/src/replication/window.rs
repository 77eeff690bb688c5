//! The request ids that were applied, so that a retry is applied at most once.

use crate::causality::{Dot, Hlc, VersionSet};
use crate::encoded::encoded;
use crate::id::RequestId;
use crate::limits::{REQUEST_NOTE_MAX, REQUEST_WINDOW_MAX};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Bound::{Excluded, Included};
use serde::{Deserialize, Serialize};

/// What a request id became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Digest of the key it was for.
    pub key: u64,
    /// The one dot of the write.
    pub dot: Dot,
    /// Its version.
    pub hlc: Hlc,
}

/// The newest request ids; the oldest falls out when it is full.
///
/// Every version carries its request id, so replaying the log fills it; for the segments that are
/// gone it is written into the log itself.
#[derive(Debug, Default)]
pub struct RequestWindow {
    applied: BTreeMap<RequestId, Applied>,
    order: VecDeque<RequestId>,
}

impl RequestWindow {
    /// What `request` became, if it was applied and is still remembered.
    #[must_use]
    pub fn applied(&self, request: RequestId) -> Option<Applied> {
        self.applied.get(&request).copied()
    }

    /// What a later request of the same client became, if one for the same key is remembered.
    #[must_use]
    pub fn applied_after(&self, request: RequestId, key: u64) -> Option<Applied> {
        let last = RequestId {
            sequence: u64::MAX,
            ..request
        };
        let mut later = self.applied.range((Excluded(request), Included(last)));
        let (_, applied) = later.find(|(_, it)| it.key == key)?;
        Some(*applied)
    }

    /// The window as bytes, oldest first, in pieces; one piece at least.
    pub fn encode(&self) -> impl Iterator<Item = Vec<u8>> {
        let pieces = self.order.len().div_ceil(REQUEST_NOTE_MAX).max(1);
        (0..pieces).map(|piece| {
            let ids = self.order.iter().skip(piece * REQUEST_NOTE_MAX);
            let remembered: Vec<(RequestId, Applied)> = ids
                .take(REQUEST_NOTE_MAX)
                .filter_map(|id| Some((*id, *self.applied.get(id)?)))
                .collect();
            encoded(&remembered)
        })
    }

    /// Remembers a piece that `encode` has written; `false` for bytes that it has not.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let Ok(all) = postcard::from_bytes::<Vec<(RequestId, Applied)>>(bytes) else {
            return false;
        };
        for (request, applied) in all {
            self.remember(request, applied);
        }
        true
    }

    /// Remembers the requests that made the versions of `set`, the state of `key`.
    pub fn learn(&mut self, key: u64, set: &VersionSet) {
        for version in set.versions() {
            let applied = Applied {
                key,
                dot: version.dot,
                hlc: version.hlc,
            };
            self.remember(version.request, applied);
        }
    }

    /// Remembers what `request` became. Request id 0 of client 0 means none. Of two dots for one
    /// request the smaller counts, as in a merge.
    fn remember(&mut self, request: RequestId, applied: Applied) {
        if request == RequestId::default() {
            return;
        }
        if let Some(known) = self.applied.get_mut(&request) {
            if applied.dot < known.dot {
                *known = applied;
            }
            return;
        }
        if self.order.len() == REQUEST_WINDOW_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.applied.remove(&oldest);
        }
        self.order.push_back(request);
        self.applied.insert(request, applied);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ActorId;

    #[test]
    fn the_window_keeps_the_newest_and_never_grows_past_its_limit() {
        let mut window = RequestWindow::default();
        let applied = |n| Applied {
            key: 0,
            dot: Dot {
                actor: ActorId(1),
                counter: n,
            },
            hlc: Hlc::from_u64(n),
        };
        let id = |n| RequestId {
            client: 1,
            sequence: n,
        };
        let last = REQUEST_WINDOW_MAX as u64 + 10;
        for n in 1..=last {
            window.remember(id(n), applied(n));
        }
        assert_eq!(window.applied(id(10)), None);
        assert_eq!(window.applied(id(11)), Some(applied(11)));
        assert_eq!(window.applied(id(last)), Some(applied(last)));
        assert_eq!(window.order.len(), REQUEST_WINDOW_MAX);
        let mut restored = RequestWindow::default();
        assert!(window.encode().all(|piece| restored.restore(&piece)));
        assert!(!restored.restore(&[1]));
        assert_eq!(restored.order, window.order);
        assert_eq!(restored.applied(id(last)), Some(applied(last)));
    }

    #[test]
    fn a_later_request_of_the_same_client_for_the_same_key_is_found() {
        let mut window = RequestWindow::default();
        let id = |client, sequence| RequestId { client, sequence };
        for (request, key) in [(id(1, 5), 7), (id(1, 8), 9), (id(2, 9), 7)] {
            let dot = Dot {
                actor: ActorId(1),
                counter: request.sequence,
            };
            let hlc = Hlc::from_u64(request.sequence);
            window.remember(request, Applied { key, dot, hlc });
        }
        let after = |request, key| Some(window.applied_after(request, key)?.hlc.as_u64());
        assert_eq!(after(id(1, 4), 7), Some(5));
        assert_eq!(after(id(1, 4), 9), Some(8));
        assert_eq!(after(id(1, 5), 7), None, "not itself");
        assert_eq!(after(id(1, 9), 9), None, "nor one before it");
        assert_eq!(after(id(3, 1), 7), None, "nor one of another client");
    }
}
