//! What stays where it is.

use super::{Draft, MemberIndex, PartitionId, Tally, Vec};

impl Draft<'_> {
    /// Keeps every owner that the bounds still admit. Where they do not admit all owners of a row,
    /// the first ones stay; [`level`](Self::level) corrects that where it was the wrong choice.
    pub(super) fn keep(&mut self) {
        let mut tally = Tally::new(self.tree, 1);
        for at in self.partitions() {
            self.keep_row(at, &mut tally);
        }
    }

    /// Keeps each owner in its old place, or in the first open one if the row is now shorter than
    /// that.
    fn keep_row(&mut self, at: PartitionId, tally: &mut Tally<'_>) {
        let old = &self.before[usize::from(at.0)];
        let mut kept: Vec<(usize, MemberIndex)> = Vec::with_capacity(old.len());
        for (place, owner) in old.iter().enumerate() {
            if let Some(owner) = owner.filter(|&owner| tally.admits(owner)) {
                tally.add(owner);
                kept.push((place, owner));
            }
        }
        let row = &mut self.rows[usize::from(at.0)];
        for (place, owner) in kept {
            let taken = |place: &usize| row.get(*place).is_none_or(Option::is_some);
            let open = Some(place).filter(|place| !taken(place));
            let open = open.or_else(|| row.iter().position(Option::is_none));
            let place = open.expect("no more owners are admitted than there are places");
            row[place] = Some(owner);
            self.owned[owner.get()].push(at);
            tally.remove(owner);
        }
    }
}
