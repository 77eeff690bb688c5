//! What nodes promise of buckets, on a virtual clock.

use henge_core::causality::Policy;
use henge_core::cluster::BucketSettings;
use henge_core::id::{BucketId, RequestId};
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{Entry, ErrorCode, Failure, Operation, Reply, Response};
use henge_sim::Cluster;

const MADE: BucketId = BucketId(1);
const SIBLINGS: BucketSettings = BucketSettings {
    policy: Policy::Siblings,
    read_level: Level::One,
    write_level: Level::All,
    ttl_ms: None,
};

/// A read at the bucket's level.
const GET: Operation = Operation::Get {
    level: None,
    seen: Vec::new(),
};

fn found(response: Response) -> Option<Entry> {
    match response.result {
        Ok(Reply::Found(entry)) => Some(entry),
        Ok(Reply::Missing { .. }) => None,
        other => panic!("{other:?}"),
    }
}

fn failure(response: Response) -> Failure {
    response.result.expect_err("a failure")
}

fn is_written(response: &Response) -> bool {
    matches!(response.result, Ok(Reply::Written { .. }))
}

/// Asks `seat` for the bucket `carts` and waits until some node goes by it.
fn make(cluster: &mut Cluster, seat: usize, settings: BucketSettings) {
    let name = "carts".parse().expect("a name");
    let change = cluster.state().bucket_change(&name, settings);
    let change = change.expect("it can be").expect("it is not there");
    cluster.wish(seat, change);
    let limit = cluster.now + Duration::from_millis(10_000);
    while cluster.state().bucket(MADE).map(|it| it.settings) != Some(settings) {
        assert!(cluster.now < limit, "it is not agreed on");
        cluster.run_for(Duration::from_millis(10));
    }
}

/// Waits until the nodes of `seats` go by the newest state.
fn spread(cluster: &mut Cluster, seats: &[usize]) {
    let limit = cluster.now + Duration::from_millis(20_000);
    while (seats.iter()).any(|seat| cluster.report(*seat).epoch < cluster.state().epoch) {
        assert!(cluster.now < limit, "they do not hear of it");
        cluster.run_for(Duration::from_millis(10));
    }
}

/// Three members that have agreed on who they are, and whose messages to seat 2 are lost from then
/// on; those that are left have made a bucket that it does not know.
fn made_unheard(seed: u64, replicas: u8) -> Cluster {
    let mut cluster = Cluster::with(3, seed, |config| config.replicas = replicas);
    cluster.run_for(Duration::from_millis(5_000));
    let lose = |cluster: &mut Cluster, is_lost| {
        cluster.lose(0, 2, is_lost);
        cluster.lose(1, 2, is_lost);
    };
    lose(&mut cluster, true);
    make(&mut cluster, 0, SIBLINGS);
    spread(&mut cluster, &[0, 1]);
    lose(&mut cluster, false);
    cluster
}

fn knows(cluster: &Cluster, seat: usize) -> bool {
    cluster.report(seat).epoch == cluster.state().epoch
}

fn put(cluster: &mut Cluster, seat: usize, key: &str, value: &str) -> Response {
    let operation = cluster.write(value, None);
    let id = cluster.request_in(MADE, seat, key, operation);
    cluster.wait(id)
}

fn get(cluster: &mut Cluster, seat: usize, key: &str) -> Response {
    let id = cluster.request_in(MADE, seat, key, GET);
    cluster.wait(id)
}

#[test]
fn a_request_for_a_bucket_that_is_not_there_names_those_that_are() {
    let mut cluster = Cluster::new(3, 1);
    cluster.run_for(Duration::from_millis(5_000));
    let none = failure(get(&mut cluster, 0, "k"));
    assert_eq!(none.code, ErrorCode::NoSuchBucket);
    assert!(none.message.contains("there are default"), "{none}");
    assert!(!none.code.is_retryable());
    assert_eq!(
        failure(put(&mut cluster, 0, "k", "v")).code,
        ErrorCode::NoSuchBucket
    );

    make(&mut cluster, 1, SIBLINGS);
    spread(&mut cluster, &[0, 1, 2]);
    assert_eq!(
        found(get(&mut cluster, 0, "k")),
        None,
        "nothing was written before"
    );
    let id = cluster.request_in(BucketId(2), 0, "k", GET);
    let none = failure(cluster.wait(id));
    assert!(none.message.contains("default, carts"), "{none}");
}

#[test]
fn what_a_bucket_says_holds_where_a_request_says_nothing() {
    let mut cluster = Cluster::new(3, 2);
    cluster.run_for(Duration::from_millis(5_000));
    let lasting = BucketSettings {
        ttl_ms: Some(5_000),
        ..SIBLINGS
    };
    make(&mut cluster, 2, lasting);
    spread(&mut cluster, &[0, 1, 2]);
    for value in ["left", "right"] {
        assert!(is_written(&put(&mut cluster, 0, "k", value)));
        assert!(is_written(&cluster.put(0, "k", value, None)));
    }
    let entry = found(get(&mut cluster, 1, "k")).expect("a value");
    assert_eq!(entry.siblings.len(), 1, "{entry:?}");
    let default = found(cluster.get(1, "k", None)).expect("a value");
    assert_eq!(
        (&default.value.bytes[..], default.siblings.len()),
        (&b"right"[..], 0)
    );

    // One that says its own time is not held to that of the bucket, and a delete has none.
    let Operation::Write { value, request, .. } = cluster.write("long", None) else {
        panic!("a write")
    };
    let write = |value, ttl_ms, sequence| Operation::Write {
        level: None,
        request: RequestId {
            sequence,
            ..request
        },
        context: vec![],
        value,
        ttl_ms,
    };
    let long = cluster.request_in(MADE, 0, "long", write(value, Some(60_000), 1));
    assert!(is_written(&cluster.wait(long)));
    let delete = cluster.request_in(MADE, 0, "gone", write(None, None, 2));
    assert!(is_written(&cluster.wait(delete)));
    cluster.run_for(Duration::from_millis(5_000));
    assert_eq!(found(get(&mut cluster, 0, "k")), None, "its time is over");
    assert!(found(get(&mut cluster, 0, "long")).is_some());
    assert!(found(cluster.get(0, "k", None)).is_some());

    // Writes ask for all replicas, reads for one.
    cluster.crash(2);
    cluster.run_for(Duration::from_millis(500));
    assert_eq!(
        failure(put(&mut cluster, 0, "k", "v")).code,
        ErrorCode::Unavailable
    );
    assert!(is_written(&cluster.put(0, "k", "v", None)));
    assert!(found(get(&mut cluster, 0, "long")).is_some());
}

#[test]
fn a_member_that_has_not_heard_of_a_bucket_loses_nothing_of_what_others_send_it() {
    let mut cluster = made_unheard(3, 3);
    for value in ["left", "right"] {
        assert!(
            is_written(&put(&mut cluster, 0, "k", value)),
            "on all three"
        );
    }
    assert!(!knows(&cluster, 2), "what was to be tried has not happened");
    assert_eq!(
        failure(get(&mut cluster, 2, "k")).code,
        ErrorCode::NoSuchBucket
    );
    spread(&mut cluster, &[2]);
    let entry = found(get(&mut cluster, 2, "k")).expect("a value");
    assert_eq!(entry.siblings.len(), 1, "its own copy has both: {entry:?}");
}

#[test]
fn an_owner_that_has_not_heard_of_a_bucket_carries_a_forwarded_write_out_as_soon_as_it_has() {
    let mut cluster = made_unheard(4, 1);
    let keys: Vec<String> = (0..64).map(|number| format!("k{number}")).collect();
    let forwarded: Vec<u64> = (keys.iter())
        .map(|key| {
            let operation = cluster.write("v", None);
            cluster.request_in(MADE, 0, key, operation)
        })
        .collect();
    assert!(!knows(&cluster, 2), "what was to be tried has not happened");
    let began = cluster.now;
    for id in forwarded {
        let response = cluster.wait(id);
        assert!(is_written(&response), "{response:?}");
    }
    assert!(
        cluster.now < began + Duration::from_millis(500),
        "it is told at once"
    );
    assert!(knows(&cluster, 2), "some of them are its own");
}

#[test]
fn a_member_that_starts_does_not_say_that_a_bucket_is_not_there() {
    let mut cluster = Cluster::new(3, 5);
    cluster.run_for(Duration::from_millis(5_000));
    make(&mut cluster, 0, SIBLINGS);
    spread(&mut cluster, &[0, 1, 2]);
    assert!(is_written(&put(&mut cluster, 0, "k", "v")));
    for seat in 0..3 {
        cluster.crash(seat);
    }
    for seat in 0..3 {
        cluster.start(seat);
    }
    let early = failure(get(&mut cluster, 0, "k"));
    assert_eq!(early.code, ErrorCode::Unavailable, "{early}");
    cluster.run_for(Duration::from_millis(1_000));
    assert!(found(get(&mut cluster, 0, "k")).is_some());
}
