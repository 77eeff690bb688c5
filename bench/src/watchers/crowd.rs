//! Clients that watch over real sockets: the core's own client, each on a task of its own, all on one thread.

use futures_util::{SinkExt, StreamExt};
use henge_core::client::{Client, ClientOutput, ConnectionState, WatchOutput, WatchSpec};
use henge_core::id::BucketId;
use henge_core::selector::Span;
use henge_core::time::Instant;
use henge_host::cli::link::{Socket, dial};
use henge_host::clock::Clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio_websockets::Message;

/// Handshakes at a time: more would overflow the queue of a socket that listens.
const HANDSHAKES: usize = 64;

/// What all clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// They are connected, and watch nothing.
    Idle,
    /// They watch.
    Watch,
    /// The slow ones among them do not read what comes.
    Lag,
}

/// A change that a client was told of.
#[derive(Clone, Copy)]
pub(super) struct Telling {
    /// The number of the change.
    pub(super) number: u32,
    /// From its sending to the telling, in microseconds.
    pub(super) after_us: u64,
    /// Whether that client is one of the slow ones.
    pub(super) is_slow: bool,
}

/// What the clients have heard.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) connected: AtomicU64,
    pub(super) watching: AtomicU64,
    pub(super) told: AtomicU64,
    pub(super) resyncs: AtomicU64,
    pub(super) lost: AtomicU64,
    tellings: Mutex<Vec<Telling>>,
}

/// Many clients of one stone.
pub(super) struct Crowd {
    pub(super) heard: Arc<Heard>,
    pub(super) clock: Clock,
    task: watch::Sender<Task>,
    // Its tasks end with it.
    _runtime: Runtime,
}

impl Crowd {
    /// Connects as many clients to `address` as there are in `spans`; each is to watch those. The first
    /// `slow` of them are the slow ones.
    pub(super) fn connect(address: &str, spans: Vec<Vec<Span>>, slow: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a thread");
        let (clock, heard) = (Clock::start(), Arc::<Heard>::default());
        let task = watch::Sender::new(Task::Idle);
        let doors = Arc::new(Semaphore::new(HANDSHAKES));
        let count = spans.len() as u64;
        for (number, spans) in spans.into_iter().enumerate() {
            let one = One {
                client: Client::new(number as u64 + 1),
                clock,
                heard: Arc::clone(&heard),
                task: task.subscribe(),
                spans,
                is_slow: number < slow,
            };
            let (address, doors) = (address.to_owned(), Arc::clone(&doors));
            runtime.spawn(one.live(address, doors));
        }
        let crowd = Self {
            heard,
            clock,
            task,
            _runtime: runtime,
        };
        crowd.wait("all are connected", |heard| {
            heard.connected.load(Ordering::Relaxed) == count
        });
        crowd
    }

    /// All begin to watch; returns when all do.
    pub(super) fn watch(&self, watches: u64) {
        self.task.send_replace(Task::Watch);
        self.wait("all watch", |heard| {
            heard.watching.load(Ordering::Relaxed) == watches
        });
    }

    /// The slow ones read nothing, or read again.
    pub(super) fn let_lag(&self, lag: bool) {
        self.task
            .send_replace(if lag { Task::Lag } else { Task::Watch });
    }

    /// Waits until `is_so`.
    pub(super) fn wait(&self, what: &str, is_so: impl Fn(&Heard) -> bool) {
        let began = std::time::Instant::now();
        while !is_so(&self.heard) {
            let heard = &self.heard;
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}; {} connected, {} watching, {} told, {} resyncs, {} lost",
                heard.connected.load(Ordering::Relaxed),
                heard.watching.load(Ordering::Relaxed),
                heard.told.load(Ordering::Relaxed),
                heard.resyncs.load(Ordering::Relaxed),
                heard.lost.load(Ordering::Relaxed),
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until nobody is told anything any more.
    pub(super) fn settle(&self) {
        let mut told = u64::MAX;
        while self.heard.told.load(Ordering::Relaxed) != told {
            told = self.heard.told.load(Ordering::Relaxed);
            std::thread::sleep(QUIET);
        }
    }

    /// What was told since this was asked last.
    pub(super) fn take(&self) -> Vec<Telling> {
        let mut tellings = self.heard.tellings();
        self.heard.told.store(0, Ordering::Relaxed);
        std::mem::take(&mut *tellings)
    }
}

impl Heard {
    fn tellings(&self) -> std::sync::MutexGuard<'_, Vec<Telling>> {
        self.tellings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client.
struct One {
    client: Client,
    clock: Clock,
    heard: Arc<Heard>,
    task: watch::Receiver<Task>,
    spans: Vec<Span>,
    is_slow: bool,
}

impl One {
    async fn live(mut self, address: String, doors: Arc<Semaphore>) {
        let door = doors.acquire().await;
        self.client.handle_dialing(self.clock.now());
        let mut socket = dial(&address).await.expect("a stone that listens");
        self.client.handle_connected(self.clock.now());
        drop(door);
        while self.carry_out(&mut socket).await {
            let lags = self.is_slow && *self.task.borrow_and_update() == Task::Lag;
            let deadline = self.client.poll_timeout();
            let expired = async {
                match deadline {
                    Some(at) if !lags => tokio::time::sleep_until(self.clock.deadline(at)).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                message = socket.next(), if !lags => {
                    let Some(Ok(message)) = message else { break };
                    if message.is_binary() {
                        let now = self.clock.now();
                        let taken = self.client.handle_message(now, message.as_payload());
                        taken.expect("frames of a stone");
                    }
                }
                changed = self.task.changed() => match changed {
                    Ok(()) => self.begin(),
                    Err(_) => return,
                },
                () = expired => self.client.handle_timeout(self.clock.now()),
            }
        }
        self.heard.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn begin(&mut self) {
        for span in std::mem::take(&mut self.spans) {
            let spec = WatchSpec {
                bucket: BucketId(0).into(),
                span,
                token: Vec::new(),
            };
            let begun = self.client.watch(self.clock.now(), spec);
            begun.expect("a watch that can be");
        }
    }

    /// Does what the client wants; false if its connection is no good any more.
    async fn carry_out(&mut self, socket: &mut Socket) -> bool {
        while let Some(output) = self.client.poll_output() {
            match output {
                ClientOutput::Send(bytes) => {
                    if socket.send(Message::binary(bytes)).await.is_err() {
                        return false;
                    }
                }
                ClientOutput::State(ConnectionState::Online { .. }) => {
                    self.heard.connected.fetch_add(1, Ordering::Relaxed);
                }
                ClientOutput::Redial { .. } | ClientOutput::Refused(_) => return false,
                ClientOutput::Done { .. } | ClientOutput::State(_) => {}
            }
        }
        while let Some(output) = self.client.poll_watch() {
            match output {
                WatchOutput::Watching { .. } => {
                    self.heard.watching.fetch_add(1, Ordering::Relaxed);
                }
                WatchOutput::Changes { changes, .. } => {
                    let now = self.clock.now();
                    let values = changes.iter().filter_map(|change| change.value.as_ref());
                    let tellings = values.filter_map(|it| telling(&it.bytes, now, self.is_slow));
                    let mut all = self.heard.tellings();
                    let before = all.len();
                    all.extend(tellings);
                    let more = all.len() - before;
                    self.heard.told.fetch_add(more as u64, Ordering::Relaxed);
                }
                WatchOutput::Resync { .. } => {
                    self.heard.resyncs.fetch_add(1, Ordering::Relaxed);
                }
                WatchOutput::Resumed { .. } => {}
                WatchOutput::Failed { failure, .. } => panic!("{failure}"),
            }
        }
        true
    }
}

/// A value of `bytes` bytes that says which change it is and when it was sent.
pub(super) fn value(number: u32, sent: Instant, bytes: usize) -> Vec<u8> {
    let mut value = number.to_le_bytes().to_vec();
    value.extend(sent.as_micros().to_le_bytes());
    value.resize(bytes.max(value.len()), b'x');
    value
}

fn telling(value: &[u8], now: Instant, is_slow: bool) -> Option<Telling> {
    let (number, rest) = value.split_first_chunk()?;
    let (sent, _) = rest.split_first_chunk()?;
    Some(Telling {
        number: u32::from_le_bytes(*number),
        after_us: now
            .since(Instant::from_micros(u64::from_le_bytes(*sent)))
            .as_micros(),
        is_slow,
    })
}

/// After so long without a telling there is none under way.
const QUIET: Duration = Duration::from_secs(2);
/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);
