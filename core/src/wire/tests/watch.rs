//! The bytes of watches.

use crate::causality::{Dot, Hlc, Value};
use crate::id::{ActorId, BucketId, MemberId, PartitionId};
use crate::selector::{Selector, Span};
use crate::watch::{Change, Mark, Position};
use crate::wire::{
    ErrorCode, Failure, FeedChange, FeedItem, FeedMessage, FrameKind, PeerMessage, Ticket,
    WatchEvent, WatchEvents, WatchRequest, message_frame,
};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// What watches have added.
pub(super) fn watch_lines(p: PartitionId) -> [(&'static str, Vec<u8>); 16] {
    let position = Position {
        segment: 3,
        index: 4,
    };
    let mark = Mark {
        member: MemberId(9),
        incarnation: 8,
        position,
    };
    let selector = Selector {
        bucket: BucketId(1),
        span: Span::Prefix(b"k".to_vec()),
    };
    let dot = Dot {
        actor: ActorId(2),
        counter: 5,
    };
    let change = Change {
        key: b"k".to_vec(),
        version: Hlc::from_u64(1 << 16),
        dot,
        value: Some(Value {
            encoding: 1,
            bytes: b"v".to_vec(),
        }),
        expires_at_ms: None,
        siblings: vec![Value {
            encoding: 0,
            bytes: b"w".to_vec(),
        }],
        context: vec![7, 8],
    };
    let failure = Failure::new(ErrorCode::RateLimited, "many");
    let item = FeedItem {
        ticket: 6,
        subscription: 7,
        selector: Selector {
            bucket: BucketId(0),
            span: Span::Range {
                from: b"a".to_vec(),
                to: b"b".to_vec(),
            },
        },
        since: Some(vec![(8, position)]),
    };
    let moved = FeedChange {
        bucket: BucketId(1),
        change: change.clone(),
    };
    let ticket = Ticket {
        ticket: 6,
        is_gap: false,
        changes: vec![moved.clone()],
    };
    let (feed, reply) = (10, PartitionId(1));
    let ask = |name, request: &WatchRequest| (name, message_frame(FrameKind::Watch, p, request));
    let tell = |name, event: WatchEvent| {
        let (number, events) = (2, vec![event]);
        let told = WatchEvents { number, events };
        (name, message_frame(FrameKind::Events, p, &told))
    };
    let say = |name, message: FeedMessage| {
        let message = PeerMessage::Feed(message);
        (name, message_frame(FrameKind::Peer, p, &message))
    };
    let (watch, watches, stream) = (1, vec![1], 5);
    [
        ask(
            "watch begin",
            &WatchRequest::Begin {
                watch,
                selector,
                token: vec![mark],
            },
        ),
        ask("watch end", &WatchRequest::End { watch }),
        ask("watch ack", &WatchRequest::Ack { number: 2 }),
        ask("watch probe", &WatchRequest::Probe),
        tell("watching", WatchEvent::Watching { watch }),
        tell("watch resync", WatchEvent::Resync { watch }),
        tell(
            "watch joined",
            WatchEvent::Joined {
                watch,
                stream,
                mark,
            },
        ),
        tell("watch left", WatchEvent::Left { watch, stream }),
        tell(
            "watch changed",
            WatchEvent::Changed {
                watches,
                change: Arc::new(change),
            },
        ),
        tell("watch marks", WatchEvent::Marks(vec![(stream, position)])),
        tell("watch failed", WatchEvent::Failed { watch, failure }),
        say(
            "feed subscribe",
            FeedMessage::Subscribe {
                feed,
                reply,
                items: vec![item],
            },
        ),
        say(
            "feed ping",
            FeedMessage::Ping {
                feed,
                reply,
                subscriptions: 1,
            },
        ),
        say(
            "feed subscribed",
            FeedMessage::Subscribed {
                feed,
                shard: 0,
                shards: 2,
                incarnation: 8,
                at: position,
                tickets: vec![ticket],
            },
        ),
        say(
            "feed changes",
            FeedMessage::Changes {
                feed,
                prev: position,
                upto: position,
                changes: vec![moved],
            },
        ),
        say("feed unknown", FeedMessage::Unknown { feed }),
    ]
}
