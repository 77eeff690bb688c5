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
  version: string;
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
}
