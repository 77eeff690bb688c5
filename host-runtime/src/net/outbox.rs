//! The bounded queue of frames in front of one connection.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Bytes put into one WebSocket message, unless a single frame is longer.
const MESSAGE_BYTES: usize = 1_024 * 1_024;

/// Frames on their way to one connection. Putting one in never waits.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    changed: Notify,
    broken: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    closed: bool,
    /// Whoever empties the queue has been told, or need not be, since it is at work.
    told: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It waits; [`Outbox::wake`] is due, once for all frames pushed together.
    Wake,
    /// It waits behind others.
    Queued,
    /// There is no room; it was dropped.
    Full,
    /// The connection is gone; it was dropped.
    Closed,
}

impl Outbox {
    /// A queue for `bytes_max` bytes; an empty one takes any frame.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self {
            queue: Mutex::default(),
            changed: Notify::new(),
            broken: Notify::new(),
            bytes_max,
        }
    }

    /// Puts `frame` at the end.
    pub fn push(&self, frame: Vec<u8>) -> Pushed {
        let mut queue = self.lock();
        if queue.closed {
            return Pushed::Closed;
        }
        if queue.bytes > 0 && queue.bytes + frame.len() > self.bytes_max {
            return Pushed::Full;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        if std::mem::replace(&mut queue.told, true) {
            Pushed::Queued
        } else {
            Pushed::Wake
        }
    }

    /// Tells whoever empties the queue.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Takes no more frames; those that wait can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Takes no more frames and drops those that wait: the connection is to end at once.
    pub fn break_off(&self) {
        *self.lock() = Queue {
            closed: true,
            ..Queue::default()
        };
        self.changed.notify_one();
        self.broken.notify_one();
    }

    /// Waits until someone breaks it off.
    pub async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Drops everything that waits and takes frames from now on.
    pub fn reopen(&self) {
        *self.lock() = Queue::default();
    }

    /// Waits for frames and takes as many as one message should hold; `None` once the queue is
    /// closed and empty.
    pub async fn next(&self) -> Option<Bytes> {
        loop {
            let changed = self.changed.notified();
            {
                let mut queue = self.lock();
                if !queue.frames.is_empty() {
                    return Some(queue.take_message());
                }
                if queue.closed {
                    return None;
                }
                queue.told = false;
            }
            changed.await;
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A queue is consistent between any two statements that could panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take_message(&mut self) -> Bytes {
        let first = self.frames.pop_front().unwrap_or_default();
        self.bytes -= first.len();
        let more = self
            .frames
            .front()
            .is_some_and(|next| first.len() + next.len() <= MESSAGE_BYTES);
        if !more {
            return Bytes::from(first);
        }
        let mut message = BytesMut::with_capacity((first.len() + self.bytes).min(MESSAGE_BYTES));
        message.extend_from_slice(&first);
        while let Some(next) = self.frames.front() {
            if message.len() + next.len() > MESSAGE_BYTES {
                break;
            }
            message.extend_from_slice(next);
            self.bytes -= next.len();
            self.frames.pop_front();
        }
        message.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_that_is_ready_becomes_one_message() {
        let outbox = Outbox::new(100);
        assert_eq!(outbox.push(vec![1; 10]), Pushed::Wake);
        assert_eq!(outbox.push(vec![2; 20]), Pushed::Queued);
        let message = outbox.next().await.unwrap();
        assert_eq!((message.len(), message[9], message[10]), (30, 1, 2));
        assert_eq!(outbox.bytes(), 0);
    }

    #[tokio::test]
    async fn a_message_holds_whole_frames_and_no_more_than_it_should() {
        let outbox = Outbox::new(usize::MAX);
        for _ in 0..3 {
            outbox.push(vec![0; MESSAGE_BYTES / 2]);
        }
        outbox.push(vec![0; 2 * MESSAGE_BYTES]);
        let sizes = [MESSAGE_BYTES, MESSAGE_BYTES / 2, 2 * MESSAGE_BYTES];
        for size in sizes {
            assert_eq!(outbox.next().await.unwrap().len(), size);
        }
    }

    #[test]
    fn a_full_queue_drops_and_an_empty_one_takes_any_frame() {
        let outbox = Outbox::new(10);
        assert_eq!(outbox.push(vec![0; 50]), Pushed::Wake);
        assert_eq!(outbox.push(vec![0; 1]), Pushed::Full);
    }

    #[tokio::test]
    async fn a_closed_queue_ends_after_what_waits() {
        let outbox = Outbox::new(10);
        outbox.push(vec![0; 5]);
        outbox.close();
        assert_eq!(outbox.push(vec![0; 1]), Pushed::Closed);
        assert!(outbox.next().await.is_some());
        assert_eq!(outbox.next().await, None);
    }
}
