//! One seat: a node with its disk and its clock.

use super::Seat;
use super::clock::SkewedClock;
use super::digest::Digest;
use super::disk::Disk;
use crate::trace::Trace;
use henge_core::config::Config;
use henge_core::node::{Input, Node, batch};
use henge_core::time::Instant;

/// What stands at a seat.
pub(crate) struct Machine {
    pub(crate) disk: Disk,
    pub(crate) node: Option<Node>,
    /// Which run of the node this is: what was due for an earlier one is dropped.
    pub(crate) life: u64,
    pub(crate) clock: SkewedClock,
    /// The latest that the clocks of its earlier lives have said.
    pub(crate) said: Instant,
    /// What the clock will be wrong by when it is read next, in microseconds.
    pub(crate) offset_micros: i64,
    pub(crate) drift_ppm: i64,
    /// When the node will be given its timeout, in the world's time.
    pub(crate) timer: Option<Instant>,
    pub(crate) trace: Option<Trace>,
    /// Counts nanoseconds, if the time that the node works is to be taken.
    pub(crate) stopwatch: Option<fn() -> u64>,
    /// How long the nodes have worked by it.
    pub(crate) worked_nanos: u64,
}

impl Machine {
    pub(crate) fn new(disk: Disk, offset_micros: i64, drift_ppm: i64) -> Self {
        Self {
            disk,
            node: None,
            life: 0,
            clock: SkewedClock::new(Instant::default(), 0, 0),
            said: Instant::default(),
            offset_micros,
            drift_ppm,
            timer: None,
            trace: None,
            stopwatch: None,
            worked_nanos: 0,
        }
    }

    /// Makes the node anew at `now`, the world's time.
    pub(crate) fn start(&mut self, config: Config, seed: u64, now: Instant) {
        if self.life > 0 {
            self.said = self.said.max(self.clock.at(now));
        }
        self.life += 1;
        self.timer = None;
        self.clock = SkewedClock::new(now, self.offset_micros, self.drift_ppm);
        let began = self.clock.at(now);
        self.node = Some(Node::new(config.clone(), seed, began).expect("settings are good"));
        if self.trace.is_some() {
            self.trace = Some(Trace {
                config,
                seed,
                began,
                batches: Vec::new(),
            });
        }
    }

    /// Hands `input` to the node, if there is one.
    pub(crate) fn feed(
        &mut self,
        seat: Seat,
        now: Instant,
        input: Input<'_>,
        record: &mut Vec<u8>,
        digest: &mut Digest,
    ) {
        if self.node.is_none() {
            return;
        }
        if self.trace.is_some() {
            batch::put_input(record, &input);
        }
        digest.input(now, seat, &input);
        // A refusal is among the outputs too, as an event.
        self.work(|node| node.handle(now, input).is_ok());
    }

    /// Lets the node do something, if there is one, and takes the time.
    pub(crate) fn work<T>(&mut self, work: impl FnOnce(&mut Node) -> T) -> Option<T> {
        let node = self.node.as_mut()?;
        let Some(clock) = self.stopwatch else {
            return Some(work(node));
        };
        let began = clock();
        let done = work(node);
        self.worked_nanos += clock().saturating_sub(began);
        Some(done)
    }
}
