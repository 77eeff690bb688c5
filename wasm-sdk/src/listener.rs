//! What the package is told, as methods of one of its objects. None of them throws, except `dial`.

use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What went wrong; `code` is one of the names of `ErrorCode` in the core. */
export interface FailureObject { code: string; message: string; retryable: boolean }

/** How the connection is. */
export type StatusObject =
  | { state: "connecting" }
  | { state: "connected"; member: string; replicas: number }
  | { state: "offline"; retryAtMs: number; failure: FailureObject | undefined }
  | { state: "failed"; failure: FailureObject };

/** What comes with a value, for those who ask for it. Bytes of siblings are copies. */
export interface EntryObject {
  /** Missing while the write waits for the ring. */
  version: string | undefined;
  /** Where a leaf has it from: 0 a write that waits, 1 a copy, 2 the ring. */
  source: number;
  context: Uint8Array;
  siblings: { encoding: number; bytes: Uint8Array }[];
}

/** What the engine tells its owner. A `Uint8Array` argument is a view that is gone after the call. */
export interface Listener {
  /** Opens a socket; may throw. */
  dial(url: string, protocol: string): WebSocket;
  /** Wraps a function that the engine wants called back, so that a trap in it is seen. */
  guard(callback: Function): Function;
  found(call: number, encoding: number, bytes: Uint8Array): void;
  foundEntry(call: number, encoding: number, bytes: Uint8Array, entry: EntryObject): void;
  exists(call: number, exists: boolean): void;
  absent(call: number): void;
  written(call: number, version: string): void;
  failed(call: number, failure: FailureObject): void;
  status(status: StatusObject): void;
}

/** What a connection to the ring tells its owner beside that. */
export interface RingListener extends Listener {
  /** A key of the listing that is told next. */
  item(key: Uint8Array, entry: EntryObject, encoding: number, bytes: Uint8Array): void;
  /** A listing has all its items; behind which key it can go on. */
  listed(list: number, next: Uint8Array | undefined): void;
  /** From here on a watch tells everything; if it goes on from before, it has told what was missed. */
  synced(watch: number): void;
  /** A key has changed; without bytes it has no value any more. */
  changed(watch: number, key: Uint8Array, entry: EntryObject, encoding: number, bytes: Uint8Array | undefined): void;
  /** A watch has missed something; from here on it tells everything. */
  resync(watch: number): void;
  /** A watch has ended. */
  unsubscribed(watch: number, failure: FailureObject): void;
}

/** What a leaf tells its owner beside that of `Listener`, and asks of its medium: each request is answered once. */
export interface LeafListener extends Listener {
  append(operation: number, file: string, offset: number, bytes: Uint8Array): void;
  sync(operation: number, file: string): void;
  load(operation: number, file: string, offset: number, length: number): void;
  replace(operation: number, file: string, bytes: Uint8Array): void;
  truncate(operation: number, file: string, length: number): void;
  remove(operation: number, file: string): void;
  /** The leaf is open; so many writes wait from before. */
  opened(pending: number): void;
  /** Nothing more can be stored. */
  broken(why: string): void;
  /** The medium is full. */
  full(): void;
  /** A write is durable here. */
  stored(write: number): void;
  /** A write is durable at an edge node. */
  lodged(write: number): void;
  /** The ring does not take a write; it may be one of an earlier run. */
  refused(write: number, key: Uint8Array, failure: FailureObject): void;
  /** A key of a listing, or one that has changed, which is listing 0. */
  row(list: number, key: Uint8Array, source: number, version: string | undefined, encoding: number, bytes: Uint8Array): void;
  /** A key that has changed has no value any more. */
  gone(key: Uint8Array, source: number): void;
  /** A listing has all its rows; behind which key it can go on. */
  listed(list: number, next: Uint8Array | undefined): void;
  /** All that the ring has of a subscription is here. */
  synced(subscription: number): void;
  /** A subscription has ended. */
  unsubscribed(subscription: number, failure: FailureObject): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The package's object.
    #[wasm_bindgen(typescript_type = "Listener")]
    pub type Listener;

    #[wasm_bindgen(method, catch)]
    pub(crate) fn dial(this: &Listener, url: &str, protocol: &str) -> Result<WebSocket, JsValue>;

    #[wasm_bindgen(method)]
    pub(crate) fn guard(this: &Listener, callback: &JsValue) -> js_sys::Function;

    #[wasm_bindgen(method)]
    pub(crate) fn found(this: &Listener, call: f64, encoding: u8, bytes: &[u8]);

    #[wasm_bindgen(method, js_name = foundEntry)]
    pub(crate) fn found_entry(
        this: &Listener,
        call: f64,
        encoding: u8,
        bytes: &[u8],
        entry: JsValue,
    );

    #[wasm_bindgen(method)]
    pub(crate) fn exists(this: &Listener, call: f64, exists: bool);

    #[wasm_bindgen(method)]
    pub(crate) fn absent(this: &Listener, call: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn written(this: &Listener, call: f64, version: &str);

    #[wasm_bindgen(method)]
    pub(crate) fn failed(this: &Listener, call: f64, failure: JsValue);

    #[wasm_bindgen(method)]
    pub(crate) fn status(this: &Listener, status: JsValue);

    // Only a connection to the ring calls these, with a `RingListener`.

    #[wasm_bindgen(method)]
    pub(crate) fn item(this: &Listener, key: &[u8], entry: JsValue, encoding: u8, bytes: &[u8]);

    #[wasm_bindgen(method)]
    pub(crate) fn changed(
        this: &Listener,
        watch: f64,
        key: &[u8],
        entry: JsValue,
        encoding: u8,
        bytes: Option<&[u8]>,
    );

    #[wasm_bindgen(method)]
    pub(crate) fn resync(this: &Listener, watch: f64);

    // Both call these.

    #[wasm_bindgen(method)]
    pub(crate) fn listed(this: &Listener, list: f64, next: Option<Vec<u8>>);

    #[wasm_bindgen(method)]
    pub(crate) fn synced(this: &Listener, subscription: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn unsubscribed(this: &Listener, subscription: f64, failure: JsValue);

    // Only a leaf calls these, with a `LeafListener`.

    #[wasm_bindgen(method)]
    pub(crate) fn append(this: &Listener, operation: f64, file: &str, offset: f64, bytes: &[u8]);

    #[wasm_bindgen(method)]
    pub(crate) fn sync(this: &Listener, operation: f64, file: &str);

    #[wasm_bindgen(method)]
    pub(crate) fn load(this: &Listener, operation: f64, file: &str, offset: f64, length: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn replace(this: &Listener, operation: f64, file: &str, bytes: &[u8]);

    #[wasm_bindgen(method)]
    pub(crate) fn truncate(this: &Listener, operation: f64, file: &str, length: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn remove(this: &Listener, operation: f64, file: &str);

    #[wasm_bindgen(method)]
    pub(crate) fn opened(this: &Listener, pending: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn broken(this: &Listener, why: &str);

    #[wasm_bindgen(method)]
    pub(crate) fn full(this: &Listener);

    #[wasm_bindgen(method)]
    pub(crate) fn stored(this: &Listener, write: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn lodged(this: &Listener, write: f64);

    #[wasm_bindgen(method)]
    pub(crate) fn refused(this: &Listener, write: f64, key: &[u8], failure: JsValue);

    #[wasm_bindgen(method)]
    pub(crate) fn row(
        this: &Listener,
        list: f64,
        key: &[u8],
        source: u8,
        version: Option<String>,
        encoding: u8,
        bytes: &[u8],
    );

    #[wasm_bindgen(method)]
    pub(crate) fn gone(this: &Listener, key: &[u8], source: u8);
}
