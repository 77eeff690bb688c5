//! Greeting, losing and finding the connection again.

use super::*;

#[test]
fn calls_wait_for_the_welcome_and_leave_as_one_message() {
    let mut client = Client::new(42);
    client.handle_dialing(at(0));
    for key in ["a", "b", "c"] {
        client.submit(at(0), put(key)).unwrap();
    }
    client.handle_connected(at(1));
    let seen = drain(&mut client);
    assert_eq!(seen.hello, Some(Hello::new(None, Role::Client)));
    assert!(seen.requests.is_empty());
    assert_eq!(seen.states, [ConnectionState::Connecting]);

    client
        .handle_message(at(2), &say(FrameKind::Welcome, &welcome()))
        .unwrap();
    let seen = drain(&mut client);
    assert_eq!((seen.messages, seen.requests.len()), (1, 3));
    let online = ConnectionState::Online {
        member: "stone-1".into(),
        replicas: 3,
    };
    assert_eq!(seen.states, [online]);
}

#[test]
fn a_write_under_way_is_sent_again_after_a_reconnect_with_the_same_request_id() {
    let mut client = online();
    let call = client.submit(at(1), put("a")).unwrap();
    let first = drain(&mut client).requests;
    client.handle_disconnected(at(10));
    let seen = drain(&mut client);
    let redial = seen.redial.expect("a lost connection is dialled again");
    assert!(redial > at(10) && redial <= at(60), "{redial:?}");
    assert!(matches!(seen.states[..], [ConnectionState::Offline { .. }]));

    let seen = connect(&mut client, redial);
    assert_eq!(
        seen.hello,
        Some(Hello::new(Some(7), Role::Client)),
        "it takes no other cluster"
    );
    assert_eq!(seen.requests.len(), 1);
    assert_eq!(request_id(&seen.requests[0]), request_id(&first[0]));
    assert_eq!(request_id(&first[0]).client, 42);
    answer(&mut client, at(100), call.0, Ok(written()));
    assert_eq!(drain(&mut client).done, [(call, Ok(written()))]);
}

#[test]
fn a_restarted_shard_gets_its_own_calls_again_and_no_others() {
    let mut client = online();
    for n in 0..64 {
        client.submit(at(1), put(&format!("key-{n}"))).unwrap();
    }
    assert_eq!(drain(&mut client).requests.len(), 64);
    let notice = Notice::ShardRestarted {
        modulus: 4,
        remainder: 3,
    };
    client
        .handle_message(at(2), &say(FrameKind::Notice, &notice))
        .unwrap();
    let again = drain(&mut client).requests;
    assert!(!again.is_empty() && again.len() < 64);
    for request in again {
        assert_eq!((position(request.bucket, &request.key) >> 56) % 4, 3);
    }
}

#[test]
fn a_connection_that_brings_nothing_through_a_long_call_is_dropped() {
    let mut client = online();
    client.submit(at(1), get("a")).unwrap();
    drain(&mut client);
    client.handle_timeout(at(5_001));
    assert!(drain(&mut client).redial.is_some());

    connect(&mut client, at(6_000));
    client.submit(at(6_000), get("a")).unwrap();
    let other = client.submit(at(6_000), get("b")).unwrap();
    drain(&mut client);
    answer(&mut client, at(6_001), other.0, Ok(missing()));
    client.handle_timeout(at(11_000));
    let seen = drain(&mut client);
    assert_eq!(
        (seen.done.len(), seen.redial),
        (2, None),
        "it does bring answers"
    );
}

#[test]
fn a_refused_version_ends_every_call_and_is_not_dialled_again() {
    let mut client = Client::new(42);
    let call = client.submit(at(0), put("a")).unwrap();
    client.handle_connected(at(1));
    let refusal = Refusal {
        code: ErrorCode::Protocol,
        message: "upgrade the older side".into(),
    };
    client
        .handle_message(at(2), &say(FrameKind::Refusal, &refusal))
        .unwrap();
    client.handle_disconnected(at(3));
    let seen = drain(&mut client);
    assert_eq!(seen.refused, Some(refusal));
    assert_eq!(
        (seen.done[0].0, code(&seen.done[0].1)),
        (call, ErrorCode::Protocol)
    );
    assert_eq!(seen.redial, None);
    let failure = client.submit(at(4), get("a")).unwrap_err();
    assert_eq!(failure.to_string(), "PROTOCOL: upgrade the older side");
}

#[test]
fn a_server_that_is_busy_for_now_is_dialled_again() {
    let mut client = Client::new(42);
    client.submit(at(0), put("a")).unwrap();
    client.handle_connected(at(1));
    let refusal = Refusal {
        code: ErrorCode::RateLimited,
        message: "too many clients".into(),
    };
    client
        .handle_message(at(2), &say(FrameKind::Refusal, &refusal))
        .unwrap();
    let seen = drain(&mut client);
    let redial = seen.redial.unwrap();
    let failure = Some(Failure::new(ErrorCode::RateLimited, "too many clients"));
    assert_eq!(
        seen.states.last(),
        Some(&ConnectionState::Offline {
            redial_at: redial,
            failure
        })
    );
    assert_eq!(connect(&mut client, redial).requests.len(), 1);
}

#[test]
fn an_opening_that_takes_too_long_is_given_up() {
    let mut client = Client::new(42);
    client.handle_dialing(at(0));
    drain(&mut client);
    let give_up = client.poll_timeout().unwrap();
    client.handle_timeout(give_up);
    assert!(drain(&mut client).redial.is_some());

    client.handle_connected(at(60_000));
    client.handle_timeout(client.poll_timeout().unwrap());
    assert!(drain(&mut client).redial.is_some(), "nobody greeted");
}

#[test]
fn redials_wait_longer_and_longer_until_an_answer_comes() {
    let mut client = Client::new(42);
    let wait_ms = |client: &mut Client, now: Instant| {
        client.handle_connected(now);
        client.handle_disconnected(now);
        drain(client).redial.unwrap().since(now).as_millis()
    };
    let waits: Vec<_> = (0..12).map(|_| wait_ms(&mut client, at(0))).collect();
    assert!(
        waits[0] <= 50 && waits[11] >= 2_500 && waits[11] <= 5_000,
        "{waits:?}"
    );

    connect(&mut client, at(100));
    let call = client.submit(at(100), get("a")).unwrap();
    drain(&mut client);
    answer(&mut client, at(101), call.0, Ok(missing()));
    client.handle_disconnected(at(102));
    assert!(drain(&mut client).redial.unwrap() <= at(152));
}

#[test]
fn a_new_connection_is_not_flooded() {
    let mut client = Client::new(42);
    for _ in 0..5_000 {
        client.submit(at(0), get("a")).unwrap();
    }
    let sent = connect(&mut client, at(1)).requests;
    assert_eq!(sent.len(), 4_096);
    answer(&mut client, at(2), sent[0].id, Ok(missing()));
    assert_eq!(
        drain(&mut client).requests.len(),
        1,
        "an answer makes room for the next"
    );
}

#[test]
fn what_a_server_must_not_send_is_an_error() {
    let mut client = Client::new(42);
    client.handle_connected(at(0));
    drain(&mut client);
    let early = say(
        FrameKind::Response,
        &Response {
            id: 1,
            result: Ok(written()),
        },
    );
    assert_eq!(
        client.handle_message(at(1), &early),
        Err(ClientError::Unexpected(FrameKind::Response))
    );
    for partitions in [0, 3, 65_535] {
        let bad = say(
            FrameKind::Welcome,
            &Welcome {
                partitions,
                ..welcome()
            },
        );
        let version = PROTOCOL_VERSION;
        assert_eq!(
            client.handle_message(at(1), &bad),
            Err(ClientError::Welcome {
                version,
                partitions
            })
        );
    }
    connect(&mut client, at(2));
    let mut torn = early.clone();
    torn[20] ^= 1;
    assert_eq!(
        client.handle_message(at(3), &torn),
        Err(FrameError::Checksum.into())
    );
    let none = Notice::ShardRestarted {
        modulus: 0,
        remainder: 0,
    };
    assert_eq!(
        client.handle_message(at(3), &say(FrameKind::Notice, &none)),
        Err(ClientError::NoShards)
    );
    let call = client.submit(at(3), get("a")).unwrap();
    drain(&mut client);
    let wrong = say(
        FrameKind::Response,
        &Response {
            id: call.0,
            result: Ok(written()),
        },
    );
    assert_eq!(
        client.handle_message(at(4), &wrong),
        Err(ClientError::WrongReply(call))
    );
    client.handle_disconnected(at(4));
    assert_eq!(
        connect(&mut client, at(100)).requests.len(),
        1,
        "the call is still there"
    );
}

#[test]
fn one_partition_takes_every_key() {
    let mut client = Client::new(42);
    client.handle_connected(at(0));
    let small = say(
        FrameKind::Welcome,
        &Welcome {
            partitions: 1,
            ..welcome()
        },
    );
    client.handle_message(at(0), &small).unwrap();
    client.submit(at(0), get("a")).unwrap();
    while let Some(output) = client.poll_output() {
        if let ClientOutput::Send(message) = output {
            assert_eq!(
                Frames::new(&message).next().unwrap().unwrap().partition,
                PartitionId(0)
            );
        }
    }
}

#[test]
fn the_same_story_gives_the_same_outputs() {
    let tell = || {
        let mut client = Client::new(99);
        let mut story = Vec::new();
        for n in 0..20 {
            client.submit(at(n), put(&format!("{n}"))).unwrap();
            client.handle_connected(at(n));
            client
                .handle_message(at(n), &say(FrameKind::Welcome, &welcome()))
                .unwrap();
            story.extend(core::iter::from_fn(|| client.poll_output()));
            client.handle_disconnected(at(n));
            story.extend(core::iter::from_fn(|| client.poll_output()));
        }
        story
    };
    assert_eq!(tell(), tell());
}
