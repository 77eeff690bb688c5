//! Henge's native server: the core inside of wasmtime, with files, sockets and clocks around it.
//!
//! A stone runs one guest for each shard. All effects are here; the guest imports nothing and is
//! driven by batches: `docs/guest-abi.md`. In reading order:
//!
//! * [`config`]: what a stone is told.
//! * [`serve`]: puts the parts together and takes them apart again.
//! * [`stone`]: what the parts share.
//! * [`cluster`]: what it knows of the others, and how it joins them.
//! * [`shard`]: one thread, one guest: batches in, effects out.
//! * [`engine`]: wasmtime around the guest.
//! * [`disk`]: the node's storage requests on real files.
//! * [`net`]: one port, WebSockets of clients and members.
//! * [`http`]: keys for curl, numbers for machines, the console for people.
//! * [`listing`]: a whole list as a stream of keys.
//! * [`clock`], [`shutdown`]: time and its end.
//! * [`open_files`]: how many files and sockets there may be.
//! * [`cli`]: the command `henge`.
#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod disk;
pub mod engine;
pub mod http;
pub mod listing;
pub mod net;
pub mod open_files;
pub mod serve;
pub mod shard;
pub mod shutdown;
pub mod stone;
