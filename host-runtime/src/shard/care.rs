//! Client requests between inbox and guest, so that one that traps the guest harms no other.
//!
//! Mostly requests pass through in batches, and it is only noted which have no answer yet. After a
//! trap they are handed over one at a time for a while, each after the one before was answered. A
//! request that traps the guest all alone is tried again, for it may have been bad luck (memory was
//! short), and is answered by the host once it has done so too often. The others never notice.

use bytes::Bytes;
use henge_core::hash::hash64;
use henge_core::time::{Duration, Instant};
use henge_core::wire::frame::HEADER_BYTES;
use henge_core::wire::{
    ClientId, ErrorCode, Failure, Frame, FrameKind, Operation, Request, Response, decode_body,
    message_frame,
};
use std::collections::{BTreeMap, VecDeque};

/// How long requests are handed over one at a time after a trap.
const CAREFUL_TIME: Duration = Duration::from_millis(2_000);
/// How long one of them is waited for before the next: it may wait for a member that is away.
const ANSWER_TIME: Duration = Duration::from_millis(50);
/// How often a request may trap the guest.
const STRIKES_MAX: u8 = 3;
/// Requests that may wait here; more stay in the inbox.
const WAITING_MAX: usize = 16_384;
/// Requests without an answer that are remembered; a node refuses more at a time.
const OPEN_MAX: usize = 65_536;
/// Requests whose traps are remembered.
const SUSPECTS_MAX: usize = 1_024;

/// What became of the requests that a trapped guest had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It had none, or the one it had waits to be tried again.
    Nothing,
    /// More than one; whoever sent them must send them again.
    Some,
    /// One that will not be tried again; this is its answer.
    Refused(ClientId, Vec<u8>),
}

/// The requests of one shard.
#[derive(Default)]
pub(super) struct Care {
    waiting: VecDeque<(ClientId, Bytes)>,
    open: BTreeMap<(ClientId, u64), Bytes>,
    careful_until: Option<Instant>,
    handed_at: Instant,
    strikes: BTreeMap<u64, u8>,
}

impl Care {
    /// A request has come.
    pub(super) fn put(&mut self, client: ClientId, frame: Bytes) {
        self.waiting.push_back((client, frame));
    }

    /// Whether more may be put.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// Requests without an answer.
    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.open.len()
    }

    /// The next request for the guest, if it may have one now.
    pub(super) fn next(&mut self, now: Instant) -> Option<(ClientId, Bytes)> {
        if self.due(now).is_none_or(|due| due > now) {
            return None;
        }
        let (client, frame) = self.waiting.pop_front()?;
        self.handed_at = now;
        if let Some(id) = request_id(&frame)
            && self.open.len() < OPEN_MAX
        {
            self.open.insert((client, id), frame.clone());
        }
        Some((client, frame))
    }

    /// When the next request may be handed over, if one waits.
    pub(super) fn due(&mut self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        self.careful_until = self.careful_until.filter(|&until| now < until);
        let waits = self.careful_until.is_some() && !self.open.is_empty();
        Some(if waits {
            self.handed_at + ANSWER_TIME
        } else {
            now
        })
    }

    /// The guest has answered `client` with `frame`.
    pub(super) fn answered(&mut self, client: ClientId, frame: &[u8]) {
        let Some(id) = request_id(frame) else { return };
        let request = self.open.remove(&(client, id));
        if !self.strikes.is_empty()
            && let Some(request) = request
        {
            self.strikes.remove(&hash64(&request));
        }
    }

    /// The client is gone, and with it all it wanted.
    pub(super) fn gone(&mut self, client: ClientId) {
        self.waiting.retain(|(waiting, _)| *waiting != client);
        let of_client = (client, 0)..=(client, u64::MAX);
        let open: Vec<_> = self.open.range(of_client).map(|(&key, _)| key).collect();
        open.iter().for_each(|key| drop(self.open.remove(key)));
    }

    /// The guest has trapped.
    pub(super) fn trapped(&mut self, now: Instant) -> Lost {
        self.careful_until = Some(now + CAREFUL_TIME);
        let open = std::mem::take(&mut self.open);
        let mut requests = open.into_iter();
        match (requests.next(), requests.next()) {
            (None, _) => Lost::Nothing,
            (Some(((client, id), frame)), None) => self.strike(client, id, frame),
            (Some(_), Some(_)) => Lost::Some,
        }
    }

    /// `frame` was all that the guest had.
    fn strike(&mut self, client: ClientId, id: u64, frame: Bytes) -> Lost {
        if self.strikes.len() >= SUSPECTS_MAX {
            self.strikes.clear();
        }
        let suspect = hash64(&frame);
        let strikes = self.strikes.entry(suspect).or_default();
        *strikes += 1;
        if *strikes < STRIKES_MAX {
            self.waiting.push_front((client, frame));
            return Lost::Nothing;
        }
        self.strikes.remove(&suspect);
        Lost::Refused(client, refusal(id, &frame))
    }
}

/// The number that the body of a request begins with, and that of its answer. The frame itself was
/// checked when it came.
fn request_id(frame: &[u8]) -> Option<u64> {
    let (id, _) = postcard::take_from_bytes(frame.get(HEADER_BYTES..)?).ok()?;
    Some(id)
}

/// The answer to a request that traps.
fn refusal(id: u64, frame: &[u8]) -> Vec<u8> {
    let frame = Frame::take(frame).ok().map(|(frame, _)| frame);
    let request = frame.and_then(|frame| decode_body::<Request>(frame.body).ok());
    let reads = request.is_some_and(|r| !matches!(r.operation, Operation::Write { .. }));
    let failure = if reads {
        let message = "reading this makes the server fail each time; report this";
        Failure::new(ErrorCode::Internal, message)
    } else {
        let message = "this write makes the server fail each time: it may or may not have been \
                       applied, and was not tried again; report this";
        Failure::new(ErrorCode::Indeterminate, message)
    };
    let partition = frame.map_or(henge_core::id::PartitionId(0), |frame| frame.partition);
    message_frame(
        FrameKind::Response,
        partition,
        &Response {
            id,
            result: Err(failure),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use henge_core::id::{BucketId, PartitionId};

    const CLIENT: ClientId = ClientId(7);
    const NOW: Instant = Instant::from_micros(1_000_000);

    fn request(id: u64) -> Bytes {
        let operation = Operation::Get {
            level: None,
            seen: Vec::new(),
        };
        let request = Request {
            id,
            timeout_ms: 0,
            bucket: BucketId(0),
            key: vec![1],
            operation,
        };
        message_frame(FrameKind::Request, PartitionId(3), &request).into()
    }

    fn answer(id: u64) -> Vec<u8> {
        refusal(id, &request(id))
    }

    fn handed(care: &mut Care, now: Instant) -> Vec<u64> {
        let next = || care.next(now).and_then(|(_, frame)| request_id(&frame));
        std::iter::from_fn(next).collect()
    }

    fn with(ids: std::ops::Range<u64>) -> Care {
        let mut care = Care::default();
        ids.for_each(|id| care.put(CLIENT, request(id)));
        care
    }

    #[test]
    fn without_a_trap_all_pass_at_once() {
        let mut care = with(0..5);
        assert_eq!(handed(&mut care, NOW), [0, 1, 2, 3, 4]);
        assert_eq!(care.due(NOW), None);
    }

    #[test]
    fn after_a_trap_each_waits_for_the_answer_to_the_one_before() {
        let mut care = with(0..3);
        handed(&mut care, NOW);
        assert_eq!(care.trapped(NOW), Lost::Some);
        (0..3).for_each(|id| care.put(CLIENT, request(id)));
        assert_eq!(handed(&mut care, NOW), [0]);
        care.answered(CLIENT, &answer(0));
        assert_eq!(handed(&mut care, NOW), [1]);
        assert_eq!(care.due(NOW), Some(NOW + ANSWER_TIME));
        assert_eq!(handed(&mut care, NOW + ANSWER_TIME), [2]);
        (3..6).for_each(|id| care.put(CLIENT, request(id)));
        assert_eq!(handed(&mut care, NOW + CAREFUL_TIME), [3, 4, 5]);
    }

    #[test]
    fn a_request_that_traps_alone_is_tried_again_and_then_answered_by_the_host() {
        let mut care = with(0..2);
        handed(&mut care, NOW);
        care.answered(CLIENT, &answer(0));
        for _ in 1..STRIKES_MAX {
            assert_eq!(care.trapped(NOW), Lost::Nothing);
            assert_eq!(handed(&mut care, NOW), [1]);
        }
        let Lost::Refused(client, frame) = care.trapped(NOW) else {
            panic!("it is refused")
        };
        let (frame, _) = Frame::take(&frame).unwrap();
        let response: Response = decode_body(frame.body).unwrap();
        assert_eq!(
            (client, response.id, frame.partition),
            (CLIENT, 1, PartitionId(3))
        );
        assert_eq!(response.result.unwrap_err().code, ErrorCode::Internal);
        assert_eq!(care.trapped(NOW), Lost::Nothing);
    }

    #[test]
    fn a_client_that_is_gone_leaves_nothing_behind() {
        let mut care = with(0..1);
        care.put(ClientId(8), request(9));
        handed(&mut care, NOW);
        care.put(CLIENT, request(1));
        care.gone(CLIENT);
        assert_eq!(care.due(NOW), None);
        assert_eq!(
            care.trapped(NOW),
            Lost::Nothing,
            "the one of the other client is tried again"
        );
        assert_eq!(handed(&mut care, NOW), [9]);
    }
}
