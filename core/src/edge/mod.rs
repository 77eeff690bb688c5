//! An edge node: a leaf that serves others as a server does, also while it cannot reach the ring. What it
//! promises and what is said is in `docs/edge.md`.
//!
//! Like the leaf it does no I/O. Its driver opens it with the files that its medium has, and hands it what
//! its clients' sockets and the one to the ring (its *backbone*) bring. **After every call that takes
//! `&mut self`, drain [`Edge::poll_output`]**, then sleep until [`Edge::poll_timeout`] or the next event.
//!
//! * `output`: what its driver must do.
//! * `client`: what is known of a client.
//! * `greeting`: clients come and go, also those of an earlier life.
//! * `asking`: reads and lists, and what is only passed on.
//! * `lodging`: writes are kept until the ring has them.
//! * `watching`: who watches what. `showing`: they are told of it.

mod asking;
mod client;
mod greeting;
mod lodging;
mod output;
mod showing;
mod watching;

pub use output::EdgeOutput;

use crate::client::ClientError;
use crate::id::MemberId;
use crate::leaf::{Leaf, LeafOutput, LeafSettings, ListId, PassId, ReadId, WriteId};
use crate::storage::{OperationId, StorageAnswer, StorageFault, StoredFile};
use crate::time::Instant;
use crate::wire::ClientId;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use asking::Asked;
use client::Served;
use lodging::Outcomes;
use showing::Tail;
use watching::Watched;

/// What an edge node is told once.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// Its leaf's.
    pub leaf: LeafSettings,
    /// Its name, for people.
    pub name: String,
    /// Members dial it, and see to it that the connection lives.
    pub is_dialled: bool,
}

impl EdgeSettings {
    /// Those of a node called `name`; `session` as in [`LeafSettings::new`].
    #[must_use]
    pub fn new(session: u64, name: impl Into<String>) -> Self {
        let mut leaf = LeafSettings::new(session);
        leaf.is_edge = true;
        Self {
            leaf,
            name: name.into(),
            is_dialled: false,
        }
    }
}

/// An edge node.
///
/// * The medium: [`Edge::open`], [`Edge::handle_done`].
/// * The backbone: [`Edge::handle_dialing`], [`Edge::handle_connected`], [`Edge::handle_message`],
///   [`Edge::handle_text`], [`Edge::handle_disconnected`].
/// * Clients: [`Edge::handle_client`], [`Edge::handle_client_message`], [`Edge::handle_client_gone`]; and
///   [`Edge::restore`] for those whose sockets have outlived an earlier life of the node.
/// * The clock: [`Edge::handle_timeout`], when [`Edge::poll_timeout`] says.
#[derive(Debug)]
pub struct Edge {
    leaf: Leaf,
    name: String,
    member: MemberId,
    /// Random: what positions mean is forgotten with the life.
    incarnation: u64,
    clients: BTreeMap<ClientId, Served>,
    watched: Vec<Watched>,
    reads: BTreeMap<ReadId, Asked>,
    lists: BTreeMap<ListId, Asked>,
    passes: BTreeMap<PassId, Asked>,
    /// Who waits to hear that a write is durable here.
    lodging: BTreeMap<WriteId, Vec<Asked>>,
    outcomes: Outcomes,
    tail: Tail,
    outputs: VecDeque<EdgeOutput>,
}

impl Edge {
    /// A node that is not open yet.
    #[must_use]
    pub fn new(settings: EdgeSettings) -> Self {
        let EdgeSettings {
            leaf: own,
            name,
            is_dialled,
        } = settings;
        let incarnation = own.session;
        let mut leaf = Leaf::new(own);
        if is_dialled {
            leaf.stop_probing();
        }
        Self {
            leaf,
            member: MemberId::from_name(&name),
            name,
            incarnation,
            clients: BTreeMap::new(),
            watched: Vec::new(),
            reads: BTreeMap::new(),
            lists: BTreeMap::new(),
            passes: BTreeMap::new(),
            lodging: BTreeMap::new(),
            outcomes: Outcomes::default(),
            tail: Tail::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Begins to open what the medium has. Clients are to wait for [`EdgeOutput::Opened`].
    pub fn open(&mut self, now: Instant, files: &[StoredFile]) {
        self.leaf.open(now, files);
    }

    /// Its leaf, to look at.
    #[must_use]
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Clients that are connected.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// The driver has begun to open a socket to the ring.
    pub fn handle_dialing(&mut self, now: Instant) {
        self.leaf.handle_dialing(now);
    }

    /// A socket to the ring is open, whoever has dialled.
    pub fn handle_connected(&mut self, now: Instant) {
        self.leaf.handle_connected(now);
    }

    /// The ring has sent a binary message. After an error drop the socket and call
    /// [`Edge::handle_disconnected`].
    ///
    /// # Errors
    ///
    /// If it is not what a server says.
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) -> Result<(), ClientError> {
        self.leaf.handle_message(now, message)
    }

    /// The ring has sent text: see [`Edge::handle_message`].
    ///
    /// # Errors
    ///
    /// If it is not what a server says.
    pub fn handle_text(&mut self, now: Instant, text: &str) -> Result<(), ClientError> {
        self.leaf.handle_text(now, text)
    }

    /// The socket to the ring is closed, or could not be opened.
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.leaf.handle_disconnected(now);
    }

    /// The medium's answer to a request.
    pub fn handle_done(
        &mut self,
        now: Instant,
        operation: OperationId,
        result: Result<StorageAnswer<'_>, StorageFault>,
    ) {
        self.leaf.handle_done(now, operation, result);
    }

    /// Time has come to what [`Edge::poll_timeout`] said.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.leaf.handle_timeout(now);
    }

    /// When to call [`Edge::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.leaf.poll_timeout()
    }

    /// Whether nothing is under way that the end of this life would break off: clients that stay connected
    /// notice nothing of it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.leaf.is_quiet() && self.lodging.is_empty()
    }

    /// Nothing is expected soon: see [`Leaf::rest`].
    pub fn rest(&mut self, now: Instant) {
        self.leaf.rest(now);
    }

    /// The next thing to do or to tell; `None` until something happens.
    #[must_use]
    pub fn poll_output(&mut self, now: Instant) -> Option<EdgeOutput> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            match self.leaf.poll_output() {
                Some(output) => self.obey(now, output),
                None => return self.flush(),
            }
        }
    }

    fn obey(&mut self, now: Instant, output: LeafOutput) {
        let own = match output {
            LeafOutput::Progress {
                write,
                request,
                progress,
            } => return self.come_further(write, request, progress),
            LeafOutput::Read { read, result } => return self.has_read(now, read, result),
            LeafOutput::Listed { list, result } => return self.has_listed(list, result),
            LeafOutput::Passed { pass, result } => return self.has_passed(pass, result),
            LeafOutput::Changed { key, answer } => return self.show(key, answer),
            LeafOutput::Swept { key, context } => return self.show_gone(key, context),
            LeafOutput::Synced { subscription } => return self.begin_all(subscription),
            LeafOutput::Unsubscribed {
                subscription,
                failure,
            } => return self.fail_watches(subscription, &failure),
            LeafOutput::Storage { operation, request } => {
                EdgeOutput::Storage { operation, request }
            }
            LeafOutput::Send(message) => EdgeOutput::Backbone(message),
            LeafOutput::Ping(text) => EdgeOutput::Ping(text),
            LeafOutput::Redial { at } => EdgeOutput::Redial { at },
            LeafOutput::Opened { pending } => EdgeOutput::Opened { pending },
            LeafOutput::Failed(why) => EdgeOutput::Failed(why),
            LeafOutput::Full => EdgeOutput::Full,
            LeafOutput::State(state) => EdgeOutput::State(state),
            LeafOutput::Refused(refusal) => EdgeOutput::Refused(refusal),
        };
        self.outputs.push_back(own);
    }
}
