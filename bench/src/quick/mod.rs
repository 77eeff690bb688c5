//! `henge-bench quick`: put and get per second, Henge beside Redis, on the same work.
//!
//! Every contender runs all the time; rounds go through them in turn, so that a machine whose speed
//! drifts drifts for all. The medians and their ratios are what counts.

mod henge;
mod peer;
mod redis_server;
mod table;
mod work;

use henge::Henge;
use peer::Peer;
use redis_server::RedisServer;
use work::Work;

/// Rounds whose median is shown.
const ROUNDS: usize = 7;

/// Runs the bench and prints its table.
pub(crate) fn run() {
    let work = Work {
        pairs: 4_000,
        value_bytes: 256,
        connections: 4,
        pipeline: 64,
    };
    let mut peers: Vec<Box<dyn Peer>> = vec![
        Box::new(Henge::start(3, "quorum", "henge, 3 stones, W=2 R=2")),
        Box::new(Henge::start(1, "one", "henge, 1 stone")),
        Box::new(RedisServer::start("always", "redis, fsync always")),
        Box::new(RedisServer::start("everysec", "redis, fsync each second")),
    ];
    println!("{work}; {ROUNDS} rounds after one to warm up");
    let mut results = table::Results::new(peers.iter().map(|peer| peer.name()).collect());
    for round in 0..=ROUNDS {
        for (index, peer) in peers.iter_mut().enumerate() {
            let figures = work::run(&work, peer.as_mut(), round);
            if round > 0 {
                results.add(index, figures);
            }
        }
        eprintln!("round {round} of {ROUNDS}");
    }
    print!("{results}");
}
