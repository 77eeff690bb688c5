//! Which partition is compared with whom, and when: all of them with all of their replicas in turn,
//! evenly spread over a round; and at once those of a member that is back.

use crate::id::{MemberId, PartitionId};
use crate::time::{Duration, Instant};
use alloc::collections::{BTreeSet, VecDeque};

/// What is to be compared.
#[derive(Debug, Default)]
pub struct Schedule {
    /// At once, in this order.
    urgent: VecDeque<(PartitionId, MemberId)>,
    queued: BTreeSet<(PartitionId, MemberId)>,
    /// Regular comparisons so far.
    turn: u64,
    next_at: Instant,
}

/// A comparison whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This partition with this member.
    With(PartitionId, MemberId),
    /// The partition at `place` of those that are owned, with its other owner number `replica`.
    Regular {
        /// Counts through the partitions.
        place: usize,
        /// Counts through the replicas, once for each time through the partitions.
        replica: usize,
    },
}

impl Schedule {
    /// Compares `partition` with `peer` as soon as there is room.
    pub fn hurry(&mut self, partition: PartitionId, peer: MemberId) {
        if self.queued.insert((partition, peer)) {
            self.urgent.push_back((partition, peer));
        }
    }

    /// When the next comparison is due.
    #[must_use]
    pub fn next_at(&self) -> Instant {
        if self.urgent.is_empty() {
            self.next_at
        } else {
            Instant::default()
        }
    }

    /// The comparison that is due, of `owned` partitions. `round` is how long it takes to compare
    /// each of them with one replica.
    pub fn take(&mut self, now: Instant, owned: usize, round: Duration) -> Option<Turn> {
        if let Some(pair) = self.urgent.pop_front() {
            self.queued.remove(&pair);
            return Some(Turn::With(pair.0, pair.1));
        }
        if now < self.next_at || owned == 0 {
            return None;
        }
        let count = owned as u64;
        let spacing = (round.as_micros() / count).max(1_000);
        self.next_at = now + Duration::from_micros(spacing);
        let (place, replica) = (self.turn % count, self.turn / count);
        self.turn += 1;
        Some(Turn::Regular {
            place: usize::try_from(place).expect("below a length"),
            replica: usize::try_from(replica % u64::from(u32::MAX)).expect("bounded"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_goes_through_all_partitions_and_the_next_takes_the_next_replica() {
        let mut schedule = Schedule::default();
        let round = Duration::from_millis(100);
        let mut now = Instant::from_micros(5);
        let mut taken = alloc::vec::Vec::new();
        while taken.len() < 6 {
            if let Some(turn) = schedule.take(now, 3, round) {
                taken.push(turn);
                assert_eq!(schedule.take(now, 3, round), None, "one at a time");
            }
            now = schedule.next_at();
        }
        let regular = |place, replica| Turn::Regular { place, replica };
        let expected = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)];
        assert_eq!(
            taken,
            expected.map(|(place, replica)| regular(place, replica))
        );
        assert!(now.as_micros() >= 5 * 33_000 && now.as_micros() < 300_000);
    }

    #[test]
    fn what_is_urgent_comes_first_and_once() {
        let mut schedule = Schedule::default();
        let round = Duration::from_millis(100);
        schedule.take(Instant::from_micros(1), 3, round);
        let (partition, peer) = (PartitionId(7), MemberId(9));
        schedule.hurry(partition, peer);
        schedule.hurry(partition, peer);
        assert_eq!(schedule.next_at(), Instant::default());
        let now = Instant::from_micros(2);
        assert_eq!(
            schedule.take(now, 3, round),
            Some(Turn::With(partition, peer))
        );
        assert_eq!(schedule.take(now, 3, round), None);
    }
}
