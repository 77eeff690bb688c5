//! Sockets: one TCP port for everything.
//!
//! * [`listener`]: takes connections and speaks HTTP/1.1 on them.
//! * [`upgrade`]: turns a request for `/v1/ws` into a WebSocket.
//! * [`connection`]: the handshake of one WebSocket, and who it is for.
//! * [`clients`]: a client's connection: requests in, responses out.
//! * [`inbound`]: a member's connection: its frames in.
//! * [`dial`]: the connection to a member: our frames out.
//! * [`edge`]: the connection to an edge node, which is served as a client.
//! * [`peers`]: the other members, and what is on its way to them.
//! * [`outbox`]: the bounded queue in front of a connection.
//! * [`pulse`]: whether the other side still lives, judged by evidence.
//! * [`socket`]: WebSocket settings and errors shared by all of these.

pub mod clients;
pub mod connection;
pub mod dial;
pub mod edge;
pub mod inbound;
pub mod listener;
pub mod outbox;
pub mod peers;
pub mod pulse;
pub mod socket;
pub mod upgrade;

pub use outbox::Outbox;
pub use peers::{Peer, PeerTable};
