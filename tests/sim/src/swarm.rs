//! What a seed is about: each draws its own cluster, its own load and its own kinds of faults.
//!
//! Each kind of fault is off with probability one half, so that seeds differ in what comes together
//! and one fault cannot hide another: Groce, Zhang, Eide, Chen, Regehr, "Swarm Testing", ISSTA
//! 2012.

use crate::age;
use crate::buckets::Buckets;
use crate::draw::Draw;
use crate::faults;
use crate::moves::Moves;
use crate::plan::{Plan, Round};
use crate::setup::Setup;
use crate::workload;
use crate::world::{DiskSettings, LinkSettings};
use henge_core::causality::Policy;
use henge_core::cluster::BucketSettings;
use henge_core::limits::HORIZON_DEFAULT_MS;
use henge_core::replication::Level;
use henge_core::ring::{Member, Zone};

/// Limits of what is drawn: the parts of the promise that are not kept yet are off here, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Replicas are repaired without being read. Without it every key is read at level `all` before
    /// convergence is checked.
    pub expects_repair: bool,
    /// Bits of tables turn over. A replica with a damaged block takes no write for its keys until
    /// it is repaired.
    pub damages_tables: bool,
    /// A retry of an unanswered write may go to another owner than the first try. An owner that has
    /// not heard of the first try applies the write again, later than it was.
    pub retries_elsewhere: bool,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            expects_repair: true,
            damages_tables: true,
            retries_elsewhere: true,
        }
    }
}

/// The plan of `seed`.
#[must_use]
pub fn plan(seed: u64, scope: Scope) -> Plan {
    let mut draw = Draw::new(seed ^ 0x5eed_0000_5eed);
    let is_bulky = draw.happens(120);
    let mut setup = setup(&mut draw, is_bulky);
    Buckets::draw_second(seed, &mut setup);
    let weights = faults::Weights::draw(&mut draw, &setup, is_bulky && scope.damages_tables);
    let load = workload::Load::draw(&mut draw, &setup, is_bulky, scope);
    let rounds = draw.between(1, 3);
    let mut next_call = 1;
    let mut moves = Moves::draw(seed, &mut setup, is_bulky);
    let aged = age::draw(
        seed,
        &mut setup,
        &mut moves,
        &load,
        rounds == 1,
        &mut next_call,
    );
    let mut rounds: Vec<Round> = (0..rounds)
        .map(|number| {
            let span_micros = draw.log_between(2_000_000, 40_000_000);
            let mut actions = faults::draw(&mut draw, &setup, &weights, number, span_micros);
            if number == 0 {
                Buckets::draw_wishes(seed, &setup, span_micros, &mut actions);
            }
            moves.draw_round(&setup, number + 1 == rounds, span_micros, &mut actions);
            actions.extend(load.draw_calls(&mut draw, &setup, span_micros, &mut next_call));
            actions.sort_by_key(|timed| timed.at_micros);
            Round {
                actions,
                forgets: false,
            }
        })
        .collect();
    if let Some(aged) = aged {
        let place = usize::from(rounds.len() > 1);
        rounds.insert(place, aged);
    }
    Plan {
        seed,
        setup,
        rounds,
    }
}

fn setup(draw: &mut Draw, is_bulky: bool) -> Setup {
    let count = draw.pick(&[1, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7]);
    let regions = draw.between(1, 3);
    let zones = draw.between(1, 4);
    let member = |index: usize, draw: &mut Draw| {
        let region = ["eu", "us", "ap"][draw.index(usize::try_from(regions).unwrap_or(1))];
        let zone: Zone = format!("{region}/{}", draw.between(1, zones))
            .parse()
            .expect("a zone");
        let capacity = u32::try_from(draw.pick(&[1, 1, 1, 2, 3, 4])).expect("a small number");
        Member::new(&format!("stone-{}", index + 1), zone, capacity)
    };
    let members: Vec<Member> = (0..count).map(|index| member(index, draw)).collect();
    let replicas = draw.pick(&[1, 2, 3, 3, 3, 3, 4, 5]);
    let offsets_micros = offsets(draw, count);
    let has_drift = draw.coin();
    let drifts_ppm = (0..count)
        .map(|_| if has_drift { signed(draw, 200) } else { 0 })
        .collect();
    Setup {
        members,
        joiners: Vec::new(),
        moves: false,
        partitions: draw.pick(&[8, 16, 32]),
        replicas,
        buckets: Buckets {
            default: BucketSettings {
                policy: draw.pick(&[Policy::Lww, Policy::Siblings]),
                read_level: default_level(draw),
                write_level: default_level(draw),
                ttl_ms: None,
            },
            second: None,
        },
        pair_bytes_max: if is_bulky { 64 * 1_024 } else { 10 * 1_024 },
        links: links(draw),
        disks: disks(draw),
        offsets_micros,
        drifts_ppm,
        answers_lost_permille: draw.pick(&[0, 0, 20, 100]),
        horizon_ms: HORIZON_DEFAULT_MS,
        sessions: draw.coin(),
    }
}

/// Usually within ten seconds; rarely one clock is hours off.
fn offsets(draw: &mut Draw, count: usize) -> Vec<i64> {
    let most = draw.pick(&[0, 1_000, 100_000, 10_000_000]);
    let mut offsets: Vec<i64> = (0..count).map(|_| signed(draw, most)).collect();
    if draw.happens(60) {
        let wrong = draw.index(count);
        offsets[wrong] = signed(draw, 900_000_000) + 90_000_000;
    }
    offsets
}

fn signed(draw: &mut Draw, most: u64) -> i64 {
    let number = i64::try_from(draw.between(0, 2 * most)).expect("a small number");
    number - i64::try_from(most).expect("a small number")
}

/// A level of a bucket.
pub(crate) fn default_level(draw: &mut Draw) -> Level {
    draw.pick(&[
        Level::Quorum,
        Level::Quorum,
        Level::Quorum,
        Level::One,
        Level::All,
        Level::LocalQuorum,
        Level::EachQuorum,
    ])
}

fn links(draw: &mut Draw) -> LinkSettings {
    let is_slow = draw.coin();
    let loses = draw.happens(300);
    LinkSettings {
        micros_min: draw.log_between(50, 2_000),
        micros_spread: draw.log_between(50, 10_000),
        slow_permille: if is_slow { draw.pick(&[5, 30, 100]) } else { 0 },
        slow_micros: draw.log_between(1_000, 2_000_000),
        loss_permille: if loses { draw.pick(&[2, 20, 100]) } else { 0 },
        duplicate_permille: draw.pick(&[0, 0, 20, 200]),
        lag_micros_min: 200,
        lag_micros_spread: draw.pick(&[200, 50_000, 1_999_000]),
    }
}

fn disks(draw: &mut Draw) -> DiskSettings {
    let is_slow = draw.coin();
    DiskSettings {
        micros_min: draw.log_between(20, 5_000),
        micros_spread: draw.log_between(20, 10_000),
        slow_permille: if is_slow { draw.pick(&[5, 50]) } else { 0 },
        slow_micros: draw.log_between(1_000, 1_000_000),
    }
}
