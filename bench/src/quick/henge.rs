//! Henge as a contender: real stones, one WebSocket a connection.

use super::peer::{Connection, Peer};
use henge_core::causality::Value;
use henge_core::client::Call;
use henge_core::id::BucketId;
use henge_core::wire::Reply;
use henge_tests::process::{Session, Stones};

pub(crate) struct Henge {
    stones: Stones,
    name: String,
}

impl Henge {
    pub(crate) fn start(count: usize, level: &str, name: &str) -> Self {
        let more = ["--write-level", level, "--read-level", level];
        Self {
            stones: Stones::start_with(count, &more),
            name: name.to_owned(),
        }
    }
}

impl Peer for Henge {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn connect(&mut self, number: usize) -> Box<dyn Connection> {
        Box::new(self.stones.session(number % self.stones.count()))
    }
}

impl Connection for Session {
    fn put(&mut self, pairs: &[(String, Vec<u8>)]) {
        let call = |(key, bytes): &(String, Vec<u8>)| {
            let value = Value {
                encoding: 0,
                bytes: bytes.clone(),
            };
            Call::put(BucketId(0), key.as_bytes().to_vec(), value)
        };
        for result in self.call_all(pairs.iter().map(call)) {
            assert!(matches!(result, Ok(Reply::Written { .. })), "{result:?}");
        }
    }

    fn get(&mut self, keys: &[String]) {
        for result in self.call_all(
            keys.iter()
                .map(|key| Call::get(BucketId(0), key.as_bytes().to_vec())),
        ) {
            assert!(matches!(result, Ok(Reply::Found(_))), "{result:?}");
        }
    }
}
