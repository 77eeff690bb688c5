//! Connections to edge nodes: this stone dials, and then serves what comes as if a client had dialled. An edge
//! node in a Durable Object can sleep while such a connection is open, which it cannot with one of its own.

use super::clients;
use super::connection::{self, refuse};
use super::socket::{self, HANDSHAKE_TIME, SocketError};
use crate::config::EdgeAddress;
use crate::stone::{Phase, Stone};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use henge_core::wire::{Frame, FrameError, FrameKind, Hello, Role, SUBPROTOCOL, decode_body};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

const CONNECT_TIME: Duration = Duration::from_secs(2);
const PING_EVERY: Duration = Duration::from_secs(15);
/// Pings without an answer after which an edge node that says nothing is gone.
const MISSED_MAX: u32 = 3;
const BACK_OFF_MIN: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<TcpStream>;

/// Keeps a connection to the edge node at `address` until the stone drains.
pub async fn keep(stone: Arc<Stone>, address: EdgeAddress) {
    let mut back_off = BACK_OFF_MIN;
    let mut told = String::new();
    loop {
        match connect(&address).await {
            Ok(socket) => {
                tracing::info!("connected to the edge node {address}");
                let why = use_connection(&stone, socket).await;
                tracing::info!("lost the edge node {address}: {why}");
                (back_off, told) = (BACK_OFF_MIN, String::new());
            }
            Err(why) => {
                let why = why.to_string();
                if why != told {
                    tracing::warn!("cannot reach the edge node {address}: {why}");
                    told = why;
                }
            }
        }
        if stone.phase() != Phase::Serving {
            return;
        }
        sleep(back_off.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        back_off = (back_off * 2).min(BACK_OFF_MAX);
    }
}

async fn connect(address: &EdgeAddress) -> Result<Socket, SocketError> {
    let broken = |error: std::io::Error| SocketError::Broken(tokio_websockets::Error::Io(error));
    let tcp = timeout(CONNECT_TIME, TcpStream::connect(address.authority())).await;
    let tcp = tcp
        .map_err(|_| SocketError::Silent("answer to a connection"))?
        .map_err(broken)?;
    tcp.set_nodelay(true).map_err(broken)?;
    let builder = ClientBuilder::from_uri(address.uri().clone())
        .limits(socket::limits())
        .config(socket::config())
        .add_header(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        )?;
    let opened = timeout(HANDSHAKE_TIME, builder.connect_on(tcp)).await;
    let (socket, response) = opened.map_err(|_| SocketError::Silent("handshake"))??;
    let agreed = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
    if agreed.is_none_or(|agreed| agreed != SUBPROTOCOL) {
        let why = format!("what listens there does not speak {SUBPROTOCOL}");
        return Err(SocketError::Stranger(why));
    }
    Ok(socket)
}

async fn use_connection(stone: &Stone, mut socket: Socket) -> SocketError {
    match greet(stone, &mut socket).await {
        Ok(rest) => {
            clients::serve(stone, socket, rest).await;
            SocketError::Closed
        }
        Err(why) => {
            refuse(&mut socket, &why).await;
            why
        }
    }
}

/// The edge node greets when it wants to be served by this stone: others may do that now.
async fn greet(stone: &Stone, socket: &mut Socket) -> Result<Bytes, SocketError> {
    let message = first_message(socket).await?;
    let (frame, rest) = Frame::take(&message)?;
    if frame.kind != FrameKind::Hello {
        return Err(FrameError::Kind(frame.kind as u8).into());
    }
    let hello: Hello = decode_body(frame.body)?;
    hello
        .check(stone.config.cluster)
        .map_err(|refusal| SocketError::Stranger(refusal.message))?;
    if hello.role != Role::Client {
        let why = "what this stone has dialled as an edge node is a member";
        return Err(SocketError::Stranger(why.into()));
    }
    socket::greet(socket, FrameKind::Welcome, &connection::welcome(stone)).await?;
    Ok(message.slice_ref(rest))
}

async fn first_message(socket: &mut Socket) -> Result<Bytes, SocketError> {
    let mut missed = 0;
    loop {
        let Ok(message) = timeout(PING_EVERY, socket.next()).await else {
            if missed >= MISSED_MAX {
                return Err(SocketError::Silent("answer to three pings"));
            }
            missed += 1;
            socket.send(Message::ping(Bytes::new())).await?;
            continue;
        };
        missed = 0;
        let message = message.ok_or(SocketError::Closed)??;
        if message.is_binary() {
            return Ok(message.into_payload().into());
        } else if message.is_text() {
            return Err(SocketError::Text);
        } else if message.is_close() {
            return Err(SocketError::Closed);
        }
    }
}
