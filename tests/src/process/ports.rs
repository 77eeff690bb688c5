//! Ports that nobody has.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// The port to try next; the process id keeps concurrent tests apart.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// First port and number of ports to choose from. They lie below those that the kernel gives to
/// outgoing connections: a stone that dials one that is down would otherwise take its port away
/// sooner or later, by chance.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that can be listened on now.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free() -> u16 {
    let base = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = base.wrapping_add(u32::from(step)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("below COUNT");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} to {} is free", FIRST + COUNT - 1);
}
