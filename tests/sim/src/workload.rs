//! What clients want in one seed, and when.

use crate::draw::Draw;
use crate::plan::{Action, Call, CallKind, Timed};
use crate::setup::Setup;
use crate::swarm::Scope;
use crate::world::Seat;
use henge_core::replication::Level;

/// The character of the load.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    clients: u64,
    keys: u64,
    /// How many of a thousand calls are for one of two keys.
    hot_permille: u64,
    read_permille: u64,
    delete_permille: u64,
    ttl_permille: u64,
    context_permille: u64,
    /// How many of a thousand calls name a level.
    level_permille: u64,
    /// Seats that calls come through; all if it is empty.
    seats: Vec<Seat>,
    bytes_max: u64,
    /// From one call to the next, in microseconds on the average.
    every_micros: u64,
    retries_elsewhere: bool,
}

/// Most calls of one round: a hot phase is short.
const CALLS_MAX: u64 = 500;

impl Load {
    pub(crate) fn draw(draw: &mut Draw, setup: &Setup, is_bulky: bool, scope: Scope) -> Self {
        let is_siblings = setup.buckets.has_siblings();
        let favourite = draw.happens(200);
        let seats = if favourite {
            vec![draw.index(setup.members.len())]
        } else {
            vec![]
        };
        Self {
            clients: draw.between(1, 6),
            keys: if is_bulky {
                draw.between(40, 120)
            } else {
                draw.log_between(1, 50)
            },
            hot_permille: draw.pick(&[0, 0, 300, 800]),
            read_permille: draw.pick(&[200, 450, 450, 700]),
            delete_permille: draw.pick(&[0, 80, 300]),
            ttl_permille: draw.pick(&[0, 0, 100]),
            context_permille: if is_siblings {
                draw.pick(&[700, 950, 1_000])
            } else {
                draw.pick(&[0, 500, 1_000])
            },
            level_permille: draw.pick(&[0, 500, 1_000]),
            seats,
            bytes_max: if is_bulky {
                60 * 1_024
            } else {
                draw.pick(&[0, 100, 2_000])
            },
            every_micros: draw.log_between(5_000, 400_000),
            retries_elsewhere: draw.coin() && scope.retries_elsewhere,
        }
    }

    /// The same character, but for a few keys that are deleted more often than not.
    pub(crate) fn deleting(&self) -> Self {
        Self {
            keys: self.keys.min(6),
            delete_permille: 600,
            read_permille: 300,
            ..self.clone()
        }
    }

    /// The calls of one round of `span_micros`, numbered from `next` on.
    pub(crate) fn draw_calls(
        &self,
        draw: &mut Draw,
        setup: &Setup,
        span_micros: u64,
        next: &mut u32,
    ) -> Vec<Timed> {
        let mut calls = Vec::new();
        let every_micros = self.every_micros.max(span_micros / CALLS_MAX);
        let mut at_micros = draw.between(0, every_micros);
        while at_micros < span_micros {
            let call = self.call(draw, setup, *next);
            *next += 1;
            calls.push(Timed {
                at_micros,
                action: Action::Call(call),
            });
            // Bursts, and pauses between them.
            let is_burst = draw.happens(300);
            let most = if is_burst { 2_000 } else { 3 * every_micros };
            at_micros += draw.between(0, most);
        }
        calls
    }

    fn call(&self, draw: &mut Draw, setup: &Setup, id: u32) -> Call {
        let seat = self.seat(draw, setup);
        let keys = if draw.happens(self.hot_permille) {
            self.keys.min(2)
        } else {
            self.keys
        };
        let retries = if draw.happens(700) {
            (0..draw.between(1, 4))
                .map(|_| {
                    if self.retries_elsewhere {
                        self.seat(draw, setup)
                    } else {
                        seat
                    }
                })
                .collect()
        } else {
            vec![]
        };
        Call {
            id,
            client: u8::try_from(draw.between(0, self.clients - 1)).expect("few clients"),
            seat,
            key: u16::try_from(draw.between(0, keys - 1)).expect("few keys"),
            kind: self.kind(draw),
            level: draw
                .happens(self.level_permille)
                .then(|| level(draw, setup)),
            timeout_ms: draw.pick(&[300, 1_000, 1_000, 3_000]),
            retries,
        }
    }

    fn seat(&self, draw: &mut Draw, setup: &Setup) -> Seat {
        if self.seats.is_empty() {
            draw.index(setup.members.len())
        } else {
            draw.pick(&self.seats)
        }
    }

    fn kind(&self, draw: &mut Draw) -> CallKind {
        let with_context = draw.happens(self.context_permille);
        if draw.happens(self.read_permille) {
            CallKind::Get
        } else if draw.happens(self.delete_permille) {
            CallKind::Delete { with_context }
        } else {
            CallKind::Put {
                bytes: u32::try_from(draw.between(0, self.bytes_max)).expect("small values"),
                ttl_ms: draw
                    .happens(self.ttl_permille)
                    .then(|| draw.log_between(500, 60_000)),
                with_context,
            }
        }
    }
}

fn level(draw: &mut Draw, setup: &Setup) -> Level {
    let width = u8::try_from(setup.width()).expect("few replicas");
    let number = u8::try_from(draw.between(1, u64::from(width))).expect("few replicas");
    draw.pick(&[
        Level::One,
        Level::Quorum,
        Level::Quorum,
        Level::All,
        Level::LocalQuorum,
        Level::EachQuorum,
        Level::Replicas(number),
    ])
}
