//! Once all is healed, all members hold for alive who runs, for dead who does not, and have forgotten
//! who has left.

use crate::world::{Seat, World};
use henge_core::membership::Condition;

/// All of `seats` that run and are members think so of all other members.
pub(crate) fn check(world: &World, seats: &[Seat]) -> Result<(), String> {
    let state = world.cluster();
    let is_member = |seat: Seat| state.member(world.seats()[seat].id).is_some();
    for &seat in seats {
        let Some(report) = world.report(seat) else {
            continue;
        };
        if !is_member(seat) {
            if !report.members.is_empty() {
                return Err(format!("seat {seat} has left and still takes part"));
            }
            continue;
        }
        if report.gossip.strangers > 0 {
            let count = report.gossip.strangers;
            return Err(format!("seat {seat} knows {count} who are no members"));
        }
        for &other in seats.iter().filter(|it| **it != seat && is_member(**it)) {
            let wanted = match world.is_running(other) {
                true => Condition::Alive,
                false => Condition::Dead,
            };
            let id = world.seats()[other].id;
            let seen = report.members.iter().find(|it| it.id == id);
            let seen = seen.map(|it| it.condition);
            if seen != Some(wanted) {
                return Err(format!(
                    "seat {other} is {wanted:?} and {seen:?} for seat {seat}"
                ));
            }
        }
    }
    Ok(())
}
