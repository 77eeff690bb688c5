//! What stays where it is.

use super::{Draft, MemberIndex, PartitionId, Tally, Vec};

impl Draft<'_> {
    /// Keeps every owner that the bounds still admit. Where they do not admit all owners of a row,
    /// those that have the most above their shares go.
    pub(super) fn keep(&mut self) {
        self.count_before();
        let mut tally = Tally::new(self.tree, 1);
        for at in self.partitions() {
            let kept = self.kept(at, &mut tally);
            self.place(at, &kept);
        }
    }

    /// Counts as owned whatever was, so that `above` is right from the first row on.
    fn count_before(&mut self) {
        for (at, row) in self.partitions().zip(self.before) {
            row.iter()
                .flatten()
                .for_each(|owner| self.owned[owner.get()].push(at));
        }
    }

    /// The owners that stay in the row; the others lose it.
    fn kept(&mut self, at: PartitionId, tally: &mut Tally<'_>) -> Vec<MemberIndex> {
        let mut claims: Vec<MemberIndex> = self.before[usize::from(at.0)]
            .iter()
            .copied()
            .flatten()
            .collect();
        claims.sort_by_key(|&owner| self.above(owner));
        let mut kept = Vec::with_capacity(claims.len());
        for owner in claims {
            if tally.admits(owner) {
                tally.add(owner);
                kept.push(owner);
            } else {
                self.owned[owner.get()].retain(|&other| other != at);
            }
        }
        kept.iter().for_each(|&owner| tally.remove(owner));
        kept
    }

    /// Puts `kept` into the row: each in its old place, or in the first open one if the row is
    /// now shorter than that.
    fn place(&mut self, at: PartitionId, kept: &[MemberIndex]) {
        let row = &mut self.rows[usize::from(at.0)];
        let mut moved = Vec::new();
        for (place, owner) in self.before[usize::from(at.0)].iter().enumerate() {
            let Some(owner) = owner.filter(|owner| kept.contains(owner)) else {
                continue;
            };
            match row.get_mut(place) {
                Some(open) => *open = Some(owner),
                None => moved.push(owner),
            }
        }
        let open = row.iter_mut().filter(|place| place.is_none());
        open.zip(moved)
            .for_each(|(place, owner)| *place = Some(owner));
    }
}
