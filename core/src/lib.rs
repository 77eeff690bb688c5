//! Henge's core.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod causality;
pub mod hash;
pub mod id;
pub mod limits;
pub mod ring;
pub mod rng;
pub mod time;
