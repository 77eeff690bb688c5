//! Takes connections and speaks HTTP/1.1 on them.

use crate::stone::{Phase, Stone};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

/// How long a client may take for the head of a request, and for the next one.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1_024;
/// How long to wait when the system gives no more sockets.
const PAUSE: Duration = Duration::from_millis(100);

/// One connection's place among those that are allowed. The last clone gives it back.
#[derive(Clone, Debug)]
pub struct Permit {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Takes connections until the stone drains, then waits until all have ended.
pub async fn serve(stone: Arc<Stone>, listener: TcpListener, router: Router) {
    let permits = Arc::new(Semaphore::new(stone.settings.connections_max));
    loop {
        let tcp = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    note(&error).await;
                    continue;
                }
            },
            () = stone.reaches(Phase::Draining) => break,
        };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            tokio::spawn(turn_away(tcp, stone.settings.connections_max));
            continue;
        };
        let permit = Permit {
            _permit: Arc::new(permit),
        };
        if tcp.set_nodelay(true).is_err() {
            continue;
        }
        let service = router
            .clone()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(permit.clone());
                request.map(axum::body::Body::new)
            });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(tcp), TowerToHyperService::new(service))
            .with_upgrades();
        let stone = Arc::clone(&stone);
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = stone.reaches(Phase::Draining) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!("an HTTP connection broke: {error}");
            }
        });
    }
    drop(listener);
    // All permits are back once the last connection has ended.
    let all = u32::try_from(stone.settings.connections_max).unwrap_or(u32::MAX);
    let _ = permits.acquire_many(all).await;
}

/// A connection that broke before it was accepted is no matter; a lack of sockets passes.
async fn note(error: &io::Error) {
    if !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    ) {
        tracing::warn!("cannot accept a connection: {error}; raise the limit of open files");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn turn_away(mut tcp: TcpStream, connections_max: usize) {
    let body = format!(
        "{{\"code\":\"RATE_LIMITED\",\"message\":\"this stone has its {connections_max} \
         connections; ask another one, or raise --connections-max and the limit of open files\"}}\n"
    );
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\
         \r\nconnection: close\r\nretry-after: 1\r\n\r\n{body}",
        body.len()
    );
    // Whoever does not take it is turned away all the same.
    let _ = tokio::time::timeout(PAUSE, tcp.write_all(response.as_bytes())).await;
}
