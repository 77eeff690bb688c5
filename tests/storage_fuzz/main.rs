//! Structured fuzzing of everything that reads bytes from a medium or another node: no bytes make
//! it panic, or ask for more memory than the formats allow.
//!
//! Deterministic: a few seconds of executions from a fixed seed. `HENGE_FUZZ_SECONDS` makes it go
//! on for that long from another seed each second.

mod counting;
mod mutate;
mod opening;
mod targets;

use counting::Counting;
use henge_core::rng::Rng;
use std::time::{Duration, Instant};
use targets::TARGETS;

// A test of how much memory is asked for must stand between the code and the allocator.
#[global_allocator]
static MEMORY: Counting = Counting::new();

/// Executions of each target from each seed.
const EXECUTIONS: u64 = 4_000;

// One test: memory is counted for the whole process.
#[test]
fn no_bytes_make_a_decoder_or_a_store_panic_or_ask_for_unbounded_memory() {
    decoders();
    opening::no_manifest_with_a_right_checksum_makes_a_store_panic();
}

fn decoders() {
    let seconds = std::env::var("HENGE_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(0, |text| text.parse().expect("a number of seconds"));
    let (begin, mut rounds) = (Instant::now(), 0);
    let mut largest = [0; TARGETS.len()];
    while rounds < 10 || begin.elapsed() < Duration::from_secs(seconds) {
        for (target, largest) in TARGETS.iter().zip(&mut largest) {
            for execution in 0..EXECUTIONS {
                let seed = rounds * EXECUTIONS + execution;
                let before = MEMORY.begin();
                let input = (target.run)(&mut Rng::new(seed));
                let used = MEMORY.peak() - before;
                *largest = used.max(*largest);
                let limit = 8 * input + target.live_max;
                assert!(
                    used <= limit,
                    "{} of seed {seed}: {used} bytes for {input}",
                    target.name
                );
            }
        }
        rounds += 1;
    }
    let names = TARGETS.iter().map(|target| target.name);
    let peaks: Vec<_> = names.zip(largest).collect();
    println!(
        "MEASURE storage fuzz: {} executions per target, 0 crashes, largest allocation {} bytes, \
         most live bytes {peaks:?}",
        rounds * EXECUTIONS,
        MEMORY.largest()
    );
}
