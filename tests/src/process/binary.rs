//! The `henge` binary and the guest with test hooks, and one command run to its end.

use std::env;
use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The binary: `HENGE_BIN`, else `henge` beside this test's own build.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn henge() -> PathBuf {
    let built = || release_folder().join("henge");
    let path = env::var_os("HENGE_BIN").map_or_else(built, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there: `cargo xtask build` makes it, or HENGE_BIN names another",
        path.display()
    );
    path
}

/// The guest with test hooks: `HENGE_GUEST_HOOKS`, else where the host's build puts it.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn guest_hooks() -> PathBuf {
    guest("HENGE_GUEST_HOOKS", "henge_guest_hooks.wasm")
}

/// The guest as it is shipped, as a file.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn guest_plain() -> PathBuf {
    guest("HENGE_GUEST_WASM", "henge_guest.wasm")
}

fn guest(variable: &str, name: &str) -> PathBuf {
    let target = release_folder().parent().map(PathBuf::from);
    let built = || target.unwrap_or_default().join("guest").join(name);
    let path = env::var_os(variable).map_or_else(built, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there: the build of henge-host makes it, or {variable} names another",
        path.display()
    );
    path
}

/// `release` of the target directory: this test runs from `release/deps`.
fn release_folder() -> PathBuf {
    let me = env::current_exe().expect("a running test has a path");
    let folder = me.ancestors().nth(2).expect("it lies in release/deps");
    folder.to_owned()
}

/// What a command said, and how it ended.
#[derive(Clone)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it said to programs.
    pub stdout: Vec<u8>,
    /// What it said to people.
    pub stderr: String,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, text, stderr) = (&self.status, self.text(), &self.stderr);
        write!(f, "{status}\nstdout: {text}\nstderr: {stderr}")
    }
}

impl Ended {
    /// The exit code.
    ///
    /// # Panics
    /// If a signal ended it.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A `henge` command with no setting of this machine's environment.
#[must_use]
pub fn command(arguments: &[&str]) -> Command {
    without_settings(Command::new(henge()), arguments)
}

/// The same in a network namespace. `ip` becomes `henge`, so that its process id is that of
/// `henge`.
#[must_use]
pub fn command_in(namespace: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(henge());
    without_settings(command, arguments)
}

fn without_settings(mut command: Command, arguments: &[&str]) -> Command {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("HENGE_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs `henge` with `arguments` to its end.
#[must_use]
pub fn run(arguments: &[&str]) -> Ended {
    finish(command(arguments), b"")
}

/// Runs `henge` with `arguments` and `input` on its standard input.
#[must_use]
pub fn run_with(arguments: &[&str], input: &[u8]) -> Ended {
    finish(command(arguments), input)
}

/// Runs a command to its end, which must come within its time.
///
/// # Panics
/// If it cannot run, or goes on for too long.
#[must_use]
pub fn finish(mut command: Command, input: &[u8]) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("piped above");
    // A command that fails early reads nothing.
    let _ = stdin.write_all(input);
    drop(stdin);
    let stdout = read_all(child.stdout.take().expect("piped above"));
    let stderr = read_all(child.stderr.take().expect("piped above"));
    let limit = Instant::now() + COMMAND_TIME;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break Some(status);
        }
        if Instant::now() > limit {
            child.kill().expect("it can be killed");
            child.wait().expect("a child can be waited for");
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let stdout = stdout.join().expect("the reader does not panic");
    let stderr = stderr.join().expect("the reader does not panic");
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    Ended {
        status: status.unwrap_or_else(|| panic!("not done within {COMMAND_TIME:?}: {stderr}")),
        stdout,
        stderr,
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

/// How long a command may take.
const COMMAND_TIME: Duration = Duration::from_secs(90);
