//! The links between members: one for each ordered pair.
//!
//! Real links deliver in order and once, or not at all. These do not: a node has to bear frames
//! that are lost, late, out of order and twice, because a peer's new connection overtakes its old.

use super::Seat;
use henge_core::rng::Rng;
use henge_core::time::{Duration, Instant};

/// How links behave when nothing is wrong with them, and when something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// A frame is under way so long at least, in microseconds.
    pub micros_min: u64,
    /// And up to so much longer.
    pub micros_spread: u64,
    /// How many of a thousand frames take longer than that.
    pub slow_permille: u16,
    /// Up to how much longer, in microseconds.
    pub slow_micros: u64,
    /// How many of a thousand frames are lost.
    pub loss_permille: u16,
    /// How many of a thousand frames arrive twice.
    pub duplicate_permille: u16,
    /// A seat hears so late at least that another comes or goes, in microseconds.
    pub lag_micros_min: u64,
    /// And up to so much later.
    pub lag_micros_spread: u64,
}

impl LinkSettings {
    /// Links that lose nothing and are told of at once.
    pub const CALM: Self = Self {
        micros_min: 200,
        micros_spread: 350,
        slow_permille: 0,
        slow_micros: 0,
        loss_permille: 0,
        duplicate_permille: 0,
        lag_micros_min: 200,
        lag_micros_spread: 0,
    };

    /// Whether frames may be lost or come late.
    #[must_use]
    pub const fn is_harsh(&self) -> bool {
        self.loss_permille > 0 || self.slow_permille > 0
    }
}

/// All links.
#[derive(Debug)]
pub(crate) struct Network {
    links: Vec<Link>,
    seats: usize,
}

/// One direction between two seats.
#[derive(Debug)]
pub(crate) struct Link {
    /// What is sent is lost.
    pub(crate) is_cut: bool,
    /// What would arrive waits.
    pub(crate) is_clogged: bool,
    pub(crate) settings: LinkSettings,
    /// Frames that wait.
    held: Vec<Vec<u8>>,
    /// What the sender was, or will be, told of the receiver last, and when.
    told: (bool, Instant),
    rng: Rng,
}

impl Network {
    pub(crate) fn new(seats: usize, settings: LinkSettings, seed: u64) -> Self {
        let link = |number: usize| Link {
            is_cut: false,
            is_clogged: false,
            settings,
            held: Vec::new(),
            told: (false, Instant::default()),
            rng: Rng::new(seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        };
        Self {
            links: (0..seats * seats).map(link).collect(),
            seats,
        }
    }

    pub(crate) fn link(&mut self, from: Seat, to: Seat) -> &mut Link {
        &mut self.links[from * self.seats + to]
    }
}

impl Link {
    /// When what is sent at `now` arrives, and when it arrives a second time.
    pub(crate) fn send(&mut self, now: Instant) -> [Option<Instant>; 2] {
        let LinkSettings {
            loss_permille,
            duplicate_permille,
            ..
        } = self.settings;
        if self.is_cut || self.happens(loss_permille) {
            return [None, None];
        }
        let first = now + self.delay();
        let again = self.happens(duplicate_permille);
        [Some(first), again.then(|| now + self.delay())]
    }

    /// Keeps a frame that has come to where the link is clogged.
    pub(crate) fn hold(&mut self, frame: Vec<u8>) {
        self.held.push(frame);
    }

    /// The frames that were kept, each with the time when it arrives now.
    pub(crate) fn release(&mut self, now: Instant) -> Vec<(Instant, Vec<u8>)> {
        let held = std::mem::take(&mut self.held);
        held.into_iter()
            .map(|frame| (now + self.delay(), frame))
            .collect()
    }

    /// The sender is a new node that knows of nobody.
    pub(crate) const fn forget(&mut self) {
        self.told.0 = false;
    }

    /// When the sender hears that the receiver can be reached, or not; `None` if it was told.
    pub(crate) fn tell(&mut self, now: Instant, up: bool) -> Option<Instant> {
        if self.told.0 == up {
            return None;
        }
        let lag = self.settings.lag_micros_min + self.below(self.settings.lag_micros_spread);
        let after = self.told.1 + Duration::from_micros(1);
        self.told = (up, after.max(now + Duration::from_micros(lag)));
        Some(self.told.1)
    }

    fn delay(&mut self) -> Duration {
        let mut micros = self.settings.micros_min + self.below(self.settings.micros_spread);
        if self.happens(self.settings.slow_permille) {
            micros += self.below(self.settings.slow_micros);
        }
        Duration::from_micros(micros)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound + 1)
    }

    fn happens(&mut self, permille: u16) -> bool {
        permille > 0 && self.rng.below(1_000) < u64::from(permille)
    }
}
