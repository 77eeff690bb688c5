//! A stone that is asked to stop.

use henge_tests::process::writers::assert_kept;
use henge_tests::process::{Stone, StoneSpec, Stones, Writers};
use std::time::{Duration, Instant};

#[test]
fn a_stone_that_is_asked_to_stop_ends_with_0_and_keeps_everything() {
    let mut stones = Stones::start(3);
    let clients: Vec<_> = (0..3).map(|number| stones.http(number)).collect();
    let writers = Writers::start(&clients, "stop", 300);
    let mut slowest = Duration::ZERO;
    for number in 0..3 {
        std::thread::sleep(Duration::from_millis(300));
        let began = Instant::now();
        let status = stones.stop(number);
        slowest = slowest.max(began.elapsed());
        assert_eq!(status.code(), Some(0), "{status}");
        stones.restart(number);
    }
    let known = writers.finish();
    println!(
        "MEASURE shutdown: under load within {} ms",
        slowest.as_millis()
    );
    for number in 0..3 {
        assert_eq!(stones.stop(number).code(), Some(0));
    }
    for number in 0..3 {
        stones[number].start();
    }
    stones.wait_ready();
    assert_kept(&known, &stones.http(1));
}

#[test]
fn an_idle_stone_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut stone = Stone::ready(StoneSpec::alone(folder.path(), &[]));
    let began = Instant::now();
    assert_eq!(stone.stop().code(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}
