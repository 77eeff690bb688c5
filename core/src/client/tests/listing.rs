//! Lists: one page as a call, and all pages as one list.

use super::*;
use crate::client::{Listing, PageWanted};
use crate::id::PartitionId;
use crate::limits::{LISTING_ENTRIES, LISTING_PAGE_MIN, LISTING_PAGES_MAX};
use crate::selector::Span;
use crate::wire::Listed;
use proptest::prelude::*;

pub(super) fn all() -> Span {
    Span::Prefix(Vec::new())
}

fn list(partition: u16, after: &[u8]) -> Call {
    Call::list(DEFAULT, all(), PartitionId(partition), after.to_vec(), 5)
}

pub(super) fn listed(key: &[u8]) -> Listed {
    Listed {
        key: key.to_vec(),
        value: Value {
            encoding: 0,
            bytes: Vec::new(),
        },
        version: Hlc::from_u64(9),
        siblings: Vec::new(),
        expires_at_ms: None,
        context: vec![0],
    }
}

#[test]
fn a_list_goes_to_its_partition_and_comes_back_as_its_outcome() {
    let mut client = online();
    let call = client.submit(at(1), list(200, b"a")).unwrap();
    let mut partitions = Vec::new();
    while let Some(output) = client.poll_output() {
        if let ClientOutput::Send(message) = output {
            let frames = Frames::new(&message);
            partitions.extend(frames.map(|frame| frame.unwrap().partition));
        }
    }
    assert_eq!(partitions, [PartitionId(200)]);
    let reply = Reply::Listed {
        entries: vec![listed(b"b")],
        next: None,
    };
    answer(&mut client, at(2), call.0, Ok(reply.clone()));
    assert_eq!(drain(&mut client).done, [(call, Ok(reply))]);
    assert_eq!(
        client.session_token(),
        online().session_token(),
        "no part in the session"
    );
}

#[test]
fn a_list_is_not_answered_with_a_value_nor_a_read_with_a_list() {
    let listed = Reply::Listed {
        entries: vec![],
        next: None,
    };
    for (call, reply) in [(list(0, b""), missing()), (get("k"), listed)] {
        let mut client = online();
        let id = client.submit(at(1), call).unwrap();
        drain(&mut client);
        let response = Response {
            id: id.0,
            result: Ok(reply),
        };
        let frame = say(FrameKind::Response, &response);
        let wrong = client.handle_message(at(2), &frame);
        assert_eq!(wrong, Err(ClientError::WrongReply(id)));
    }
}

#[test]
fn a_list_of_no_partition_or_behind_no_key_is_refused_at_once() {
    let mut client = online();
    let long = vec![0; KEY_BYTES_MAX + 1];
    let code = |client: &mut Client, call| client.submit(at(1), call).unwrap_err().code;
    assert_eq!(code(&mut client, list(256, b"")), ErrorCode::Misrouted);
    assert_eq!(code(&mut client, list(0, &long)), ErrorCode::KeyTooLarge);
    let (from, to) = (b"b".to_vec(), b"a".to_vec());
    let backwards = Call::list(
        DEFAULT,
        Span::Range { from, to },
        PartitionId(0),
        Vec::new(),
        0,
    );
    assert_eq!(code(&mut client, backwards), ErrorCode::Protocol);
    // Nobody has said how many partitions there are.
    let mut new = Client::new(1);
    assert_eq!(code(&mut new, list(0, b"")), ErrorCode::Unavailable);
}

#[test]
fn a_shard_that_began_anew_is_asked_for_its_pages_again() {
    let mut client = online();
    client.submit(at(1), list(3, b"")).unwrap();
    client.submit(at(1), list(4, b"")).unwrap();
    assert_eq!(drain(&mut client).requests.len(), 2);
    let restarted = Notice::ShardRestarted {
        modulus: 4,
        remainder: 3,
    };
    let frame = say(FrameKind::Notice, &restarted);
    client.handle_message(at(2), &frame).unwrap();
    assert_eq!(drain(&mut client).requests.len(), 1);
}

/// Partitions with their keys, and what a server answers.
pub(super) struct Ring(pub(super) Vec<Vec<Vec<u8>>>);

impl Ring {
    /// The first of the keys that are wanted, not more than a server wants to give: `most` of them.
    pub(super) fn page(&self, wanted: &PageWanted, most: usize) -> (Vec<Listed>, Option<Vec<u8>>) {
        let (after, is_reverse) = (&wanted.after, wanted.is_reverse);
        let is_behind = |key: &&Vec<u8>| {
            after.is_empty()
                || if is_reverse {
                    *key < after
                } else {
                    *key > after
                }
        };
        let keys = self.0[usize::from(wanted.partition.0)].iter();
        let mut keys: Vec<_> = keys.filter(is_behind).collect();
        if is_reverse {
            keys.reverse();
        }
        let has_more = keys.len() > most;
        keys.truncate(most);
        let next = keys.last().filter(|_| has_more).map(|key| key.to_vec());
        (keys.into_iter().map(|key| listed(key)).collect(), next)
    }

    /// Everything that `listing` gives, pages being answered in an order that `picks` says.
    fn play(&self, listing: &mut Listing, picks: &[usize]) -> Vec<Vec<u8>> {
        let (mut given, mut under_way, mut turn) = (Vec::new(), Vec::new(), 0);
        while !listing.is_done() {
            while let Some(wanted) = listing.poll_page() {
                under_way.push(wanted);
                assert!(under_way.len() <= LISTING_PAGES_MAX);
            }
            assert!(!under_way.is_empty(), "it waits for nothing");
            let pick = picks.get(turn % picks.len().max(1)).copied().unwrap_or(0);
            turn += 1;
            let wanted = under_way.swap_remove(pick % under_way.len());
            // A server may give less than it was asked for.
            let most = (wanted.limit as usize).min(1 + pick % 7);
            let (entries, next) = self.page(&wanted, most);
            listing
                .handle_page(wanted.partition, entries, next)
                .unwrap();
            while let Some(entry) = listing.poll_entry() {
                assert_eq!(listing.cursor(), entry.key);
                given.push(entry.key);
            }
        }
        assert!(listing.poll_entry().is_none() && listing.poll_page().is_none());
        given
    }
}

proptest! {
    #[test]
    fn a_list_has_every_key_of_all_partitions_once_and_in_order(
        keys in prop::collection::btree_map(prop::collection::vec(0_u8..4, 1..6), 0_usize..16, 0..200),
        picks in prop::collection::vec(0_usize..100, 1..20),
        limit in prop_oneof![Just(u64::MAX), 0_u64..50],
        is_reverse: bool,
    ) {
        let mut ring = Ring(vec![Vec::new(); 16]);
        for (key, partition) in &keys {
            ring.0[*partition].push(key.clone());
        }
        let mut expected: Vec<Vec<u8>> = keys.into_keys().collect();
        if is_reverse {
            expected.reverse();
        }
        let new = || Listing::new(all(), None, 16).in_reverse(is_reverse);
        let mut listing = new().at_most(limit);
        let mut given = ring.play(&mut listing, &picks);
        let first = usize::try_from(limit).unwrap_or(usize::MAX).min(expected.len());
        prop_assert_eq!(&given, &expected[..first]);
        // The rest comes behind the cursor.
        let mut rest = new().behind(listing.cursor().to_vec());
        given.extend(ring.play(&mut rest, &picks));
        prop_assert_eq!(given, expected);
    }
}

#[test]
fn one_partition_is_asked_for_much_and_many_for_little() {
    let limit = |mut listing: Listing| listing.poll_page().map(|wanted| wanted.limit as usize);
    let one = Listing::new(all(), Some(PartitionId(9)), 256);
    assert_eq!(limit(one), Some(1_024));
    assert_eq!(
        limit(Listing::new(all(), None, 256)),
        Some(LISTING_ENTRIES / 256)
    );
    assert_eq!(
        limit(Listing::new(all(), None, 32_768)),
        Some(LISTING_PAGE_MIN)
    );
    assert_eq!(limit(Listing::new(all(), None, 256).at_most(10)), Some(2));
    let mut one = Listing::new(all(), Some(PartitionId(9)), 256).at_most(10);
    let wanted = one.poll_page().unwrap();
    assert_eq!((wanted.partition, wanted.limit), (PartitionId(9), 10));
}

#[test]
fn what_is_held_stays_bounded_however_much_there_is() {
    let keys = |partition: u16| (0..400).map(move |n| format!("{n:03}-{partition}").into_bytes());
    let ring = Ring((0..64).map(|it| keys(it).collect()).collect());
    let mut listing = Listing::new(all(), None, 64);
    let (mut given, mut held, mut most) = (0, 0, 0);
    while !listing.is_done() {
        let wanted = listing.poll_page().expect("something is missing");
        let (entries, next) = ring.page(&wanted, wanted.limit as usize);
        held += entries.len();
        most = most.max(held);
        listing
            .handle_page(wanted.partition, entries, next)
            .unwrap();
        while listing.poll_entry().is_some() {
            given += 1;
            held -= 1;
        }
    }
    assert_eq!(given, 400 * 64);
    assert!(most <= LISTING_ENTRIES * 3 / 2 + 64, "{most}");
}

#[test]
fn a_page_that_was_not_asked_for_or_is_out_of_order_is_refused() {
    let wrong_in = |is_reverse, entries: &[&[u8]], next: Option<&[u8]>| {
        let mut listing = Listing::new(all(), None, 2)
            .behind(b"b".to_vec())
            .in_reverse(is_reverse);
        let wanted = listing.poll_page().unwrap();
        let entries = entries.iter().map(|key| listed(key)).collect();
        let page = listing.handle_page(wanted.partition, entries, next.map(<[u8]>::to_vec));
        page.is_err()
    };
    let wrong = |entries: &[&[u8]], next| wrong_in(false, entries, next);
    assert!(!wrong(&[b"c", b"d"], Some(b"d")) && !wrong(&[], Some(b"c")) && !wrong(&[], None));
    assert!(wrong(&[b"a"], None), "before its begin");
    assert!(wrong(&[b"d", b"c"], None), "backwards");
    assert!(wrong(&[b"c", b"c"], None), "twice");
    assert!(wrong(&[b"c", b"d"], Some(b"c")), "its end before its keys");
    assert!(wrong(&[], Some(b"b")), "no step forward");
    let wrong = |entries: &[&[u8]], next| wrong_in(true, entries, next);
    assert!(!wrong(&[b"ab", b"a"], Some(b"a")) && !wrong(&[], Some(b"a")));
    assert!(
        wrong(&[b"c"], None) && wrong(&[b"a", b"ab"], None),
        "forwards"
    );
    assert!(wrong(&[b"a"], Some(b"ab")) && wrong(&[], Some(b"b")) && wrong(&[], Some(b"")));
    let mut listing = Listing::new(all(), None, 2);
    for partition in [0, 1, 2, u16::MAX] {
        let page = listing.handle_page(PartitionId(partition), Vec::new(), None);
        assert!(page.is_err(), "partition {partition} was not asked");
    }
}
