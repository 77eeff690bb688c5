//! The exported class: one edge node. Its sockets, timers and storage are the package's.

use henge_core::edge::{Edge, EdgeOutput, EdgeSettings};
use henge_core::storage::{OperationId, StorageAnswer, StorageFault, StoredFile};
use henge_core::wire::{ClientId, Failure};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

use crate::clock::{date_ms, now};
use crate::convert::{failed_object, status_object};
use crate::listener::Listener;
use crate::local::ask;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What an edge node tells its owner, beside what a leaf asks of its medium. */
export interface EdgeListener extends Pick<LeafListener, 'append' | 'sync' | 'load' | 'replace' | 'truncate' | 'remove' | 'opened' | 'broken' | 'full' | 'status'> {
  /** Send a binary message to the ring. */
  toRing(bytes: Uint8Array): void;
  /** Send a text message to the ring. */
  pingRing(text: string): void;
  /** Drop the socket to the ring; who dials out dials again at this moment, in milliseconds since the epoch. */
  redial(atMs: number): void;
  /** Send a binary message to a client. */
  toClient(client: number, bytes: Uint8Array): void;
  /** Close the socket of a client. */
  closeClient(client: number): void;
  /** Keep this beside the socket of a client. */
  remember(client: number, bytes: Uint8Array): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The package's object.
    #[wasm_bindgen(extends = Listener, typescript_type = "EdgeListener")]
    pub type EdgeListener;

    #[wasm_bindgen(method, js_name = toRing)]
    fn to_ring(this: &EdgeListener, bytes: &[u8]);

    #[wasm_bindgen(method, js_name = pingRing)]
    fn ping_ring(this: &EdgeListener, text: &str);

    #[wasm_bindgen(method)]
    fn redial(this: &EdgeListener, at_ms: f64);

    #[wasm_bindgen(method, js_name = toClient)]
    fn to_client(this: &EdgeListener, client: f64, bytes: &[u8]);

    #[wasm_bindgen(method, js_name = closeClient)]
    fn close_client(this: &EdgeListener, client: f64);

    #[wasm_bindgen(method)]
    fn remember(this: &EdgeListener, client: f64, bytes: &[u8]);
}

/// An edge node.
#[wasm_bindgen]
pub struct EdgeEngine {
    edge: RefCell<Edge>,
    listener: EdgeListener,
}

#[wasm_bindgen]
impl EdgeEngine {
    /// A node that is not open. `session` must be random.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(
        session: u64,
        name: String,
        bucket: String,
        memory_bytes_max: u32,
        copies_max: u32,
        is_dialled: bool,
        listener: EdgeListener,
    ) -> Self {
        let mut settings = EdgeSettings::new(session, name);
        settings.is_dialled = is_dialled;
        settings.leaf.bucket = bucket;
        let memory = &mut settings.leaf.memory_bytes_max;
        *memory = (*memory).max(memory_bytes_max.into());
        settings.leaf.copies_max = copies_max as usize;
        Self {
            edge: RefCell::new(Edge::new(settings)),
            listener,
        }
    }

    /// Opens what the medium has: the names of its files and their lengths.
    pub fn open(&self, names: Vec<String>, lengths: Vec<f64>) {
        let files = names.into_iter().zip(lengths).filter_map(|(name, length)| {
            let file = name.parse().ok()?;
            let length = whole(length);
            Some(StoredFile { file, length })
        });
        let files: Vec<_> = files.collect();
        self.with(|edge| edge.open(now(), &files));
    }

    /// A socket to the ring is being opened.
    pub fn dialing(&self) {
        self.with(|edge| edge.handle_dialing(now()));
    }

    /// A socket to the ring is open.
    pub fn connected(&self) {
        self.with(|edge| edge.handle_connected(now()));
    }

    /// The ring has sent a binary message; false if it is not what servers say: the socket is to be dropped.
    #[must_use]
    pub fn message(&self, bytes: &[u8]) -> bool {
        self.with(|edge| {
            let taken = edge.handle_message(now(), bytes);
            taken.is_ok()
        })
    }

    /// The ring has sent a text message; as [`Self::message`].
    #[must_use]
    pub fn text(&self, text: &str) -> bool {
        self.with(|edge| edge.handle_text(now(), text).is_ok())
    }

    /// The socket to the ring is closed.
    pub fn disconnected(&self) {
        self.with(|edge| edge.handle_disconnected(now()));
    }

    /// A client's socket is open.
    pub fn client(&self, client: f64) {
        self.with(|edge| edge.handle_client(id(client)));
    }

    /// A client's socket is open since an earlier life of the node; what was kept beside it.
    pub fn restore(&self, client: f64, bytes: &[u8]) {
        self.with(|edge| edge.restore(now(), id(client), bytes));
    }

    /// A client has sent a binary message.
    #[wasm_bindgen(js_name = clientMessage)]
    pub fn client_message(&self, client: f64, bytes: &[u8]) {
        self.with(|edge| edge.handle_client_message(now(), id(client), bytes));
    }

    /// A client's socket is closed.
    #[wasm_bindgen(js_name = clientGone)]
    pub fn client_gone(&self, client: f64) {
        self.with(|edge| edge.handle_client_gone(now(), id(client)));
    }

    /// The medium has done what it was asked; `bytes` are what it has read.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "only owned bytes can be left out"
    )]
    pub fn done(&self, operation: f64, bytes: Option<Vec<u8>>) {
        let answer = bytes
            .as_deref()
            .map_or(StorageAnswer::Done, StorageAnswer::Bytes);
        let operation = OperationId(whole(operation));
        self.with(|edge| edge.handle_done(now(), operation, Ok(answer)));
    }

    /// The medium cannot do what it was asked: it is full, or something else that `why` says.
    pub fn fault(&self, operation: f64, is_full: bool, why: String) {
        let fault = match is_full {
            true => StorageFault::Full,
            false => StorageFault::Failed(why),
        };
        let operation = OperationId(whole(operation));
        self.with(|edge| edge.handle_done(now(), operation, Err(fault)));
    }

    /// Does what is due.
    pub fn tick(&self) {
        self.with(|edge| edge.handle_timeout(now()));
    }

    /// When to call `tick` next, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timeout(&self) -> Option<f64> {
        self.edge.borrow().poll_timeout().map(date_ms)
    }

    /// Whether nothing is under way that the end of this life would break off.
    #[wasm_bindgen(js_name = isQuiet)]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.edge.borrow().is_quiet()
    }

    /// Writes that wait for the ring.
    #[must_use]
    pub fn pending(&self) -> u32 {
        let pending = self.edge.borrow().leaf().pending();
        pending.try_into().unwrap_or(u32::MAX)
    }

    /// Clients that are connected.
    #[must_use]
    pub fn clients(&self) -> u32 {
        let clients = self.edge.borrow().clients();
        clients.try_into().unwrap_or(u32::MAX)
    }

    /// Whether the ring can be asked.
    #[wasm_bindgen(js_name = isOnline)]
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.edge.borrow().leaf().is_online()
    }

    /// Does something with the node, and then all that it wants done. Nothing is borrowed while the listener
    /// is called.
    fn with<T>(&self, work: impl FnOnce(&mut Edge) -> T) -> T {
        let done = work(&mut self.edge.borrow_mut());
        loop {
            let output = self.edge.borrow_mut().poll_output(now());
            match output {
                Some(output) => self.obey(output),
                None => return done,
            }
        }
    }

    fn obey(&self, output: EdgeOutput) {
        let listener = &self.listener;
        match output {
            EdgeOutput::Storage { operation, request } => ask(listener, operation, &request),
            EdgeOutput::Backbone(message) => listener.to_ring(&message),
            EdgeOutput::Ping(text) => listener.ping_ring(text),
            EdgeOutput::Redial { at } => listener.redial(date_ms(at)),
            EdgeOutput::Client { client, message } => {
                listener.to_client(number(client), &message);
            }
            EdgeOutput::Close { client } => listener.close_client(number(client)),
            EdgeOutput::Remember { client, bytes } => listener.remember(number(client), &bytes),
            #[expect(clippy::cast_precision_loss, reason = "a count of writes")]
            EdgeOutput::Opened { pending } => listener.opened(pending as f64),
            EdgeOutput::Failed(why) => listener.broken(&why),
            EdgeOutput::Full => listener.full(),
            EdgeOutput::State(state) => listener.status(status_object(&state)),
            EdgeOutput::Refused(refusal) => {
                let failure = Failure::new(refusal.code, refusal.message);
                listener.status(failed_object(&failure));
            }
        }
    }
}

const fn id(client: f64) -> ClientId {
    ClientId(whole(client))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the package counts them up from 1"
)]
const fn number(client: ClientId) -> f64 {
    client.0 as f64
}

/// A number that JavaScript hands back, or a length.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}
