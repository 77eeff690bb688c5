//! Prints how fast news of joins and deaths travels, how often somebody is wrongly taken for dead,
//! and what it costs, for clusters of several sizes and a network that loses packets.
//!
//! Run with `cargo run --release -p henge-core --example membership_scale`. Time is virtual, the
//! figures are the same at every run. Arguments: sizes to look at, else 10, 100 and 1000.

#[path = "../tests/membership/world.rs"]
mod world;

use henge_core::membership::MembershipEvent;
use henge_core::time::{Duration, Instant};
use std::collections::BTreeSet;
use world::{Network, World, member, seconds};

/// Round trips within a region, with a tail.
const REGION: Network = Network {
    loss_permille: 0,
    doubled_permille: 0,
    delay_min_micros: 300,
    delay_max_micros: 10_000,
};

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .skip(1)
        .flat_map(|size| size.parse())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![10, 100, 1_000]
    } else {
        sizes
    };
    println!(
        "| members | loss | join known by all, s: p50 p99 max | newcomer knows all, s: p50 max | \
         death known by all, s: p50 max | hours | false deaths/h | suspicions/h | packets/s | B/s | hash of all packets |"
    );
    println!("|--:|--:|--|--|--|--:|--:|--:|--:|--:|--:|");
    for size in sizes {
        for loss_percent in [0, 1, 5] {
            print_row(size, loss_percent);
        }
    }
}

fn print_row(size: usize, loss_percent: u64) {
    let network = Network {
        loss_permille: loss_percent * 10,
        ..REGION
    };
    let mut world = World::settled(size, 7 + loss_percent, network);
    world.run_for(seconds(30));
    let quiet = watch_quietly(&mut world, size);
    let (known, knowing) = watch_joins(&mut world, size);
    let deaths = watch_deaths(&mut world, size);
    println!(
        "| {size} | {loss_percent} % | {:.2} {:.2} {:.2} | {:.2} {:.2} | {:.1} {:.1} | {:.1} | {:.3} | {:.2} | {:.1} | {:.0} | {:016x} |",
        known.at(50),
        known.at(99),
        known.at(100),
        knowing.at(50),
        knowing.at(100),
        deaths.at(50),
        deaths.at(100),
        quiet.member_hours,
        quiet.false_deaths / quiet.member_hours,
        quiet.suspicions / quiet.member_hours,
        quiet.packets_per_second,
        quiet.bytes_per_second,
        world.digest,
    );
}

/// What a cluster does while nothing happens; rates are for one member.
struct Quiet {
    member_hours: f64,
    false_deaths: f64,
    suspicions: f64,
    packets_per_second: f64,
    bytes_per_second: f64,
}

fn watch_quietly(world: &mut World, size: usize) -> Quiet {
    let watched = match size {
        0..=20 => seconds(36_000),
        21..=200 => seconds(1_800),
        _ => seconds(60),
    };
    world.forget_events();
    let before = totals(world);
    world.run_for(watched);
    let after = totals(world);
    let dead: BTreeSet<_> = world
        .events()
        .filter_map(|(_, event)| match event {
            MembershipEvent::Down(identity) => Some(identity.clone()),
            _ => None,
        })
        .collect();
    let member_seconds = size as f64 * in_seconds(watched);
    Quiet {
        member_hours: member_seconds / 3_600.0,
        false_deaths: dead.len() as f64,
        suspicions: (after.0 - before.0) as f64,
        packets_per_second: (after.1 - before.1) as f64 / member_seconds,
        bytes_per_second: (after.2 - before.2) as f64 / member_seconds,
    }
}

/// Refutations, packets and bytes of all nodes.
fn totals(world: &World) -> (u64, u64, u64) {
    let reports = world.running().map(|(_, node)| node.machine.report());
    reports.fold((0, 0, 0), |(refutations, packets, bytes), report| {
        (
            refutations + report.refutations,
            packets + report.packets_sent,
            bytes + report.bytes_sent,
        )
    })
}

/// Joins, one each second: how long until all know of it, and until it knows all.
fn watch_joins(world: &mut World, size: usize) -> (Times, Times) {
    world.forget_events();
    let mut joined = Vec::new();
    for _ in 0..JOINS {
        let begun = world.now;
        joined.push((world.start(), begun));
        world.run_for(seconds(1));
    }
    world.run_for(seconds(20));
    let known = joined.iter().map(|(newcomer, begun)| {
        let id = member(*newcomer);
        let told = world.running().filter(|(node, _)| node != newcomer);
        let latest = told.map(|(_, node)| {
            let mut events = node.events.iter();
            let up =
                events.find(|(_, event)| matches!(event, MembershipEvent::Up(up) if up.id == id));
            up.map(|(at, _)| *at).expect("the join reached everybody")
        });
        // Those who join later learn of it when they do.
        latest_of(latest.take(size), *begun)
    });
    let knowing = joined.iter().map(|(newcomer, begun)| {
        let events = world.node(*newcomer).events.iter();
        let ups = events.filter(|(_, event)| matches!(event, MembershipEvent::Up(_)));
        latest_of(ups.map(|(at, _)| *at).take(size), *begun)
    });
    (Times::new(known), Times::new(knowing))
}

/// Deaths, far apart: how long until all know of it.
fn watch_deaths(world: &mut World, size: usize) -> Times {
    world.forget_events();
    let mut killed = Vec::new();
    for victim in size..size + JOINS {
        killed.push((victim, world.now));
        world.kill(victim);
        let known = world.run_until(seconds(60), |world| world.is_unknown(victim));
        assert!(known.is_some(), "the death did not reach everybody");
    }
    Times::new(killed.iter().map(|(victim, begun)| {
        let id = member(*victim);
        let told = world.running().map(|(_, node)| {
            let mut events = node.events.iter();
            let down = events
                .find(|(_, event)| matches!(event, MembershipEvent::Down(down) if down.id == id));
            down.map(|(at, _)| *at)
                .expect("the death reached everybody")
        });
        latest_of(told, *begun)
    }))
}

fn latest_of(times: impl Iterator<Item = Instant>, begun: Instant) -> f64 {
    let latest = times.max().expect("there are others");
    in_seconds(latest.since(begun))
}

fn in_seconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}

/// Sorted times in seconds.
struct Times(Vec<f64>);

impl Times {
    fn new(times: impl Iterator<Item = f64>) -> Self {
        let mut times: Vec<_> = times.collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The time that `percent` of them do not exceed.
    fn at(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0[rank.max(1) - 1]
    }
}

/// As many as there are deaths.
const JOINS: usize = 10;
