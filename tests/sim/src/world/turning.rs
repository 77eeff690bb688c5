//! The world's loop: what is due happens, and what follows from it is planned.

use super::agenda::Due;
use super::{Notice, Seat, World, disk};
use henge_core::node::{Input, Node, Output};
use henge_core::time::{Duration, Instant};
use henge_core::wire::{self, ClientId, FrameKind, Frames};

impl World {
    /// Moves the clock to what is due next and lets it happen: all that is due for one seat at
    /// that moment as one batch. Says whether anything was due.
    pub fn turn(&mut self) -> bool {
        let Some(at) = self.agenda.next_at() else {
            return false;
        };
        self.now = at;
        let mut batch = std::mem::take(&mut self.batch);
        batch.extend(std::iter::from_fn(|| self.agenda.take(at)));
        batch.sort_by_key(Due::seat);
        let mut dues = batch.drain(..).peekable();
        while let Some(first) = dues.next() {
            let seat = first.seat();
            if let Due::Wake(number) = first {
                self.notices.push_back(Notice::Wake(number));
                continue;
            }
            let mut count = u32::from(self.give(seat, first));
            while let Some(due) = dues.next_if(|due| due.seat() == seat) {
                count += u32::from(self.give(seat, due));
            }
            if count > 0 {
                self.drain(seat, count);
            }
        }
        drop(dues);
        self.batch = batch;
        true
    }

    /// Hands what is due to the node of `seat`, unless whom it was for is gone.
    fn give(&mut self, seat: Seat, due: Due) -> bool {
        let machine = &mut self.machines[seat];
        if machine.node.is_none() {
            return false;
        }
        let now = machine.clock.at(self.now);
        let life = machine.life;
        let members = &self.members;
        let (record, digest) = (&mut self.record, &mut self.digest);
        match due {
            Due::Frame { from, frame, .. } => {
                let link = self.network.link(from, seat);
                if link.is_clogged {
                    link.hold(frame);
                    return false;
                }
                let (from, frame) = (members[from].id, &frame[..]);
                machine.feed(seat, now, Input::Peer { from, frame }, record, digest);
            }
            Due::Request { client, frame, .. } => {
                let frame = &frame[..];
                machine.feed(seat, now, Input::Client { client, frame }, record, digest);
            }
            Due::ClientGone { client, .. } => {
                machine.feed(seat, now, Input::ClientGone(client), record, digest);
            }
            Due::Peer {
                life: of, peer, up, ..
            } if of == life => {
                let id = members[peer].id;
                let input = if up {
                    Input::PeerUp(id)
                } else {
                    Input::PeerDown(id)
                };
                machine.feed(seat, now, input, record, digest);
                self.say(|| {
                    let word = if up { "up" } else { "down" };
                    format!("seat {seat}  hears that seat {peer} is {word}")
                });
            }
            Due::Wish { change, .. } => {
                machine.feed(seat, now, Input::Wish(change), record, digest);
            }
            Due::Opened { life: of, .. } if of == life => {
                let files = machine.disk.files();
                machine.feed(seat, now, Input::Opened(files), record, digest);
            }
            Due::Timeout { life: of, .. } if of == life => {
                return self.give_timeout(seat, now);
            }
            Due::Storage {
                life: of,
                operation,
                ..
            } if of == life => {
                let answer = machine.disk.complete(operation);
                let result = disk::answer(&answer);
                let input = Input::StorageDone { operation, result };
                machine.feed(seat, now, input, record, digest);
            }
            _ => return false,
        }
        true
    }

    /// A node may have changed its mind about its timeout since it was planned.
    fn give_timeout(&mut self, seat: Seat, now: Instant) -> bool {
        let machine = &mut self.machines[seat];
        if machine.timer != Some(self.now) {
            return false;
        }
        machine.timer = None;
        let wanted = machine.node.as_ref().and_then(Node::poll_timeout);
        let is_due = wanted.is_some_and(|(at, _)| at <= now);
        if is_due {
            let (record, digest) = (&mut self.record, &mut self.digest);
            machine.feed(seat, now, Input::Timeout, record, digest);
        } else {
            self.arm(seat);
        }
        is_due
    }

    /// Carries out everything that the node of `seat` wants after `count` inputs.
    fn drain(&mut self, seat: Seat, count: u32) {
        let machine = &mut self.machines[seat];
        let now = machine.clock.at(self.now);
        if let Some(trace) = &mut machine.trace {
            let inputs = std::mem::take(&mut self.record);
            trace.batches.push((now, count, inputs));
        }
        while let Some(output) = self.machines[seat].work(Node::poll_output).flatten() {
            self.digest.output(seat, &output);
            self.carry_out(seat, output);
        }
        self.arm(seat);
    }

    fn arm(&mut self, seat: Seat) {
        let machine = &mut self.machines[seat];
        let Some((at, _)) = machine.work(|node| node.poll_timeout()).flatten() else {
            return;
        };
        let at = machine
            .clock
            .when(at)
            .max(self.now + Duration::from_micros(1));
        if machine.timer.is_none_or(|timer| at < timer) {
            machine.timer = Some(at);
            let life = machine.life;
            self.agenda.plan(at, Due::Timeout { to: seat, life });
        }
    }

    fn carry_out(&mut self, seat: Seat, output: Output) {
        match output {
            Output::Peer { to, frame } => {
                let to = self.seat_of(to).expect("a member");
                self.send(seat, to, frame);
            }
            Output::Client { client, frame } => self.answer(seat, client, &frame),
            Output::Storage { operation, request } => {
                let machine = &mut self.machines[seat];
                let life = machine.life;
                let at = machine.disk.submit(self.now, operation, request);
                let due = Due::Storage {
                    to: seat,
                    life,
                    operation,
                };
                self.agenda.plan(at, due);
            }
            Output::Event(event) => {
                self.say(|| format!("seat {seat}  says: {event}"));
                self.notices.push_back(Notice::Event(seat, event));
            }
            Output::Cluster(state) if state.epoch > self.cluster.epoch => {
                self.say(|| format!("seat {seat}  goes by epoch {}", state.epoch));
                self.cluster = *state;
            }
            // There are no other shards that might have something.
            Output::Wish(change) => self.plan(0, Due::Wish { to: seat, change }),
            Output::Report { .. } | Output::Cluster(_) => {}
        }
    }

    fn send(&mut self, from: Seat, to: Seat, frame: Vec<u8>) {
        if let Some(traffic) = &mut self.traffic {
            traffic.add(self.now, from, to, &frame);
        }
        let [first, again] = self.network.link(from, to).send(self.now);
        if self.story.is_some() {
            let what = crate::story::peer_message(&frame);
            let fate = match first {
                None => "lost".to_owned(),
                Some(at) => format!("{} us", at.since(self.now).as_micros()),
            };
            self.say(|| format!("seat {from}  to seat {to} ({fate}): {what}"));
        }
        if let Some(at) = again {
            let frame = frame.clone();
            self.agenda.plan(at, Due::Frame { to, from, frame });
        }
        if let Some(at) = first {
            self.agenda.plan(at, Due::Frame { to, from, frame });
        }
    }

    fn answer(&mut self, seat: Seat, client: ClientId, frames: &[u8]) {
        for frame in Frames::new(frames) {
            let frame = frame.expect("a node sends whole frames");
            let notice = match frame.kind {
                FrameKind::Refusal => {
                    Notice::Refusal(seat, wire::decode_body(frame.body).expect("a refusal"))
                }
                FrameKind::Events => Notice::Events(seat, client, frame.bytes.to_vec()),
                _ => Notice::Response(seat, wire::decode_body(frame.body).expect("a response")),
            };
            self.notices.push_back(notice);
        }
    }
}
