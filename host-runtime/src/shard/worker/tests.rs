use super::*;
use crate::engine::module::GUEST;
use crate::net::outbox::Outbox;
use bytes::Bytes;
use futures_util::FutureExt;
use henge_core::node::batch::take_input;
use henge_core::ring::Member;
use henge_core::storage::{FileId, FileKind, OperationId, StorageRequest};
use henge_core::time::Duration;

struct Shard {
    worker: Worker,
    handle: ShardHandle,
    sink: ClientSink,
    _folder: tempfile::TempDir,
}

fn shard() -> Shard {
    let folder = tempfile::tempdir().unwrap();
    let me = Member::new("alone", "local".parse().unwrap(), 1);
    let clock = Clock::start();
    let settings = ShardSettings {
        config: Config::new(1, MemberId::from_name("alone"), vec![me]),
        engine: Engine::new(GUEST).unwrap(),
        files: Files::open(&folder.path().join("shard-0")).unwrap(),
        peers: Arc::new(PeerTable::default()),
        siblings: Siblings::default(),
        news: tokio::sync::mpsc::unbounded_channel().0,
        clock,
        stop: Stop::default(),
        memory_bytes_max: 64 << 20,
    };
    let status = Arc::new(ShardStatus::new(0));
    let (handle, inbox) = ShardHandle::new(Arc::clone(&status));
    Shard {
        worker: Worker::new("test", settings, inbox, status).unwrap(),
        handle,
        sink: ClientSink::Socket(Arc::new(Outbox::new(1_000))),
        _folder: folder,
    }
}

impl Shard {
    async fn send(&self, client: u64) {
        let frames = vec![Bytes::from_static(b"a frame")];
        let client = ClientId(client);
        self.handle
            .client(client, &self.sink, frames)
            .await
            .unwrap();
    }

    /// The next batch, if there is one without sleeping: who its clients are, and its timeouts.
    fn batch_now(&mut self) -> Option<(Vec<u64>, usize)> {
        self.worker.wait().now_or_never()?;
        self.worker.fill();
        let (mut clients, mut timeouts) = (vec![], 0);
        let mut rest = self.worker.batch.bytes();
        while let Some(input) = take_input(&mut rest).unwrap() {
            match input {
                Input::Client { client, .. } => clients.push(client.0),
                Input::Timeout => timeouts += 1,
                other => panic!("{other:?}"),
            }
        }
        Some((clients, timeouts))
    }
}

#[tokio::test]
async fn a_node_that_wants_to_go_on_at_once_does_so_in_every_batch_while_clients_come() {
    let mut shard = shard();
    for round in 0..100 {
        // "At once", as a step that has just ended says it.
        shard.worker.timeout = Some(shard.worker.clock.now());
        let clients: Vec<u64> = (0..round % 3).collect();
        for &client in &clients {
            shard.send(client).await;
        }
        assert_eq!(shard.batch_now(), Some((clients, 1)), "round {round}");
    }
}

#[tokio::test]
async fn without_anything_to_do_a_shard_sleeps_until_its_timeout() {
    let mut shard = shard();
    assert_eq!(shard.batch_now(), None);
    let at = shard.worker.clock.now() + Duration::from_millis(30);
    shard.worker.timeout = Some(at);
    assert_eq!(shard.batch_now(), None);
    shard.send(1).await;
    assert_eq!(shard.batch_now(), Some((vec![1], 0)), "a client wakes it");
    shard.worker.wait().await;
    assert!(shard.worker.clock.now() >= at);
    assert_eq!(shard.batch_now(), Some((vec![], 1)));
}

#[tokio::test]
async fn requests_that_did_not_fit_follow_in_the_next_batch_at_once() {
    let mut shard = shard();
    for _ in 0..1_500 {
        let frame = Bytes::from_static(b"a frame");
        shard.worker.care.put(ClientId(7), frame);
    }
    assert_eq!(shard.batch_now().unwrap().0.len(), 1_024);
    assert_eq!(shard.batch_now().unwrap().0.len(), 1_500 - 1_024);
    assert_eq!(shard.batch_now(), None);
}

#[tokio::test]
async fn blocks_that_were_read_fill_no_more_than_a_batch_at_a_time() {
    const BLOCK: u32 = 1 << 20;
    let mut shard = shard();
    let (kind, number) = (FileKind::Table, 1);
    let file = FileId { kind, number };
    let bytes = vec![7; BLOCK as usize];
    let disk = &shard.worker.disk;
    let append = StorageRequest::Append {
        file,
        offset: 0,
        bytes,
    };
    disk.push(OperationId(0), append);
    disk.drain_and_list().unwrap();
    for number in 1..=20 {
        let read = StorageRequest::Read {
            file,
            offset: 0,
            length: BLOCK,
        };
        disk.push(OperationId(number), read);
    }
    disk.drain_and_list().unwrap();
    let mut answers = 0;
    while answers < 21 {
        shard.worker.wait().await;
        shard.worker.fill();
        let mut rest = shard.worker.batch.bytes();
        assert!(rest.len() < 6 * BLOCK as usize, "{} bytes", rest.len());
        while take_input(&mut rest).unwrap().is_some() {
            answers += 1;
        }
    }
}
