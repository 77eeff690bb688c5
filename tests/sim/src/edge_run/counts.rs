//! What has happened in a run.

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes that were taken.
    pub writes: u64,
    /// Those that an edge node has said to have.
    pub lodged: u64,
    /// Those that the ring has acknowledged to their maker.
    pub acknowledged: u64,
    /// Answers that were compared with what their reader had written.
    pub reads: u64,
    /// Devices and edge nodes that were killed, and those that have lost their storage then.
    pub kills: u64,
    /// See [`Self::kills`].
    pub losses: u64,
    /// Edge nodes that were dropped from memory.
    pub evictions: u64,
    /// How often edge nodes have lost the ring.
    pub absences: u64,
    /// How often a client went to another server, and stones that were killed.
    pub moves: u64,
    /// See [`Self::moves`].
    pub stones: u64,
    /// Keys of devices that were compared with the ring's in the end.
    pub compared: u64,
}

impl Counts {
    /// Adds those of another run.
    pub const fn add(&mut self, other: &Self) {
        self.writes += other.writes;
        self.lodged += other.lodged;
        self.acknowledged += other.acknowledged;
        self.reads += other.reads;
        self.kills += other.kills;
        self.losses += other.losses;
        self.evictions += other.evictions;
        self.absences += other.absences;
        self.moves += other.moves;
        self.stones += other.stones;
        self.compared += other.compared;
    }
}
