//! The client of a build without the feature `watch`: it watches nothing, so the session has nothing to
//! say of that, and a server that speaks of it is out of order.

use super::{Client, ClientError};
use crate::id::PartitionId;
use crate::time::Instant;
use crate::wire::{Frame, FrameKind};
use alloc::vec::Vec;

impl Client {
    pub(super) fn on_events(&self, _: &Frame<'_>) -> Result<(), ClientError> {
        Err(ClientError::Unexpected(FrameKind::Events))
    }

    pub(super) fn begin_watches(&self) {}

    pub(super) fn lose_watches(&self, _: impl Fn(PartitionId) -> bool) {}

    pub(super) fn put_watches(&self, _: &mut Vec<u8>) {}

    pub(super) fn next_probe(&self) -> Option<Instant> {
        None
    }

    pub(super) fn probe_watches(&self) -> bool {
        false
    }
}
