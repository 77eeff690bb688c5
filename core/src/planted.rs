//! Bugs that are planted on purpose, one at a time, so that a test suite can be seen to see.
//!
//! Without the feature `planted-bugs` there are none: [`is_planted`] is `false` while compiling.

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])* $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

bugs! {
    /// A write is answered with one replica less than its level asks for.
    WriteOneShort = "write-one-short",
    /// A read is answered with one replica less than its level asks for.
    ReadOneShort = "read-one-short",
    /// A member says that a state is merged before it is durable.
    MergedBeforeDurable = "merged-before-durable",
    /// The coordinator sends a write to the others before it is durable here.
    SendBeforeDurable = "send-before-durable",
    /// A read shows a state that is not durable yet.
    ShowBeforeDurable = "show-before-durable",
    /// A merge takes the other state instead of both.
    MergeReplaces = "merge-replaces",
    /// A storage that was lost comes back with the incarnation of every lost storage.
    IncarnationReused = "incarnation-reused",
    /// Timestamps from far in the future are taken in.
    SkewAccepted = "skew-accepted",
    /// Request ids are not remembered.
    WindowForgotten = "window-forgotten",
    /// Operations are numbered from 1 in each life, so that answers to an earlier one count.
    OperationsReused = "operations-reused",
    /// The hash tree misses a fourth of the keys.
    TreeMissesKey = "tree-misses-key",
    /// Two replicas that differ are taken for the same.
    DifferenceIgnored = "difference-ignored",
    /// What is held for an absent owner is dropped before the owner has it.
    HintDropped = "hint-dropped",
    /// What is held for an absent owner is acknowledged before it is durable.
    HintBeforeDurable = "hint-before-durable",
    /// A new owner says that it has everything as soon as it is to have it.
    TransferUnproven = "transfer-unproven",
    /// What members say of who is alive never leaves them.
    GossipDropped = "gossip-dropped",
    /// A member that others suspect does not say that it lives.
    RefutationIgnored = "refutation-ignored",
    /// A member that others took for dead goes on in the life that has ended for them.
    RenewalIgnored = "renewal-ignored",
    /// A member that has left goes on to say that it lives.
    GoodbyeUnsaid = "goodbye-unsaid",
    /// What a writer has seen does not count: nothing is superseded.
    ContextIgnored = "context-ignored",
    /// Deleted keys are forgotten without asking the other owners, and though some are away.
    CollectedUnasked = "collected-unasked",
    /// Counters of a key that was forgotten begin anew.
    FloorForgotten = "floor-forgotten",
    /// What is held for others is handed back however old it is.
    StrayKept = "stray-kept",
    /// A read does not look for what its reader has seen before.
    SessionForgotten = "session-forgotten",
    /// A replica acknowledges deletes of others without keeping them.
    TombstoneDropped = "tombstone-dropped",
    /// A merge keeps one of several concurrent values.
    SiblingsDropped = "siblings-dropped",
    /// A node treats the keys of every bucket by the policy of the default one.
    BucketPolicyIgnored = "bucket-policy-ignored",
    /// Watchers are told of a change before it is durable where it is told from.
    ChangeBeforeDurable = "change-before-durable",
    /// A watcher that has missed changes is not told so.
    GapUnsaid = "gap-unsaid",
    /// One owner's stream is enough, whatever that owner knew when a watcher began to read.
    OneStreamEnough = "one-stream-enough",
    /// A client tells its application each change as often as it hears of it.
    ToldTwice = "told-twice",
    /// A page of a list is merged up to where the last replica's page ends, not the first's.
    PageBeyondEnd = "page-beyond-end",
    /// A page of a list is answered with one replica less than its level asks for.
    ListOneShort = "list-one-short",
    /// A replica leaves deleted keys out of the page that it has.
    PageWithoutTombstones = "page-without-tombstones",
    /// An edge node says that it has a write before it is durable there.
    LodgedBeforeDurable = "lodged-before-durable",
    /// An edge node that was dropped from memory does not know any more whose writes came over which socket.
    MakersForgotten = "makers-forgotten",
}

#[cfg(feature = "planted-bugs")]
static PLANTED: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(usize::MAX);

/// Plants `bug` in every node of this process, or none.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    let number = bug.map_or(usize::MAX, |bug| bug as usize);
    PLANTED.store(number, core::sync::atomic::Ordering::Relaxed);
}

/// Whether `bug` is planted.
#[cfg(feature = "planted-bugs")]
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.load(core::sync::atomic::Ordering::Relaxed) == bug as usize
}

/// Whether `bug` is planted: never.
#[cfg(not(feature = "planted-bugs"))]
#[must_use]
pub const fn is_planted(_: Bug) -> bool {
    false
}
