//! A member's connection: its frames in. What we have for it goes over our own; who is no member (any
//! more) is not dialled, and hears on this one how the cluster stands.

use super::connection::{Socket, refuse};
use super::socket::{self, SocketError};
use crate::stone::{Phase, Stone};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use henge_core::cluster::{ClusterState, RegisterMessage};
use henge_core::id::{MemberId, PartitionId};
use henge_core::wire::{self, FrameError, FrameKind, PeerMessage};
use std::time::Duration;
use tokio::time::timeout;
use tokio_websockets::Message;

/// A member pings each second; one that is silent for so long has gone and dials again if it lives.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Takes the frames of member `from` until its connection ends; `rest` is what came with its hello.
pub async fn serve(stone: &Stone, mut socket: Socket, from: MemberId, rest: Bytes) {
    if let Some(peer) = stone.peers.find(from) {
        peer.redial.notify_one();
    }
    let why = tokio::select! {
        why = read(stone, &mut socket, from, rest) => why,
        () = stone.reaches(Phase::Closing) => SocketError::Closed,
    };
    tracing::debug!("the connection from {from:?} ended: {why}");
    refuse(&mut socket, &why).await;
}

async fn read(stone: &Stone, socket: &mut Socket, from: MemberId, rest: Bytes) -> SocketError {
    let mut message = rest;
    loop {
        if let Err(why) = hand_over(stone, from, &message).await {
            return why;
        }
        message = loop {
            match timeout(SILENCE_MAX, socket.next()).await {
                Err(_) => return SocketError::Silent("ping"),
                Ok(None) => return SocketError::Closed,
                Ok(Some(Err(error))) => return error.into(),
                Ok(Some(Ok(message))) if message.is_binary() => {
                    break message.into_payload().into();
                }
                Ok(Some(Ok(message))) if message.is_close() => return SocketError::Closed,
                Ok(Some(Ok(message))) if message.is_text() => return SocketError::Text,
                Ok(Some(Ok(message))) if message.is_ping() => {
                    if let Err(why) = tell_stranger(stone, socket, from).await {
                        return why;
                    }
                }
                Ok(Some(Ok(_))) => {}
            }
        };
    }
}

/// Tells `from` the cluster's state if it is no member in it: it may have missed that it was given up.
async fn tell_stranger(
    stone: &Stone,
    socket: &mut Socket,
    from: MemberId,
) -> Result<(), SocketError> {
    if stone.peers.find(from).is_some() {
        return Ok(());
    }
    let state = ClusterState::clone(&*stone.board.known().await);
    let message = PeerMessage::Cluster(RegisterMessage::Decided(state));
    let frame = wire::message_frame(FrameKind::Peer, PartitionId(0), &message);
    let sent = timeout(SILENCE_MAX, socket.send(Message::binary(frame))).await;
    Ok(sent.map_err(|_| SocketError::Silent("room for a message"))??)
}

/// Deals frames of `from` to the shards that have their partitions.
pub(super) async fn hand_over(
    stone: &Stone,
    from: MemberId,
    message: &Bytes,
) -> Result<(), SocketError> {
    let shards = &stone.shards;
    let mut dealt: Vec<Vec<Bytes>> = vec![Vec::new(); usize::from(shards.count())];
    for frame in socket::frames(message) {
        let (frame, bytes) = frame?;
        if frame.kind != FrameKind::Peer {
            return Err(FrameError::Kind(frame.kind as u8).into());
        }
        if frame.partition.0 >= stone.config.partitions {
            return Err(FrameError::Malformed.into());
        }
        dealt[shards.index_of(frame.partition)].push(bytes);
    }
    for (shard, frames) in shards.iter().zip(dealt) {
        if !frames.is_empty() {
            shard
                .peer(from, frames)
                .await
                .map_err(|_| SocketError::Closed)?;
        }
    }
    Ok(())
}
