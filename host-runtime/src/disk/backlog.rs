//! What one shard has asked of its disk and has no answer to yet.

use super::lane::Lane;
use henge_core::storage::{OperationId, StorageRequest, StoredFile};
use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The disk has failed and the stone is stopping.
#[derive(Clone, Copy, Debug)]
pub struct DiskGone;

/// What a lane's thread is asked to do.
pub(super) enum Job {
    Run {
        operation: OperationId,
        request: StorageRequest,
    },
    /// Answer with the files that there are.
    List(SyncSender<Vec<StoredFile>>),
}

/// The lanes' queues under one lock, so that it can be waited for that all of them are empty. The
/// lock is held for moments only: what takes time is done without it.
#[derive(Default)]
pub(super) struct Backlog {
    state: Mutex<State>,
    /// One for each lane: there is work, or the end has come.
    work: [Condvar; Lane::ALL.len()],
    /// There is room, or nothing is under way, or the disk is gone.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    lanes: [Waiting; Lane::ALL.len()],
    /// Jobs that wait or whose completion is not handed over yet.
    under_way: usize,
    /// Threads that wait for progress; mostly none, and then nobody need be woken.
    watchers: usize,
    end: End,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    idle_threads: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// What waits is carried out, then the threads end.
    Closed,
    /// Nothing more is carried out.
    Gone,
}

impl Backlog {
    /// Puts `job` at the end of `lane`, and waits for room before. Drops it if the disk is gone.
    pub(super) fn push(&self, lane: Lane, job: Job) {
        let full = |state: &State| state.lanes[lane as usize].jobs.len() >= lane.waiting_max();
        let mut state = self.watch(full);
        if state.end == End::Gone {
            return;
        }
        state.under_way += 1;
        let waiting = &mut state.lanes[lane as usize];
        waiting.jobs.push_back(job);
        if waiting.idle_threads > 0 {
            self.work[lane as usize].notify_one();
        }
    }

    /// The next job of `lane`, if one waits.
    pub(super) fn try_take(&self, lane: Lane) -> Option<Job> {
        self.pop(&mut self.lock(), lane)
    }

    /// Waits for the next job of `lane`; `None` if there will be none.
    pub(super) fn take(&self, lane: Lane) -> Option<Job> {
        let mut state = self.lock();
        loop {
            let job = self.pop(&mut state, lane);
            if job.is_some() || state.end != End::Open {
                return job;
            }
            state.lanes[lane as usize].idle_threads += 1;
            state = self.work[lane as usize]
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.lanes[lane as usize].idle_threads -= 1;
        }
    }

    /// The completions of `count` jobs are handed over.
    pub(super) fn ended(&self, count: usize) {
        let mut state = self.lock();
        state.under_way -= count;
        if state.under_way == 0 {
            self.tell(&state);
        }
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// If the disk is gone.
    pub(super) fn wait_idle(&self) -> Result<(), DiskGone> {
        match self.watch(|state| state.under_way > 0).end {
            End::Gone => Err(DiskGone),
            End::Open | End::Closed => Ok(()),
        }
    }

    /// Nothing more will be pushed.
    pub(super) fn close(&self) {
        self.end(End::Closed);
    }

    /// The disk cannot be trusted: what waits is dropped, and whoever waits is woken.
    pub(super) fn give_up(&self) {
        self.end(End::Gone);
    }

    fn end(&self, end: End) {
        let mut state = self.lock();
        if state.end != End::Gone {
            state.end = end;
        }
        if state.end == End::Gone {
            state.lanes.iter_mut().for_each(|lane| lane.jobs.clear());
        }
        self.work.iter().for_each(Condvar::notify_all);
        self.progress.notify_all();
    }

    fn pop(&self, state: &mut State, lane: Lane) -> Option<Job> {
        let job = state.lanes[lane as usize].jobs.pop_front()?;
        self.tell(state);
        Some(job)
    }

    fn tell(&self, state: &State) {
        if state.watchers > 0 {
            self.progress.notify_all();
        }
    }

    /// Waits while `busy`, unless the disk is gone.
    fn watch(&self, busy: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while busy(&state) && state.end != End::Gone {
            state.watchers += 1;
            state = self
                .progress
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.watchers -= 1;
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
