//! One stone: a process, its log and its data folder.

use super::binary::{command, command_in};
use super::http::Http;
use super::wait_until;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How a stone is started.
#[derive(Clone, Debug)]
pub struct StoneSpec {
    /// Its name.
    pub name: String,
    /// The address that it listens on; loopback unless it has a network of its own.
    pub host: String,
    /// The port that it listens on.
    pub port: u16,
    /// The network namespace that it runs in, if not in that of the test.
    pub namespace: Option<String>,
    /// Its data.
    pub data: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// Everything behind `henge serve`.
    pub arguments: Vec<String>,
}

impl StoneSpec {
    /// A stone that is a cluster of its own, with its files in `folder`.
    #[must_use]
    pub fn alone(folder: &Path, more: &[&str]) -> Self {
        let port = super::ports::free();
        let data = folder.join("data");
        let mut arguments = vec![
            format!("--listen=127.0.0.1:{port}"),
            format!("--data={}", data.display()),
        ];
        arguments.extend(more.iter().map(ToString::to_string));
        Self {
            name: "stone-1".into(),
            host: LOOPBACK.into(),
            port,
            namespace: None,
            data,
            log: folder.join("stone-1.log"),
            arguments,
        }
    }

    /// A stone of a cluster, with its files in `folder`; of two shards unless `more` says otherwise.
    #[must_use]
    pub fn named(folder: &Path, name: &str, (host, port): (&str, u16), more: &[String]) -> Self {
        let data = folder.join(name);
        let mut arguments = vec![
            format!("--name={name}"),
            format!("--data={}", data.display()),
        ];
        if !more.iter().any(|argument| argument.starts_with("--shards")) {
            arguments.push("--shards=2".into());
        }
        arguments.extend(more.iter().cloned());
        Self {
            name: name.into(),
            host: host.into(),
            port,
            namespace: None,
            data,
            log: folder.join(format!("{name}.log")),
            arguments,
        }
    }

    /// A stone in `zone` that joins the cluster of the stones at `seeds`. It has one shard: members
    /// need not have the same number.
    #[must_use]
    pub fn joiner(
        folder: &Path,
        name: &str,
        (host, port): (&str, u16),
        zone: &str,
        seeds: &[String],
    ) -> Self {
        let mut more = vec![
            format!(
                "--shards={}",
                std::env::var("JOINER_SHARDS").unwrap_or("1".into())
            ),
            format!("--listen={host}:{port}"),
            format!("--zone={zone}"),
        ];
        more.extend(seeds.iter().map(|seed| format!("--seed={seed}")));
        Self::named(folder, name, (host, port), &more)
    }

    /// The command that runs it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match &self.namespace {
            None => command(&["serve"]),
            Some(namespace) => command_in(namespace, &["serve"]),
        };
        command.args(&self.arguments);
        command
    }

    /// Where it listens, `HOST:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// A stone, running or not. Its process ends with it; its log is shown when the test fails.
#[derive(Debug)]
pub struct Stone {
    /// How it is started.
    pub spec: StoneSpec,
    child: Option<Child>,
}

impl Stone {
    /// Starts it without waiting for anything.
    #[must_use]
    pub fn launch(spec: StoneSpec) -> Self {
        let mut stone = Self { spec, child: None };
        stone.start();
        stone
    }

    /// Starts it and waits until it serves.
    #[must_use]
    pub fn ready(spec: StoneSpec) -> Self {
        let mut stone = Self::launch(spec);
        stone.wait_ready();
        stone
    }

    /// Starts it by a command of one's own and waits until it serves.
    #[must_use]
    pub fn ready_as(spec: StoneSpec, command: Command) -> Self {
        let mut stone = Self { spec, child: None };
        stone.start_as(command);
        stone.wait_ready();
        stone
    }

    /// Starts it again.
    ///
    /// # Panics
    /// If it runs already.
    pub fn start(&mut self) {
        self.start_as(self.spec.command());
    }

    /// Starts it by a command of one's own; its output still goes into the log.
    ///
    /// # Panics
    /// If it runs already.
    pub fn start_as(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "{} is running", self.spec.name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.spec.log)
            .expect("a log can be written");
        let both = log.try_clone().expect("a file has more than one handle");
        command.stdin(Stdio::null()).stdout(log).stderr(both);
        self.child = Some(command.spawn().expect("the binary runs"));
    }

    /// Waits until it serves.
    ///
    /// # Panics
    /// If it ends, or does not serve in time.
    pub fn wait_ready(&mut self) {
        let http = self.http();
        let name = self.spec.name.clone();
        wait_until(&format!("{name} is ready"), READY_TIME, || {
            assert!(self.is_running(), "{name} has ended");
            http.try_get("/health")
                .is_some_and(|answer| answer.status == 200)
        });
    }

    /// Kills it as a power cut would.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("a child can be waited for");
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Panics
    /// If it does not run or does not end in time.
    pub fn stop(&mut self) -> ExitStatus {
        // The shell's own `kill` is on every machine.
        let asked = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.pid())])
            .status();
        assert!(asked.is_ok_and(|status| status.success()), "it is asked");
        self.wait_end()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not run or does not end in time.
    pub fn wait_end(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let mut status = None;
        wait_until(&format!("{} ends", self.spec.name), STOP_TIME, || {
            status = child.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        status.expect("it has ended")
    }

    /// Whether its process lives.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its process id.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// A client of its HTTP interface.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::at(&self.spec.address())
    }

    /// Its `/v1/status`.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn status(&self) -> Value {
        self.http().get("/v1/status").json()
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.spec.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Stone {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("--- {} said at last:\n{}", self.spec.name, shown.join("\n"));
        }
    }
}

/// Where a stone listens that shares the test's network.
pub const LOOPBACK: &str = "127.0.0.1";
/// How long a start may take.
const READY_TIME: Duration = Duration::from_secs(30);
/// How long a stop may take.
const STOP_TIME: Duration = Duration::from_secs(20);
/// Lines of a log that are shown when a test fails.
const SHOWN_LINES: usize = 40;
