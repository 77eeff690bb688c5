//! Redis as a contender: a server of its own, with its append-only file on the same disk.

use super::peer::{Connection, Peer};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct RedisServer {
    server: Child,
    client: redis::Client,
    name: String,
    _folder: TempDir,
}

impl RedisServer {
    pub(crate) fn start(fsync: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let port = henge_tests::process::ports::free();
        let server = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
            ])
            .args(["--appendonly", "yes", "--appendfsync", fsync, "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts; `cargo xtask bench` installs it");
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).expect("an address");
        let limit = Instant::now() + Duration::from_secs(10);
        while client.get_connection().is_err() {
            assert!(Instant::now() < limit, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            server,
            client,
            name: name.to_owned(),
            _folder: folder,
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // A server that is gone already needs no end.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Peer for RedisServer {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn connect(&mut self, _number: usize) -> Box<dyn Connection> {
        Box::new(Redis(
            self.client.get_connection().expect("redis-server answers"),
        ))
    }
}

struct Redis(redis::Connection);

impl Connection for Redis {
    fn put(&mut self, pairs: &[(String, Vec<u8>)]) {
        let mut pipe = redis::pipe();
        for (key, value) in pairs {
            pipe.set(key, value).ignore();
        }
        pipe.exec(&mut self.0).expect("redis-server answers");
    }

    fn get(&mut self, keys: &[String]) {
        let mut pipe = redis::pipe();
        for key in keys {
            pipe.get(key);
        }
        let values: Vec<Vec<u8>> = pipe.query(&mut self.0).expect("every key is there");
        assert_eq!(values.len(), keys.len());
    }
}
