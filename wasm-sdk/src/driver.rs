//! Does what a machine asks, and tells it what happened.

use henge_core::client::ClientError;
use henge_core::time::Instant;
use henge_core::wire::Failure;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use crate::clock::{Alarm, now};
use crate::convert::{failed_object, status_object};
use crate::listener::Listener;
use crate::machine::{Effect, Machine};
use crate::socket::{Owner, Socket};

/// A machine, its socket and its timer.
///
/// The listener is only called while nothing is borrowed: it may call back.
pub(crate) struct Driver<M> {
    machine: RefCell<M>,
    listener: Listener,
    urls: Vec<String>,
    dials: Cell<usize>,
    socket: RefCell<Option<Socket>>,
    redial_at: Cell<Option<Instant>>,
    alarm: Alarm,
    bell: RefCell<Option<Bell>>,
    is_closed: Cell<bool>,
}

/// What the alarm calls: the guarded form of a function that must stay alive.
struct Bell {
    guarded: js_sys::Function,
    _ring: Closure<dyn FnMut()>,
}

impl<M: Machine> Driver<M> {
    /// A driver that has not dialled; without `urls` it never will.
    pub(crate) fn new(machine: M, urls: Vec<String>, listener: Listener) -> Rc<Self> {
        let driver = Rc::new(Self {
            machine: RefCell::new(machine),
            listener,
            urls,
            dials: Cell::new(0),
            socket: RefCell::new(None),
            redial_at: Cell::new(None),
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

    /// Dials the next of the addresses, if there are any.
    pub(crate) fn dial(self: &Rc<Self>) {
        if let Some(url) = self.urls.get(self.dials.get() % self.urls.len().max(1)) {
            self.dials.set(self.dials.get() + 1);
            self.machine.borrow_mut().handle_dialing(now());
            match Socket::dial(&self.listener, url, self) {
                Ok(socket) => drop(self.socket.replace(Some(socket))),
                Err(_) => self.machine.borrow_mut().handle_disconnected(now()),
            }
        }
        self.drain();
    }

    /// Asks the machine something. What it wants done is done by the next [`Driver::drain`].
    pub(crate) fn with<T>(&self, ask: impl FnOnce(&mut M) -> T) -> T {
        ask(&mut self.machine.borrow_mut())
    }

    /// Does all that the machine wants done. Called from everywhere, and large.
    #[inline(never)]
    pub(crate) fn drain(self: &Rc<Self>) {
        while !self.is_closed.get() {
            let effect = self.machine.borrow_mut().poll_effect();
            let Some(effect) = effect else { break };
            self.obey(effect);
        }
        self.arm();
    }

    /// Closes the socket and stops the timer; nothing is told any more.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.alarm.disarm();
        self.socket.take();
    }

    fn obey(&self, effect: Effect<M::News>) {
        match effect {
            Effect::Send(message) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(&message);
                }
            }
            Effect::Ping(text) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send_text(text);
                }
            }
            Effect::News(news) => M::tell(news, &self.listener),
            Effect::State(state) => self.listener.status(status_object(&state)),
            Effect::Redial(at) => {
                self.socket.take();
                self.redial_at.set(Some(at));
            }
            Effect::Refused(refusal) => {
                self.socket.take();
                let failure = Failure::new(refusal.code, refusal.message);
                self.listener.status(failed_object(&failure));
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
        self.machine.borrow_mut().handle_timeout(now);
        self.drain();
    }

    fn arm(&self) {
        if self.is_closed.get() {
            return;
        }
        let timeout = self.machine.borrow().poll_timeout();
        let next = timeout.into_iter().chain(self.redial_at.get()).min();
        if let (Some(at), Some(bell)) = (next, &*self.bell.borrow()) {
            self.alarm.arm(at, &bell.guarded);
        }
    }

    fn took(self: Rc<Self>, taken: &Result<(), ClientError>) {
        match taken {
            Ok(()) => self.drain(),
            Err(_) => self.lose(),
        }
    }

    fn lose(self: Rc<Self>) {
        self.socket.take();
        self.machine.borrow_mut().handle_disconnected(now());
        self.drain();
    }
}

impl<M: Machine> Owner for Driver<M> {
    fn on_open(self: Rc<Self>) {
        self.machine.borrow_mut().handle_connected(now());
        self.drain();
    }

    fn on_message(self: Rc<Self>, message: &[u8]) {
        let taken = self.machine.borrow_mut().handle_message(now(), message);
        self.took(&taken);
    }

    fn on_text(self: Rc<Self>, text: &str) {
        let taken = self.machine.borrow_mut().handle_text(now(), text);
        self.took(&taken);
    }

    fn on_close(self: Rc<Self>) {
        self.lose();
    }
}
