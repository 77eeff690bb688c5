//! What clients ask and hear.

use super::{Runner, WAKE_DEADLINE, WAKE_RETRY};
use crate::bits::Bits;
use crate::checkers::liveness::Unanswered;
use crate::checkers::session::Known;
use crate::checkers::{Reading, nodes, once, reads, session, values};
use crate::failure::{Checker, Failure};
use crate::family::Family;
use crate::model::{Ack, MOVING_OWNERS};
use crate::plan::{Call, CallKind};
use crate::world::{Seat, World};
use henge_core::causality::{Hlc, Token};
use henge_core::cluster::ClusterState;
use henge_core::hash::hash64;
use henge_core::id::{BucketId, RequestId};
use henge_core::node::Node;
use henge_core::replication::Level;
use henge_core::time::{Duration, Instant};
use henge_core::wire::{ClientId, Entry, ErrorCode, Operation, Reply, Request, Response};
use std::collections::BTreeMap;

/// Clients, with what they wait for.
#[derive(Default)]
pub(super) struct Calls {
    /// By the number of the request.
    tries: BTreeMap<u64, Try>,
    open: BTreeMap<u32, OpenCall>,
    /// What each client has read of each key last: the context, and the writes that it covers.
    contexts: BTreeMap<(u8, u16), (Vec<u8>, Bits)>,
    /// What each client's session has seen of each key.
    sessions: BTreeMap<(u8, u16), (Token, Known)>,
    /// Writes of this round.
    pub(super) writes_begun: u64,
    /// Answers to questions of the simulator itself.
    pub(super) answers: BTreeMap<u64, Response>,
}

/// A request that was sent.
struct Try {
    call: Call,
    seat: Seat,
    invoked_at: Instant,
    family: Option<Family>,
    /// What its session had seen then, if it is a read of one.
    known: Option<Known>,
    /// Whether the seat knew the key's bucket.
    knew: bool,
}

/// A call that has no answer yet.
struct OpenCall {
    call: Call,
    context: Vec<u8>,
    tries: usize,
}

/// Requests of the simulator itself have this bit.
pub(super) const OWN: u64 = 1 << 48;

impl Calls {
    /// Whether no client waits for anything.
    pub(super) fn are_over(&self) -> bool {
        self.open.is_empty()
    }

    /// A new round: nobody holds contexts or waits for answers any more.
    pub(super) fn begin_round(&mut self) {
        self.tries.clear();
        self.writes_begun = 0;
    }
}

impl Runner<'_> {
    pub(super) fn call(&mut self, call: &Call) {
        let (with_context, is_write) = match call.kind {
            CallKind::Get => (false, false),
            CallKind::Put { with_context, .. } | CallKind::Delete { with_context } => {
                (with_context, true)
            }
        };
        let known = self.calls.contexts.get(&(call.client, call.key));
        let (context, seen) = known.filter(|_| with_context).cloned().unwrap_or_default();
        if is_write {
            self.calls.writes_begun += 1;
            let (now, world) = (self.world.now(), &self.world);
            let moves = self.plan.setup.moves;
            let bucket = self.plan.setup.buckets.id(call.key);
            let owners = || owners_of(world, bucket, call.key, moves);
            self.model.key(call.key, owners).begin(call, now, &seen);
        }
        let open = OpenCall {
            call: call.clone(),
            context,
            tries: 0,
        };
        self.calls.open.insert(call.id, open);
        self.retry(call.id);
    }

    /// The next try of a call.
    pub(super) fn retry(&mut self, id: u32) {
        let Some(open) = self.calls.open.get_mut(&id) else {
            return;
        };
        let (call, context) = (open.call.clone(), open.context.clone());
        let number = u64::from(id) << 8 | open.tries as u64;
        let seats = std::iter::once(&call.seat).chain(&call.retries);
        // A deadline and a late answer may both have asked for the last one.
        let Some(seat) = seats.clone().nth(open.tries).copied() else {
            return;
        };
        open.tries += 1;
        let (now, key) = (self.world.now(), call.key_text().into_bytes());
        let in_session = call.kind == CallKind::Get && self.plan.setup.sessions;
        let session = self.calls.sessions.get(&(call.client, call.key));
        // A session holds for half of the horizon, by anybody's clock.
        let horizon_ms = self.plan.setup.horizon_ms;
        let holds_ms = (horizon_ms / 2).saturating_sub(self.model.apart().as_millis());
        let holds = |known: &Known| known.newest.physical_ms() + holds_ms > now.as_millis();
        let session = session.filter(|(_, known)| in_session && holds(known));
        let (seen, known) = session.cloned().unzip();
        let bucket = self.plan.setup.buckets.id(call.key);
        let request = Request {
            id: number,
            timeout_ms: call.timeout_ms,
            bucket,
            key,
            operation: operation(&call, context, seen),
        };
        let is_write = matches!(request.operation, Operation::Write { .. });
        let world = &self.world;
        let moves = self.plan.setup.moves;
        let model = self
            .model
            .key(call.key, || owners_of(world, bucket, call.key, moves));
        if is_write && let Some(place) = model.place_of(id) {
            model.try_again(place, seat);
        }
        let owners = model.owners.clone();
        let family = self.family(&owners, seat, call.key, call.level, is_write);
        let state = self.world.node(seat).map(Node::cluster);
        let is_known = |state: &ClusterState| state.bucket(bucket).is_some();
        let knew = bucket == BucketId(0) || state.is_some_and(is_known);
        self.world
            .say(|| format!("client {} to seat {seat}: try w{id}", call.client));
        self.world
            .request(seat, ClientId(u64::from(call.client)), &request);
        self.outcome.tries += 1;
        let patience = Duration::from_millis(u64::from(call.timeout_ms) + 250);
        self.wake(now + patience, WAKE_DEADLINE, number);
        self.calls.tries.insert(
            number,
            Try {
                call,
                seat,
                invoked_at: now,
                family,
                known,
                knew,
            },
        );
    }

    /// The sets of owners that make up `level` for a coordinator at `seat`, or for the owner that
    /// it hands a write on to.
    pub(super) fn family(
        &self,
        owners: &[Seat],
        seat: Seat,
        key: u16,
        level: Option<Level>,
        is_write: bool,
    ) -> Option<Family> {
        let setup = &self.plan.setup;
        let region = |seat: &Seat| setup.member(*seat).zone.region();
        let regions: Vec<&str> = owners.iter().map(region).collect();
        let settings = setup.buckets.of(key);
        let default = if is_write {
            settings.write_level
        } else {
            settings.read_level
        };
        let level = level.unwrap_or(default);
        if setup.moves {
            // Who they are changes: what holds is that majorities meet.
            let level = match level {
                Level::Quorum | Level::All => Level::Quorum,
                _ => Level::One,
            };
            return Family::new(level, &["any"; MOVING_OWNERS], &["any"]);
        }
        if is_write && !owners.contains(&seat) {
            Family::new(level, &regions, &regions)
        } else {
            Family::new(level, &regions, &[region(&seat)])
        }
    }

    pub(super) fn answered(&mut self, seat: Seat, response: Response) -> Result<(), Failure> {
        if response.id & OWN != 0 {
            self.calls.answers.insert(response.id, response);
            return Ok(());
        }
        if self.is_lost(response.id) {
            self.world
                .say(|| format!("seat {seat}  answers, and the answer is lost"));
            return Ok(());
        }
        let Some(sent) = self.calls.tries.remove(&response.id) else {
            return Ok(());
        };
        let client = sent.call.client;
        match response.result {
            Ok(Reply::Found(entry)) => {
                self.calls.open.remove(&sent.call.id);
                let context = entry.context.clone();
                self.found(&sent, Some(&entry), &context)
            }
            Ok(Reply::Missing { context }) => {
                self.calls.open.remove(&sent.call.id);
                self.found(&sent, None, &context)
            }
            Ok(Reply::Written {
                version, context, ..
            }) => {
                let id = sent.call.id;
                self.world
                    .say(|| format!("client {client} hears: w{id} is written at {version}"));
                self.calls.open.remove(&id);
                self.written(&sent, version, &context)
            }
            // These clients do not list, and dial no edge node.
            Ok(Reply::Listed { .. } | Reply::Edge(_)) => Ok(()),
            Err(failure) => {
                self.world
                    .say(|| format!("client {client} hears of w{}: {failure}", sent.call.id));
                nodes::check_refusal(seat, &failure, sent.knew)?;
                self.refused(&sent, failure.code)?;
                self.try_later(&sent.call, failure.code.is_retryable());
                Ok(())
            }
        }
    }

    /// A client has waited long enough.
    pub(super) fn deadline(&mut self, number: u64) -> Result<(), Failure> {
        let Some(sent) = self.calls.tries.get(&number) else {
            return Ok(());
        };
        let call = sent.call.clone();
        if !self.is_lost(number) {
            self.check_liveness(sent, "no answer")?;
        }
        // Its answer may still come; which try a client hears first does not matter.
        self.try_later(&call, true);
        Ok(())
    }

    fn try_later(&mut self, call: &Call, is_worth_it: bool) {
        let Some(open) = self.calls.open.get(&call.id) else {
            return;
        };
        if !is_worth_it || open.tries > call.retries.len() {
            self.calls.open.remove(&call.id);
            return;
        }
        let wait = self.chance(u64::from(call.id) << 8 | open.tries as u64) % 300;
        let at = self.world.now() + Duration::from_millis(5 + wait);
        self.wake(at, WAKE_RETRY, u64::from(call.id));
    }

    fn found(&mut self, sent: &Try, entry: Option<&Entry>, context: &[u8]) -> Result<(), Failure> {
        self.outcome.reads += 1;
        let Some(family) = sent.family else {
            return Ok(());
        };
        let known = sent.known.as_ref();
        let places = self.check_reading(sent.call.key, sent.invoked_at, family, entry, known)?;
        let mut seen = Bits::default();
        places.iter().for_each(|place| seen.insert(*place));
        let version = entry.map_or_else(Hlc::default, |entry| entry.version);
        self.learn(&sent.call, context, &seen, version);
        if let Some(entry) = entry {
            let whose = (sent.call.client, sent.call.key);
            self.calls
                .contexts
                .insert(whose, (entry.context.clone(), seen));
        }
        Ok(())
    }

    /// Checks a read by every law, and takes note of what it shows.
    pub(super) fn check_reading(
        &mut self,
        number: u16,
        invoked_at: Instant,
        family: Family,
        entry: Option<&Entry>,
        known: Option<&Known>,
    ) -> Result<Vec<usize>, Failure> {
        let (world, wiped) = (&self.world, &self.wiped);
        let moves = self.plan.setup.moves;
        let bucket = self.plan.setup.buckets.id(number);
        let owners = || owners_of(world, bucket, number, moves);
        let key = self.model.key(number, owners);
        let places = match entry {
            Some(entry) => values::places(key, entry)?,
            None => vec![],
        };
        if let Some(entry) = entry {
            key.newest_shown = key.newest_shown.max(entry.version);
            key.writes[places[0]].note_version(entry.version);
            places.iter().for_each(|place| key.shown.insert(*place));
        }
        let reading = Reading {
            key: number,
            invoked_at,
            answered_at: world.now(),
            family,
            entry,
            places,
        };
        let key = &self.model.keys[&number];
        values::check(&self.model, key, &reading)?;
        once::check(key, &reading, |seat| wiped.contains(&seat))?;
        reads::check(&self.model, key, &reading)?;
        if let Some(known) = known {
            session::check(&self.model, key, &reading, known)?;
            self.outcome.session_reads += 1;
        }
        Ok(reading.places)
    }

    /// The session of whoever made `call` was told this.
    fn learn(&mut self, call: &Call, context: &[u8], places: &Bits, version: Hlc) {
        let token = Token::decode(context).expect("a node gives contexts");
        let session = self.calls.sessions.entry((call.client, call.key));
        let (seen, known) = session.or_default();
        seen.join(&token);
        known.places.join(places);
        known.newest = known.newest.max(version);
    }

    fn written(&mut self, sent: &Try, version: Hlc, context: &[u8]) -> Result<(), Failure> {
        let latest = self.world.latest_at(sent.seat);
        let (now, round, wiped) = (self.world.now(), self.model.round, &self.wiped);
        let Some(key) = self.model.keys.get_mut(&sent.call.key) else {
            return Ok(());
        };
        let is_owner = key.owners.contains(&sent.seat);
        let Some(place) = key.place_of(sent.call.id) else {
            return Ok(());
        };
        let write = &mut key.writes[place];
        write.note_version(version);
        if let Some(family) = sent.family {
            write.acks.push(Ack {
                at: now,
                round,
                version,
                family,
            });
        }
        self.outcome.acknowledged += 1;
        let mut places = Bits::default();
        places.insert(place);
        once::check_versions(write, |seat| wiped.contains(&seat))?;
        if is_owner && self.is_clock_good(sent.seat) {
            nodes::check_clock(sent.seat, latest, version)?;
        }
        self.learn(&sent.call, context, &places, version);
        Ok(())
    }

    /// A clock that was never far off: what was minted by a wrong one is kept.
    fn is_clock_good(&self, seat: Seat) -> bool {
        let offsets = &self.plan.setup.offsets_micros;
        offsets.get(seat).is_none_or(|micros| *micros < 30_000_000)
    }

    fn refused(&mut self, sent: &Try, code: ErrorCode) -> Result<(), Failure> {
        let is_write = sent.call.kind != CallKind::Get;
        // A request that is handed on can arrive twice here, which it cannot over one connection:
        // refused the first time and applied the second.
        let is_sure = !matches!(code, ErrorCode::Indeterminate | ErrorCode::Timeout)
            && (!self.duplicates || self.is_owner(sent));
        if is_write
            && is_sure
            && let Some(key) = self.model.keys.get_mut(&sent.call.key)
            && let Some(place) = key.place_of(sent.call.id)
        {
            key.writes[place].refused += 1;
        }
        // A clock that is far off, a storage that does not keep up, and one who has not heard of the
        // bucket yet, may refuse.
        if matches!(
            code,
            ErrorCode::ClockSkew | ErrorCode::RateLimited | ErrorCode::NoSuchBucket
        ) {
            return Ok(());
        }
        self.check_liveness(sent, code.name())
    }

    fn is_owner(&self, sent: &Try) -> bool {
        let key = self.model.keys.get(&sent.call.key);
        key.is_some_and(|key| key.owners.contains(&sent.seat))
    }

    fn check_liveness(&self, sent: &Try, what: &str) -> Result<(), Failure> {
        let setup = &self.plan.setup;
        // A wrong clock makes replicas refuse writes, and it is meant to.
        let is_far = |micros: &i64| micros.unsigned_abs() > 30_000_000;
        // What a session has seen may be on a replica that is not well.
        let has_seen = sent.known.is_some();
        if has_seen
            || setup.moves
            || sent.call.timeout_ms < 1_000
            || setup.offsets_micros.iter().any(is_far)
        {
            return Ok(());
        }
        let (Some(family), Some(key)) = (sent.family, self.model.keys.get(&sent.call.key)) else {
            return Ok(());
        };
        let request = Unanswered {
            seat: sent.seat,
            owners: &key.owners,
            invoked_at: sent.invoked_at,
            family,
            is_write: sent.call.kind != CallKind::Get,
        };
        if !self.wellness.asks_for(&request) {
            return Ok(());
        }
        let message = format!(
            "{what} for `{}` though enough owners of {:?} were well",
            sent.call, key.owners
        );
        Err(Failure::new(Checker::Liveness, message))
    }

    /// Whether the answer to request `number` never reaches its client.
    fn is_lost(&self, number: u64) -> bool {
        let permille = u64::from(self.plan.setup.answers_lost_permille);
        self.chance(number ^ 0x105e) % 1_000 < permille
    }

    /// A number that follows from the seed and `salt` alone, whatever else happens.
    pub(super) fn chance(&self, salt: u64) -> u64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.plan.seed.to_le_bytes());
        bytes[8..].copy_from_slice(&salt.to_le_bytes());
        hash64(&bytes)
    }
}

/// Who owns `key` for good; nobody is known to if owners change.
fn owners_of(world: &World, bucket: BucketId, key: u16, moves: bool) -> Vec<Seat> {
    if moves {
        return Vec::new();
    }
    world.owners(bucket, crate::plan::key_text(key).as_bytes())
}

fn operation(call: &Call, context: Vec<u8>, seen: Option<Token>) -> Operation {
    let (value, ttl_ms) = match call.kind {
        CallKind::Get => {
            return Operation::Get {
                level: call.level,
                seen: seen.map_or_else(Vec::new, |token| token.encode()),
            };
        }
        CallKind::Put { bytes, ttl_ms, .. } => (Some(values::value(call.id, bytes)), ttl_ms),
        CallKind::Delete { .. } => (None, None),
    };
    Operation::Write {
        level: call.level,
        request: RequestId {
            client: u64::from(call.client) + 1,
            sequence: u64::from(call.id),
        },
        context,
        value,
        ttl_ms,
    }
}
