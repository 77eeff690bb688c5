//! A client's connection: requests in, responses and notices out.

use super::connection::refusal;
use super::outbox::{Outbox, Pushed};
use super::pulse::Pulse;
use super::socket::{self, LINGER, SocketError};
use crate::shard::ClientSink;
use crate::stone::{Phase, Stone};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use henge_core::cluster::Bucket;
use henge_core::id::{BucketId, PartitionId};
use henge_core::wire::{ClientId, FrameError, FrameKind, NamedBucket, Notice, message_frame};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_websockets::{Message, WebSocketStream};

/// Bytes of responses that may wait; a client that reads slower than that is cut off.
const OUTBOX_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// How often a client is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(15);

/// Serves a client until its connection ends; `rest` is what came with its hello.
pub async fn serve<T>(stone: &Stone, socket: WebSocketStream<T>, rest: Bytes)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let _counted = stone.count_connection();
    let outbox = Arc::new(Outbox::new(OUTBOX_BYTES_MAX));
    let client = Client {
        stone,
        id: stone.next_client(),
        outbox: Arc::clone(&outbox),
    };
    let pulse = Pulse::default();
    let (mut sink, mut stream) = socket.split();
    let why = {
        let write = write(&outbox, &pulse, &mut sink);
        tokio::pin!(write);
        let mut why = tokio::select! {
            why = client.read(&pulse, rest, &mut stream) => why,
            why = &mut write => why,
            why = client.tell_buckets() => why,
            () = pulse.watch(PING_EVERY) => SocketError::Silent("answer to three pings"),
            () = outbox.broken() => slow(),
            () = stone.reaches(Phase::Draining) => {
                // What is under way is still answered.
                tokio::select! {
                    why = &mut write => why,
                    () = stone.reaches(Phase::Closing) => SocketError::Closed,
                }
            }
        };
        if matches!(why, SocketError::Frame(_) | SocketError::Text) {
            outbox.push(message_frame(
                FrameKind::Refusal,
                PartitionId(0),
                &refusal(&why),
            ));
        }
        outbox.close();
        if timeout(LINGER, &mut write).await.is_err() {
            why = slow();
        }
        why
    };
    tracing::debug!("client {} is gone: {why}", client.id.0);
    client.gone().await;
}

fn slow() -> SocketError {
    SocketError::Stranger(format!(
        "it left {} MiB of responses unread",
        OUTBOX_BYTES_MAX / (1_024 * 1_024)
    ))
}

struct Client<'a> {
    stone: &'a Stone,
    id: ClientId,
    outbox: Arc<Outbox>,
}

impl Client<'_> {
    async fn read<S>(&self, pulse: &Pulse, rest: Bytes, stream: &mut S) -> SocketError
    where
        S: Stream<Item = Result<Message, tokio_websockets::Error>> + Unpin,
    {
        if let Err(why) = self.hand_over(&rest).await {
            return why;
        }
        loop {
            let message = match stream.next().await {
                None => return SocketError::Closed,
                Some(Err(error)) => return error.into(),
                Some(Ok(message)) => message,
            };
            pulse.beat();
            if message.is_close() {
                return SocketError::Closed;
            } else if message.is_text() {
                return SocketError::Text;
            } else if message.is_binary()
                && let Err(why) = self.hand_over(&message.into_payload().into()).await
            {
                return why;
            }
        }
    }

    /// Says which buckets there are, and says it again when there are others.
    async fn tell_buckets(&self) -> SocketError {
        let (mut epoch, mut told) = (None, None);
        loop {
            let state = self.stone.shared.after(epoch).await;
            epoch = Some(state.epoch);
            let name = |(id, bucket): (BucketId, &Bucket)| NamedBucket {
                id,
                name: bucket.name.to_string(),
            };
            let buckets: Vec<NamedBucket> = state.buckets().map(name).collect();
            if told.as_ref() == Some(&buckets) {
                continue;
            }
            let notice = Notice::Buckets(buckets.clone());
            let frame = message_frame(FrameKind::Notice, PartitionId(0), &notice);
            match self.outbox.push(frame) {
                Pushed::Wake => self.outbox.wake(),
                Pushed::Queued | Pushed::Closed => {}
                Pushed::Full => self.outbox.break_off(),
            }
            told = Some(buckets);
        }
    }

    /// Checks the frames of one message and gives each shard its own.
    async fn hand_over(&self, message: &Bytes) -> Result<(), SocketError> {
        let shards = &self.stone.shards;
        let mut dealt: Vec<Vec<Bytes>> = vec![Vec::new(); usize::from(shards.count())];
        for frame in socket::frames(message) {
            let (frame, bytes) = frame?;
            if !matches!(frame.kind, FrameKind::Request | FrameKind::Watch) {
                return Err(FrameError::Kind(frame.kind as u8).into());
            }
            if frame.partition.0 >= self.stone.config.partitions {
                return Err(FrameError::Malformed.into());
            }
            dealt[shards.index_of(frame.partition)].push(bytes);
        }
        let sink = ClientSink::Socket(Arc::clone(&self.outbox));
        for (shard, frames) in shards.iter().zip(dealt) {
            if !frames.is_empty() {
                shard
                    .client(self.id, &sink, frames)
                    .await
                    .map_err(|_| SocketError::Closed)?;
            }
        }
        Ok(())
    }

    async fn gone(&self) {
        for shard in self.stone.shards.iter() {
            // A shard that has ended knows of no client.
            let _ = shard.client_gone(self.id).await;
        }
    }
}

async fn write<S>(outbox: &Outbox, pulse: &Pulse, sink: &mut S) -> SocketError
where
    S: Sink<Message, Error = tokio_websockets::Error> + Unpin,
{
    loop {
        let message = tokio::select! {
            biased;
            () = pulse.ping_due() => Message::ping(Bytes::new()),
            frames = outbox.next() => match frames {
                Some(frames) => Message::binary(frames),
                None => {
                    // The other side may be gone already.
                    let _ = sink.close().await;
                    return SocketError::Closed;
                }
            },
        };
        if let Err(error) = sink.send(message).await {
            return error.into();
        }
    }
}
