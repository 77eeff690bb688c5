//! Figures about the machine.

/// Counters since the start of the machine, and two sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MembershipReport {
    /// Members that are up, without this node.
    pub members: u64,
    /// Members that are remembered, also those that are down.
    pub remembered: u64,
    /// Packets handed out for sending.
    pub packets_sent: u64,
    /// Bytes of them.
    pub bytes_sent: u64,
    /// Packets taken in, without refused ones.
    pub packets_received: u64,
    /// Bytes of them.
    pub bytes_received: u64,
    /// Packets refused.
    pub packets_refused: u64,
    /// Packets dropped because too many waited to be sent.
    pub packets_dropped: u64,
    /// Mentions of a suspicion against this node that it has heard; one suspicion may count several
    /// times.
    pub refutations: u64,
    /// Times that this node took a new incarnation.
    pub renewals: u64,
    /// States exchanged because two lists differed.
    pub exchanges: u64,
    /// Updates left out because there was no room for more members.
    pub updates_left_out: u64,
    /// Steps that foca could not do; it goes on by itself.
    pub anomalies: u64,
    /// Times that timers ran so late that all of them were put off.
    pub pauses: u64,
}
