//! Broadcasts of the layer above: the newest version of each key.

use super::error::MembershipError;
use super::event::MembershipEvent;
use super::identity::Identity;
use crate::limits::{BROADCAST_BYTES_MAX, BROADCASTS_MAX};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::convert::Infallible;
use foca::{BroadcastHandler, Invalidates};
use serde::{Deserialize, Serialize};

/// One broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    /// What it is about.
    pub(super) key: u64,
    /// Which of that key's is newest. Of two with one version all nodes take the greater bytes.
    pub(super) version: u64,
    /// At most [`BROADCAST_BYTES_MAX`].
    #[serde(with = "serde_bytes")]
    pub(super) bytes: Vec<u8>,
}

impl Item {
    /// Checks the length.
    pub(super) fn check(&self) -> Result<(), MembershipError> {
        let bytes = self.bytes.len();
        if bytes > BROADCAST_BYTES_MAX {
            return Err(MembershipError::BroadcastTooLong { bytes });
        }
        Ok(())
    }
}

/// The newest broadcast of each of the lowest [`BROADCASTS_MAX`] keys.
#[derive(Debug, Default)]
pub(super) struct News {
    items: BTreeMap<u64, Item>,
    untold: BTreeSet<u64>,
}

impl News {
    /// All that is kept, in the order of keys.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// Keeps `item` if it is newer than what is kept and there is room; says whether it did.
    ///
    /// # Errors
    ///
    /// [`MembershipError::TooManyBroadcasts`] if lower keys fill the room.
    pub(super) fn keep(&mut self, item: Item) -> Result<bool, MembershipError> {
        if let Some(kept) = self.items.get(&item.key)
            && (kept.version, &kept.bytes) >= (item.version, &item.bytes)
        {
            return Ok(false);
        }
        let key = item.key;
        self.items.insert(key, item);
        if self.items.len() > BROADCASTS_MAX {
            let highest = self.items.pop_last().map(|(key, _)| key);
            if highest == Some(key) {
                return Err(MembershipError::TooManyBroadcasts);
            }
        }
        Ok(true)
    }

    /// The broadcast of `key` is to be told to the layer above.
    pub(super) fn tell(&mut self, key: u64) {
        self.untold.insert(key);
    }

    /// One broadcast that has not been told.
    pub(super) fn poll_event(&mut self) -> Option<MembershipEvent> {
        while let Some(key) = self.untold.pop_first() {
            if let Some(item) = self.items.get(&key).cloned() {
                return Some(MembershipEvent::Broadcast {
                    key,
                    version: item.version,
                    bytes: item.bytes,
                });
            }
        }
        None
    }
}

/// A broadcast that foca sends on: the newest of its key replaces those before it.
#[derive(Debug)]
pub(super) struct Topic(u64);

impl Invalidates for Topic {
    fn invalidates(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Gives foca the broadcasts that [`News`] has found new. What is in a packet was looked at before
/// foca sees it.
#[derive(Debug)]
pub(super) struct Relay;

impl BroadcastHandler<Identity> for Relay {
    type Key = Topic;
    type Error = Infallible;

    fn receive_item(
        &mut self,
        data: &[u8],
        sender: Option<&Identity>,
    ) -> Result<Option<Topic>, Infallible> {
        if sender.is_some() {
            return Ok(None);
        }
        let item = postcard::from_bytes::<Item>(data).ok();
        Ok(item.map(|item| Topic(item.key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: u64, version: u64, byte: u8) -> Item {
        let bytes = alloc::vec![byte];
        Item {
            key,
            version,
            bytes,
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let mut items = Vec::new();
        for key in 0..BROADCASTS_MAX as u64 + 10 {
            items.extend([item(key, 2, 1), item(key, 1, 9), item(key, 2, 3)]);
        }
        let kept = |items: &mut dyn Iterator<Item = Item>| {
            let mut news = News::default();
            for item in items {
                let _ = news.keep(item);
            }
            news.items
        };
        let forwards = kept(&mut items.iter().cloned());
        assert_eq!(forwards, kept(&mut items.iter().rev().cloned()));
        assert_eq!(forwards.len(), BROADCASTS_MAX);
        assert!(forwards.values().all(|item| item.bytes == [3]));
        assert_eq!(forwards.keys().next(), Some(&0));
    }
}
