//! What a contender must be able to do.

/// One connection to a contender. Each call sends all of its operations before it waits.
pub(crate) trait Connection: Send {
    /// Writes the pairs; all are acknowledged when this returns.
    fn put(&mut self, pairs: &[(String, Vec<u8>)]);

    /// Reads the keys; all must be there.
    fn get(&mut self, keys: &[String]);
}

/// A running contender.
pub(crate) trait Peer {
    /// What it is called in the table.
    fn name(&self) -> String;

    /// A new connection; `number` counts them.
    fn connect(&mut self, number: usize) -> Box<dyn Connection>;
}
