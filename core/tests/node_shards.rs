//! Members that do not have the same number of shards.

use henge_core::cluster::{Change, ClusterState, Life};
use henge_core::config::Config;
use henge_core::hash::{partition_at, position};
use henge_core::id::{BucketId, MemberId, PartitionId};
use henge_core::node::{Input, Node, Output};
use henge_core::ring::{Member, Members, Placement};
use henge_core::storage::StorageAnswer;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{self, ClientId, Frame, FrameKind, Operation, Reply, Request, Response};

const PARTITIONS: u16 = 16;

fn member(name: &str) -> Member {
    Member::new(name, format!("eu/{name}").parse().expect("a zone"), 1)
}

/// Two nodes whose frames reach each other at once, and whose media answer at once.
struct Pair {
    nodes: [Node; 2],
    ids: [MemberId; 2],
    now: Instant,
    answers: Vec<Response>,
}

impl Pair {
    fn new(configs: [Config; 2]) -> Self {
        let now = Instant::from_micros(1_700_000_000_000_000);
        let ids = [configs[0].me, configs[1].me];
        let nodes = configs.map(|config| Node::new(config, 42, now).expect("good settings"));
        let mut pair = Self {
            nodes,
            ids,
            now,
            answers: Vec::new(),
        };
        for at in 0..2 {
            pair.feed(at, Input::Opened(vec![]));
        }
        for at in 0..2 {
            pair.feed(at, Input::PeerUp(ids[1 - at]));
        }
        pair
    }

    fn feed(&mut self, at: usize, input: Input<'_>) {
        // A frame is refused if another shard of the member has its partition.
        let _ = self.nodes[at].handle(self.now, input);
        while let Some(output) = self.nodes[at].poll_output() {
            match output {
                Output::Storage { operation, .. } => {
                    let result = Ok(StorageAnswer::Done);
                    self.feed(at, Input::StorageDone { operation, result });
                }
                Output::Peer { to, frame } if to == self.ids[1 - at] => {
                    let from = self.ids[at];
                    let frame = &frame[..];
                    self.feed(1 - at, Input::Peer { from, frame });
                }
                Output::Client { frame, .. } => {
                    let (frame, _) = Frame::take(&frame).expect("a frame");
                    let answer = wire::decode_body(frame.body).expect("a response");
                    self.answers.push(answer);
                }
                _ => {}
            }
        }
    }

    fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + Duration::from_millis(5);
            for at in 0..2 {
                let due = self.nodes[at].poll_timeout();
                if due.is_some_and(|(due, _)| due <= self.now) {
                    self.feed(at, Input::Timeout);
                }
            }
        }
    }
}

#[test]
fn a_shard_hears_that_a_member_has_caught_up_that_does_not_have_this_shard() {
    let members = vec![member("a"), member("b"), member("down")];
    let placement = Members::new(members.clone())
        .and_then(|members| Placement::new(members, PARTITIONS, 3))
        .expect("a ring");
    let first = ClusterState::new(placement);
    let life = Life {
        incarnation: 1,
        address: String::new(),
    };
    let member = member("new");
    let newer = first.apply(&[Change::Join { member, life }]).expect("news");
    // The second shard of `a` has it, and its owners change.
    let partition = (0..PARTITIONS).map(PartitionId).find(|it| {
        let is_moving = newer.ownership(*it).is_some_and(|it| !it.is_settled());
        it.0 % 2 == 1 && is_moving
    });
    let partition = partition.expect("a quarter of all copies moves");
    let key = (0..).map(|number| format!("k{number}").into_bytes());
    let is_there =
        |key: &Vec<u8>| partition_at(position(BucketId::default(), key), PARTITIONS) == partition;
    let key = key.into_iter().find(is_there).expect("a key");

    let config = |name: &str| Config {
        partitions: PARTITIONS,
        ..Config::new(1, MemberId::from_name(name), members.clone())
    };
    let ahead = Config {
        shard: 1,
        shards: 2,
        state: Some(newer),
        ..config("a")
    };
    let mut pair = Pair::new([ahead, config("b")]);
    let request = Request {
        id: 7,
        timeout_ms: 5_000,
        bucket: BucketId::default(),
        key,
        operation: Operation::Get {
            level: None,
            seen: vec![],
        },
    };
    let frame = wire::message_frame(FrameKind::Request, partition, &request);
    let client = ClientId(1);
    let frame = &frame[..];
    pair.feed(0, Input::Client { client, frame });
    // `b` refuses the read at first, and the only shard of it speaks of partition 0 by itself.
    pair.run_for(Duration::from_millis(1_000));
    let answers: Vec<_> = pair.answers.iter().map(|it| (it.id, &it.result)).collect();
    let context = henge_core::causality::Token::default().encode();
    let missing = Reply::Missing { context };
    assert_eq!(answers, [(7, &Ok(missing))]);
}
