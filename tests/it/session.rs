//! What a session has seen and written holds for what it asks next, whoever is asked and however few replicas.

use henge_core::causality::{Token, Value};
use henge_core::id::RequestId;
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{ErrorCode, Failure, Operation, Reply, Response};
use henge_sim::Cluster;

/// A read of `k` at one replica through `seat` by one who has seen `seen`.
fn get(cluster: &mut Cluster, seat: usize, seen: &[u8]) -> Result<Reply, Failure> {
    let operation = Operation::Get {
        level: Some(Level::One),
        seen: seen.to_vec(),
    };
    let id = cluster.request(seat, "k", operation);
    cluster.wait(id).result
}

fn context(response: Response) -> Vec<u8> {
    match response.result {
        Ok(Reply::Written { context, .. }) => context,
        other => panic!("{other:?}"),
    }
}

fn text(result: Result<Reply, Failure>) -> Option<String> {
    match result {
        Ok(Reply::Found(entry)) => String::from_utf8(entry.value.bytes).ok(),
        Ok(Reply::Missing { .. }) => None,
        other => panic!("{other:?}"),
    }
}

/// Three members, of which only the first has `k` = new; the others have `k` = old.
fn one_is_ahead() -> (Cluster, Vec<u8>) {
    let mut cluster = Cluster::with(3, 5, |config| config.sync_round_ms = 600_000);
    cluster.put(0, "k", "old", Some(Level::All));
    cluster.lose(0, 1, true);
    cluster.lose(0, 2, true);
    let context = context(cluster.put(0, "k", "new", Some(Level::One)));
    cluster.lose(0, 1, false);
    cluster.lose(0, 2, false);
    (cluster, context)
}

#[test]
fn a_read_at_one_replica_shows_what_its_session_wrote_through_another() {
    let (mut cluster, context) = one_is_ahead();
    assert_eq!(text(get(&mut cluster, 1, &[])).as_deref(), Some("old"));
    assert_eq!(text(get(&mut cluster, 1, &context)).as_deref(), Some("new"));
    // It was repaired on the way.
    cluster.run_for(Duration::from_millis(100));
    assert_eq!(text(get(&mut cluster, 1, &[])).as_deref(), Some("new"));
}

#[test]
fn a_read_never_goes_back_behind_what_was_read_before_not_even_to_a_value_that_was_deleted() {
    let mut cluster = Cluster::with(3, 6, |config| config.sync_round_ms = 600_000);
    cluster.put(0, "k", "old", Some(Level::All));
    cluster.lose(0, 1, true);
    cluster.lose(0, 2, true);
    let request = RequestId {
        client: 9,
        sequence: 1,
    };
    let delete = Operation::Write {
        level: Some(Level::One),
        request,
        context: vec![],
        value: None,
        ttl_ms: None,
    };
    let id = cluster.request(0, "k", delete);
    context(cluster.wait(id));
    let Ok(Reply::Missing { context }) = get(&mut cluster, 0, &[]) else {
        panic!("it is deleted there");
    };
    cluster.lose(0, 1, false);
    cluster.lose(0, 2, false);
    assert_eq!(text(get(&mut cluster, 2, &[])).as_deref(), Some("old"));
    assert_eq!(text(get(&mut cluster, 2, &context)), None);
}

#[test]
fn a_read_is_refused_rather_than_answered_with_less_than_was_seen() {
    let (mut cluster, context) = one_is_ahead();
    cluster.crash(0);
    cluster.run_for(Duration::from_millis(3_000));
    let failure = get(&mut cluster, 1, &context).expect_err("the only copy cannot be reached");
    assert_eq!(failure.code, ErrorCode::Unavailable, "{failure}");
    assert!(failure.message.contains("session"), "{failure}");
    assert_eq!(text(get(&mut cluster, 1, &[])).as_deref(), Some("old"));
    cluster.start(0);
    cluster.run_for(Duration::from_millis(3_000));
    assert_eq!(text(get(&mut cluster, 1, &context)).as_deref(), Some("new"));
}

#[test]
fn what_is_no_token_is_refused_by_name() {
    let mut cluster = Cluster::new(1, 1);
    let failure = get(&mut cluster, 0, b"nonsense").expect_err("no token");
    assert_eq!(failure.code, ErrorCode::Protocol, "{failure}");
    assert!(Token::decode(b"nonsense").is_err());
}

#[test]
fn a_write_sent_again_to_an_owner_that_has_missed_it_does_not_replace_what_its_maker_wrote_since() {
    let mut cluster = Cluster::new(3, 12);
    cluster.cut(0, 2, true);
    cluster.cut(1, 2, true);
    cluster.run_for(Duration::from_millis(5));
    let write = |sequence, value: &str| Operation::Write {
        level: None,
        request: RequestId::in_order(7, sequence),
        context: vec![],
        value: Some(Value {
            encoding: 1,
            bytes: value.as_bytes().to_vec(),
        }),
        ttl_ms: None,
    };
    for (sequence, value) in [(3, "old"), (4, "new")] {
        let id = cluster.request(0, "k", write(sequence, value));
        assert!(cluster.wait(id).result.is_ok());
    }
    cluster.cut(0, 2, false);
    cluster.cut(1, 2, false);
    cluster.run_for(Duration::from_millis(5));
    let all = Some(Level::All);
    assert_eq!(
        text(cluster.get(1, "k", all).result).as_deref(),
        Some("new")
    );
    // It was repaired on the way, with the newer one alone.
    cluster.run_for(Duration::from_millis(100));
    let id = cluster.request(2, "k", write(3, "old"));
    assert!(cluster.wait(id).result.is_ok());
    assert_eq!(
        text(cluster.get(1, "k", all).result).as_deref(),
        Some("new")
    );
}
