//! Whole lists, page after page: the server that is this file has keys in some partitions.

use super::listing::{Ring, all};
use super::*;
use crate::client::{ListSpec, PageWanted};
use crate::limits::{LIST_ENTRIES_MAX, LISTINGS_KEPT_MAX, LISTINGS_KEPT_MS, LISTINGS_MAX};

/// `count` keys in order, over all partitions.
fn keys(count: usize) -> (Vec<Vec<u8>>, Ring) {
    let keys: Vec<_> = (0..count).map(|n| format!("{n:05}").into_bytes()).collect();
    let mut ring = Ring(vec![Vec::new(); PARTITIONS.into()]);
    for key in &keys {
        ring.0[usize::try_from(position(DEFAULT, key) >> 56).unwrap()].push(key.clone());
    }
    (keys, ring)
}

fn spec(after: &[u8], is_reverse: bool) -> ListSpec {
    ListSpec {
        bucket: DEFAULT.into(),
        span: all(),
        after: after.to_vec(),
        limit: u64::MAX,
        is_reverse,
        level: None,
        timeout_ms: 0,
    }
}

/// What was asked since the last time, by the requests' numbers; and what has come to its outcome.
#[derive(Default)]
struct Heard {
    wanted: Vec<(u64, PageWanted)>,
    done: Vec<(CallId, Result<Reply, Failure>)>,
}

fn hear(client: &mut Client) -> Heard {
    let mut heard = Heard::default();
    while let Some(output) = client.poll_output() {
        match output {
            ClientOutput::Send(message) => {
                for frame in Frames::new(&message) {
                    let frame = frame.unwrap();
                    let request: Request = decode_body(frame.body).unwrap();
                    let Operation::List {
                        after,
                        is_reverse,
                        limit,
                        ..
                    } = request.operation
                    else {
                        panic!("{request:?}");
                    };
                    let partition = frame.partition;
                    let wanted = PageWanted {
                        partition,
                        after,
                        is_reverse,
                        limit,
                    };
                    heard.wanted.push((request.id, wanted));
                }
            }
            ClientOutput::Done { call, result } => heard.done.push((call, result)),
            other => panic!("{other:?}"),
        }
    }
    heard
}

/// Answers until a page is there: its keys, where it goes on, and how many keys were asked for.
fn play(
    client: &mut Client,
    ring: &Ring,
    spec: ListSpec,
) -> (Vec<Vec<u8>>, Option<Vec<u8>>, usize) {
    let call = client.list(at(1), spec).unwrap();
    let mut sent = 0;
    loop {
        let heard = hear(client);
        if let Some((done, result)) = heard.done.into_iter().next() {
            let Ok(Reply::Listed { entries, next }) = result else {
                panic!("{result:?}");
            };
            assert_eq!(done, call);
            // What is asked ahead is answered too.
            serve(client, ring, heard.wanted, &mut sent);
            return (entries.into_iter().map(|it| it.key).collect(), next, sent);
        }
        assert!(!heard.wanted.is_empty(), "it waits for nothing");
        serve(client, ring, heard.wanted, &mut sent);
    }
}

fn serve(client: &mut Client, ring: &Ring, wanted: Vec<(u64, PageWanted)>, sent: &mut usize) {
    for (id, wanted) in wanted {
        let (entries, next) = ring.page(&wanted, wanted.limit as usize);
        *sent += entries.len();
        answer(client, at(1), id, Ok(Reply::Listed { entries, next }));
    }
}

#[test]
fn a_whole_list_comes_page_after_page_in_order_and_each_key_is_sent_once() {
    for is_reverse in [false, true] {
        let (mut expected, ring) = keys(5_000);
        if is_reverse {
            expected.reverse();
        }
        let mut client = online();
        let (mut given, mut sent, mut after, mut pages) = (Vec::new(), 0, Vec::new(), 0);
        loop {
            let (keys, next, more) = play(&mut client, &ring, spec(&after, is_reverse));
            assert!(keys.len() <= LIST_ENTRIES_MAX);
            given.extend(keys);
            (sent, pages) = (sent + more, pages + 1);
            let Some(next) = next else { break };
            assert_eq!(given.last(), Some(&next));
            after = next;
        }
        assert_eq!(given, expected);
        assert_eq!((sent, pages), (5_000, 5));
    }
}

#[test]
fn a_list_of_few_keys_ends_after_them_and_another_goes_on_behind_them() {
    let (expected, ring) = keys(300);
    let mut client = online();
    let few = ListSpec {
        limit: 7,
        ..spec(b"", false)
    };
    let (first, next, _) = play(&mut client, &ring, few);
    assert_eq!(first, expected[..7]);
    let (rest, next, _) = play(&mut client, &ring, spec(&next.unwrap(), false));
    assert_eq!((rest.as_slice(), next), (&expected[7..], None));
}

#[test]
fn a_partition_that_fails_ends_the_page_and_what_it_waits_for() {
    let mut client = online();
    let call = client.list(at(1), spec(b"", false)).unwrap();
    let asked = hear(&mut client).wanted;
    let failure = Failure::new(ErrorCode::Level, "no");
    answer(&mut client, at(2), asked[3].0, Err(failure.clone()));
    let heard = hear(&mut client);
    assert_eq!(heard.done, [(call, Err(failure))]);
    assert_eq!((heard.wanted.len(), client.open_calls()), (0, 0));
    let (expected, ring) = keys(10);
    assert_eq!(play(&mut client, &ring, spec(b"", false)).0, expected);
}

#[test]
fn a_page_that_cannot_be_is_a_mistake_of_the_server() {
    let mut client = online();
    let call = client.list(at(1), spec(b"", true)).unwrap();
    let asked = hear(&mut client).wanted;
    let entries = vec![listing::listed(b"a"), listing::listed(b"b")];
    let next = None;
    answer(
        &mut client,
        at(2),
        asked[0].0,
        Ok(Reply::Listed { entries, next }),
    );
    let done = hear(&mut client).done;
    assert_eq!((done[0].0, code(&done[0].1)), (call, ErrorCode::Protocol));
}

#[test]
fn a_list_that_is_cancelled_asks_no_more() {
    let mut client = online();
    let call = client.list(at(1), spec(b"", false)).unwrap();
    let asked = hear(&mut client).wanted.len();
    assert!(asked > 0 && client.open_calls() == asked);
    assert!(!client.cancel(call));
    let heard = hear(&mut client);
    assert_eq!(
        (client.open_calls(), heard.done.len(), heard.wanted.len()),
        (0, 0, 0)
    );
}

#[test]
fn what_nobody_goes_on_with_is_dropped_after_a_while_and_when_there_is_more_of_it() {
    let (expected, ring) = keys(2_000);
    let mut client = online();
    for limit in 0..=LISTINGS_KEPT_MAX as u64 {
        let some = ListSpec {
            limit: 1_200,
            level: Some(crate::replication::Level::Replicas(
                u8::try_from(limit).unwrap(),
            )),
            ..spec(b"", false)
        };
        play(&mut client, &ring, some);
    }
    assert_eq!(client.lists.kept_count(), LISTINGS_KEPT_MAX);
    let due = at(1) + Duration::from_millis(LISTINGS_KEPT_MS);
    assert_eq!(client.poll_timeout(), Some(due));
    client.handle_timeout(due);
    assert_eq!(
        (client.lists.kept_count(), client.poll_timeout()),
        (0, None)
    );
    // It goes on all the same.
    let (keys, _, _) = play(&mut client, &ring, spec(&expected[99], false));
    assert_eq!(keys[0], expected[100]);
}

#[test]
fn lists_under_way_are_bounded_in_number() {
    let mut client = online();
    for _ in 0..LISTINGS_MAX {
        client.list(at(1), spec(b"", false)).unwrap();
    }
    let refused = client.list(at(1), spec(b"", false)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::RateLimited);
}

#[test]
fn a_server_without_lists_is_not_asked_for_one() {
    let mut client = Client::new(1);
    client.handle_connected(at(0));
    let old = Welcome {
        features: Features(0),
        ..welcome()
    };
    let frame = say(FrameKind::Welcome, &old);
    client.handle_message(at(0), &frame).unwrap();
    drain(&mut client);
    let call = client.list(at(1), spec(b"", false)).unwrap();
    let heard = hear(&mut client);
    assert_eq!(heard.wanted.len(), 0);
    assert_eq!((heard.done.len(), heard.done[0].0), (1, call));
    assert_eq!(code(&heard.done[0].1), ErrorCode::Protocol);
}
