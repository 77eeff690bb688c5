//! What a watch hears, and what was read for it.

use super::*;
use crate::causality::{Context, Dot, Token};
use crate::client::{WatchId, WatchOutput, WatchSpec};
use crate::id::ActorId;
use crate::selector::Span;
use crate::watch::Change;
use crate::wire::{Listed, WatchEvent, WatchEvents, WatchRequest};
use alloc::sync::Arc;

fn watch(client: &mut Client) -> WatchId {
    let spec = WatchSpec {
        bucket: DEFAULT.into(),
        span: Span::Prefix(Vec::new()),
        token: Vec::new(),
    };
    client.watch(at(1), spec).unwrap()
}

/// What the client says of watches.
fn asks(client: &mut Client) -> Vec<WatchRequest> {
    let mut asks = Vec::new();
    while let Some(output) = client.poll_output() {
        if let ClientOutput::Send(message) = output {
            let frames = Frames::new(&message).map(|frame| frame.unwrap());
            let frames = frames.filter(|frame| frame.kind == FrameKind::Watch);
            asks.extend(frames.map(|frame| decode_body::<WatchRequest>(frame.body).unwrap()));
        }
    }
    asks
}

fn tell(client: &mut Client, events: Vec<WatchEvent>) {
    let frame = say(FrameKind::Events, &WatchEvents { number: 1, events });
    client.handle_message(at(2), &frame).unwrap();
}

fn context(dots: &[(u64, u64)]) -> Vec<u8> {
    let mut seen = Context::new();
    for &(actor, counter) in dots {
        let actor = ActorId(actor);
        seen.insert(Dot { actor, counter });
    }
    let newest = Hlc::default();
    Token { newest, seen }.encode()
}

fn changed(key: &str, version: u64, dot: (u64, u64)) -> WatchEvent {
    let (actor, counter) = dot;
    let change = Change {
        key: key.into(),
        version: Hlc::from_u64(version),
        dot: Dot {
            actor: ActorId(actor),
            counter,
        },
        value: None,
        expires_at_ms: None,
        siblings: Vec::new(),
        context: context(&[dot]),
    };
    let watches = vec![1];
    let change = Arc::new(change);
    WatchEvent::Changed { watches, change }
}

fn listed(key: &str, version: u64, seen: &[(u64, u64)]) -> Listed {
    Listed {
        key: key.into(),
        value: Value {
            encoding: 0,
            bytes: Vec::new(),
        },
        version: Hlc::from_u64(version),
        siblings: Vec::new(),
        expires_at_ms: None,
        context: context(seen),
    }
}

/// The versions that are told, in order.
fn told(client: &mut Client) -> Vec<u64> {
    let mut told = Vec::new();
    while let Some(output) = client.poll_watch() {
        if let WatchOutput::Changes { changes, .. } = output {
            told.extend(changes.iter().map(|change| change.version.as_u64()));
        }
    }
    told
}

#[test]
fn what_was_listed_for_a_watch_is_told_again_only_if_it_is_newer() {
    let mut client = online();
    let id = watch(&mut client);
    assert_eq!(asks(&mut client).len(), 1);
    tell(&mut client, vec![WatchEvent::Watching { watch: 1 }]);
    assert!(client.note_listed(id, &listed("a", 50, &[(1, 2)])));
    let events = vec![
        changed("a", 40, (1, 1)),
        changed("a", 50, (1, 2)),
        changed("b", 40, (1, 1)),
        changed("a", 60, (1, 3)),
    ];
    tell(&mut client, events);
    assert_eq!(
        told(&mut client),
        [40, 60],
        "the one of b, and the newer one of a"
    );
    assert!(
        !client.note_listed(id, &listed("a", 50, &[(1, 2)])),
        "older than what was told"
    );
    assert!(
        !client.note_listed(id, &listed("a", 60, &[(1, 3)])),
        "it was told"
    );
}

#[test]
fn two_writes_of_one_version_are_both_told_if_a_list_cannot_tell_which_it_shows() {
    let mut client = online();
    let id = watch(&mut client);
    asks(&mut client);
    assert!(client.note_listed(id, &listed("a", 50, &[(1, 2), (9, 7)])));
    tell(&mut client, vec![changed("a", 50, (5, 1))]);
    assert_eq!(told(&mut client), [50]);
}

#[test]
fn a_server_without_watches_is_not_asked_for_one_and_the_watch_says_so() {
    let mut client = Client::new(1);
    client.handle_connected(at(0));
    let old = Welcome {
        features: Features::LISTS,
        ..welcome()
    };
    let frame = say(FrameKind::Welcome, &old);
    client.handle_message(at(0), &frame).unwrap();
    let id = watch(&mut client);
    assert_eq!(asks(&mut client), []);
    let Some(WatchOutput::Failed { watch, failure }) = client.poll_watch() else {
        panic!("it watches");
    };
    assert_eq!((watch, failure.code), (id, ErrorCode::Protocol));
    // Anything else goes on.
    client.submit(at(1), get("k")).unwrap();
    assert_eq!(drain(&mut client).requests.len(), 1);
}
