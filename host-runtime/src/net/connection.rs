//! The handshake of one WebSocket, and who it is for.

use super::socket::{self, SocketError};
use super::{clients, inbound};
use crate::stone::Stone;
use bytes::Bytes;
use futures_util::{Sink, SinkExt};
use henge_core::id::MemberId;
use henge_core::limits::PROTOCOL_VERSION;
use henge_core::wire::{ErrorCode, Features, FrameKind, Hello, Refusal, Role, Welcome};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::time::timeout;
use tokio_websockets::{Message, WebSocketStream};

/// The server's side of a WebSocket.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Serves one WebSocket until it ends.
pub async fn serve(stone: Arc<Stone>, mut socket: Socket) {
    match greet(&stone, &mut socket).await {
        Ok((Role::Client, rest)) => clients::serve(&stone, socket, rest).await,
        Ok((Role::Member { id, .. }, rest)) => inbound::serve(&stone, socket, id, rest).await,
        Err(why) => {
            tracing::debug!("a connection ended in its handshake: {why}");
            refuse(&mut socket, &why).await;
        }
    }
}

async fn greet(stone: &Stone, socket: &mut Socket) -> Result<(Role, Bytes), SocketError> {
    let (hello, rest): (Hello, Bytes) = socket::greeting(socket, FrameKind::Hello, "hello").await?;
    hello
        .check(stone.config.cluster)
        .map_err(|refusal| SocketError::Stranger(refusal.message))?;
    if let Role::Member { id, name, origin } = &hello.role {
        // Who its members are is known when its first shard is open.
        let known = timeout(socket::HANDSHAKE_TIME, stone.board.known()).await;
        let known = known.map_err(|_| SocketError::Silent("opening of its own data"))?;
        check_member(stone, *id, name, known.origin == *origin)?;
    }
    socket::greet(socket, FrameKind::Welcome, &welcome(stone)).await?;
    Ok((hello.role, rest))
}

/// Members of one cluster have begun with the same list, or have joined one that has.
fn check_member(stone: &Stone, id: MemberId, name: &str, is_kin: bool) -> Result<(), SocketError> {
    if id == stone.config.me {
        return Err(SocketError::Stranger(format!(
            "{name} is this stone's own name; give each stone its own with --name"
        )));
    }
    if is_kin {
        return Ok(());
    }
    let known: Vec<String> = stone.peers.all().iter().map(|it| it.name.clone()).collect();
    Err(SocketError::Stranger(format!(
        "{name} goes by another cluster; {} knows {}. Start all first members with the same --member \
         list, or let {name} join with --seed and an empty data folder",
        stone.settings.name,
        if known.is_empty() {
            "none".into()
        } else {
            known.join(", ")
        }
    )))
}

/// What a client or a member is greeted with.
pub(super) fn welcome(stone: &Stone) -> Welcome {
    Welcome {
        version: PROTOCOL_VERSION,
        cluster: stone.config.cluster,
        member: stone.config.me,
        name: stone.settings.name.clone(),
        partitions: stone.config.partitions,
        replicas: stone.config.replicas,
        pair_bytes_max: stone.config.pair_bytes_max,
        features: Features::ALL,
    }
}

/// Says why, if the other side still listens.
pub(super) async fn refuse<S>(socket: &mut S, why: &SocketError)
where
    S: Sink<Message, Error = tokio_websockets::Error> + Unpin,
{
    if matches!(why, SocketError::Broken(_) | SocketError::Closed) {
        return;
    }
    // It is leaving in any case.
    let _ = timeout(socket::LINGER, async {
        socket::greet(socket, FrameKind::Refusal, &refusal(why)).await?;
        SinkExt::close(socket).await.map_err(SocketError::from)
    })
    .await;
}

/// What is said to whoever breaks the protocol.
#[must_use]
pub fn refusal(why: &SocketError) -> Refusal {
    Refusal {
        code: ErrorCode::Protocol,
        message: why.to_string(),
    }
}
