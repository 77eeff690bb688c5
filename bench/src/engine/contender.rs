//! What an engine must be able to do.

use std::path::Path;
use std::time::Duration;

/// A pair to write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pair {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// When a write must survive a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When the next `sync` has returned.
    Later,
    /// When `put` has returned.
    Now,
}

/// An open storage engine in a folder of its own. Everything is called from one thread.
pub(crate) trait Engine {
    /// Writes the pairs, in the cheapest way that the engine has for several at once; they can be
    /// read when this returns.
    fn put(&mut self, pairs: &[Pair], durability: Durability);

    /// Makes everything written durable.
    fn sync(&mut self);

    /// Hands the value of `key` to `found`, without a copy where the engine can; says whether there
    /// is one.
    fn get(&mut self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> bool;

    /// Hands the first `count_max` pairs whose keys begin with `prefix` to `each`, in key order.
    fn scan_prefix(&mut self, prefix: &[u8], count_max: usize, each: &mut dyn FnMut(&[u8], &[u8]));

    /// Moves what was written to where it stays, and waits until no work is left in the background.
    /// Says for how much of the time nothing was done but watching that nothing is.
    fn settle(&mut self) -> Duration;
}

/// An engine that can be opened.
pub(crate) struct Contender {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: fn() -> String,
    /// Its settings, for whoever reads the table.
    pub(crate) settings: fn(memory_bytes: u64) -> String,
    /// Opens it in an empty folder.
    pub(crate) open: fn(folder: &Path, memory_bytes: u64) -> Box<dyn Engine>,
}

/// The version of a package that this bench was built with.
pub(crate) fn version_of(package: &str) -> String {
    const LOCK: &str = include_str!("../../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let version = LOCK
        .split_once(&entry)
        .and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("of unknown version").to_owned()
}
