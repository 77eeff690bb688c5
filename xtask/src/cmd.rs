//! Running other programs: output goes to a log, and to the terminal when they fail.

use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fmt};

use crate::paths;
use crate::steps::Ticker;

/// A program to run in the root of the clone.
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, OsString)>,
    env_remove: Vec<&'static str>,
    dir: PathBuf,
}

impl Cmd {
    /// `program` from `PATH`, or at its path.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            env_remove: Vec::new(),
            dir: paths::root(),
        }
    }

    /// Cargo with `args`.
    pub(crate) fn cargo<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Self {
        Self::new("cargo").args(args)
    }

    /// Adds arguments.
    pub(crate) fn args<I: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = I>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Adds one argument.
    pub(crate) fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// Sets one environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Keeps one environment variable from the program.
    pub(crate) fn env_remove(mut self, name: &'static str) -> Self {
        self.env_remove.push(name);
        self
    }

    /// Runs in `dir` instead of the root.
    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = dir.as_ref().to_path_buf();
        self
    }

    /// Runs to the end and returns the last lines of what the program wrote. When it fails, the
    /// error holds them, the name of the full log, and the command to repeat.
    pub(crate) fn run(&self, ticker: &Ticker) -> Result<String> {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| self.cannot_start())?;
        let (sender, lines) = mpsc::sync_channel(LINES_QUEUED);
        forward(child.stdout.take(), sender.clone());
        forward(child.stderr.take(), sender);
        let mut log = Log::create(self)?;
        log.follow(&lines, ticker)?;
        let status = child.wait()?;
        if !status.success() {
            bail!(
                "{}\n`{self}` ended with {status}; the whole output is in {}\nrepeat it with:  {}",
                log.tail(),
                log.path.display(),
                self.to_repeat()
            );
        }
        Ok(log.tail())
    }

    /// Runs to the end with the terminal as its own.
    pub(crate) fn run_in_terminal(&self) -> Result<()> {
        let status = self
            .command()
            .status()
            .with_context(|| self.cannot_start())?;
        if !status.success() {
            bail!(
                "`{self}` ended with {status}\nrepeat it with:  {}",
                self.to_repeat()
            );
        }
        Ok(())
    }

    /// Starts it in a process group of its own and leaves it running.
    pub(crate) fn start_in_background(&self, output: Stdio, errors: Stdio) -> Result<Child> {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        command.spawn().with_context(|| self.cannot_start())
    }

    /// What the program writes to standard output; `None` if it is not there or fails.
    pub(crate) fn answer(&self) -> Option<String> {
        let output = self
            .command()
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.dir);
        // What `cargo xtask` has set about this package must not reach the programs it starts:
        // build scripts that watch these variables would run anew.
        for (name, _) in env::vars_os() {
            let about_xtask = [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ];
            if about_xtask
                .iter()
                .any(|prefix| name.to_string_lossy().starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        for name in &self.env_remove {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn cannot_start(&self) -> String {
        format!(
            "cannot start `{}`; is it installed and on PATH?",
            self.program.display()
        )
    }

    /// The command for a shell in the root of the clone.
    fn to_repeat(&self) -> String {
        let mut words = Vec::new();
        for name in &self.env_remove {
            words.push(format!("env -u {name}"));
        }
        for (name, value) in &self.env {
            words.push(format!("{name}={}", quoted(value)));
        }
        words.push(self.to_string());
        let line = words.join(" ");
        match self.dir.strip_prefix(paths::root()) {
            Ok(dir) if dir.as_os_str().is_empty() => line,
            _ => format!("(cd {} && {line})", quoted(self.dir.as_os_str())),
        }
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.program))?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// `word` as a shell takes it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Sends the lines of `stream` to `lines` until either ends.
fn forward(stream: Option<impl Read + Send + 'static>, lines: SyncSender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if lines.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
}

/// The output of one program: all of it in a file, its end in memory.
struct Log {
    path: PathBuf,
    file: File,
    tail: VecDeque<String>,
}

impl Log {
    fn create(cmd: &Cmd) -> Result<Self> {
        let dir = paths::state().join("log");
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let path = dir.join(log_name(&cmd.to_string()));
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            path,
            file,
            tail: VecDeque::new(),
        })
    }

    fn follow(&mut self, lines: &Receiver<String>, ticker: &Ticker) -> Result<()> {
        let mut next_sign_of_life = Instant::now() + SIGN_OF_LIFE_EVERY;
        loop {
            match lines.recv_timeout(next_sign_of_life.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    ticker.say(&line);
                    self.push(line)?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    ticker.still_running(self.tail.back().map_or("", String::as_str));
                    next_sign_of_life += SIGN_OF_LIFE_EVERY;
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn push(&mut self, line: String) -> Result<()> {
        writeln!(self.file, "{line}")
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        if self.tail.len() == TAIL_LINES_MAX {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
        Ok(())
    }

    /// The end of the output, without Cargo's account of its progress.
    fn tail(&self) -> String {
        let lines = self.tail.iter().map(String::as_str);
        lines
            .filter(|line| !is_progress(line))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn is_progress(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    line.starts_with(' ') && CARGO_PROGRESS.contains(&first)
}

/// A file name from the first words of a command.
fn log_name(command: &str) -> String {
    let program = command
        .rsplit_once('/')
        .filter(|(path, _)| !path.contains(' '))
        .map_or(command, |(_, name)| name);
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = program.chars().take(LOG_NAME_CHARS_MAX).map(safe).collect();
    format!("{}.log", name.trim_matches('-'))
}

/// How Cargo begins the lines about its progress, which it indents.
const CARGO_PROGRESS: [&str; 7] = [
    "Blocking",
    "Checking",
    "Compiling",
    "Documenting",
    "Downloaded",
    "Downloading",
    "Updating",
];

/// Lines between the program and the log; a program that writes faster waits.
const LINES_QUEUED: usize = 1_024;

/// Lines that a failure shows.
const TAIL_LINES_MAX: usize = 200;

const LOG_NAME_CHARS_MAX: usize = 60;

/// How often a step says that it is still there when nobody looks at a spinner.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::{Cmd, is_progress, log_name, quoted};
    use crate::paths;
    use crate::steps::Ticker;
    use std::ffi::OsStr;

    #[test]
    fn a_failing_program_says_how_to_repeat_it() {
        let cmd = Cmd::new("sh")
            .args(["-c", "echo one; exit 3"])
            .env("HENGE_X", "a b")
            .dir(paths::sdk());
        let error = cmd.run(&Ticker::new("test")).unwrap_err().to_string();
        assert!(error.starts_with("one\n"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(
            error.contains("HENGE_X='a b' sh -c 'echo one; exit 3')"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error = Cmd::new("no-such-program")
            .run(&Ticker::new("test"))
            .unwrap_err();
        assert!(error.to_string().contains("`no-such-program`"), "{error}");
        assert_eq!(Cmd::new("no-such-program").answer(), None);
    }

    #[test]
    fn progress_is_told_from_errors() {
        assert!(is_progress("   Compiling serde v1.0.0"));
        assert!(is_progress(
            "    Blocking waiting for file lock on build directory"
        ));
        assert!(!is_progress("error: Compiling is hard"));
        assert!(!is_progress("     = note: x"));
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted(OsStr::new("--a=b")), "--a=b");
        assert_eq!(quoted(OsStr::new("it's")), r"'it'\''s'");
        assert_eq!(quoted(OsStr::new("")), "''");
    }

    #[test]
    fn logs_are_named_after_the_command() {
        assert_eq!(
            log_name("/usr/bin/cargo build -p x"),
            "cargo-build--p-x.log"
        );
        assert_eq!(log_name("npm run build"), "npm-run-build.log");
    }
}
