//! The connection to a member: our frames out. What it has for us comes over its own, unless it holds
//! us for no member.

use super::inbound;
use super::peers::Peer;
use super::pulse::Pulse;
use super::socket::{self, HANDSHAKE_TIME, SocketError};
use crate::stone::Stone;
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use henge_core::wire::{FrameKind, Hello, Role, SUBPROTOCOL, Welcome};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::http::Uri;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

const CONNECT_TIME: Duration = Duration::from_secs(2);
const PING_EVERY: Duration = Duration::from_secs(1);
const BACK_OFF_MIN: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TcpStream>;

/// Keeps a connection to `peer` for as long as it is a member.
pub async fn keep(stone: Arc<Stone>, peer: Arc<Peer>) {
    tokio::select! {
        () = dial_again(&stone, &peer) => {}
        () = peer.gone() => {
            peer.outbox.break_off();
            peer.set_up(false, stone.clock.now());
            // Under its name there may be another connection already.
            if stone.peers.find(peer.id).is_none() {
                stone.tell_shards(peer.id, false).await;
            }
        }
    }
}

async fn dial_again(stone: &Stone, peer: &Peer) {
    let mut back_off = BACK_OFF_MIN;
    let mut told = String::new();
    loop {
        match connect(stone, peer).await {
            Ok(socket) => {
                tracing::info!("connected to {} at {}", peer.name, peer.address);
                let why = use_connection(stone, peer, socket).await;
                tracing::warn!("lost {} at {}: {why}", peer.name, peer.address);
                (back_off, told) = (BACK_OFF_MIN, String::new());
            }
            Err(why) => {
                let why = why.to_string();
                if why != told {
                    tracing::info!("cannot reach {} at {}: {why}", peer.name, peer.address);
                    told = why;
                }
            }
        }
        let pause = back_off.mul_f64(0.5 + fastrand::f64() / 2.0);
        // It may have come to life while this side was waiting.
        let _ = timeout(pause, peer.redial.notified()).await;
        back_off = (back_off * 2).min(BACK_OFF_MAX);
    }
}

async fn connect(stone: &Stone, peer: &Peer) -> Result<Socket, SocketError> {
    let broken = |error: std::io::Error| SocketError::Broken(tokio_websockets::Error::Io(error));
    let tcp = timeout(CONNECT_TIME, TcpStream::connect(&peer.address)).await;
    let tcp = tcp
        .map_err(|_| SocketError::Silent("answer to a connection"))?
        .map_err(broken)?;
    tcp.set_nodelay(true).map_err(broken)?;
    timeout(HANDSHAKE_TIME, greet(stone, peer, tcp))
        .await
        .map_err(|_| SocketError::Silent("handshake"))?
}

async fn greet(stone: &Stone, peer: &Peer, tcp: TcpStream) -> Result<Socket, SocketError> {
    let stranger = |what: String| SocketError::Stranger(what);
    let uri: Uri = format!("ws://{}/v1/ws", peer.address)
        .parse()
        .map_err(|error| stranger(format!("{} is no address: {error}", peer.address)))?;
    let (mut socket, response) = ClientBuilder::from_uri(uri)
        .limits(socket::limits())
        .config(socket::config())
        .add_header(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        )?
        .connect_on(tcp)
        .await?;
    let agreed = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
    if agreed.is_none_or(|agreed| agreed != SUBPROTOCOL) {
        return Err(stranger(format!(
            "what listens there does not speak {SUBPROTOCOL}"
        )));
    }
    let me = Role::Member {
        id: stone.config.me,
        name: stone.settings.name.clone(),
        origin: stone.board.known().await.origin,
    };
    let hello = Hello::new(Some(stone.config.cluster), me);
    socket::greet(&mut socket, FrameKind::Hello, &hello).await?;
    let (welcome, _): (Welcome, Bytes) =
        socket::greeting(&mut socket, FrameKind::Welcome, "welcome").await?;
    check(stone, peer, &welcome)?;
    Ok(socket)
}

/// Members that were started with different settings must not work together.
fn check(stone: &Stone, peer: &Peer, welcome: &Welcome) -> Result<(), SocketError> {
    let differs = |what: &str, theirs: &dyn std::fmt::Display, ours: &dyn std::fmt::Display| {
        Err(SocketError::Stranger(format!(
            "{} has {what} {theirs}, but here it is {ours}; start all members with the same",
            welcome.name
        )))
    };
    if welcome.member != peer.id {
        return differs("the name", &welcome.name, &peer.name);
    }
    if welcome.partitions != stone.config.partitions {
        return differs("partitions", &welcome.partitions, &stone.config.partitions);
    }
    if welcome.replicas != stone.config.replicas {
        return differs("replicas", &welcome.replicas, &stone.config.replicas);
    }
    Ok(())
}

async fn use_connection(stone: &Stone, peer: &Peer, socket: Socket) -> SocketError {
    peer.outbox.reopen();
    peer.set_up(true, stone.clock.now());
    stone.tell_shards(peer.id, true).await;
    let (mut sink, mut stream) = socket.split();
    let pulse = Pulse::default();
    let why = tokio::select! {
        error = read(stone, peer, &pulse, &mut stream) => error,
        error = write(stone, peer, &pulse, &mut sink) => error,
        () = pulse.watch(PING_EVERY) => SocketError::Silent("answer to three pings"),
    };
    peer.outbox.break_off();
    peer.set_up(false, stone.clock.now());
    stone.tell_shards(peer.id, false).await;
    why
}

/// Pongs come this way, and to a stone that is no member how the cluster stands.
async fn read<S>(stone: &Stone, peer: &Peer, pulse: &Pulse, stream: &mut S) -> SocketError
where
    S: Stream<Item = Result<Message, tokio_websockets::Error>> + Unpin,
{
    loop {
        let message = match stream.next().await {
            None => return SocketError::Closed,
            Some(Err(error)) => return error.into(),
            Some(Ok(message)) if message.is_close() => return SocketError::Closed,
            Some(Ok(message)) => message,
        };
        pulse.beat();
        if message.is_binary() {
            let frames = message.into_payload().into();
            if let Err(why) = inbound::hand_over(stone, peer.id, &frames).await {
                return why;
            }
        } else if message.is_pong()
            && let Ok(sent) = <[u8; 8]>::try_from(&message.into_payload()[..])
        {
            let sent = henge_core::time::Instant::from_micros(u64::from_le_bytes(sent));
            let micros = stone.clock.now().since(sent).as_micros();
            peer.set_rtt(Duration::from_micros(micros).as_secs_f64() * 1_000.0);
        }
    }
}

async fn write<S>(stone: &Stone, peer: &Peer, pulse: &Pulse, sink: &mut S) -> SocketError
where
    S: Sink<Message, Error = tokio_websockets::Error> + Unpin,
{
    loop {
        let message = tokio::select! {
            biased;
            () = pulse.ping_due() => {
                let now = stone.clock.now().as_micros().to_le_bytes();
                Message::ping(Bytes::copy_from_slice(&now))
            }
            frames = peer.outbox.next() => match frames {
                Some(frames) => Message::binary(frames),
                None => return SocketError::Closed,
            },
        };
        if let Err(error) = sink.send(message).await {
            return error.into();
        }
    }
}
