//! Henge's core.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod causality;
pub mod config;
pub mod hash;
pub mod id;
pub mod limits;
pub mod node;
pub mod replication;
pub mod ring;
pub mod rng;
pub mod storage;
pub mod time;
pub mod wire;
