//! `/metrics`: numbers in the Prometheus text format 0.0.4.

use super::health::why_not;
use super::status::inspect_all;
use crate::shard::ShardHandle;
use crate::stone::Stone;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use henge_core::node::Report;
use hyper::header::CONTENT_TYPE;
use std::fmt::Write;
use std::sync::Arc;

/// Kind, name, meaning, and the number in a report.
type ReportMetric = (&'static str, &'static str, &'static str, fn(&Report) -> u64);
type ShardMetric = (
    &'static str,
    &'static str,
    &'static str,
    fn(&ShardHandle) -> u64,
);

const OF_NODE: [ReportMetric; 43] = [
    ("gauge", "henge_keys", "Keys, tombstones included", |r| {
        r.storage.keys
    }),
    (
        "gauge",
        "henge_memory_bytes",
        "Memory of the storage: memtables, cache, merging",
        |r| r.storage.memory_bytes,
    ),
    (
        "gauge",
        "henge_cache_bytes",
        "Bytes of the block cache",
        |r| r.storage.cache_bytes,
    ),
    ("gauge", "henge_log_bytes", "Bytes of the commit log", |r| {
        r.storage.log_bytes
    }),
    ("gauge", "henge_tables", "Sorted tables", |r| {
        r.storage.tables
    }),
    (
        "gauge",
        "henge_table_bytes",
        "Bytes of the sorted tables",
        |r| r.storage.table_bytes,
    ),
    (
        "gauge",
        "henge_level_0_tables",
        "Tables that wait to be merged",
        |r| r.storage.level_0_tables,
    ),
    (
        "gauge",
        "henge_damaged_blocks",
        "Blocks known to be damaged",
        |r| r.storage.damaged_blocks,
    ),
    (
        "counter",
        "henge_written_bytes_total",
        "Bytes of keys and states written",
        |r| r.storage.written_bytes,
    ),
    (
        "counter",
        "henge_table_written_bytes_total",
        "Bytes written into tables by flushes and merges",
        |r| r.storage.table_bytes_written,
    ),
    (
        "counter",
        "henge_cache_hits_total",
        "Blocks found in the cache",
        |r| r.storage.cache_hits,
    ),
    (
        "counter",
        "henge_blocks_read_total",
        "Blocks read from disk",
        |r| r.storage.blocks_read,
    ),
    (
        "counter",
        "henge_write_stalls_total",
        "Writes refused because the storage did not keep up",
        |r| r.storage.stalls,
    ),
    (
        "gauge",
        "henge_operations",
        "Requests and merges under way",
        |r| r.operations,
    ),
    ("counter", "henge_reads_total", "Reads coordinated", |r| {
        r.reads
    }),
    ("counter", "henge_writes_total", "Writes coordinated", |r| {
        r.writes
    }),
    (
        "counter",
        "henge_failures_total",
        "Requests that failed",
        |r| r.failures,
    ),
    (
        "counter",
        "henge_retries_total",
        "Retries recognised and not applied again",
        |r| r.retries,
    ),
    (
        "counter",
        "henge_repairs_total",
        "Replicas repaired by reads",
        |r| r.repairs,
    ),
    ("counter", "henge_refused_total", "Frames refused", |r| {
        r.refused
    }),
    ("counter", "henge_syncs_total", "Log syncs", |r| {
        r.storage.syncs
    }),
    (
        "counter",
        "henge_sync_exchanges_total",
        "Comparisons of a partition with another owner begun",
        |r| r.sync.exchanges,
    ),
    (
        "counter",
        "henge_sync_same_total",
        "Comparisons that found the same root",
        |r| r.sync.same,
    ),
    (
        "counter",
        "henge_sync_pushed_states_total",
        "States sent to owners that lacked them or had others",
        |r| r.sync.pushed,
    ),
    (
        "counter",
        "henge_sync_fetched_states_total",
        "States asked for from other owners",
        |r| r.sync.fetched,
    ),
    (
        "counter",
        "henge_sync_senseless_total",
        "Answers of comparisons that came late, twice or made no sense",
        |r| r.sync.senseless,
    ),
    (
        "gauge",
        "henge_sync_growing_partitions",
        "Partitions that cannot be compared yet",
        |r| r.sync.growing,
    ),
    (
        "counter",
        "henge_hints_sent_total",
        "Hints given to stand-ins",
        |r| r.hints.sent,
    ),
    (
        "counter",
        "henge_hints_taken_total",
        "Hints taken for absent members",
        |r| r.hints.taken,
    ),
    (
        "counter",
        "henge_hints_handed_back_keys_total",
        "Keys handed back to their owners",
        |r| r.hints.handed_back,
    ),
    (
        "counter",
        "henge_hints_expired_keys_total",
        "Keys given up because their owners may have forgotten them",
        |r| r.hints.expired,
    ),
    (
        "counter",
        "henge_collected_keys_total",
        "Deleted keys that all owners had, and have forgotten",
        |r| r.collected,
    ),
    (
        "gauge",
        "henge_hints_held_keys",
        "Keys held for absent members",
        |r| r.hints.held,
    ),
    (
        "gauge",
        "henge_members_alive",
        "Other members that the cluster takes for alive",
        |r| r.gossip.alive,
    ),
    (
        "gauge",
        "henge_members_suspect",
        "Other members that the cluster suspects",
        |r| r.gossip.suspect,
    ),
    (
        "gauge",
        "henge_members_dead",
        "Other members that the cluster takes for dead",
        |r| r.gossip.dead,
    ),
    (
        "gauge",
        "henge_members_strangers",
        "Stones that gossip and are no members",
        |r| r.gossip.strangers,
    ),
    (
        "counter",
        "henge_gossip_sent_total",
        "Messages of the membership protocol sent",
        |r| r.gossip.sent,
    ),
    (
        "counter",
        "henge_gossip_sent_bytes_total",
        "Bytes of them",
        |r| r.gossip.sent_bytes,
    ),
    (
        "counter",
        "henge_gossip_received_total",
        "Messages of the membership protocol received",
        |r| r.gossip.received,
    ),
    (
        "counter",
        "henge_gossip_received_bytes_total",
        "Bytes of them",
        |r| r.gossip.received_bytes,
    ),
    (
        "counter",
        "henge_gossip_refused_total",
        "Messages of the membership protocol that meant nothing here",
        |r| r.gossip.refused,
    ),
    (
        "counter",
        "henge_gossip_renewals_total",
        "Times that others took this stone for dead although it lives",
        |r| r.gossip.renewals,
    ),
];

const OF_SHARD: [ShardMetric; 3] = [
    (
        "counter",
        "henge_guest_restarts_total",
        "Guests replaced after a trap",
        |s| s.status().restarts(),
    ),
    (
        "gauge",
        "henge_guest_bytes",
        "Memory taken by the guest",
        |s| s.status().guest_bytes(),
    ),
    (
        "counter",
        "henge_guest_steps_total",
        "Calls into the guest",
        |s| s.status().steps(),
    ),
];

/// All numbers of this stone.
pub async fn get(State(stone): State<Arc<Stone>>) -> Response {
    let mut text = String::new();
    write_nodes(&mut text, &inspect_all(&stone).await);
    for (kind, name, help, number) in OF_SHARD {
        let values = stone.shards.iter().enumerate();
        family(
            &mut text,
            kind,
            name,
            help,
            values.map(|(shard, s)| (shard_label(shard), number(s))),
        );
    }
    let label = |name: &str| format!("{{peer=\"{name}\"}}");
    let peers = stone.peers.all();
    let up = peers
        .iter()
        .map(|peer| (label(&peer.name), u64::from(peer.link().up)));
    family(
        &mut text,
        "gauge",
        "henge_peer_up",
        "Whether frames reach the member",
        up,
    );
    let dropped = peers.iter().map(|peer| (label(&peer.name), peer.dropped()));
    family(
        &mut text,
        "counter",
        "henge_peer_dropped_total",
        "Frames dropped for the member",
        dropped,
    );
    let waiting = peers
        .iter()
        .map(|peer| (label(&peer.name), peer.outbox.bytes() as u64));
    family(
        &mut text,
        "gauge",
        "henge_peer_queue_bytes",
        "Bytes waiting for the member",
        waiting,
    );
    for (name, help, value) in [
        (
            "henge_ready",
            "Whether the stone serves",
            u64::from(why_not(&stone).is_none()),
        ),
        (
            "henge_connections",
            "Clients connected by WebSocket",
            stone.connections(),
        ),
        (
            "henge_http_requests",
            "HTTP requests under way",
            stone.calls.count() as u64,
        ),
        (
            "henge_uptime_seconds",
            "Time since the start",
            stone.clock.uptime().as_secs(),
        ),
    ] {
        family(&mut text, "gauge", name, help, [(String::new(), value)]);
    }
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}

/// The numbers of the shards' nodes.
fn write_nodes(text: &mut String, reports: &[Report]) {
    for (kind, name, help, number) in OF_NODE {
        let values = reports.iter().enumerate();
        let values = values.map(|(shard, r)| (shard_label(shard), number(r)));
        family(text, kind, name, help, values);
    }
}

fn shard_label(shard: usize) -> String {
    format!("{{shard=\"{shard}\"}}")
}

fn family(
    text: &mut String,
    kind: &str,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (String, u64)>,
) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use henge_core::node::{GossipReport, HintReport, SyncReport};

    #[test]
    fn a_family_is_written_as_prometheus_reads_it() {
        let mut text = String::new();
        family(
            &mut text,
            "gauge",
            "a",
            "what it is",
            [(shard_label(0), 1), (shard_label(1), 2)],
        );
        let lines = "# HELP a what it is\n# TYPE a gauge\na{shard=\"0\"} 1\na{shard=\"1\"} 2\n";
        assert_eq!(text, lines);
    }

    #[test]
    fn every_number_of_comparisons_and_hints_is_shown_for_each_shard() {
        let report = Report {
            sync: SyncReport {
                exchanges: 1,
                same: 2,
                pushed: 3,
                fetched: 4,
                senseless: 5,
                growing: 6,
            },
            hints: HintReport {
                sent: 7,
                taken: 8,
                handed_back: 9,
                held: 10,
                expired: 11,
            },
            collected: 12,
            ..Report::default()
        };
        let mut text = String::new();
        write_nodes(&mut text, &[Report::default(), report]);
        for (name, kind, number) in [
            ("henge_sync_exchanges_total", "counter", 1),
            ("henge_sync_same_total", "counter", 2),
            ("henge_sync_pushed_states_total", "counter", 3),
            ("henge_sync_fetched_states_total", "counter", 4),
            ("henge_sync_senseless_total", "counter", 5),
            ("henge_sync_growing_partitions", "gauge", 6),
            ("henge_hints_sent_total", "counter", 7),
            ("henge_hints_taken_total", "counter", 8),
            ("henge_hints_handed_back_keys_total", "counter", 9),
            ("henge_hints_held_keys", "gauge", 10),
            ("henge_hints_expired_keys_total", "counter", 11),
            ("henge_collected_keys_total", "counter", 12),
        ] {
            let values = format!(
                "# TYPE {name} {kind}\n{name}{{shard=\"0\"}} 0\n{name}{{shard=\"1\"}} {number}\n"
            );
            assert!(text.contains(&values), "{name} in:\n{text}");
        }
    }

    #[test]
    fn every_number_of_the_membership_protocol_is_shown() {
        let report = Report {
            gossip: GossipReport {
                alive: 1,
                suspect: 2,
                dead: 3,
                strangers: 4,
                sent: 5,
                sent_bytes: 6,
                received: 7,
                received_bytes: 8,
                refused: 9,
                renewals: 10,
            },
            ..Report::default()
        };
        let mut text = String::new();
        write_nodes(&mut text, &[report]);
        for (number, name) in [
            "members_alive",
            "members_suspect",
            "members_dead",
            "members_strangers",
            "gossip_sent_total",
            "gossip_sent_bytes_total",
            "gossip_received_total",
            "gossip_received_bytes_total",
            "gossip_refused_total",
            "gossip_renewals_total",
        ]
        .iter()
        .enumerate()
        {
            let value = format!("henge_{name}{{shard=\"0\"}} {}\n", number + 1);
            assert!(text.contains(&value), "{name} in:\n{text}");
        }
    }

    #[test]
    fn counters_and_only_they_are_totals_and_no_name_is_there_twice() {
        for (at, (kind, name, help, _)) in OF_NODE.iter().enumerate() {
            assert_eq!(*kind == "counter", name.ends_with("_total"), "{name}");
            assert!(!help.is_empty() && name.starts_with("henge_"), "{name}");
            assert!(OF_NODE[..at].iter().all(|other| other.1 != *name), "{name}");
        }
    }
}
