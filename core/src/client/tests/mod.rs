//! Both sides by hand: the client under test, and a server that is this file.

mod connection;
mod limits;
mod listing;
mod lists;
mod naming;
mod outcome;
mod session;
mod watching;

use super::{Call, CallId, Client, ClientError, ClientOutput, ConnectionState};
use crate::causality::{Hlc, Value};
use crate::hash::position;
use crate::id::{BucketId, MemberId, PartitionId, RequestId};
use crate::limits::CALLS_MAX;
use crate::limits::{KEY_BYTES_MAX, PAIR_BYTES_MAX, PROTOCOL_VERSION};
use crate::time::{Duration, Instant};
use crate::wire::{
    ErrorCode, Failure, Features, FrameError, FrameKind, Frames, Hello, Notice, Operation, Refusal,
    Reply, Request, Response, Role, Welcome, decode_body, message_frame,
};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

const PARTITIONS: u16 = 256;
const DEFAULT: BucketId = BucketId(0);

fn at(ms: u64) -> Instant {
    Instant::from_micros(1_000_000_000) + Duration::from_millis(ms)
}

fn get(key: &str) -> Call {
    Call::get(DEFAULT, key.into())
}

fn put(key: &str) -> Call {
    Call::put(
        DEFAULT,
        key.into(),
        Value {
            encoding: 1,
            bytes: b"value".to_vec(),
        },
    )
}

fn welcome() -> Welcome {
    Welcome {
        version: PROTOCOL_VERSION,
        cluster: 7,
        member: MemberId(1),
        name: "stone-1".into(),
        partitions: PARTITIONS,
        replicas: 3,
        pair_bytes_max: 10_240,
        features: Features::ALL,
    }
}

fn written() -> Reply {
    Reply::Written {
        version: Hlc::from_u64(9),
        context: Vec::new(),
        is_alone: true,
    }
}

fn missing() -> Reply {
    let context = Vec::new();
    Reply::Missing { context }
}

/// What the client did since it was last asked.
#[derive(Default)]
struct Seen {
    hello: Option<Hello>,
    messages: usize,
    requests: Vec<Request>,
    done: Vec<(CallId, Result<Reply, Failure>)>,
    states: Vec<ConnectionState>,
    redial: Option<Instant>,
    refused: Option<Refusal>,
}

fn drain(client: &mut Client) -> Seen {
    let mut seen = Seen::default();
    while let Some(output) = client.poll_output() {
        match output {
            ClientOutput::Send(message) => read(&message, &mut seen),
            ClientOutput::Done { call, result } => seen.done.push((call, result)),
            ClientOutput::State(state) => seen.states.push(state),
            ClientOutput::Redial { at } => seen.redial = Some(at),
            ClientOutput::Refused(refusal) => seen.refused = Some(refusal),
            // Nobody here is an edge node.
            ClientOutput::Ping(_) | ClientOutput::Settled { .. } => {}
        }
    }
    seen
}

fn read(message: &[u8], seen: &mut Seen) {
    seen.messages += 1;
    for frame in Frames::new(message) {
        let frame = frame.unwrap();
        if frame.kind == FrameKind::Hello {
            seen.hello = Some(decode_body(frame.body).unwrap());
            continue;
        }
        assert_eq!(frame.kind, FrameKind::Request);
        let request: Request = decode_body(frame.body).unwrap();
        let expected = position(request.bucket, &request.key) >> 56;
        let is_list = matches!(request.operation, Operation::List { .. });
        assert!(
            is_list || u64::from(frame.partition.0) == expected,
            "the header names the key's partition"
        );
        seen.requests.push(request);
    }
}

fn say(kind: FrameKind, message: &impl serde::Serialize) -> Vec<u8> {
    message_frame(kind, PartitionId(0), message)
}

fn answer(client: &mut Client, now: Instant, id: u64, result: Result<Reply, Failure>) {
    let frame = say(FrameKind::Response, &Response { id, result });
    client.handle_message(now, &frame).unwrap();
}

fn connect(client: &mut Client, now: Instant) -> Seen {
    client.handle_connected(now);
    client
        .handle_message(now, &say(FrameKind::Welcome, &welcome()))
        .unwrap();
    drain(client)
}

fn online() -> Client {
    let mut client = Client::new(42);
    connect(&mut client, at(0));
    client
}

fn code(result: &Result<Reply, Failure>) -> ErrorCode {
    result.as_ref().expect_err("a failure").code
}

fn request_id(request: &Request) -> RequestId {
    match request.operation {
        Operation::Write { request, .. } => request,
        Operation::Get { .. }
        | Operation::Settle { .. }
        | Operation::List { .. }
        | Operation::Edge(_) => {
            panic!("a read has no request id")
        }
    }
}
