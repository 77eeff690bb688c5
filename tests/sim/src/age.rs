//! A round in which little happens for longer than deleted keys are remembered, with a member away
//! or without.

use crate::draw::Draw;
use crate::moves::Moves;
use crate::plan::{Action, Fault, Round, Timed};
use crate::setup::Setup;
use crate::workload::Load;
use crate::world::Seat;

/// How long deleted keys are remembered in such a seed. A quarter of it is more than two clocks are
/// apart and a message is under way together.
pub(crate) const HORIZON_MS: u64 = 160_000;

/// Time for the first turn of a partition to come too early, and for the second to come.
const SPAN_MICROS: u64 = 3 * HORIZON_MS * 1_000;

/// Calls come in the beginning only.
const CALLS_MICROS: u64 = 8_000_000;

/// Who is away in the round.
enum Away {
    Nobody,
    /// A member that comes back at the end.
    Member(Seat),
    /// One that is replaced meanwhile.
    Leaver(Seat),
}

/// Draws the round of `seed`, if it is to have one, and sets the horizon.
pub(crate) fn draw(
    seed: u64,
    setup: &mut Setup,
    moves: &mut Moves,
    load: &Load,
    is_first: bool,
    next_call: &mut u32,
) -> Option<Round> {
    let mut draw = Draw::new(seed ^ 0x0061_6765);
    let is_far = |micros: &i64| micros.unsigned_abs() > 10_000_000;
    let fits = setup.pair_bytes_max < 60_000 && !setup.offsets_micros.iter().any(is_far);
    if !draw.happens(150) || !fits {
        return None;
    }
    setup.horizon_ms = HORIZON_MS;
    // Nothing is agreed on before all founders have met.
    let may_leave = setup.width() >= 3 && !is_first;
    let leaver = (may_leave && draw.coin()).then(|| moves.take_leaver());
    let away = match leaver.flatten() {
        Some(seat) => Away::Leaver(seat),
        None if draw.coin() => Away::Member(draw.index(setup.members.len())),
        None => Away::Nobody,
    };
    let mut actions = load
        .deleting()
        .draw_calls(&mut draw, setup, CALLS_MICROS, next_call);
    let mut at = |at_micros, fault| {
        let action = Action::Fault(fault);
        actions.push(Timed { at_micros, action });
    };
    match away {
        Away::Nobody => at(0, Fault::Mend),
        Away::Member(seat) | Away::Leaver(seat) => at(0, Fault::Crash(seat)),
    }
    if let Away::Leaver(seat) = away {
        at(CALLS_MICROS / 2, Fault::Leave(seat));
    }
    at(SPAN_MICROS, Fault::Mend);
    if let Away::Member(seat) | Away::Leaver(seat) = away {
        at(SPAN_MICROS, Fault::Start(seat));
    }
    actions.sort_by_key(|timed| timed.at_micros);
    // What is lost on the way is said again in the next turn of the partition. What is slow may come
    // after a comparison, by which who has not forgotten yet gives the tombstone back to who has.
    let links = &setup.links;
    let is_prompt = links.loss_permille == 0 && links.slow_permille == 0;
    let forgets = !matches!(away, Away::Member(_)) && is_prompt;
    Some(Round { actions, forgets })
}
