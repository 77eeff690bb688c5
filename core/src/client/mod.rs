//! A client of the ring without I/O: requests, retries and reconnection for whoever holds the socket.
//!
//! * [`call`]: what an application asks, and what a driver must do.
//! * [`session`]: [`Client`], the state machine; one for each application.
//! * [`listing`]: [`Listing`], a list over all partitions.
//! * [`lists`]: the lists that a client makes itself, page by page.
//! * `checking`: what is refused at once.
//! * `outcome`: how a call comes to its outcome.
//! * `naming`: buckets by name.
//! * `pending`: the calls that have no outcome yet.
//! * `seen`: what it has read and written, so that it reads its own writes.
//! * `watching`, `hearing`: what it watches, and what it hears of that.
//! * `backoff`: how long to wait before the next attempt.
//!
//! The driver dials once, then obeys. **After every call that takes `&mut self`, drain
//! [`Client::poll_output`] until `None`**, then sleep until [`Client::poll_timeout`] or the next
//! event. Whoever watches drains `Client::poll_watch` too.
//!
//! ```
//! use henge_core::client::{Call, Client, ClientOutput};
//! use henge_core::id::BucketId;
//! use henge_core::time::Instant;
//!
//! let now = Instant::from_micros(1_000_000);
//! let mut client = Client::new(0x5eed);
//! client.handle_dialing(now);
//! client.submit(now, Call::get(BucketId(0), b"key".to_vec())).expect("a short key");
//! client.handle_connected(now);
//! while let Some(output) = client.poll_output() {
//!     match output {
//!         ClientOutput::Send(message) => assert!(!message.is_empty()), // one WebSocket message
//!         ClientOutput::Redial { at: _ } => {}       // drop the socket, dial again then
//!         ClientOutput::Done { call: _, result: _ } => {} // wake the caller
//!         ClientOutput::Ping(_text) => {}            // one text message: only an edge node is asked
//!         ClientOutput::Settled { request: _, result: _ } => {} // likewise, of a write lodged there
//!         ClientOutput::State(_) | ClientOutput::Refused(_) => {} // tell the application
//!     }
//! }
//! assert!(client.poll_timeout().is_some());
//! ```

pub mod call;
pub mod listing;
pub mod lists;
pub mod session;
pub mod watching;

mod backoff;
mod checking;
mod hearing;
mod naming;
mod outcome;
mod pending;
mod seen;

pub use call::{Action, Call, CallId, ClientError, ClientOutput, ConnectionState};
pub use listing::{Listing, PageWanted};
pub use lists::ListSpec;
pub use naming::BucketRef;
pub use session::{Client, partition_of};
pub use watching::{WatchId, WatchOutput, WatchSpec};

#[cfg(test)]
mod tests;
