//! What the planted tests of random runs have in common.

use henge_core::planted::{Bug, plant};
use std::fmt::Debug;

/// Plays the seeds from 0 to `seeds` with each of `bugs`, one after another: they cannot be planted one beside
/// another.
///
/// # Panics
/// If one is not caught.
pub(crate) fn assert_each_is_caught<T: Debug, E: Debug>(
    bugs: &[Bug],
    seeds: u64,
    play: impl Fn(u64) -> Result<T, E>,
) {
    for bug in bugs {
        plant(Some(*bug));
        let caught = (0..seeds).find_map(|seed| Some((seed, play(seed).err()?)));
        plant(None);
        println!("{}: {caught:?}", bug.name());
        assert!(
            caught.is_some(),
            "not caught in {seeds} seeds: {}",
            bug.name()
        );
    }
}
