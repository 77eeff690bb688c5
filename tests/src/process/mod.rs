//! Real stones: processes of the `henge` binary on loopback ports, with data in temporary folders.
//!
//! * [`binary`]: where the binary and the guest with test hooks are; the command line run to its end.
//! * [`ports`]: ports that nobody has.
//! * [`stone`]: one process, killed when it is dropped.
//! * [`stones`]: a cluster of them.
//! * [`http`]: a small blocking client of the HTTP interface.
//! * [`session`]: a blocking client over WebSocket, driven by the core's own state machine.
//! * [`raw`]: a WebSocket that says what it should not.
//! * [`ring`]: what stones say of the ring, and members that leave it.
//! * [`writers`]: threads that write and remember what was acknowledged.

pub mod binary;
pub mod http;
pub mod ports;
pub mod raw;
pub mod ring;
pub mod session;
pub mod stone;
pub mod stones;
pub mod writers;

pub use http::{Answer, Http};
pub use raw::Raw;
pub use ring::Ring;
pub use session::Session;
pub use stone::{Stone, StoneSpec};
pub use stones::Stones;
pub use writers::{Acknowledged, Writers};

use std::time::{Duration, Instant};

/// Asks `ready` again and again until it says yes.
///
/// # Panics
/// After `limit`, naming `what` did not happen.
pub fn wait_until(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
