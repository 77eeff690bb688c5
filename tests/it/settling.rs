//! A settled read is answered when as many replicas as its level asks have what it shows, and so is a write that
//! is sent again at a stronger level.

use henge_core::causality::Token;
use henge_core::replication::Level;
use henge_core::time::Duration;
use henge_core::wire::{Failure, Operation, Reply};
use henge_sim::Cluster;

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn settle(seen: &[u8], level: Level) -> Operation {
    Operation::Settle {
        level: Some(level),
        seen: seen.to_vec(),
    }
}

fn text(result: Result<Reply, Failure>) -> Option<String> {
    match result {
        Ok(Reply::Found(entry)) => String::from_utf8(entry.value.bytes).ok(),
        Ok(Reply::Missing { .. }) => None,
        other => panic!("{other:?}"),
    }
}

/// Three members, of which only the first has `k`.
fn one_is_ahead() -> (Cluster, Vec<u8>) {
    let mut cluster = Cluster::with(3, 5, |config| config.sync_round_ms = 600_000);
    cluster.lose(0, 1, true);
    cluster.lose(0, 2, true);
    let written = cluster.put(0, "k", "new", Some(Level::One)).result;
    let Ok(Reply::Written { context, .. }) = written else {
        panic!("{written:?}");
    };
    (cluster, context)
}

#[test]
fn it_is_answered_when_all_that_it_asks_for_have_it_whoever_is_asked() {
    for (seat, level, has_seen) in [
        (0, Level::All, true),
        (1, Level::All, true),
        (2, Level::All, false),
        (1, Level::EachQuorum, true),
        (2, Level::Quorum, true),
    ] {
        let (mut cluster, context) = one_is_ahead();
        cluster.lose(0, 1, false);
        cluster.lose(0, 2, false);
        let seen = if has_seen { &context[..] } else { &[] };
        let id = cluster.request(seat, "k", settle(seen, level));
        assert_eq!(text(cluster.wait(id).result).as_deref(), Some("new"));
        let have = (0..3).filter(|seat| {
            let read = cluster.get(*seat, "k", Some(Level::One)).result;
            text(read).is_some()
        });
        let needed = if level == Level::All { 3 } else { 2 };
        assert!(have.count() >= needed, "{level} through {seat}");
    }
}

#[test]
fn it_has_no_answer_as_long_as_one_that_it_asks_for_cannot_have_it() {
    let (mut cluster, context) = one_is_ahead();
    cluster.lose(0, 1, false);
    // The third answers, and does not hear what it lacks.
    let id = cluster.request(0, "k", settle(&context, Level::All));
    let failure = cluster
        .wait(id)
        .result
        .expect_err("the third cannot have it");
    assert!(failure.code.is_retryable(), "{failure}");
    cluster.lose(0, 2, false);
    let id = cluster.request(0, "k", settle(&context, Level::All));
    assert_eq!(text(cluster.wait(id).result).as_deref(), Some("new"));
}

#[test]
fn of_a_key_that_has_no_value_it_says_so() {
    let mut cluster = Cluster::new(3, 6);
    let id = cluster.request(1, "never", settle(&[], Level::All));
    assert_eq!(text(cluster.wait(id).result), None);
}

#[test]
fn a_write_that_is_sent_again_at_a_stronger_level_waits_for_that_and_is_the_same_write() {
    let mut cluster = Cluster::with(3, 7, |config| config.sync_round_ms = 600_000);
    cluster.lose(0, 1, true);
    cluster.lose(0, 2, true);
    let at = |operation: &Operation, at: Level| match operation.clone() {
        Operation::Write {
            request,
            context,
            value,
            ttl_ms,
            ..
        } => Operation::Write {
            level: Some(at),
            request,
            context,
            value,
            ttl_ms,
        },
        other => other,
    };
    let write = cluster.write("v", Some(Level::One));
    let id = cluster.request(0, "k", write.clone());
    let first = cluster.wait(id).result.expect("one has it");
    let id = cluster.request(0, "k", at(&write, Level::All));
    cluster.run_for(millis(500));
    assert!(
        cluster.take_response(id).is_none(),
        "the others do not have it"
    );
    cluster.lose(0, 1, false);
    cluster.lose(0, 2, false);
    let failure = cluster.wait(id).result;
    let again = match failure {
        Ok(reply) => reply,
        Err(_) => {
            let id = cluster.request(0, "k", at(&write, Level::All));
            cluster.wait(id).result.expect("all have it")
        }
    };
    let (
        Reply::Written {
            version, context, ..
        },
        Reply::Written {
            version: second, ..
        },
    ) = (first, again)
    else {
        panic!("writes");
    };
    assert_eq!(version, second);
    let dots = Token::decode(&context).expect("a context").seen;
    assert_eq!(dots.iter().map(|(_, counter)| counter).sum::<u64>(), 1);
    for seat in 0..3 {
        assert_eq!(
            text(cluster.get(seat, "k", Some(Level::One)).result).as_deref(),
            Some("v")
        );
    }
}
