//! All stones lose power at once, again and again.

use henge_core::rng::Rng;
use henge_tests::process::writers::assert_kept;
use henge_tests::process::{Acknowledged, Stones, Writers};
use std::time::Duration;

const ROUNDS: u64 = 20;

#[test]
fn every_acknowledged_record_survives_twenty_kills_of_all_stones() {
    let seed = 0x5eed_0020;
    let mut rng = Rng::new(seed);
    let mut stones = Stones::start_with(3, &["--write-level=2", "--read-level=2"]);
    let mut known: Vec<Acknowledged> = Vec::new();
    for round in 0..ROUNDS {
        let clients: Vec<_> = (0..3).map(|number| stones.http(number)).collect();
        let writers = Writers::start(&clients, &format!("round/{round}"), 200);
        std::thread::sleep(Duration::from_millis(60 + rng.below(400)));
        for number in 0..3 {
            stones.kill9(number);
        }
        known.extend(writers.finish());
        for number in 0..3 {
            stones[number].start();
        }
        stones.wait_ready();
        let reader = stones.http(usize::try_from(round % 3).unwrap());
        let new = &known[known.len() - 3..];
        assert_kept(new, &reader);
    }
    let checked = assert_kept(&known, &stones.http(0));
    let acknowledged: u64 = known.iter().map(|writer| writer.count).sum();
    let unknown: u64 = known.iter().map(|writer| writer.failed).sum();
    println!(
        "MEASURE crashes: {ROUNDS} kills of all three stones (seed {seed:#x}), {acknowledged} writes \
         acknowledged, {unknown} without acknowledgement, {checked} keys read back, 0 lost"
    );
    assert!(acknowledged > ROUNDS * 20, "{acknowledged}");
}
