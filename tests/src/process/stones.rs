//! A cluster of stones in as many zones.

use super::http::Http;
use super::ports;
use super::session::Session;
use super::stone::{LOOPBACK, Stone, StoneSpec};
use super::wait_until;
use std::ops::{Index, IndexMut};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;
use tempfile::TempDir;

/// Stones of one cluster, numbered from 0; number 0 is called `stone-1`.
#[derive(Debug)]
pub struct Stones {
    stones: Vec<Stone>,
    // Behind the stones, so that they end before their folder does.
    folder: TempDir,
}

impl Stones {
    /// Starts `count` stones of two shards each and waits until they serve and know each other.
    #[must_use]
    pub fn start(count: usize) -> Self {
        Self::start_with(count, &[])
    }

    /// The same with more settings.
    #[must_use]
    pub fn start_with(count: usize, more: &[&str]) -> Self {
        let mut stones = Self::launch(count, more);
        stones.wait_ready();
        stones
    }

    /// Starts them without waiting for anything.
    ///
    /// # Panics
    /// If no folder can be made.
    #[must_use]
    pub fn launch(count: usize, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let specs = specs(folder.path(), count, more);
        Self {
            stones: specs.into_iter().map(Stone::launch).collect(),
            folder,
        }
    }

    /// Waits until all that run serve and are connected with each other.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_ready(&mut self) {
        let running: Vec<usize> = (0..self.stones.len())
            .filter(|&number| self.stones[number].is_running())
            .collect();
        for &number in &running {
            self.stones[number].wait_ready();
        }
        let links = running.len() - 1;
        for &number in &running {
            let stone = &self.stones[number];
            wait_until(
                "the stones find each other",
                Duration::from_secs(15),
                || {
                    let status = stone.status();
                    let peers = status["peers"].as_array().expect("a list of peers");
                    peers.iter().filter(|peer| peer["up"] == true).count() >= links
                },
            );
        }
    }

    /// Kills stone `number` as a power cut would.
    pub fn kill9(&mut self, number: usize) {
        self.stones[number].kill9();
    }

    /// Starts stone `number` again and waits until it serves and is connected.
    pub fn restart(&mut self, number: usize) {
        self.stones[number].start();
        self.wait_ready();
    }

    /// Asks stone `number` to stop and waits for its end.
    pub fn stop(&mut self, number: usize) -> ExitStatus {
        self.stones[number].stop()
    }

    /// Where stone `number` listens, `HOST:PORT`.
    #[must_use]
    pub fn address(&self, number: usize) -> String {
        self.stones[number].spec.address()
    }

    /// A client of stone `number`.
    #[must_use]
    pub fn http(&self, number: usize) -> Http {
        self.stones[number].http()
    }

    /// A WebSocket client of stone `number`.
    #[must_use]
    pub fn session(&self, number: usize) -> Session {
        Session::connect(&self.address(number))
    }

    /// How many there are, running or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.stones.len()
    }

    /// The folder with everything of theirs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Index<usize> for Stones {
    type Output = Stone;

    fn index(&self, number: usize) -> &Stone {
        &self.stones[number]
    }
}

impl IndexMut<usize> for Stones {
    fn index_mut(&mut self, number: usize) -> &mut Stone {
        &mut self.stones[number]
    }
}

fn specs(folder: &Path, count: usize, more: &[&str]) -> Vec<StoneSpec> {
    let ports: Vec<u16> = (0..count).map(|_| ports::free()).collect();
    let zones = ('a'..='z').map(|letter| format!("local/{letter}"));
    let named = ports.iter().zip(zones).enumerate();
    let members: Vec<String> = named
        .map(|(index, (port, zone))| {
            format!("--member=stone-{}=127.0.0.1:{port}@{zone}", index + 1)
        })
        .collect();
    let more: Vec<String> = more.iter().map(ToString::to_string).collect();
    let arguments = [members, more].concat();
    let spec = |(index, &port): (usize, &u16)| {
        let name = format!("stone-{}", index + 1);
        StoneSpec::named(folder, &name, (LOOPBACK, port), &arguments)
    };
    ports.iter().enumerate().map(spec).collect()
}
