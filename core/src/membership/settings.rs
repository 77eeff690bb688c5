//! Periods and sizes, and what follows from them for a cluster of a given size.

use crate::limits::{
    MEMBERSHIP_PACKET_BYTES_DEFAULT, MEMBERSHIP_PACKET_BYTES_MAX, MEMBERSHIP_PACKET_BYTES_MIN,
};
use crate::time::Duration;
use core::num::{NonZeroU8, NonZeroUsize};
use foca::{Config, PeriodicParams};

/// The settings of one node's membership. All nodes of a cluster have the same.
///
/// A setting of 0, or a packet size out of its range, counts as the nearest that has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipSettings {
    /// The cluster. Packets of another are refused.
    pub cluster: u64,
    /// How often a node asks another one whether it is there.
    pub probe_period: Duration,
    /// How long it waits before others ask too: most round trips are shorter. At most half of
    /// `probe_period`, for they need the rest.
    pub probe_round_trip: Duration,
    /// How many others ask, and to how many members news goes at a time when there is a hurry.
    pub indirect_probes: u8,
    /// How many probe periods a suspect has for its answer in a cluster of up to seven members.
    /// The time grows with the logarithm of the size.
    pub suspicion_periods: u8,
    /// How often news goes to [`gossip_members`](Self::gossip_members) random members, if there is
    /// news.
    pub gossip_period: Duration,
    /// See [`gossip_period`](Self::gossip_period).
    pub gossip_members: u8,
    /// How often one piece of news is sent by each who has heard it, for each factor of ten in the
    /// size of the cluster.
    pub gossip_transmissions: u8,
    /// How often a node compares its state with that of a random member.
    pub exchange_period: Duration,
    /// How often a node greets two members that are down, so that a healed partition is noticed.
    pub reunion_period: Duration,
    /// How long members that are down are remembered.
    pub forget_after: Duration,
    /// Longest packet, in bytes.
    pub packet_bytes: usize,
}

impl MembershipSettings {
    /// The defaults for members in one region: a death is known in about five seconds.
    #[must_use]
    pub const fn new(cluster: u64) -> Self {
        Self {
            cluster,
            probe_period: Duration::from_millis(1_000),
            probe_round_trip: Duration::from_millis(400),
            indirect_probes: 4,
            suspicion_periods: 2,
            gossip_period: Duration::from_millis(200),
            gossip_members: 3,
            gossip_transmissions: 4,
            exchange_period: Duration::from_millis(15_000),
            reunion_period: Duration::from_millis(10_000),
            forget_after: Duration::from_millis(24 * 3_600 * 1_000),
            packet_bytes: MEMBERSHIP_PACKET_BYTES_DEFAULT,
        }
    }

    /// How long a suspect has for its answer among `members`.
    #[must_use]
    pub fn suspicion(&self, members: usize) -> Duration {
        let tenths = 10.max(3 * bits(members));
        let micros = self.probe_period().as_micros() * u64::from(self.suspicion_periods.max(1));
        Duration::from_micros(micros.saturating_mul(tenths) / 10)
    }

    /// The settings as foca takes them, for a cluster of `members`, with `packet_bytes` for its
    /// part of a packet.
    pub(super) fn config(&self, members: usize, packet_bytes: usize) -> Config {
        Config {
            probe_period: std_duration(self.probe_period()),
            probe_rtt: std_duration(self.probe_round_trip()),
            num_indirect_probes: at_least_one(self.indirect_probes),
            max_transmissions: self.transmissions(members),
            suspect_to_down_after: std_duration(self.suspicion(members)),
            remove_down_after: Some(std_duration(self.forget_after)),
            max_packet_size: NonZeroUsize::new(packet_bytes).unwrap_or(NonZeroUsize::MIN),
            notify_down_members: true,
            // The exchange of states finds what a feed would, and what is down as well.
            periodic_announce: None,
            periodic_announce_to_down_members: Some(PeriodicParams {
                frequency: std_duration(positive(self.reunion_period)),
                num_members: at_least_one(2),
            }),
            periodic_gossip: Some(PeriodicParams {
                frequency: std_duration(positive(self.gossip_period)),
                num_members: at_least_one(self.gossip_members),
            }),
        }
    }

    /// The class of sizes that `members` belongs to: within one, nothing changes.
    pub(super) fn size_class(members: usize) -> u64 {
        bits(members)
    }

    /// Longest packet, in bytes.
    pub(super) fn packet_bytes(&self) -> usize {
        self.packet_bytes
            .clamp(MEMBERSHIP_PACKET_BYTES_MIN, MEMBERSHIP_PACKET_BYTES_MAX)
    }

    /// How often a node compares states.
    pub(super) fn exchange_period(&self) -> Duration {
        positive(self.exchange_period)
    }

    /// How late timers may run before the node takes itself for the one that was away.
    pub(super) fn lag_max(&self) -> Duration {
        self.probe_period()
    }

    fn probe_period(&self) -> Duration {
        Duration::from_micros(self.probe_period.as_micros().max(10_000))
    }

    fn probe_round_trip(&self) -> Duration {
        let half = self.probe_period().as_micros() / 2;
        Duration::from_micros(self.probe_round_trip.as_micros().clamp(1_000, half))
    }

    /// News that reaches everybody with high probability is sent in the order of the logarithm of
    /// the size by each (section 4.1 of the paper).
    fn transmissions(&self, members: usize) -> NonZeroU8 {
        let times = (u64::from(self.gossip_transmissions) * 3 * bits(members)).div_ceil(10);
        NonZeroU8::new(u8::try_from(times).unwrap_or(u8::MAX)).unwrap_or(NonZeroU8::MIN)
    }
}

/// How many binary digits `members` has: a logarithm without floats, which are not the same on
/// every runtime. Three of them are about one decimal digit.
fn bits(members: usize) -> u64 {
    u64::from(usize::BITS - members.leading_zeros())
}

fn positive(duration: Duration) -> Duration {
    Duration::from_micros(duration.as_micros().max(1_000))
}

fn at_least_one(count: u8) -> NonZeroUsize {
    NonZeroUsize::new(usize::from(count)).unwrap_or(NonZeroUsize::MIN)
}

fn std_duration(duration: Duration) -> core::time::Duration {
    core::time::Duration::from_micros(duration.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_the_logarithm_of_the_size() {
        let settings = MembershipSettings::new(1);
        let check = |members, suspicion_ms, transmissions| {
            assert_eq!(settings.suspicion(members).as_millis(), suspicion_ms);
            assert_eq!(settings.transmissions(members).get(), transmissions);
        };
        check(0, 2_000, 1);
        check(3, 2_000, 3);
        check(10, 2_400, 5);
        check(100, 4_200, 9);
        check(1_000, 6_000, 12);
    }

    #[test]
    fn settings_without_a_meaning_count_as_the_nearest_with_one() {
        let mut settings = MembershipSettings::new(1);
        settings.probe_period = Duration::default();
        settings.gossip_period = Duration::default();
        settings.suspicion_periods = 0;
        settings.packet_bytes = 0;
        let config = settings.config(5, settings.packet_bytes());
        assert!(config.probe_rtt < config.probe_period);
        assert!(!config.suspect_to_down_after.is_zero());
        assert!(!config.periodic_gossip.unwrap().frequency.is_zero());
        assert_eq!(config.max_packet_size.get(), MEMBERSHIP_PACKET_BYTES_MIN);
    }
}
