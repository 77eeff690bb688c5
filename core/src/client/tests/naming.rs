//! Buckets by name.

use super::*;
use crate::wire::NamedBucket;
use alloc::string::String;

fn buckets(names: &[(u32, &str)]) -> Vec<u8> {
    let named = names.iter().map(|(id, name)| NamedBucket {
        id: BucketId(*id),
        name: (*name).into(),
    });
    say(FrameKind::Notice, &Notice::Buckets(named.collect()))
}

fn get_from(bucket: &str) -> Call {
    Call::get(String::from(bucket), b"k".to_vec())
}

#[test]
fn a_call_that_names_a_bucket_waits_until_the_server_says_which_there_are() {
    let mut client = online();
    let named = client.submit(at(1), get_from("carts")).unwrap();
    client.submit(at(1), get_from("default")).unwrap();
    client.submit(at(1), get("k")).unwrap();
    let sent = drain(&mut client).requests;
    assert!(sent.len() == 2 && sent.iter().all(|it| it.bucket == DEFAULT));

    let list = buckets(&[(1, "logs"), (2, "carts")]);
    client.handle_message(at(2), &list).unwrap();
    let sent = drain(&mut client).requests;
    assert_eq!(
        (sent.len(), sent[0].id, sent[0].bucket),
        (1, named.0, BucketId(2))
    );
    client.submit(at(3), get_from("logs")).unwrap();
    assert_eq!(drain(&mut client).requests[0].bucket, BucketId(1));
}

#[test]
fn a_name_that_is_none_fails_with_those_that_there_are() {
    let mut client = online();
    let early = client.submit(at(1), get_from("cards")).unwrap();
    assert!(drain(&mut client).done.is_empty());
    client
        .handle_message(at(2), &buckets(&[(1, "carts")]))
        .unwrap();
    let late = client.submit(at(3), get_from("cards")).unwrap();
    let seen = drain(&mut client);
    let ids: Vec<_> = seen.done.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [early, late]);
    for (_, result) in &seen.done {
        assert_eq!(code(result), ErrorCode::NoSuchBucket);
        let message = result.as_ref().unwrap_err().to_string();
        assert!(
            message.contains("cards") && message.contains("default, carts"),
            "{message}"
        );
    }
    // One that is made meanwhile is heard of.
    client
        .handle_message(at(4), &buckets(&[(1, "carts"), (2, "cards")]))
        .unwrap();
    client.submit(at(5), get_from("cards")).unwrap();
    assert_eq!(drain(&mut client).requests[0].bucket, BucketId(2));
}

#[test]
fn each_connection_says_anew_which_buckets_there_are() {
    let mut client = online();
    client
        .handle_message(at(1), &buckets(&[(1, "carts")]))
        .unwrap();
    let sent = client.submit(at(2), get_from("carts")).unwrap();
    drain(&mut client);
    client.handle_disconnected(at(3));
    let named = client.submit(at(4), get_from("cards")).unwrap();
    let redial = drain(&mut client).redial.unwrap();
    let again = connect(&mut client, redial).requests;
    assert_eq!(
        (again.len(), again[0].id),
        (1, sent.0),
        "its number is known"
    );
    client
        .handle_message(at(100), &buckets(&[(1, "carts"), (2, "cards")]))
        .unwrap();
    let sent = drain(&mut client).requests;
    assert_eq!(
        (sent.len(), sent[0].id, sent[0].bucket),
        (1, named.0, BucketId(2))
    );
}

#[test]
fn a_server_that_never_says_which_buckets_there_are_ends_in_a_timeout_that_says_so() {
    let mut client = online();
    client
        .submit(at(0), get_from("carts").with_timeout_ms(100))
        .unwrap();
    drain(&mut client);
    client.handle_timeout(at(100));
    let done = drain(&mut client).done;
    assert_eq!(code(&done[0].1), ErrorCode::Timeout);
    let message = done[0].1.as_ref().unwrap_err().to_string();
    assert!(message.contains("which buckets"), "{message}");
}
