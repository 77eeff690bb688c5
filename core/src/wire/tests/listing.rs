//! The bytes of lists.

use crate::causality::{Hlc, Value};
use crate::id::{BucketId, PartitionId};
use crate::replication::Level;
use crate::selector::Span;
use crate::wire::{
    ErrorCode, Failure, FrameKind, Listed, Operation, PageAnswer, PageQuestion, PeerMessage, Reply,
    Request, Response, StatePage, StoredState, message_frame,
};
use alloc::vec;
use alloc::vec::Vec;

/// What lists have added.
pub(super) fn listing_lines(p: PartitionId) -> [(&'static str, Vec<u8>); 6] {
    let value = |text: &[u8]| Value {
        encoding: 1,
        bytes: text.to_vec(),
    };
    let list = Request {
        id: 1,
        timeout_ms: 500,
        bucket: BucketId(0),
        key: vec![],
        operation: Operation::List {
            span: Span::Prefix(b"k".to_vec()),
            after: b"k1".to_vec(),
            is_reverse: false,
            limit: 100,
            r: Some(Level::Quorum),
        },
    };
    let listed = Reply::Listed {
        entries: vec![Listed {
            key: b"k2".to_vec(),
            value: value(b"v"),
            version: Hlc::from_u64(1 << 16),
            siblings: vec![value(b"w")],
            expires_at_ms: Some(7),
            context: vec![0],
        }],
        next: Some(b"k3".to_vec()),
    };
    let listed = Response {
        id: 1,
        result: Ok(listed),
    };
    let question = PageQuestion {
        bucket: BucketId(0),
        span: Span::Range {
            from: b"a".to_vec(),
            to: b"b".to_vec(),
        },
        after: vec![],
        is_reverse: true,
        limit: 100,
        have: Some(8),
    };
    let ask = PeerMessage::List {
        view: 4,
        op: 3,
        question,
    };
    let states = vec![StoredState {
        key: b"k".to_vec(),
        set: vec![1, 2],
    }];
    let upto = Some(b"k".to_vec());
    let say = |name, answer| {
        let page = PeerMessage::Page { op: 3, answer };
        (name, message_frame(FrameKind::Peer, p, &page))
    };
    [
        ("list", message_frame(FrameKind::Request, p, &list)),
        ("listed", message_frame(FrameKind::Response, p, &listed)),
        ("list ask", message_frame(FrameKind::Peer, p, &ask)),
        say("list same", PageAnswer::Same),
        say("list page", PageAnswer::Page(StatePage { states, upto })),
        say(
            "list failed",
            PageAnswer::Failed(Failure::new(ErrorCode::Unavailable, "no")),
        ),
    ]
}
