//! One stone is lost under load, and returns.

use henge_tests::process::writers::assert_kept;
use henge_tests::process::{Stones, Writers};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn reads_and_writes_go_on_while_a_stone_is_killed_and_returns() {
    let mut stones = Stones::start_with(3, &["--read-level=2", "--write-level=2"]);
    let survivors = [stones.http(0), stones.http(1)];
    assert!(survivors[0].put_text("steady", "here"));
    let writers = Writers::start(&survivors, "outage", 500);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (stop, http) = (Arc::clone(&stop), survivors[1].clone());
        move || {
            let (mut stall, mut reads) = (Duration::ZERO, 0_u64);
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(http.text("steady").as_deref(), Some("here"));
                stall = stall.max(began.elapsed());
                reads += 1;
            }
            (stall, reads)
        }
    });

    std::thread::sleep(Duration::from_millis(700));
    stones.kill9(2);
    std::thread::sleep(Duration::from_millis(2_500));
    let returned = Instant::now();
    stones.restart(2);
    let returned = returned.elapsed();
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    let known = writers.finish();
    let (read_stall, reads) = reader.join().unwrap();

    let failed: u64 = known.iter().map(|writer| writer.failed).sum();
    let written: u64 = known.iter().map(|writer| writer.count).sum();
    let write_stall = known.iter().map(|writer| writer.stall).max().unwrap();
    println!(
        "MEASURE outage: {written} writes ({failed} failed), longest stall {} ms; {reads} reads, \
         longest {} ms; the stone was back after {} ms",
        write_stall.as_millis(),
        read_stall.as_millis(),
        returned.as_millis(),
    );
    assert!(
        written > 100 && reads > 100,
        "{written} writes, {reads} reads"
    );
    assert!(write_stall < Duration::from_secs(3), "{write_stall:?}");
    assert!(read_stall < Duration::from_secs(3), "{read_stall:?}");
    // The stone that was away asks the others, too.
    assert_kept(&known, &stones.http(2));
}
