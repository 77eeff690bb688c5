//! The work that every contender does.

use super::peer::Peer;
use std::fmt;
use std::time::Instant;

/// How much is done in a round, and over how many connections.
pub(crate) struct Work {
    /// Pairs written, then read, by each connection.
    pub(crate) pairs: usize,
    /// Length of a value.
    pub(crate) value_bytes: usize,
    /// Connections, each on a thread of its own.
    pub(crate) connections: usize,
    /// Operations that a connection sends before it waits.
    pub(crate) pipeline: usize,
}

/// Operations per second.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) put: f64,
    pub(crate) get: f64,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} connections, each {} pairs of {} bytes, {} at a time",
            self.connections, self.pairs, self.value_bytes, self.pipeline
        )
    }
}

/// One round: all connections write, then all read.
pub(crate) fn run(work: &Work, peer: &mut dyn Peer, round: usize) -> Figures {
    let mut connections: Vec<_> = (0..work.connections).map(|n| peer.connect(n)).collect();
    let pairs: Vec<Vec<_>> = (0..work.connections)
        .map(|n| {
            (0..work.pairs)
                .map(|i| (format!("bench/{n}/{i}"), value(work, round, i)))
                .collect()
        })
        .collect();
    let timed = |connections: &mut Vec<Box<dyn super::peer::Connection>>, is_put: bool| {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for (connection, pairs) in connections.iter_mut().zip(&pairs) {
                scope.spawn(move || {
                    for chunk in pairs.chunks(work.pipeline) {
                        if is_put {
                            connection.put(chunk);
                        } else {
                            let keys: Vec<_> = chunk.iter().map(|(key, _)| key.clone()).collect();
                            connection.get(&keys);
                        }
                    }
                });
            }
        });
        let done = u32::try_from(work.connections * work.pairs).expect("a small number");
        f64::from(done) / began.elapsed().as_secs_f64()
    };
    Figures {
        put: timed(&mut connections, true),
        get: timed(&mut connections, false),
    }
}

/// A value that differs from round to round and does not compress to nothing.
fn value(work: &Work, round: usize, index: usize) -> Vec<u8> {
    let mut rng = henge_core::rng::Rng::new((round * 1_000_003 + index) as u64);
    std::iter::repeat_with(|| rng.next_u64().to_le_bytes())
        .flatten()
        .take(work.value_bytes)
        .collect()
}
