//! The fewest moves there can be, from a solver that shares nothing with the code under test.

use henge_core::id::{MemberId, PartitionId};
use henge_core::ring::Placement;
use std::collections::BTreeMap;

/// The fewest vnodes that must move from `before` so that every load is the fair share rounded down
/// or up and every list is spread over zones as it should be, for the members of `after`: a
/// minimum-cost flow, found by Bellman-Ford.
///
/// Good for zones of one part, and for the few members and partitions of a test.
pub(crate) fn fewest_moves(before: &Placement, after: &Placement) -> i64 {
    let mut network = Network::default();
    let (source, sink) = (network.node(Node::Source), network.node(Node::Sink));
    let owners: Vec<_> = after
        .members()
        .iter()
        .filter(|(_, member)| member.capacity > 0)
        .collect();
    let width = after.owners(PartitionId(0)).len();
    for partition in (0..after.partitions()).map(PartitionId) {
        let row = network.node(Node::Partition(partition));
        network.edge(source, row, width, 0);
        let held: Vec<MemberId> = (before.owners(partition).iter())
            .map(|&index| before.members().at(index).unwrap().id)
            .collect();
        for (zone, (fewest, most)) in zone_bounds(after) {
            let domain = network.node(Node::Zone(partition, zone));
            // What a zone or a member must have is worth more than all moves together.
            network.edge(row, domain, fewest, -MUST);
            network.edge(row, domain, most - fewest, 0);
        }
        for (index, member) in &owners {
            let cost = i64::from(!held.contains(&member.id));
            let domain = network.node(Node::Zone(partition, member.zone.to_string()));
            let owner = network.node(Node::Member(index.get()));
            network.edge(domain, owner, 1, cost);
        }
    }
    let mut must: usize = zone_bounds(after).values().map(|bounds| bounds.0).sum();
    must *= usize::from(after.partitions());
    for share in after.shares() {
        let owner = network.node(Node::Member(share.member.get()));
        let (floor, ceil) = (share.fair_min as usize, share.fair_max as usize);
        network.edge(owner, sink, floor, -MUST);
        network.edge(owner, sink, ceil - floor, 0);
        must += floor;
    }
    let must = i64::try_from(must).unwrap();
    network.cheapest(width * usize::from(after.partitions())) + must * MUST
}

const MUST: i64 = 1_000_000;

/// The fewest and the most owners that each zone has in one list.
fn zone_bounds(placement: &Placement) -> BTreeMap<String, (usize, usize)> {
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for (_, member) in placement
        .members()
        .iter()
        .filter(|(_, member)| member.capacity > 0)
    {
        *sizes.entry(member.zone.to_string()).or_default() += 1;
    }
    let width = placement.owners(PartitionId(0)).len();
    let held = |even: usize| sizes.values().map(|&size| size.min(even)).sum::<usize>();
    let even = (1..).find(|&even| held(even) >= width).unwrap();
    sizes
        .iter()
        .map(|(z, &size)| (z.clone(), (size.min(even - 1), size.min(even))))
        .collect()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Source,
    Partition(PartitionId),
    Zone(PartitionId, String),
    Member(usize),
    Sink,
}

#[derive(Default)]
struct Network {
    nodes: BTreeMap<Node, usize>,
    /// From, to, free capacity, cost. An odd edge is the way back of the one before it.
    edges: Vec<(usize, usize, usize, i64)>,
}

impl Network {
    fn edge(&mut self, from: usize, to: usize, capacity: usize, cost: i64) {
        self.edges.push((from, to, capacity, cost));
        self.edges.push((to, from, 0, -cost));
    }

    fn node(&mut self, node: Node) -> usize {
        let next = self.nodes.len();
        *self.nodes.entry(node).or_insert(next)
    }

    /// The cost of the cheapest flow of `amount` from source to sink.
    fn cheapest(&mut self, amount: usize) -> i64 {
        (0..amount)
            .map(|_| self.augment().expect("the placement is itself such a flow"))
            .sum()
    }

    /// Sends one unit more along a cheapest path.
    fn augment(&mut self) -> Option<i64> {
        let mut best: Vec<Option<(i64, usize)>> = vec![None; self.nodes.len()];
        let (source, sink) = (self.nodes[&Node::Source], self.nodes[&Node::Sink]);
        best[source] = Some((0, usize::MAX));
        let mut changed = true;
        while changed {
            changed = false;
            for (at, &(from, to, free, cost)) in self.edges.iter().enumerate() {
                let Some((reached, _)) = best[from].filter(|_| free > 0) else {
                    continue;
                };
                if best[to].is_none_or(|(known, _)| reached + cost < known) {
                    best[to] = Some((reached + cost, at));
                    changed = true;
                }
            }
        }
        let mut node = sink;
        while node != source {
            let (_, at) = best[node]?;
            self.edges[at].2 -= 1;
            self.edges[at ^ 1].2 += 1;
            node = self.edges[at].0;
        }
        best[sink].map(|(cost, _)| cost)
    }
}
