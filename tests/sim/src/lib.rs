//! The deterministic simulator: real [`Node`](henge_core::node::Node)s on a virtual clock, between a
//! network, disks and clocks that fail. A seed is a bug report.
//!
//! Nothing here has threads, clocks or files: whoever calls brings them. `docs/simulator.md` says
//! what is modelled and what is not.
//!
//! ```
//! use henge_sim::swarm::{self, Scope};
//!
//! let plan = swarm::plan(7, Scope::default());
//! let outcome = henge_sim::run::run(&plan, Scope::default(), false);
//! assert_eq!(outcome.failure, None);
//! ```
//!
//! In reading order:
//!
//! * [`world`]: nodes, network, disks and clocks, where everything follows from one seed.
//! * [`Cluster`]: a world in which nothing fails by itself, for tests that say what happens.
//! * [`mod@line`]: a client's connection to such a cluster. [`device`]: a leaf beside it. [`edge_post`]: an edge
//!   node between them. [`leaf_run`], [`edge_run`]: what befalls these.
//! * [`watcher`]: a client that watches, beside such a cluster. [`watch_run`]: what befalls it.
//! * [`list_run`]: lists beside such a cluster, and what befalls them.
//! * [`trace`]: what one node was given, batch by batch, to be given again elsewhere.
//! * [`swarm`], [`setup`], [`buckets`], [`mod@plan`]: what a seed is about, drawn before it is done.
//! * [`mod@run`]: it is done, healed and checked.
//! * [`failure`]: the laws, and how they are broken.
//! * [`mod@shrink`]: what fails is cut down to what it takes.

mod age;
mod bits;
pub mod buckets;
mod checkers;
mod cluster;
pub mod device;
mod draw;
pub mod edge_post;
pub mod edge_run;
pub mod failure;
mod family;
mod faults;
mod known;
pub mod leaf_run;
pub mod line;
pub mod list_run;
mod medium;
mod model;
mod moves;
pub mod plan;
pub mod run;
pub mod setup;
pub mod shrink;
mod story;
pub mod swarm;
pub mod trace;
pub mod watch_run;
pub mod watcher;
mod workload;
pub mod world;

pub use cluster::Cluster;
