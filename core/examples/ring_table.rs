//! Prints how even placements are, how much a join or a leave moves, and how long it takes.
//!
//! Run with `cargo run --release -p henge-core --example ring_table`.

use henge_core::id::PartitionId;
use henge_core::ring::{Member, Members, Placement, moves};
use std::time::Instant;

const REPLICAS: u8 = 3;

fn main() {
    println!(
        "| members | capacity | zones | Q | load/fair | load/capacity | primaries | spread | \
         join | leave | resize | new ms | evolve ms |"
    );
    println!("|--:|--|--:|--:|--:|--:|--:|--|--:|--:|--:|--:|--:|");
    for partitions in [256, 4_096] {
        for members in [3, 5, 16, 64] {
            for capacities in [&[1][..], &[1, 2, 4]] {
                let mut zones = vec![3, 5, 8, members];
                zones.retain(|&zones| zones <= members);
                zones.dedup();
                for zones in zones {
                    print_row(partitions, members, capacities, zones);
                }
            }
        }
    }
}

fn print_row(partitions: u16, count: u32, capacities: &[u32], zones: u32) {
    let list: Vec<Member> = (0..count).map(|i| member(i, capacities, zones)).collect();
    let start = Instant::now();
    let placement = place(list.clone(), partitions);
    let new_ms = start.elapsed().as_secs_f64() * 1e3;

    let (mut join, mut leave, mut resize) = (Tally::default(), Tally::default(), Tally::default());
    let start = Instant::now();
    let mut evolutions = 0;
    for i in 0..count.min(8) {
        let mut more = list.clone();
        more.push(member(count + i, capacities, zones));
        join.add(&placement, &placement.evolve(checked(more)));

        let mut fewer = list.clone();
        fewer.remove(i as usize);
        leave.add(&placement, &placement.evolve(checked(fewer)));

        let mut resized = list.clone();
        resized[i as usize].capacity *= 3;
        resize.add(&placement, &placement.evolve(checked(resized)));
        evolutions += 3;
    }
    let evolve_ms = start.elapsed().as_secs_f64() * 1e3 / f64::from(evolutions);

    println!(
        "| {count} | {} | {zones} | {partitions} | {:.3} | {:.3} | {:.3} | {} | {:.3} | {:.3} | \
         {:.3} | {new_ms:.1} | {evolve_ms:.1} |",
        if capacities.len() > 1 {
            "1,2,4"
        } else {
            "equal"
        },
        over_fair(&placement),
        over_capacity(&placement),
        over_primaries(&placement),
        if is_spread(&placement) {
            "all"
        } else {
            "NOT ALL"
        },
        join.ratio(),
        leave.ratio(),
        resize.ratio(),
    );
}

/// Vnodes moved beside the fewest that could be, over several changes.
#[derive(Default)]
struct Tally {
    moved: f64,
    needed: f64,
}

impl Tally {
    /// The fewest that there could be without zones: whoever lacks must get, and whoever has too much
    /// or is gone must give.
    fn add(&mut self, before: &Placement, after: &Placement) {
        self.moved += moves(before, after).expect("one Q").len() as f64;
        let (mut lacking, mut kept, mut all) = (0, 0, 0);
        for share in after.shares() {
            let id = after.members().at(share.member).expect("a member").id;
            let old = before
                .members()
                .index_of(id)
                .map_or(0, |index| before.load(index));
            lacking += share.fair_min.saturating_sub(old);
            kept += old.min(share.fair_max);
            all += share.vnodes;
        }
        self.needed += f64::from(lacking.max(all - kept));
    }

    fn ratio(&self) -> f64 {
        if self.needed == 0.0 {
            1.0
        } else {
            self.moved / self.needed
        }
    }
}

fn member(i: u32, capacities: &[u32], zones: u32) -> Member {
    let zone = format!("eu/z{}", i % zones).parse().expect("a zone");
    // Another stride than the zones', or every zone would have one size of member.
    let capacity = capacities[(i / zones + i) as usize % capacities.len()];
    Member::new(&format!("stone-{i}"), zone, capacity)
}

fn checked(list: Vec<Member>) -> Members {
    Members::new(list).expect("a good list")
}

fn place(list: Vec<Member>, partitions: u16) -> Placement {
    Placement::new(checked(list), partitions, REPLICAS).expect("good dimensions")
}

/// The highest load over the fair share rounded up: 1 if nobody owns more than that.
fn over_fair(placement: &Placement) -> f64 {
    let shares = placement.shares();
    shares
        .iter()
        .map(|s| f64::from(s.vnodes) / f64::from(s.fair_max))
        .fold(0.0, f64::max)
}

/// The highest load for its capacity over the mean, whatever zones and `Q` allow.
fn over_capacity(placement: &Placement) -> f64 {
    let shares = placement.shares();
    let capacity = |s: &henge_core::ring::Share| {
        f64::from(placement.members().at(s.member).expect("a member").capacity)
    };
    let mean = shares.iter().map(|s| f64::from(s.vnodes)).sum::<f64>()
        / shares.iter().map(capacity).sum::<f64>();
    shares
        .iter()
        .map(|s| f64::from(s.vnodes) / capacity(s) / mean)
        .fold(0.0, f64::max)
}

/// The highest number of primaries over its share of a member's vnodes.
fn over_primaries(placement: &Placement) -> f64 {
    let shares = placement.shares();
    let fair = |vnodes: u32| f64::from(vnodes.div_ceil(u32::from(REPLICAS)));
    shares
        .iter()
        .map(|s| f64::from(s.primaries) / fair(s.vnodes))
        .fold(0.0, f64::max)
}

fn is_spread(placement: &Placement) -> bool {
    (0..placement.partitions())
        .map(PartitionId)
        .all(|partition| {
            let members = placement.members();
            let zone = |&owner| members.at(owner).expect("a member").zone.as_str();
            let mut zones: Vec<&str> = placement.owners(partition).iter().map(zone).collect();
            zones.sort_unstable();
            zones.dedup();
            zones.len() == usize::from(REPLICAS)
        })
}
