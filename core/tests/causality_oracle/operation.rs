//! What can happen in a run.

use super::{CLIENTS, REPLICAS};
use proptest::prelude::*;

/// One step of a run. Numbers choose a replica, client or message, modulo how many there are.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// A client reads, and forgets or keeps what it had seen before.
    Read {
        client: usize,
        replica: usize,
        keep: bool,
    },
    /// A client writes or deletes, with its context or blindly, with or without a request id.
    Write {
        client: usize,
        replica: usize,
        blind: bool,
        delete: bool,
        numbered: bool,
    },
    /// A client sends its last write once more.
    Retry { client: usize, replica: usize },
    /// A replica's set enters the network.
    Send { replica: usize },
    /// A message arrives; it stays in the network and may arrive again.
    Deliver { message: usize, replica: usize },
    /// A replica loses its storage and returns as a new actor.
    Lose { replica: usize },
    /// Time passes, for one replica more than for the others.
    Wait { replica: usize, ms: u64 },
}

/// Operations in which writes and reads have these weights.
pub(super) fn run_strategy(writes: u32, reads: u32) -> BoxedStrategy<Operation> {
    let (client, replica) = (0..CLIENTS, 0..REPLICAS);
    let mostly = prop::bool::weighted(0.7);
    prop_oneof![
        writes => (client.clone(), replica.clone(), any::<bool>(), any::<bool>(), mostly)
            .prop_map(|(client, replica, blind, delete, numbered)| {
                Operation::Write { client, replica, blind, delete, numbered }
            }),
        reads => (client.clone(), replica.clone(), any::<bool>())
            .prop_map(|(client, replica, keep)| Operation::Read { client, replica, keep }),
        2 => (client, replica.clone())
            .prop_map(|(client, replica)| Operation::Retry { client, replica }),
        4 => replica.clone().prop_map(|replica| Operation::Send { replica }),
        6 => (any::<usize>(), replica.clone())
            .prop_map(|(message, replica)| Operation::Deliver { message, replica }),
        1 => replica.clone().prop_map(|replica| Operation::Lose { replica }),
        2 => (replica, 0..50_u64).prop_map(|(replica, ms)| Operation::Wait { replica, ms }),
    ]
    .boxed()
}
