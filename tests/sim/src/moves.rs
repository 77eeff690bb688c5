//! Members that join and leave in the middle of everything.

use crate::draw::Draw;
use crate::plan::{Action, Fault, Timed};
use crate::setup::Setup;
use crate::world::Seat;
use henge_core::ring::{Member, Zone};

/// Who joins and who leaves in one seed. Drawn by itself, so that the rest of the seed stays as it is.
pub(crate) struct Moves {
    draw: Draw,
    joiners: Vec<Seat>,
    leavers: Vec<Seat>,
}

impl Moves {
    /// Draws them, and adds them to `setup`.
    pub(crate) fn draw(seed: u64, setup: &mut Setup, is_bulky: bool) -> Self {
        let mut draw = Draw::new(seed ^ 0x6d6f_7665);
        let (mut joiners, mut leavers) = (Vec::new(), Vec::new());
        setup.moves = !is_bulky && draw.happens(400);
        if setup.moves {
            let founders = setup.members.len();
            for number in 0..draw.index(4) {
                let region = draw.pick(&["eu", "us", "ap"]);
                let zone: Zone = format!("{region}/{}", draw.between(1, 4))
                    .parse()
                    .expect("a zone");
                let capacity = u32::try_from(draw.between(1, 3)).expect("a small number");
                let name = format!("joiner-{}", number + 1);
                setup.joiners.push(Member::new(&name, zone, capacity));
                joiners.push(founders + number);
            }
            // As many replicas as before, and a majority that votes, must be left.
            let least = usize::from(setup.replicas).clamp(3, 5);
            let spare = founders.saturating_sub(least);
            leavers = (0..founders).filter(|_| draw.coin()).take(spare).collect();
        }
        Self {
            draw,
            joiners,
            leavers,
        }
    }

    /// Somebody who is to leave, and does not any more.
    pub(crate) fn take_leaver(&mut self) -> Option<Seat> {
        self.leavers.pop()
    }

    /// What happens of it in one round of `span_micros`; all that is left in the last one.
    pub(crate) fn draw_round(
        &mut self,
        setup: &Setup,
        is_last: bool,
        span_micros: u64,
        actions: &mut Vec<Timed>,
    ) {
        if !setup.moves {
            return;
        }
        let draw = &mut self.draw;
        let mut take = |seats: &mut Vec<Seat>, fault: fn(Seat) -> Fault| {
            seats.retain(|seat| {
                let comes = is_last || draw.coin();
                if comes {
                    let at_micros = draw.between(1_000, span_micros);
                    let action = Action::Fault(fault(*seat));
                    actions.push(Timed { at_micros, action });
                }
                !comes
            });
        };
        take(&mut self.joiners, Fault::Start);
        take(&mut self.leavers, Fault::Leave);
    }
}
