//! What goes wrong in one seed, and when.

use crate::draw::Draw;
use crate::plan::{Action, Fault, Timed};
use crate::setup::Setup;
use crate::world::{LinkSettings, Seat};

/// How often each kind of fault comes, in microseconds from one to the next on the average; `None`
/// is never.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    kinds: Vec<(Kind, u64)>,
    /// Faults last up to so long, in microseconds.
    lasting_micros: u64,
    wipes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Crash,
    CrashAll,
    Cut,
    CutBoth,
    Partition,
    Clog,
    Harsh,
    Flap,
    Full,
    Slow,
    Break,
    Damage,
    Offset,
}

const KINDS: [Kind; 13] = [
    Kind::Crash,
    Kind::CrashAll,
    Kind::Cut,
    Kind::CutBoth,
    Kind::Partition,
    Kind::Clog,
    Kind::Harsh,
    Kind::Flap,
    Kind::Full,
    Kind::Slow,
    Kind::Break,
    Kind::Damage,
    Kind::Offset,
];

impl Weights {
    pub(crate) fn draw(draw: &mut Draw, setup: &Setup, damages: bool) -> Self {
        let kinds = KINDS.into_iter().filter_map(|kind| {
            let is_on = draw.coin();
            let every = draw.log_between(400_000, 20_000_000);
            let rare = matches!(kind, Kind::CrashAll | Kind::Break | Kind::Full);
            let every = if rare { every * 3 } else { every };
            let fits = match kind {
                Kind::Damage => damages && setup.width() > 1,
                Kind::Crash | Kind::CrashAll | Kind::Full | Kind::Slow | Kind::Break => true,
                Kind::Offset => true,
                _ => setup.members.len() > 1,
            };
            (is_on && fits).then_some((kind, every))
        });
        Self {
            kinds: kinds.collect(),
            lasting_micros: draw.log_between(30_000, 10_000_000),
            wipes: draw.coin() && setup.width() > 1,
        }
    }
}

/// The faults of one round of `span_micros`.
pub(crate) fn draw(
    draw: &mut Draw,
    setup: &Setup,
    weights: &Weights,
    round: u64,
    span_micros: u64,
) -> Vec<Timed> {
    let mut actions = Vec::new();
    let mut at = |at_micros: u64, fault: Fault| {
        actions.push(Timed {
            at_micros,
            action: Action::Fault(fault),
        });
    };
    if weights.wipes && round > 0 {
        let seat = draw.index(setup.members.len());
        at(0, Fault::Wipe(seat));
        at(draw.between(1_000, span_micros / 2), Fault::Start(seat));
    }
    for (kind, every) in &weights.kinds {
        let mut begin = draw.between(0, 2 * every);
        while begin < span_micros {
            let lasts = draw.between(1_000, weights.lasting_micros.max(1_001));
            faults(draw, setup, *kind, begin, begin + lasts, &mut at);
            begin += draw.between(1_000, 2 * every);
        }
    }
    actions
}

/// One fault of `kind` from `begin` to `end`.
fn faults(
    draw: &mut Draw,
    setup: &Setup,
    kind: Kind,
    begin: u64,
    end: u64,
    at: &mut impl FnMut(u64, Fault),
) {
    let count = setup.members.len();
    let seat = draw.index(count);
    let other = (seat + 1 + draw.index(count.max(2) - 1)) % count;
    match kind {
        Kind::Crash => {
            at(begin, Fault::Crash(seat));
            at(end, Fault::Start(seat));
        }
        Kind::CrashAll => {
            for seat in 0..count {
                at(begin + draw.between(0, 3_000), Fault::Crash(seat));
                at(end + draw.between(0, 50_000), Fault::Start(seat));
            }
        }
        Kind::Cut | Kind::CutBoth => {
            at(begin, Fault::Cut(seat, other));
            at(end, Fault::Join(seat, other));
            if kind == Kind::CutBoth {
                at(begin, Fault::Cut(other, seat));
                at(end, Fault::Join(other, seat));
            }
        }
        Kind::Partition => {
            let side: Vec<Seat> = (0..count).filter(|_| draw.coin()).collect();
            at(begin, Fault::Partition(side));
            at(end, Fault::Mend);
        }
        Kind::Clog => {
            at(begin, Fault::Clog(seat, other));
            at(end, Fault::Unclog(seat, other));
        }
        Kind::Harsh => {
            at(begin, Fault::Harsh(seat, other, harsh(draw, setup)));
            at(end, Fault::Gentle(seat, other));
        }
        Kind::Flap => at(begin, Fault::Flap(seat, other)),
        Kind::Full => {
            at(begin, Fault::Full(seat));
            at(end, Fault::Room(seat));
        }
        Kind::Slow => {
            at(begin, Fault::Slow(seat, draw.log_between(1_000, 500_000)));
            at(end, Fault::Slow(seat, 0));
        }
        Kind::Break => at(begin, Fault::Break(seat)),
        Kind::Damage => at(begin, Fault::Damage(seat)),
        Kind::Offset => at(begin, Fault::Offset(seat, offset(draw))),
    }
}

fn harsh(draw: &mut Draw, setup: &Setup) -> LinkSettings {
    LinkSettings {
        slow_permille: draw.pick(&[0, 200, 900]),
        slow_micros: draw.log_between(10_000, 3_000_000),
        loss_permille: draw.pick(&[0, 100, 500]),
        duplicate_permille: draw.pick(&[0, 100, 500]),
        ..setup.links
    }
}

fn offset(draw: &mut Draw) -> i64 {
    let offset = draw.between(0, 20_000_000);
    i64::try_from(offset).expect("a small number") - 10_000_000
}
