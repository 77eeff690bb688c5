//! The thread that carries out one shard's storage requests in order.

use super::files::{DiskAnswer, DiskError, Files};
use crate::shutdown::Stop;
use henge_core::storage::{OperationId, StorageFault, StorageRequest, StoredFile};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::mpsc::UnboundedSender;

/// Requests that may wait. A node bounds its own requests far below; should it not, its shard waits
/// here, which is no deadlock: completions never wait.
const QUEUE_MAX: usize = 4_096;
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

/// The disk has failed and the stone is stopping.
#[derive(Clone, Copy, Debug)]
pub struct DiskGone;

enum Job {
    Run {
        operation: OperationId,
        request: StorageRequest,
    },
    /// Answer with the files that there are, once everything before is done.
    List(SyncSender<Vec<StoredFile>>),
}

/// Where a shard puts its storage requests.
pub struct DiskQueue {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl DiskQueue {
    /// Starts the thread. Completions go to `done` in batches, in the order of the requests; their
    /// number is bounded by the requests under way.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(
        name: &str,
        files: Files,
        done: UnboundedSender<Vec<Completion>>,
        stop: Stop,
    ) -> io::Result<Self> {
        let (jobs, queued) = sync_channel(QUEUE_MAX);
        let worker = Worker {
            files,
            queued,
            done,
            stop,
            ended: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("{name}-disk"))
            .spawn(|| worker.run())?;
        Ok(Self { jobs, thread })
    }

    /// Puts one request at the end. A queue whose disk has failed takes it and never answers: the
    /// stone is stopping.
    pub fn push(&self, operation: OperationId, request: StorageRequest) {
        // The only error is that the thread is gone, after it has stopped the stone.
        let _ = self.jobs.send(Job::Run { operation, request });
    }

    /// Waits until everything before is done and its completions are handed over, then lists the
    /// files.
    ///
    /// # Errors
    /// That the disk has failed, which has stopped the stone.
    pub fn drain_and_list(&self) -> Result<Vec<StoredFile>, DiskGone> {
        let (answer, listed) = sync_channel(1);
        self.jobs.send(Job::List(answer)).map_err(|_| DiskGone)?;
        listed.recv().map_err(|_| DiskGone)
    }

    /// Waits until everything is done, with a last sync, and ends the thread.
    pub fn close(self) {
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("a disk thread has panicked");
        }
    }
}

struct Worker {
    files: Files,
    queued: Receiver<Job>,
    done: UnboundedSender<Vec<Completion>>,
    stop: Stop,
    ended: Vec<Completion>,
}

impl Worker {
    fn run(mut self) {
        if let Err(error) = self.work() {
            self.stop.fail(format!(
                "{error}. Nothing was acknowledged that is not durable. Check the disk, then start \
                 the stone again: it replays its log"
            ));
        }
    }

    fn work(&mut self) -> Result<(), DiskError> {
        loop {
            let job = match self.queued.try_recv() {
                Ok(job) => job,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    self.hand_over();
                    let Ok(job) = self.queued.recv() else { break };
                    job
                }
            };
            self.carry_out(job)?;
        }
        self.hand_over();
        self.files.sync_all()
    }

    fn carry_out(&mut self, job: Job) -> Result<(), DiskError> {
        match job {
            Job::Run { operation, request } => {
                let result = match self.files.execute(&request) {
                    Ok(answer) => Ok(answer),
                    Err(DiskError::Fault(fault)) => Err(fault),
                    Err(fatal) => return Err(fatal),
                };
                self.ended.push(Completion { operation, result });
                // What follows a sync waits for it; nothing else is worth handing over alone.
                let synced = matches!(request, StorageRequest::Sync { .. });
                if synced || self.ended.len() >= COMPLETIONS_MAX {
                    self.hand_over();
                }
            }
            Job::List(answer) => {
                self.hand_over();
                // Whoever asked and went away has no use for it.
                let _ = answer.send(self.files.list()?);
            }
        }
        Ok(())
    }

    fn hand_over(&mut self) {
        if !self.ended.is_empty() {
            // A shard that is gone has no use for them.
            let _ = self.done.send(std::mem::take(&mut self.ended));
        }
    }
}
