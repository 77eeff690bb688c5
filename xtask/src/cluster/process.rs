//! A stone's process, found again by its pid file.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::cmd::Cmd;

/// A process that was a stone when it was looked up.
pub(crate) struct Process {
    pid: Pid,
    arguments: Vec<String>,
}

impl Process {
    /// Writes the pid file of a stone that was just started.
    pub(crate) fn remember(data: &Path, name: &str, child: Child) -> Result<Self> {
        let pid = Pid::from_child(&child);
        // The stone outlives this program: whoever stops it goes by the pid file, not by `child`.
        drop(child);
        let file = pid_file(data, name);
        fs::write(&file, format!("{}\n", pid.as_raw_nonzero()))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self {
            pid,
            arguments: arguments(pid),
        })
    }

    /// The stone that the pid file of `name` points to, if it runs. A number that now belongs to
    /// another program is not a stone.
    pub(crate) fn of(data: &Path, name: &str) -> Option<Self> {
        let written = fs::read_to_string(pid_file(data, name)).ok()?;
        let pid = Pid::from_raw(written.trim().parse().ok()?)?;
        let process = Self {
            pid,
            arguments: arguments(pid),
        };
        process.is_stone(&data.join(name)).then_some(process)
    }

    fn is_stone(&self, data: &Path) -> bool {
        let program = self.arguments.first().map(Path::new);
        let is_henge = program
            .and_then(Path::file_name)
            .is_some_and(|name| name == "henge");
        is_henge && self.has_argument("serve") && self.has_argument(&data.display().to_string())
    }

    /// The process id.
    pub(crate) fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Whether its command line holds this word.
    pub(crate) fn has_argument(&self, word: &str) -> bool {
        self.count_arguments(word) > 0
    }

    /// How often its command line holds this word.
    pub(crate) fn count_arguments(&self, word: &str) -> usize {
        self.arguments
            .iter()
            .filter(|argument| *argument == word)
            .count()
    }

    /// The word after `option`.
    pub(crate) fn argument_after(&self, option: &str) -> Option<String> {
        let at = self
            .arguments
            .iter()
            .position(|argument| argument == option)?;
        self.arguments.get(at + 1).cloned()
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Waits until it has stopped; one that does not is killed.
    pub(crate) fn wait_until_gone(&self) -> Result<String> {
        if self.is_gone_within(STOP_TIMEOUT) {
            return Ok(String::new());
        }
        self.signal(Signal::KILL)?;
        self.is_gone_within(STOP_TIMEOUT);
        let waited = STOP_TIMEOUT.as_secs();
        Ok(format!(
            "killed after {waited} s of silence; it will replay its log at the next start"
        ))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        match kill_process(self.pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("cannot signal process {}", self.id()))
            }
        }
    }

    fn is_gone_within(&self, timeout: Duration) -> bool {
        let began = Instant::now();
        loop {
            if arguments(self.pid) != self.arguments {
                return true;
            }
            if began.elapsed() > timeout {
                return false;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Removes the pid file of `name`.
pub(crate) fn forget(data: &Path, name: &str) -> Result<()> {
    let file = pid_file(data, name);
    if !file.exists() {
        return Ok(());
    }
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))
}

fn pid_file(data: &Path, name: &str) -> PathBuf {
    data.join(format!("{name}.pid"))
}

/// The command line of a process; empty if it has ended.
fn arguments(pid: Pid) -> Vec<String> {
    let id = pid.as_raw_nonzero();
    match fs::read(format!("/proc/{id}/cmdline")) {
        Ok(line) => {
            let words = line
                .split(|byte| *byte == 0)
                .filter(|word| !word.is_empty());
            words
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect()
        }
        // Systems without /proc have ps, which joins the words with spaces.
        Err(_) => {
            let answer = Cmd::new("ps")
                .args(["-o", "args=", "-p", &id.to_string()])
                .answer();
            answer
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect()
        }
    }
}

/// How long a stone may take to flush and close.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::{Process, forget, pid_file};
    use std::{env, fs, process};

    #[test]
    fn a_pid_that_belongs_to_another_program_is_not_a_stone() {
        let data = env::temp_dir().join(format!("xtask-process-{}", process::id()));
        fs::create_dir_all(&data).unwrap();
        fs::write(pid_file(&data, "stone-1"), process::id().to_string()).unwrap();
        let found = Process::of(&data, "stone-1");
        forget(&data, "stone-1").unwrap();
        let left = pid_file(&data, "stone-1").exists();
        fs::remove_dir_all(&data).unwrap();
        assert!(found.is_none());
        assert!(!left);
    }

    #[test]
    fn a_pid_file_of_nonsense_is_no_stone() {
        let data = env::temp_dir().join(format!("xtask-nonsense-{}", process::id()));
        fs::create_dir_all(&data).unwrap();
        for nonsense in ["", "-1", "0", "stone"] {
            fs::write(pid_file(&data, "stone-1"), nonsense).unwrap();
            assert!(Process::of(&data, "stone-1").is_none(), "{nonsense}");
        }
        fs::remove_dir_all(&data).unwrap();
    }
}
