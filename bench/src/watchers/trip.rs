//! How soon one who watches is told, beside a round trip over the same connection.

use super::{Watchers, at, key};
use henge_core::causality::Value;
use henge_core::client::{Call, WatchOutput};
use henge_core::id::BucketId;
use henge_core::selector::Span;
use henge_tests::process::{Session, Stones};
use std::time::{Duration, Instant};

/// How often each is measured.
const ROUNDS: u64 = 2_000;
/// Rounds before that.
const WARM: u64 = 200;

/// A read, then a write that is told, in turn.
pub(super) fn run(args: &Watchers) {
    let stones = Stones::start(args.stones);
    let mut session = stones.session(0);
    let watch = session.watch(Span::Prefix(b"k".to_vec()));
    watch.expect("a watch that can be");
    let limit = Duration::from_secs(10);
    session.wait_told("it watches", limit);
    let (mut read, mut acknowledged, mut told, mut beyond) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS + WARM {
        let key = key(round % 100);
        let began = Instant::now();
        session
            .call(Call::get(BucketId(0), key.clone()))
            .expect("a read");
        let trip = micros(began);
        let value = Value {
            encoding: 0,
            bytes: vec![0; args.bytes],
        };
        let began = Instant::now();
        let call = session.submit(Call::put(BucketId(0), key, value));
        let call = call.expect("a write");
        let (answer, telling) = wait_for_both(&mut session, call, began);
        if round >= WARM {
            read.push(trip);
            acknowledged.push(answer);
            told.push(telling);
            beyond.push(telling.saturating_sub(answer));
        }
    }
    println!("| one who watches writes itself, {ROUNDS} times, ms: | p50, p99, max |\n|---|--:|");
    let shown = [50, 99, 100];
    println!("| read, there and back | {} |", at(&mut read, &shown));
    println!(
        "| write acknowledged after | {} |",
        at(&mut acknowledged, &shown)
    );
    println!(
        "| told after, from the sending of the write | {} |",
        at(&mut told, &shown)
    );
    println!(
        "| told after the acknowledgement by | {} |",
        at(&mut beyond, &shown)
    );
}

/// When a write was acknowledged and when it was told, in microseconds since `began`.
fn wait_for_both(
    session: &mut Session,
    call: henge_core::client::CallId,
    began: Instant,
) -> (u64, u64) {
    let (mut answer, mut telling) = (None, None);
    loop {
        if session.take(call).is_some_and(|result| result.is_ok()) {
            answer = Some(micros(began));
        }
        let is_change = |it: &WatchOutput| matches!(it, WatchOutput::Changes { .. });
        if session.take_told().iter().any(is_change) {
            telling = Some(micros(began));
        }
        match (answer, telling) {
            (Some(answer), Some(telling)) => return (answer, telling),
            _ => session.turn(),
        }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
