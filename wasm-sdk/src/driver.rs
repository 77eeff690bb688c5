//! Does what the client asks, and tells it what happened.

use henge_core::client::{Call, CallId, Client, ClientOutput};
use henge_core::time::Instant;
use henge_core::wire::{Failure, Reply};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use crate::clock::{Alarm, now};
use crate::convert::{entry_object, failed_object, failure_object, status_object};
use crate::listener::Listener;
use crate::socket::{Owner, Socket};

/// What of an entry its reader wants, if not just the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// With version, context and siblings.
    Entry,
    /// Whether there is one.
    Existence,
}

/// The client, its socket and its timer.
///
/// The listener is only called while nothing is borrowed: it may call back.
pub(crate) struct Driver {
    client: RefCell<Client>,
    listener: Listener,
    urls: Vec<String>,
    dials: Cell<usize>,
    socket: RefCell<Option<Socket>>,
    redial_at: Cell<Option<Instant>>,
    wants: RefCell<BTreeMap<CallId, Want>>,
    alarm: Alarm,
    bell: RefCell<Option<Bell>>,
    is_closed: Cell<bool>,
}

/// What the alarm calls: the guarded form of a function that must stay alive.
struct Bell {
    guarded: js_sys::Function,
    _ring: Closure<dyn FnMut()>,
}

impl Driver {
    /// A driver that has not dialled. `urls` must not be empty.
    pub(crate) fn new(session: u64, urls: Vec<String>, listener: Listener) -> Rc<Self> {
        let driver = Rc::new(Self {
            client: RefCell::new(Client::new(session)),
            listener,
            urls,
            dials: Cell::new(0),
            socket: RefCell::new(None),
            redial_at: Cell::new(None),
            wants: RefCell::default(),
            alarm: Alarm::default(),
            bell: RefCell::new(None),
            is_closed: Cell::new(false),
        });
        let weak = Rc::downgrade(&driver);
        let ring: Closure<dyn FnMut()> = Closure::new(move || {
            if let Some(driver) = weak.upgrade() {
                driver.on_alarm();
            }
        });
        let guarded = driver.listener.guard(ring.as_ref());
        driver.bell.replace(Some(Bell {
            guarded,
            _ring: ring,
        }));
        driver
    }

    /// Dials the next of the addresses.
    pub(crate) fn dial(self: &Rc<Self>) {
        let url = &self.urls[self.dials.get() % self.urls.len()];
        self.dials.set(self.dials.get() + 1);
        self.client.borrow_mut().handle_dialing(now());
        match Socket::dial(&self.listener, url, self) {
            Ok(socket) => drop(self.socket.replace(Some(socket))),
            Err(_) => self.client.borrow_mut().handle_disconnected(now()),
        }
        self.drain();
    }

    /// Takes a call; it leaves with the next [`Driver::drain`].
    pub(crate) fn submit(&self, call: Call, want: Option<Want>) -> Result<CallId, Failure> {
        let id = self.client.borrow_mut().submit(now(), call)?;
        if let Some(want) = want {
            self.wants.borrow_mut().insert(id, want);
        }
        Ok(id)
    }

    /// Forgets a call; true if it is a write that may be applied nevertheless.
    pub(crate) fn cancel(&self, call: CallId) -> bool {
        self.wants.borrow_mut().remove(&call);
        self.client.borrow_mut().cancel(call)
    }

    /// Does all that the client wants done.
    pub(crate) fn drain(self: &Rc<Self>) {
        while !self.is_closed.get() {
            let output = self.client.borrow_mut().poll_output();
            let Some(output) = output else { break };
            self.obey(output);
        }
        self.arm();
    }

    /// Closes the socket and stops the timer; nothing is told any more.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.alarm.disarm();
        self.socket.take();
    }

    fn obey(&self, output: ClientOutput) {
        match output {
            ClientOutput::Send(message) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(&message);
                }
            }
            ClientOutput::Done { call, result } => self.tell(call, result),
            ClientOutput::State(state) => self.listener.status(status_object(&state)),
            ClientOutput::Redial { at } => {
                self.socket.take();
                self.redial_at.set(Some(at));
            }
            ClientOutput::Refused(refusal) => {
                self.socket.take();
                let failure = Failure::new(refusal.code, refusal.message);
                self.listener.status(failed_object(&failure));
            }
        }
    }

    fn tell(&self, call: CallId, result: Result<Reply, Failure>) {
        let want = self.wants.borrow_mut().remove(&call);
        #[expect(clippy::cast_precision_loss, reason = "calls are counted up from 1")]
        let id = call.0 as f64;
        match (result, want) {
            (Err(failure), _) => self.listener.failed(id, failure_object(&failure)),
            (Ok(Reply::Written { version, .. }), _) => {
                self.listener.written(id, &version.to_string());
            }
            (Ok(Reply::Found(_)), Some(Want::Existence)) => self.listener.exists(id, true),
            (Ok(Reply::Missing { .. }), Some(Want::Existence)) => self.listener.exists(id, false),
            (Ok(Reply::Missing { .. }), _) => self.listener.absent(id),
            (Ok(Reply::Found(entry)), None) => {
                self.listener
                    .found(id, entry.value.encoding, &entry.value.bytes);
            }
            (Ok(Reply::Found(entry)), Some(Want::Entry)) => {
                let value = &entry.value;
                self.listener
                    .found_entry(id, value.encoding, &value.bytes, entry_object(&entry));
            }
        }
    }

    fn on_alarm(self: &Rc<Self>) {
        self.alarm.rang();
        let now = now();
        if self.redial_at.get().is_some_and(|at| at <= now) {
            self.redial_at.set(None);
            self.dial();
        }
        self.client.borrow_mut().handle_timeout(now);
        self.drain();
    }

    fn arm(&self) {
        if self.is_closed.get() {
            return;
        }
        let timeout = self.client.borrow().poll_timeout();
        let next = timeout.into_iter().chain(self.redial_at.get()).min();
        if let (Some(at), Some(bell)) = (next, &*self.bell.borrow()) {
            self.alarm.arm(at, &bell.guarded);
        }
    }

    fn lose(self: Rc<Self>) {
        self.socket.take();
        self.client.borrow_mut().handle_disconnected(now());
        self.drain();
    }
}

impl Owner for Driver {
    fn on_open(self: Rc<Self>) {
        self.client.borrow_mut().handle_connected(now());
        self.drain();
    }

    fn on_message(self: Rc<Self>, message: &[u8]) {
        let taken = self.client.borrow_mut().handle_message(now(), message);
        match taken {
            Ok(()) => self.drain(),
            Err(_) => self.lose(),
        }
    }

    fn on_text(self: Rc<Self>) {
        self.lose();
    }

    fn on_close(self: Rc<Self>) {
        self.lose();
    }
}
