//! The threads that carry out one shard's storage requests.

use super::backlog::{Backlog, DiskGone, Job};
use super::error::{DiskAnswer, DiskError};
use super::files::Files;
use super::lane::Lane;
use super::tables::Tables;
use crate::shutdown::Stop;
use henge_core::storage::{FileKind, OperationId, StorageFault, StorageRequest, StoredFile};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use tokio::sync::mpsc::UnboundedSender;

/// Completions handed over together at most.
const COMPLETIONS_MAX: usize = 64;

/// The end of one storage request.
#[derive(Debug)]
pub struct Completion {
    /// Which one.
    pub operation: OperationId,
    /// How it went.
    pub result: Result<DiskAnswer, StorageFault>,
}

/// Where a shard puts its storage requests. Those for one file are carried out in their order, but
/// tables are read beside everything else; what is answered first says nothing about other files.
pub struct DiskQueue {
    backlog: Arc<Backlog>,
    threads: Vec<JoinHandle<()>>,
}

impl DiskQueue {
    /// Starts the threads. Completions go to `done` in batches; their number is bounded by the
    /// requests under way.
    ///
    /// # Errors
    /// If no thread or file handle can be had.
    pub fn start(
        name: &str,
        files: Files,
        done: &UnboundedSender<Vec<Completion>>,
        stop: &Stop,
    ) -> io::Result<Self> {
        let backlog = Arc::<Backlog>::default();
        let worker = |lane, hands| Worker {
            lane,
            hands,
            backlog: Arc::clone(&backlog),
            done: done.clone(),
            stop: stop.clone(),
            ended: Vec::new(),
        };
        let tables = files.tables();
        let mut workers = vec![
            worker(Lane::Table, Hands::Files(files.twin()?)),
            worker(Lane::Log, Hands::Files(files)),
        ];
        for _ in 0..Lane::Read.threads() {
            workers.push(worker(Lane::Read, Hands::Tables(Arc::clone(&tables))));
        }
        let mut queue = Self {
            backlog: Arc::clone(&backlog),
            threads: Vec::new(),
        };
        for worker in workers {
            let thread = std::thread::Builder::new().name(format!("{name}-{}", worker.lane.name()));
            queue.threads.push(thread.spawn(|| worker.run())?);
        }
        Ok(queue)
    }

    /// Puts one request at the end of its lane. A disk that has failed takes it and never answers:
    /// the stone is stopping.
    pub fn push(&self, operation: OperationId, request: StorageRequest) {
        let lane = Lane::of(&request);
        self.backlog.push(lane, Job::Run { operation, request });
    }

    /// Waits until everything in all lanes is done and its completions are handed over, then lists
    /// the files.
    ///
    /// # Errors
    /// That the disk has failed, which has stopped the stone.
    pub fn drain_and_list(&self) -> Result<Vec<StoredFile>, DiskGone> {
        self.backlog.wait_idle()?;
        let (answer, listed) = sync_channel(1);
        // By the thread that has the log's handles: a listing syncs the log.
        self.backlog.push(Lane::Log, Job::List(answer));
        listed.recv().map_err(|_| DiskGone)
    }

    /// Waits until everything is done, with a last sync, and ends the threads.
    pub fn close(mut self) {
        self.backlog.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a disk thread has panicked");
            }
        }
    }
}

impl Drop for DiskQueue {
    /// Threads that nobody closed end by themselves.
    fn drop(&mut self) {
        self.backlog.close();
    }
}

/// What a lane's thread carries requests out with.
enum Hands {
    Files(Files),
    Tables(Arc<Tables>),
}

impl Hands {
    fn execute(&mut self, request: &StorageRequest) -> Result<DiskAnswer, DiskError> {
        match (self, request) {
            (
                Self::Tables(tables),
                &StorageRequest::Read {
                    file,
                    offset,
                    length,
                },
            ) => tables.read(file, offset, length).map(DiskAnswer::Bytes),
            (Self::Tables(_), _) => unreachable!("the read lane only reads"),
            (Self::Files(files), request) => files.execute(request),
        }
    }
}

struct Worker {
    lane: Lane,
    hands: Hands,
    backlog: Arc<Backlog>,
    done: UnboundedSender<Vec<Completion>>,
    stop: Stop,
    ended: Vec<Completion>,
}

impl Worker {
    fn run(mut self) {
        if let Err(error) = self.work() {
            self.backlog.give_up();
            self.stop.fail(format!(
                "{error}. Nothing was acknowledged that is not durable. Check the disk, then start \
                 the stone again: it replays its log"
            ));
        }
    }

    fn work(&mut self) -> Result<(), DiskError> {
        while let Some(job) = self.next() {
            self.carry_out(job)?;
        }
        match &mut self.hands {
            Hands::Files(files) => files.sync_all(),
            Hands::Tables(_) => Ok(()),
        }
    }

    fn next(&mut self) -> Option<Job> {
        self.backlog.try_take(self.lane).or_else(|| {
            self.hand_over();
            self.backlog.take(self.lane)
        })
    }

    fn carry_out(&mut self, job: Job) -> Result<(), DiskError> {
        match job {
            Job::Run { operation, request } => {
                let result = match self.hands.execute(&request) {
                    Ok(answer) => Ok(answer),
                    Err(DiskError::Fault(fault)) => Err(fault),
                    Err(fatal) => return Err(fatal),
                };
                self.ended.push(Completion { operation, result });
                if !can_wait(&request) || self.ended.len() >= COMPLETIONS_MAX {
                    self.hand_over();
                }
            }
            Job::List(answer) => {
                if let Hands::Files(files) = &mut self.hands {
                    // Whoever asked and went away has no use for it.
                    let _ = answer.send(files.list()?);
                }
                self.backlog.ended(1);
            }
        }
        Ok(())
    }

    fn hand_over(&mut self) {
        let count = self.ended.len();
        if count > 0 {
            // A shard that is gone has no use for them.
            let _ = self.done.send(std::mem::take(&mut self.ended));
            self.backlog.ended(count);
        }
    }
}

impl Drop for Worker {
    /// A thread that panicked would have the shard wait for it for ever.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.backlog.give_up();
            self.stop
                .fail("a disk thread has panicked; report this with the log above".into());
        }
    }
}

/// Whether the completion may wait for the next: an append to the log means nothing before its
/// sync, which follows. For everything else somebody waits.
fn can_wait(request: &StorageRequest) -> bool {
    matches!(request, StorageRequest::Append { file, .. } if file.kind == FileKind::Log)
}
