//! The promises of the membership protocol, in a world with a virtual clock and a bad network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broadcasts;
mod failures;
mod identities;
mod joining;
mod refusals;
mod repeatability;
mod supposed;
mod world;
