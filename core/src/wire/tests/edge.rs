//! The bytes of what only edge nodes are asked and say.

use crate::causality::{Hlc, Value};
use crate::id::{BucketId, PartitionId, RequestId};
use crate::selector::Span;
use crate::wire::{
    EdgeNotice, EdgeOperation, EdgeReply, FrameKind, Notice, Operation, Reply, Request, Response,
    Shown, ShownState, WatchEvent, WatchEvents, message_frame,
};
use alloc::vec;
use alloc::vec::Vec;

/// What edge nodes have added.
pub(super) fn edge_lines(p: PartitionId) -> [(&'static str, Vec<u8>); 7] {
    let value = Some(Value {
        encoding: 1,
        bytes: b"v".to_vec(),
    });
    let request = |sequence| RequestId {
        client: 5,
        sequence,
    };
    let ask = |name, key: &[u8], operation| {
        let request = Request {
            id: 1,
            timeout_ms: 500,
            bucket: BucketId(0),
            key: key.to_vec(),
            operation: Operation::Edge(operation),
        };
        (name, message_frame(FrameKind::Request, p, &request))
    };
    let answer = |name, reply| {
        let (id, result) = (1, Ok(Reply::Edge(reply)));
        let response = Response { id, result };
        (name, message_frame(FrameKind::Response, p, &response))
    };
    let lodge = EdgeOperation::Lodge {
        request: request(6),
        after: Some(request(5)),
        context: vec![],
        value: value.clone(),
        ttl_ms: Some(60_000),
    };
    let copies = EdgeOperation::Copies {
        span: Span::Prefix(b"k".to_vec()),
        after: b"k1".to_vec(),
        limit: 100,
    };
    let version = Hlc::from_u64(1 << 16);
    let settled = Notice::Edge(EdgeNotice::Settled {
        request: request(6),
        result: Ok(Reply::Written {
            version,
            context: vec![0],
            is_alone: true,
        }),
    });
    let shown = WatchEvent::Shown {
        watches: vec![1, 2],
        shown: Shown {
            key: b"k".to_vec(),
            state: ShownState::Copy,
            value: value.clone(),
            version: Some(version),
            siblings: vec![],
            expires_at_ms: None,
            context: vec![7],
        },
    };
    let (number, events) = (2, vec![shown]);
    let shown = WatchEvents { number, events };
    let context = vec![0];
    [
        ask("edge read", b"k", EdgeOperation::Read { seen: vec![] }),
        ask("edge lodge", b"k", lodge),
        ask("edge copies", b"", copies),
        answer("edge lodged", EdgeReply::Lodged),
        answer("edge waiting", EdgeReply::Waiting { value, context }),
        (
            "edge settled",
            message_frame(FrameKind::Notice, p, &settled),
        ),
        ("edge shown", message_frame(FrameKind::Events, p, &shown)),
    ]
}
