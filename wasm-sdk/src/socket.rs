//! One WebSocket and the functions that it calls.

use henge_core::wire::SUBPROTOCOL;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, MessageEvent, WebSocket};

use crate::listener::Listener;

/// Whoever wants to know what happens to a socket.
pub(crate) trait Owner: 'static {
    /// It is open.
    fn on_open(self: Rc<Self>);
    /// It has brought a binary message.
    fn on_message(self: Rc<Self>, message: &[u8]);
    /// It has brought text.
    fn on_text(self: Rc<Self>, text: &str);
    /// It is closed, or could not be opened.
    fn on_close(self: Rc<Self>);
}

/// A socket. Dropping it closes it, and nothing is reported any more.
pub(crate) struct Socket {
    socket: WebSocket,
    _callbacks: [Closure<dyn FnMut(JsValue)>; 3],
}

impl Socket {
    /// Opens a socket to `url`.
    pub(crate) fn dial<O: Owner>(
        listener: &Listener,
        url: &str,
        owner: &Rc<O>,
    ) -> Result<Self, JsValue> {
        let socket = listener.dial(url, SUBPROTOCOL)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let open = callback(owner, |owner: Rc<O>, _| owner.on_open());
        let message = callback(owner, |owner: Rc<O>, event| {
            let data = event.unchecked_into::<MessageEvent>().data();
            match data.dyn_into::<js_sys::ArrayBuffer>() {
                Ok(buffer) => owner.on_message(&js_sys::Uint8Array::new(&buffer).to_vec()),
                Err(text) => owner.on_text(&text.as_string().unwrap_or_default()),
            }
        });
        // A close follows every error, so errors tell nothing new.
        let close = callback(owner, |owner: Rc<O>, _| owner.on_close());
        let guarded = |callback: &Closure<_>| Some(listener.guard(callback.as_ref()));
        socket.set_onopen(guarded(&open).as_ref());
        socket.set_onmessage(guarded(&message).as_ref());
        socket.set_onclose(guarded(&close).as_ref());
        Ok(Self {
            socket,
            _callbacks: [open, message, close],
        })
    }

    /// Sends one binary message. What cannot be sent is lost with the connection, which is
    /// reported.
    pub(crate) fn send(&self, message: &[u8]) {
        // A copy: Node.js's sockets may look at the bytes later, when the memory has moved.
        let copy = js_sys::Uint8Array::from(message);
        let _ = self.socket.send_with_array_buffer(&copy.buffer());
    }

    /// Sends one text message.
    pub(crate) fn send_text(&self, text: &str) {
        let _ = self.socket.send_with_str(text);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

fn callback<O: Owner>(
    owner: &Rc<O>,
    react: impl Fn(Rc<O>, JsValue) + 'static,
) -> Closure<dyn FnMut(JsValue)> {
    let owner: Weak<O> = Rc::downgrade(owner);
    Closure::new(move |event| {
        if let Some(owner) = owner.upgrade() {
            react(owner, event);
        }
    })
}
