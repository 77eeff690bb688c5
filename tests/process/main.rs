//! Real stones as processes: what people see, and what survives.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should"
)]

mod bad_frames;
mod bad_requests;
mod bad_starts;
mod buckets;
mod check;
mod connections;
mod crashes;
mod disk;
mod engine;
mod import;
mod kv;
mod listing;
mod moves;
mod outage;
mod shutdown;
mod told;
mod traps;
mod watching;
