//! Henge's core: the ring, replication, causality and log-structured storage of a distributed
//! key-value store, as one deterministic state machine without I/O.
//!
//! The same code runs natively, as a guest in wasmtime, and compiled for JavaScript. It reads no
//! clock, no random source, no file and no socket: whoever drives it says what happened and does
//! what is wanted.
//!
//! ```
//! use henge_core::config::Config;
//! use henge_core::id::MemberId;
//! use henge_core::node::{Event, Input, Node, Output};
//! use henge_core::ring::{Member, Zone};
//! use henge_core::storage::StorageAnswer;
//! use henge_core::time::Instant;
//!
//! let now = Instant::from_micros(1_700_000_000_000_000);
//! let zone: Zone = "eu/a".parse()?;
//! let members = vec![Member::new("stone-1", zone, 1)];
//! let config = Config::new(1, MemberId::from_name("stone-1"), members);
//! let mut node = Node::new(config, 42, now)?;
//!
//! // Everything that is ready goes in; then everything that is wanted comes out.
//! node.handle(now, Input::Opened(vec![]))?;
//! while let Some(output) = node.poll_output() {
//!     match output {
//!         // A real one has the request carried out first: here nothing outlives the example.
//!         Output::Storage { operation, request: _ } => {
//!             node.handle(now, Input::StorageDone { operation, result: Ok(StorageAnswer::Done) })?;
//!         }
//!         Output::Event(event) => assert!(matches!(event, Event::Ready { keys: 0, .. })),
//!         Output::Cluster(state) => assert_eq!(state.members().len(), 1),
//!         other => panic!("an empty node wants {other:?}"),
//!     }
//! }
//! assert!(node.report().ready);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In reading order:
//!
//! * [`limits`], [`time`], [`rng`], [`id`], [`hash`], [`sorted`], [`config`], [`selector`]: one noun each.
//! * [`causality`]: which write has seen which.
//! * [`ring`]: which members own which keys.
//! * [`cluster`]: what all members agree on, and how.
//! * [`membership`]: who is up, and how everybody hears of it.
//! * [`wire`]: what members and clients say to each other.
//! * [`storage`]: what is kept, and from when on it is durable.
//! * [`sync`]: how replicas find what one of them lacks.
//! * [`replication`]: how many replicas an operation needs.
//! * [`watch`]: who is told what has changed.
//! * [`node`]: all of these in one loop.
//! * [`planted`]: bugs for the test suite to find.
//! * [`client`]: the other side of the socket, for the SDK and the command line.
//! * [`leaf`]: the client that keeps what it writes until the ring has it.
//! * [`edge`]: a leaf that serves others.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod causality;
pub mod client;
pub mod cluster;
pub mod config;
pub mod edge;
mod encoded;
pub mod hash;
pub mod id;
pub mod leaf;
pub mod limits;
pub mod membership;
pub mod node;
pub mod planted;
pub mod replication;
pub mod ring;
pub mod rng;
pub mod selector;
pub mod sorted;
pub mod storage;
pub mod sync;
pub mod time;
pub mod watch;
pub mod wire;
