mod edge;
mod listing;
mod watch;

use super::*;
use crate::causality::{Hlc, Policy, Value};
use crate::cluster::{BucketSettings, Change, RegisterMessage};
use crate::id::{BucketId, MemberId, RequestId};
use crate::limits::PROTOCOL_VERSION;
use crate::replication::Level;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::fmt::Write;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Every message of protocol version 1 as bytes. A change of one of these lines is a new version.
#[test]
fn frames_of_version_1_are_these_bytes() {
    let hello = Hello::new(
        Some(7),
        Role::Member {
            id: MemberId(9),
            name: "s".into(),
            origin: 5,
        },
    );
    let refusal = Refusal {
        code: ErrorCode::Protocol,
        message: "no".into(),
    };
    let welcome = Welcome {
        version: PROTOCOL_VERSION,
        cluster: 7,
        member: MemberId(9),
        name: "s".into(),
        partitions: 256,
        replicas: 3,
        pair_bytes_max: 10_240,
        features: Features::ALL,
    };
    let value = Value {
        encoding: 1,
        bytes: b"v".to_vec(),
    };
    let operation = Operation::Write {
        level: Some(Level::Replicas(2)),
        request: RequestId {
            client: 5,
            sequence: 6,
        },
        context: vec![],
        value: Some(value.clone()),
        ttl_ms: Some(60_000),
    };
    let write = Request {
        id: 1,
        timeout_ms: 500,
        bucket: BucketId(0),
        key: b"k".to_vec(),
        operation,
    };
    let read = Request {
        operation: Operation::Get {
            level: None,
            seen: Vec::new(),
        },
        ..write.clone()
    };
    let entry = Entry {
        value,
        version: Hlc::from_u64(1 << 16),
        siblings: vec![],
        context: vec![0],
        expires_at_ms: None,
    };
    let found_until = Response {
        id: 1,
        result: Ok(Reply::Found(Entry {
            expires_at_ms: Some(300),
            ..entry.clone()
        })),
    };
    let settle = Request {
        operation: Operation::Settle {
            level: Some(Level::EachQuorum),
            seen: vec![0],
        },
        ..write.clone()
    };
    let found = Response {
        id: 1,
        result: Ok(Reply::Found(entry)),
    };
    let missing = Response {
        id: 1,
        result: Ok(Reply::Missing { context: vec![0] }),
    };
    let written = Reply::Written {
        version: Hlc::from_u64(2 << 16),
        context: vec![0],
        is_alone: true,
    };
    let beside = Response {
        id: 1,
        result: Ok(Reply::Written {
            version: Hlc::from_u64(2 << 16),
            context: vec![0],
            is_alone: false,
        }),
    };
    let failed = Response {
        id: 2,
        result: Err(Failure::new(ErrorCode::Timeout, "late")),
    };
    let p = PartitionId(0x0102);
    let lines = [
        ("hello", message_frame(FrameKind::Hello, p, &hello)),
        ("welcome", message_frame(FrameKind::Welcome, p, &welcome)),
        ("refusal", message_frame(FrameKind::Refusal, p, &refusal)),
        ("read", message_frame(FrameKind::Request, p, &read)),
        ("write", message_frame(FrameKind::Request, p, &write)),
        ("found", message_frame(FrameKind::Response, p, &found)),
        (
            "written",
            message_frame(
                FrameKind::Response,
                p,
                &Response {
                    id: 1,
                    result: Ok(written.clone()),
                },
            ),
        ),
        ("missing", message_frame(FrameKind::Response, p, &missing)),
        ("failed", message_frame(FrameKind::Response, p, &failed)),
        (
            "merge",
            message_frame(
                FrameKind::Peer,
                p,
                &PeerMessage::Merge(KeyState {
                    view: 4,
                    op: 3,
                    bucket: BucketId(0),
                    key: b"k".to_vec(),
                    set: vec![1],
                }),
            ),
        ),
        (
            "merged",
            message_frame(
                FrameKind::Peer,
                p,
                &PeerMessage::Merged {
                    op: 3,
                    result: Ok(()),
                },
            ),
        ),
        (
            "ask",
            message_frame(
                FrameKind::Peer,
                p,
                &PeerMessage::Read {
                    view: 4,
                    op: 3,
                    bucket: BucketId(0),
                    key: b"k".to_vec(),
                    have: Some(8),
                },
            ),
        ),
        (
            "same",
            message_frame(
                FrameKind::Peer,
                p,
                &PeerMessage::State {
                    op: 3,
                    answer: ReadAnswer::Same,
                },
            ),
        ),
        (
            "forward",
            message_frame(
                FrameKind::Peer,
                p,
                &PeerMessage::Forward {
                    op: 3,
                    request: read,
                },
            ),
        ),
        (
            "forwarded",
            message_frame(
                FrameKind::Peer,
                p,
                &PeerMessage::Forwarded {
                    op: 3,
                    result: Ok(written),
                },
            ),
        ),
        (
            "hint",
            message_frame(
                FrameKind::Peer,
                p,
                &PeerMessage::Hint(KeyState {
                    view: 4,
                    op: 3,
                    bucket: BucketId(0),
                    key: b"k".to_vec(),
                    set: vec![1, 2],
                }),
            ),
        ),
        collect("collect ask", p, CollectMessage::Ask(listed())),
        collect("collect same", p, CollectMessage::Same(5)),
        collect("collect forget", p, CollectMessage::Forget(listed())),
        sync("sync root", p, SyncMessage::Root(7)),
        sync("sync same", p, SyncMessage::Same),
        sync("sync not ready", p, SyncMessage::NotReady),
        sync("sync branches", p, SyncMessage::Branches(vec![1, 2])),
        sync("sync pick branches", p, SyncMessage::PickBranches(5)),
        sync("sync leaves", p, SyncMessage::Leaves(vec![3])),
        sync(
            "sync list",
            p,
            SyncMessage::List {
                leaves: vec![1],
                after: b"a".to_vec(),
            },
        ),
        sync(
            "sync listed",
            p,
            SyncMessage::Listed {
                entries: vec![ListedKey {
                    key: b"k".to_vec(),
                    state: 9,
                }],
                upto: vec![],
            },
        ),
        sync(
            "sync fetch",
            p,
            SyncMessage::Fetch(vec![KeyBytes(b"k".to_vec())]),
        ),
        sync(
            "sync state",
            p,
            SyncMessage::State {
                key: b"k".to_vec(),
                set: vec![1, 2],
            },
        ),
        (
            "gossip",
            message_frame(FrameKind::Peer, p, &PeerMessage::Gossip(vec![1, 2])),
        ),
        (
            "notice",
            message_frame(
                FrameKind::Notice,
                p,
                &Notice::ShardRestarted {
                    modulus: 2,
                    remainder: 1,
                },
            ),
        ),
    ];
    let lines = lines.into_iter().chain(bucket_lines(p));
    let lines = lines.chain(watch::watch_lines(p));
    let lines = lines.chain(listing::listing_lines(p));
    let lines = lines.chain([
        ("beside", message_frame(FrameKind::Response, p, &beside)),
        ("settle", message_frame(FrameKind::Request, p, &settle)),
        (
            "found until",
            message_frame(FrameKind::Response, p, &found_until),
        ),
    ]);
    let lines = lines.chain(edge::edge_lines(p));
    let text: String = lines
        .map(|(name, bytes)| format!("{name} {}\n", hex(&bytes)))
        .collect();
    assert_eq!(
        text,
        include_str!("../../tests/fixtures/wire-v1.txt"),
        "\n{text}"
    );
}

#[test]
fn a_batch_of_frames_reads_back_and_stops_at_the_first_error() {
    let mut batch = message_frame(FrameKind::Notice, PartitionId(1), &1_u8);
    put_message(&mut batch, FrameKind::Peer, PartitionId(2), &2_u8);
    let kinds: Vec<_> = Frames::new(&batch)
        .map(|frame| frame.unwrap().kind)
        .collect();
    assert_eq!(kinds, [FrameKind::Notice, FrameKind::Peer]);
    batch.truncate(batch.len() - 1);
    let results: Vec<_> = Frames::new(&batch).collect();
    assert_eq!(results.len(), 2);
    assert_eq!(results[1], Err(FrameError::Short { have: 0, need: 1 }));
}

#[test]
fn every_flipped_bit_of_a_frame_is_refused() {
    let good = message_frame(FrameKind::Request, PartitionId(3), &[1_u8, 2, 3]);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(Frame::take(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn another_version_and_an_endless_length_are_refused_by_name() {
    let mut frame = message_frame(FrameKind::Hello, PartitionId(0), &());
    frame[0] = 9;
    let message = format!("{}", Frame::take(&frame).unwrap_err());
    assert_eq!(message, "protocol version 9, but this side speaks 1");
    frame[0] = PROTOCOL_VERSION;
    frame[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(
        Frame::take(&frame),
        Err(FrameError::TooLong(u32::MAX as usize))
    );
}

#[test]
fn a_greeting_of_another_cluster_or_version_is_refused_with_what_to_do() {
    let hello = Hello::new(Some(1), Role::Client);
    assert_eq!(hello.check(1), Ok(()));
    assert_eq!(Hello::new(None, Role::Client).check(1), Ok(()));
    assert!(hello.check(2).unwrap_err().message.contains("cluster name"));
    let newer = Hello {
        version_min: 2,
        version_max: 3,
        ..hello
    };
    assert!(newer.check(1).unwrap_err().message.contains("upgrade"));
}

fn listed() -> Vec<ListedKey> {
    let (key, state) = (b"k".to_vec(), 9);
    vec![ListedKey { key, state }]
}

fn collect(name: &'static str, p: PartitionId, message: CollectMessage) -> (&'static str, Vec<u8>) {
    let (view, op) = (4, 6);
    let message = PeerMessage::Collect { view, op, message };
    (name, message_frame(FrameKind::Peer, p, &message))
}

/// What buckets have added.
fn bucket_lines(p: PartitionId) -> [(&'static str, Vec<u8>); 4] {
    let none = Failure::new(ErrorCode::NoSuchBucket, "none");
    let carts = NamedBucket {
        id: BucketId(1),
        name: "carts".into(),
    };
    let settings = BucketSettings {
        policy: Policy::Siblings,
        read_level: Level::One,
        write_level: Level::Replicas(2),
        ttl_ms: Some(60_000),
    };
    let wish = Change::Bucket {
        name: "carts".parse().unwrap(),
        after: 0,
        settings,
    };
    let wish = PeerMessage::Cluster(RegisterMessage::Wish(vec![wish]));
    let response = Response {
        id: 2,
        result: Err(none),
    };
    let buckets = Notice::Buckets(vec![carts]);
    [
        (
            "no such bucket",
            message_frame(FrameKind::Response, p, &response),
        ),
        (
            "no buckets",
            message_frame(FrameKind::Notice, p, &Notice::Buckets(vec![])),
        ),
        ("buckets", message_frame(FrameKind::Notice, p, &buckets)),
        (
            "wish for a bucket",
            message_frame(FrameKind::Peer, p, &wish),
        ),
    ]
}

fn sync(name: &'static str, p: PartitionId, message: SyncMessage) -> (&'static str, Vec<u8>) {
    let message = PeerMessage::Sync {
        view: 4,
        exchange: 6,
        message,
    };
    (name, message_frame(FrameKind::Peer, p, &message))
}
