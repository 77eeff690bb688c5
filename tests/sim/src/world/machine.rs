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
    /// What the clock will be wrong by when it is read next, in microseconds.
    pub(crate) offset_micros: i64,
    pub(crate) drift_ppm: i64,
    /// When the node will be given its timeout, in the world's time.
    pub(crate) timer: Option<Instant>,
    pub(crate) trace: Option<Trace>,
}

impl Machine {
    pub(crate) fn new(disk: Disk, offset_micros: i64, drift_ppm: i64) -> Self {
        Self {
            disk,
            node: None,
            life: 0,
            clock: SkewedClock::new(Instant::default(), 0, 0),
            offset_micros,
            drift_ppm,
            timer: None,
            trace: None,
        }
    }

    /// Makes the node anew at `now`, the world's time.
    pub(crate) fn start(&mut self, config: Config, seed: u64, now: Instant) {
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
        let Some(node) = &mut self.node else { return };
        if self.trace.is_some() {
            batch::put_input(record, &input);
        }
        digest.input(now, seat, &input);
        // A refusal is among the outputs too, as an event.
        let _ = node.handle(now, input);
    }
}
