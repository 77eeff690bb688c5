//! `henge-bench growth`: what each member does, and what it costs, as the cluster grows.
//!
//! Real nodes with three replicas of each key in the simulator's calm network. Each member has the
//! same number of clients, each of which waits for its answer before it asks again, and the same
//! number of keys is there for each member. Half of the requests are puts. *Any*: a client asks the
//! member it is connected to, whatever the key, so that all but 3 of n requests are forwarded.
//! *Owner*: it asks an owner of the key, as a client does that knows the ring.
//!
//! **What it can show:** whether something grows with the cluster that should not. Requests per
//! virtual second say how often a request waits for another member or the disk; frames and bytes, what
//! is sent for it; microseconds, the work of the nodes' code for one request on all members together.
//! What grows with the number of members shows in the latter: timers and lists of members are in it.
//! Whether some member has more to do than others shows in what each coordinates.
//!
//! The nodes of all members share one processor's caches here, and push each other out of them, which
//! members on machines of their own do not. So the same work is done besides in as many clusters of
//! three as make up the same number of members, in slices that take turns with those of the one
//! cluster: what is slower there than with three members is due to the caches, and the ratio to it is
//! what is due to the size of the cluster. Microseconds are the median of the slices.
//!
//! **What it cannot show:** throughput of real clusters. Work takes no virtual time, so nothing queues
//! for a processor, and the requests per virtual second of a closed loop follow from the latencies
//! alone. Sockets, TLS, wasm, the copies between them and real disks are not in the microseconds; what
//! reading the clock takes, some tens of nanoseconds for each input and output, is. Nodes gossip here
//! too, but little virtual time passes: that, and comparisons of replicas, once in a round of 30 s for
//! each partition, hardly show. `henge-bench gossip` counts what members say unasked.
//!
//! * `clients`: they ask, and their clusters answer. `clock`: the processor's time.

mod clients;
mod clock;

use clap::Args;
use clients::{Entrance, Side};

/// Requests and work of each member as the cluster grows
#[derive(Args)]
pub(crate) struct Growth {
    /// Members; one line of the table for each number
    #[arg(long, value_delimiter = ',', default_values_t = [3, 9, 27, 100])]
    members: Vec<usize>,
    /// Clients of each member
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Keys for each member
    #[arg(long, default_value_t = 1_000)]
    keys: u64,
    /// Requests for each member that are measured
    #[arg(long, default_value_t = 4_500)]
    requests: u64,
    /// Slices in which they are measured
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..))]
    slices: u64,
    /// Partitions of the ring
    #[arg(long, default_value_t = henge_core::limits::PARTITIONS_DEFAULT)]
    partitions: u16,
    /// Length of each value
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// Everything but the time follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the bench and prints its figures.
pub(crate) fn run(args: &Growth) {
    println!(
        "{} clients and {} keys a member, {} requests a member, half of them puts, values of {} B, 3 replicas, {} partitions\n",
        args.clients, args.keys, args.requests, args.value_bytes, args.partitions
    );
    println!(
        "| asked | members | requests a virtual second and member | ratio | frames a request | bytes a request | us of nodes' work a request | ratio | the same, in clusters of 3 | ratio to that | coordinated by the busiest member / mean | refused |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for entrance in [Entrance::Owner, Entrance::Any] {
        let mut first = None;
        for members in &args.members {
            let mut one = Side::new(args, entrance, *members, 1);
            let mut apart = Side::new(args, entrance, 3, (members / 3).max(1));
            for _ in 0..args.slices {
                one.run(args.requests / args.slices);
                apart.run(args.requests / args.slices);
            }
            let (row, apart) = (one.row(), apart.row());
            let first = first.get_or_insert([row.per_second, row.micros]);
            println!(
                "| {} | {members} | {:.0} | {:.2} | {:.2} | {:.0} | {:.1} | {:.2} | {:.1} | {:.2} | {:.2} | {} |",
                match entrance {
                    Entrance::Any => "any",
                    Entrance::Owner => "owner",
                },
                row.per_second,
                row.per_second / first[0],
                row.frames,
                row.bytes,
                row.micros,
                row.micros / first[1],
                apart.micros,
                row.micros / apart.micros,
                row.imbalance,
                row.refused + apart.refused,
            );
        }
    }
}
