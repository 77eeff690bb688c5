//! What a stone says to whoever does not speak its protocol, and that it goes on.

use henge_core::id::{BucketId, MemberId, PartitionId};
use henge_core::limits::MESSAGE_BYTES_MAX;
use henge_core::rng::Rng;
use henge_core::wire::{
    ErrorCode, FrameKind, Hello, Operation, Refusal, Request, Role, message_frame,
};
use henge_tests::process::{Raw, Stone, StoneSpec, session};

/// Runs `break_it` against a fresh stone and checks that it still serves afterwards.
fn against_a_stone(break_it: impl FnOnce(&str)) {
    let folder = tempfile::tempdir().unwrap();
    let mut stone = Stone::ready(StoneSpec::alone(folder.path(), &[]));
    assert!(stone.http().put_text("before", "1"));
    break_it(&stone.spec.address());
    assert!(stone.is_running());
    assert_eq!(stone.http().text("before").as_deref(), Some("1"));
    assert_eq!(
        stone.status()["shards"][0]["restarts"],
        0,
        "no guest has trapped"
    );
}

fn request() -> Request {
    Request {
        id: 1,
        timeout_ms: 0,
        bucket: BucketId(0),
        key: b"k".to_vec(),
        operation: Operation::Get {
            level: None,
            seen: Vec::new(),
        },
    }
}

fn assert_refused(refusal: &Refusal, words: &[&str]) {
    assert_eq!(refusal.code, ErrorCode::Protocol);
    for word in words {
        assert!(
            refusal.message.contains(word),
            "{word}: {}",
            refusal.message
        );
    }
}

#[test]
fn a_wrong_protocol_version_is_refused_naming_both() {
    against_a_stone(|address| {
        let mut hello = Hello::new(None, Role::Client);
        (hello.version_min, hello.version_max) = (7, 9);
        let mut raw = Raw::open(address);
        raw.hello(&hello);
        assert_refused(&raw.refusal(), &["7 to 9", "speaks 1"]);

        let mut raw = Raw::greeted(address);
        let mut frame = message_frame(FrameKind::Request, PartitionId(0), &request());
        frame[0] = 9;
        raw.send(frame);
        assert_refused(&raw.refusal(), &["version 9", "speaks 1"]);
    });
}

#[test]
fn another_cluster_is_refused_naming_both() {
    against_a_stone(|address| {
        let mut raw = Raw::open(address);
        raw.hello(&Hello::new(Some(0xdead_beef), Role::Client));
        assert_refused(&raw.refusal(), &["00000000deadbeef", "cluster name"]);
    });
}

#[test]
fn a_member_that_is_not_in_the_list_is_refused_by_name() {
    against_a_stone(|address| {
        let cluster = henge_core::hash::hash64(b"henge");
        let role = Role::Member {
            id: MemberId::from_name("stranger"),
            name: "stranger".into(),
            origin: 1,
        };
        let mut raw = Raw::open(address);
        raw.hello(&Hello::new(Some(cluster), role));
        assert_refused(&raw.refusal(), &["stranger", "--member"]);
    });
}

#[test]
fn no_subprotocol_or_a_wrong_one_is_refused_naming_ours() {
    against_a_stone(|address| {
        for offered in [None, Some("chat"), Some("henge.v2")] {
            let Err(error) = session::open(address, offered) else {
                panic!("{offered:?} was taken")
            };
            let tungstenite::Error::Http(response) = *error else {
                panic!("{offered:?}: {error}")
            };
            let body = response.body().as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(body);
            assert_eq!(response.status().as_u16(), 400, "{body}");
            assert!(body.contains("henge.v1"), "{body}");
            assert!(body.contains(offered.unwrap_or("none")), "{body}");
        }
    });
}

#[test]
fn a_plain_request_to_the_websocket_address_is_told_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let stone = Stone::ready(StoneSpec::alone(folder.path(), &[]));
    let answer = stone.http().get("/v1/ws");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("WebSocket"), "{answer:?}");
}

#[test]
fn frames_with_a_fault_are_refused_by_their_fault() {
    let good = message_frame(FrameKind::Request, PartitionId(0), &request());
    let changed = |at: usize| {
        let mut frame = good.clone();
        frame[at] ^= 0xff;
        frame
    };
    let faults = [
        (
            "a flipped byte in the body",
            changed(good.len() - 1),
            "checksum",
        ),
        ("a kind that does not exist", changed(1), "kind 251"),
        ("a length beyond all bounds", changed(7), "at most"),
        ("a cut frame", good[..good.len() - 1].to_vec(), "cut short"),
        ("a cut header", good[..7].to_vec(), "cut short"),
        (
            "a frame of members",
            message_frame(FrameKind::Peer, PartitionId(0), &request()),
            "no place here",
        ),
        (
            "a partition that does not exist",
            message_frame(FrameKind::Request, PartitionId(60_000), &request()),
            "",
        ),
        (
            "a good frame and then noise",
            [&good[..], b"noise"].concat(),
            "cut short",
        ),
    ];
    against_a_stone(|address| {
        for (what, bytes, words) in faults {
            let mut raw = Raw::greeted(address);
            raw.send(bytes);
            let refusal = raw.refusal();
            assert!(refusal.message.contains(words), "{what}: {refusal:?}");
        }
        let mut raw = Raw::greeted(address);
        raw.send_text("hello");
        assert_refused(&raw.refusal(), &["text", "binary"]);
        let mut raw = Raw::open(address);
        raw.send(message_frame(
            FrameKind::Request,
            PartitionId(0),
            &request(),
        ));
        assert_refused(&raw.refusal(), &["no place here"]);
    });
}

#[test]
fn a_request_body_that_is_none_harms_nobody() {
    against_a_stone(|address| {
        let mut raw = Raw::greeted(address);
        raw.send(message_frame(
            FrameKind::Request,
            PartitionId(0),
            &[0xff_u8; 9],
        ));
        raw.send(message_frame(
            FrameKind::Request,
            PartitionId(0),
            &request(),
        ));
        // Either the connection ends, or the next request is answered.
        let _ = raw.receive();
    });
}

#[test]
fn ten_thousand_random_messages_harm_nobody() {
    against_a_stone(|address| {
        let mut rng = Rng::new(0xbad);
        let mut sent = 0;
        while sent < 10_000 {
            let is_greeted = rng.below(2) == 0;
            let mut raw = if is_greeted {
                Raw::greeted(address)
            } else {
                Raw::open(address)
            };
            for _ in 0..50 {
                sent += 1;
                if !raw.try_send(noise(&mut rng)) {
                    break;
                }
            }
        }
    });
}

#[test]
fn a_message_beyond_the_limit_ends_its_connection_only() {
    against_a_stone(|address| {
        let mut raw = Raw::greeted(address);
        raw.try_send(vec![1; MESSAGE_BYTES_MAX + 1]);
        while raw.receive().is_some() {}
    });
}

/// Bytes that begin well more often than chance would have it.
fn noise(rng: &mut Rng) -> Vec<u8> {
    let length = usize::try_from(rng.below(80)).unwrap();
    let body: Vec<u8> = (0..length)
        .map(|_| rng.next_u64().to_le_bytes()[0])
        .collect();
    match rng.below(4) {
        0 => body,
        1 => [&[1, 4, 0, 0][..], &body].concat(),
        _ => {
            let partition = PartitionId(u16::try_from(rng.below(256)).unwrap());
            message_frame(FrameKind::Request, partition, &body)
        }
    }
}
