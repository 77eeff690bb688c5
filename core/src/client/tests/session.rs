//! A session carries what it has seen from one call to the next.

use super::*;
use crate::causality::{Context, Dot, Token};
use crate::id::ActorId;
use crate::limits::SESSION_KEYS_MAX;

fn token(actor: u64, counter: u64) -> Vec<u8> {
    let mut seen = Context::new();
    let actor = ActorId(actor);
    seen.insert(Dot { actor, counter });
    let newest = Hlc::from_u64(counter);
    Token { newest, seen }.encode()
}

fn written_as(context: Vec<u8>) -> Reply {
    let version = Hlc::from_u64(9);
    Reply::Written {
        version,
        context,
        is_alone: true,
    }
}

/// What the next read of `key` says that it has seen.
fn says(client: &mut Client, key: &str) -> Token {
    let call = client.submit(at(10), get(key)).unwrap();
    let request = drain(client).requests.remove(0);
    answer(client, at(11), call.0, Ok(missing()));
    drain(client);
    match request.operation {
        Operation::Get { seen, .. } => Token::decode(&seen).unwrap(),
        other @ (Operation::Write { .. }
        | Operation::Settle { .. }
        | Operation::List { .. }
        | Operation::Edge(_)) => {
            panic!("{other:?}")
        }
    }
}

fn do_put(client: &mut Client, key: &str, context: Vec<u8>) {
    let call = client.submit(at(1), put(key)).unwrap();
    drain(client);
    answer(client, at(2), call.0, Ok(written_as(context)));
    drain(client);
}

#[test]
fn a_read_says_what_was_written_and_read_before_also_after_a_reconnection() {
    let mut client = online();
    assert_eq!(says(&mut client, "a"), Token::default());
    do_put(&mut client, "a", token(1, 3));
    let read = client.submit(at(3), get("a")).unwrap();
    drain(&mut client);
    let context = token(2, 1);
    answer(&mut client, at(4), read.0, Ok(Reply::Missing { context }));
    client.handle_disconnected(at(5));
    drain(&mut client);
    connect(&mut client, at(9));
    let said = says(&mut client, "a").seen;
    assert_eq!((said.counter(ActorId(1)), said.counter(ActorId(2))), (3, 1));
    assert_eq!(says(&mut client, "b"), Token::default());
}

#[test]
fn a_call_outside_of_the_session_neither_says_nor_learns() {
    let mut client = online();
    let write = put("a").without_session();
    let call = client.submit(at(1), write).unwrap();
    drain(&mut client);
    answer(&mut client, at(2), call.0, Ok(written_as(token(1, 1))));
    assert_eq!(says(&mut client, "a"), Token::default());
    do_put(&mut client, "a", token(1, 2));
    client.submit(at(3), get("a").without_session()).unwrap();
    let request = drain(&mut client).requests.remove(0);
    assert!(matches!(request.operation, Operation::Get { seen, .. } if seen.is_empty()));
}

#[test]
fn a_token_takes_a_session_to_another_client() {
    let mut first = online();
    do_put(&mut first, "a", token(1, 3));
    do_put(&mut first, "b", token(1, 4));
    let mut second = online();
    second.join_session(&first.session_token()).unwrap();
    assert_eq!(says(&mut second, "a").seen.counter(ActorId(1)), 3);
    assert_eq!(says(&mut second, "b").seen.counter(ActorId(1)), 4);
    assert!(second.join_session(b"nonsense").is_err());
}

#[test]
fn a_session_goes_to_no_other_cluster() {
    let mut first = online();
    do_put(&mut first, "a", token(1, 3));
    let mut new = Client::new(9);
    new.join_session(&first.session_token()).unwrap();
    new.handle_connected(at(1));
    assert_eq!(drain(&mut new).hello.unwrap().cluster, Some(7));
    let mut elsewhere = Client::new(9);
    elsewhere.handle_connected(at(1));
    let other = Welcome {
        cluster: 8,
        ..welcome()
    };
    let frame = say(FrameKind::Welcome, &other);
    elsewhere.handle_message(at(1), &frame).unwrap();
    drain(&mut elsewhere);
    let refused = elsewhere.join_session(&first.session_token()).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Protocol);
    assert_eq!(says(&mut elsewhere, "a"), Token::default());
}

#[test]
fn the_keys_that_were_not_used_for_longest_are_forgotten_first() {
    let mut client = online();
    for number in 0..SESSION_KEYS_MAX {
        do_put(&mut client, &format!("k{number}"), token(1, 1));
    }
    do_put(&mut client, "k0", token(1, 2));
    do_put(&mut client, "one more", token(1, 1));
    assert_eq!(says(&mut client, "k0").seen.counter(ActorId(1)), 2);
    assert_eq!(says(&mut client, "k1"), Token::default());
    assert_eq!(says(&mut client, "k2").seen.counter(ActorId(1)), 1);
}

#[test]
fn a_context_that_is_none_is_an_error_of_the_server() {
    let mut client = online();
    let call = client.submit(at(1), put("a")).unwrap();
    drain(&mut client);
    let result = Ok(written_as(vec![1]));
    let frame = say(FrameKind::Response, &Response { id: call.0, result });
    let error = client.handle_message(at(2), &frame).unwrap_err();
    assert_eq!(error, ClientError::WrongReply(call));
}

#[test]
fn keys_that_share_a_place_are_seen_apart() {
    let mut client = online();
    do_put(&mut client, "{user:1}name", token(1, 3));
    assert_eq!(says(&mut client, "{user:1}mail"), Token::default());
    assert_eq!(
        says(&mut client, "{user:1}name").seen.counter(ActorId(1)),
        3
    );
}
