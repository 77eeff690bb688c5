//! Members come and go under load: a stone joins, another joins while it is killed again and again,
//! the oldest member leaves, and one that is dead is given up. At the end every pair is on its owners
//! and nowhere else.

use super::Stage;
use crate::load::{Load, Phase, Side};
use crate::places::{wait_filled, wait_nowhere_else};
use std::time::{Duration, Instant};

pub(super) fn run(stage: &mut Stage) {
    let mut load = stage.load_everywhere();
    load.enter(Phase::During);
    let mut took: [Vec<Duration>; 4] = Default::default();
    for cycle in 0..stage.plan.faults {
        let began = Instant::now();
        let newest = stage.cluster.join();
        settle(stage, began, &mut took[0]);
        load = write_through(stage, load, newest);

        let began = Instant::now();
        let newest = join_under_kills(stage, cycle > 0);
        settle(stage, began, &mut took[1]);
        load = write_through(stage, load, newest);

        let began = Instant::now();
        leave(stage);
        settle(stage, began, &mut took[2]);

        let victim = expendable(stage);
        let victim = stage.any_of(&victim);
        stage.cluster.kill9(victim);
        stage.pause(500, 1_500);
        let began = Instant::now();
        let server = other_than(stage, victim);
        stage.cluster.bury(victim, server);
        settle(stage, began, &mut took[3]);
        stage.figures.faults += 1;
    }
    stage.end(load);
    for (what, took) in STEPS.iter().zip(took) {
        let took: Vec<String> = { took.iter() }
            .map(|took| format!("{:.1}", took.as_secs_f64()))
            .collect();
        stage.note(format!("{what} {} s", took.join(", ")));
    }
    is_in_its_places(stage);
}

/// Waits until no owners change any more, for a change that has begun at `began`.
fn settle(stage: &mut Stage, began: Instant, took: &mut Vec<Duration>) {
    stage.cluster.wait_linked();
    stage.cluster.wait_settled();
    took.push(began.elapsed());
}

/// One more writer, which begins with the stone that has just joined.
fn write_through(stage: &Stage, load: Load, newest: usize) -> Load {
    let mut stones = stage.cluster.members();
    stones.retain(|&stone| stone != newest);
    stones.insert(0, newest);
    load.with(Side::Majority, 1, &stage.addresses(&stones))
}

/// A stone joins, and is killed at moments that come before, in and after that. If `is_cut`, it does
/// not hear one of the others in this time, nor that one it.
fn join_under_kills(stage: &mut Stage, is_cut: bool) -> usize {
    let others = stage.cluster.members();
    let newest = stage.cluster.join();
    if is_cut {
        let other = stage.any_of(&others);
        stage.cluster.part_two(newest, other);
    }
    for _ in 0..KILLS {
        stage.pause(50, 1_500);
        stage.cluster.kill9(newest);
        stage.pause(50, 300);
        stage.cluster.restart(newest);
    }
    if is_cut {
        stage.suffer();
        stage.cluster.heal();
    }
    newest
}

/// The oldest member leaves, and is stopped when it has. It must have given everything away.
fn leave(stage: &mut Stage) {
    let oldest = expendable(stage)[0];
    let server = other_than(stage, oldest);
    stage.cluster.leave(oldest, server);
    let (name, keys) = (oldest + 1, stage.cluster.keys_at(oldest));
    if keys != Some(0) {
        stage.fail(format!("stone-{name} has left, and has {keys:?} keys"));
    }
    if !stage.cluster.stop(oldest) {
        stage.fail(format!("stone-{name} has left, and did not stop well"));
    }
}

/// Members that are not alone in their zones, the oldest first.
fn expendable(stage: &Stage) -> Vec<usize> {
    let cluster = &stage.cluster;
    let mut members = cluster.members();
    members.retain(|&stone| cluster.members_in(cluster.zone(stone)).len() > 1);
    members
}

fn other_than(stage: &mut Stage, stone: usize) -> usize {
    let mut others = stage.cluster.members();
    others.retain(|&other| other != stone);
    stage.any_of(&others)
}

/// Every member has what it owns, and nobody has anything else.
fn is_in_its_places(stage: &mut Stage) {
    let began = Instant::now();
    let stories = std::mem::take(&mut stage.stories);
    let mut found = Ok(());
    for stone in stage.cluster.members() {
        found = found.and_then(|()| wait_filled(&stories, &mut stage.cluster, stone, began));
    }
    found = found.and_then(|()| wait_nowhere_else(&stories, &stage.cluster));
    stage.stories = stories;
    match found {
        Ok(()) => stage.note(format!(
            "all pairs were seen on their owners only, {:.1} s after the load",
            began.elapsed().as_secs_f64()
        )),
        Err(why) => stage.fail(why),
    }
}

/// How often a stone that joins is killed.
const KILLS: u64 = 3;
/// What is timed.
const STEPS: [&str; 4] = [
    "joined in",
    "joined under kills in",
    "left in",
    "was given up in",
];
