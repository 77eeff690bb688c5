//! The laws, a file each.
//!
//! * [`values`]: only what was written is read, and not after its time.
//! * [`reads`]: a read shows what was acknowledged before it began.
//! * [`session`]: a session reads its own writes and never goes back in time.
//! * [`loss`]: what was acknowledged or shown is there at the end, or was superseded.
//! * [`once`]: a write is applied once.
//! * [`liveness`]: what can be answered is answered.
//! * [`settled`]: owners agree and nothing is left over once all is quiet.
//! * [`alive`]: who runs is alive for all, who does not is dead.
//! * [`nodes`]: what nodes say of themselves, their clocks and their places.

pub(crate) mod alive;
pub(crate) mod liveness;
pub(crate) mod loss;
pub(crate) mod nodes;
pub(crate) mod once;
pub(crate) mod reads;
pub(crate) mod session;
pub(crate) mod settled;
pub(crate) mod values;

use crate::bits::Bits;
use crate::family::Family;
use crate::model::{KeyModel, Model};
use crate::plan::key_text;
use henge_core::causality::Hlc;
use henge_core::time::Instant;
use henge_core::wire::Entry;

/// A read that was answered.
pub(crate) struct Reading<'a> {
    pub(crate) key: u16,
    pub(crate) invoked_at: Instant,
    pub(crate) answered_at: Instant,
    /// The sets of owners that its level asks for.
    pub(crate) family: Family,
    /// What it found.
    pub(crate) entry: Option<&'a Entry>,
    /// The places of the writes that it shows.
    pub(crate) places: Vec<usize>,
}

impl Reading<'_> {
    /// The version that it found; the first there is for nothing.
    fn version(&self) -> Option<Hlc> {
        self.entry.map(|entry| entry.version)
    }

    /// What was shown, for people.
    fn text(&self, key: &KeyModel) -> String {
        let shown: Vec<String> = self
            .places
            .iter()
            .map(|place| format!("w{}", key.writes[*place].call))
            .collect();
        let name = key_text(self.key);
        match self.version() {
            None => format!("{name} is absent"),
            Some(version) => format!("{name} is {} at {version}", shown.join(" + ")),
        }
    }

    /// All writes that what is shown, or may be there unseen, has superseded, and itself.
    fn covered(&self, model: &Model, key: &KeyModel) -> Bits {
        let mut covered = Bits::default();
        for place in &self.places {
            covered.join(&key.writes[*place].closure);
        }
        for write in model.hidden(key, self.answered_at) {
            covered.join(&write.closure);
        }
        covered
    }

    /// Whether an absent key is explained: something unseen of at least `floor` may be there.
    fn may_hide(&self, model: &Model, key: &KeyModel, floor: Hlc) -> bool {
        model
            .hidden(key, self.answered_at)
            .any(|write| write.may_be_since(floor))
    }
}
