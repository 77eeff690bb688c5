//! What one node was given, batch by batch, to be given again natively, in wasmtime and in V8.

use henge_core::config::Config;
use henge_core::node::{Node, batch};
use henge_core::time::Instant;

/// The life of one node as its driver saw it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its settings.
    pub config: Config,
    /// Its seed.
    pub seed: u64,
    /// When it was made.
    pub began: Instant,
    /// Each batch of inputs: when, how many, and its bytes.
    pub batches: Vec<(Instant, u32, Vec<u8>)>,
}

impl Trace {
    /// How many inputs it has.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.batches
            .iter()
            .map(|(_, count, _)| u64::from(*count))
            .sum()
    }

    /// The output batches of a native node that is given the trace.
    #[must_use]
    pub fn replay(&self) -> Vec<Vec<u8>> {
        let mut node =
            Node::new(self.config.clone(), self.seed, self.began).expect("it was made once before");
        let run = |(now, _, inputs): &(Instant, u32, Vec<u8>)| {
            let mut outputs = Vec::new();
            batch::step(&mut node, *now, inputs, &mut outputs).expect("it was taken once before");
            outputs
        };
        self.batches.iter().map(run).collect()
    }

    /// The trace as a file: for a host in another language. Little-endian; a length (4 bytes) before
    /// the configuration and before each batch; seed, start and batch times 8 bytes each.
    #[must_use]
    pub fn to_file(&self) -> Vec<u8> {
        let config = postcard::to_allocvec(&self.config).expect("writing to memory cannot fail");
        let mut file = Vec::new();
        let put = |file: &mut Vec<u8>, bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).expect("a batch is far below 4 GiB");
            file.extend_from_slice(&length.to_le_bytes());
            file.extend_from_slice(bytes);
        };
        put(&mut file, &config);
        file.extend_from_slice(&self.seed.to_le_bytes());
        file.extend_from_slice(&self.began.as_micros().to_le_bytes());
        for (now, _, batch) in &self.batches {
            file.extend_from_slice(&now.as_micros().to_le_bytes());
            put(&mut file, batch);
        }
        file
    }
}
