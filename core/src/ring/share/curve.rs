//! Broken lines with integer coefficients.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// A fraction of whole numbers, not reduced. The denominator is never 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) over: u64,
    pub(super) under: u64,
}

impl Ratio {
    pub(super) const ZERO: Self = Self { over: 0, under: 1 };
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let this = u128::from(self.over) * u128::from(other.under);
        this.cmp(&(u128::from(other.over) * u128::from(self.under)))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

/// From the water level `from` on: `base` vnodes and `slope` more for each unit of level.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: Ratio,
    base: u64,
    slope: u64,
}

/// Vnodes as a function of the water level: continuous, never falling, its first piece from 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve(Vec<Piece>);

impl Curve {
    /// A member's: `capacity` vnodes for each unit of level, `full` at most.
    pub(super) fn member(capacity: u32, full: u64) -> Self {
        let slope = u64::from(capacity);
        Self(vec![
            Piece {
                from: Ratio::ZERO,
                base: 0,
                slope,
            },
            Piece {
                from: Ratio {
                    over: full,
                    under: slope.max(1),
                },
                base: full,
                slope: 0,
            },
        ])
    }

    pub(super) fn sum(curves: Vec<Self>) -> Self {
        let mut bends: Vec<(Ratio, Piece, Piece)> = Vec::new();
        let nothing = Piece {
            from: Ratio::ZERO,
            base: 0,
            slope: 0,
        };
        for Self(pieces) in curves {
            let before = core::iter::once(nothing).chain(pieces.iter().copied());
            bends.extend(before.zip(&pieces).map(|(old, new)| (new.from, old, *new)));
        }
        bends.sort_by_key(|bend| bend.0);
        let mut sum = vec![nothing];
        let mut last = nothing;
        for (from, old, new) in bends {
            last = Piece {
                from,
                base: last.base + new.base - old.base,
                slope: last.slope + new.slope - old.slope,
            };
            match sum.last_mut() {
                Some(piece) if piece.from == from => *piece = last,
                _ => sum.push(last),
            }
        }
        Self(sum)
    }

    /// The first level at which it has come to `vnodes`; where it stops if that is less.
    pub(super) fn reaches(&self, vnodes: u64) -> Ratio {
        let mut level = Ratio::ZERO;
        for (at, piece) in self.0.iter().enumerate() {
            level = piece.from;
            if piece.slope == 0 {
                if piece.base >= vnodes {
                    break;
                }
                continue;
            }
            let hit = Ratio {
                over: vnodes.saturating_sub(piece.base),
                under: piece.slope,
            };
            if hit <= piece.from {
                break;
            }
            if self.0.get(at + 1).is_none_or(|next| hit <= next.from) {
                return hit;
            }
        }
        level
    }

    /// Held at `low.1` below the level `low.0`, where it comes to that, and at `high.1` from the
    /// level `high.0` on.
    pub(super) fn between(self, low: (Ratio, u64), high: (Ratio, u64)) -> Self {
        let mut held = vec![Piece {
            from: Ratio::ZERO,
            base: low.1,
            slope: 0,
        }];
        let starts = self.0.partition_point(|piece| piece.from <= low.0);
        if low.0 < high.0 {
            let first = self.0[..starts].last().map(|piece| Piece {
                from: low.0,
                ..*piece
            });
            held.extend(first);
            held.extend(self.0[starts..].iter().filter(|piece| piece.from < high.0));
        }
        held.push(Piece {
            from: high.0,
            base: high.1,
            slope: 0,
        });
        Self(held)
    }
}
