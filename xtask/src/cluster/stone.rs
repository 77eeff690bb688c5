//! One stone of a local cluster: its name, port, zone, files and command line.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::cluster::process::Process;
use crate::cmd::Cmd;
use crate::paths;

/// Which stones there are, and where.
pub(crate) struct Layout {
    /// How many, 1 to 9.
    pub(crate) stones: u16,
    /// The port below that of stone 1.
    pub(crate) base_port: u16,
    /// The folder of data, logs and pid files.
    pub(crate) data: PathBuf,
}

impl Layout {
    /// All stones, by number.
    pub(crate) fn all(&self) -> Vec<Stone> {
        (1..=self.stones)
            .map(|number| Stone {
                number,
                port: self.base_port + number,
            })
            .collect()
    }

    /// Where to look and what to type next.
    pub(crate) fn print_what_to_try(&self) {
        let address = format!("127.0.0.1:{}", self.base_port + 1);
        let henge = paths::henge();
        let henge = henge
            .strip_prefix(paths::root())
            .unwrap_or(&henge)
            .display();
        println!(
            "\nconsole  http://{address}/\n\ntry\n  \
             curl -X PUT --data 'hello' -H 'content-type: text/plain' http://{address}/v1/kv/greeting\n  \
             {henge} get greeting --server {address}\n  \
             node --input-type=module --eval \"import {{ connect }} from './wasm-sdk/dist/index.js'; \
             const store = await connect('http://{address}'); \
             console.log(await store.get('greeting')); await store.close()\"\n\n\
             stop it with  cargo xtask down"
        );
    }
}

/// One member of the cluster.
pub(crate) struct Stone {
    number: u16,
    port: u16,
}

impl Stone {
    /// `stone-1` and so on.
    pub(crate) fn name(&self) -> String {
        format!("stone-{}", self.number)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens, with the host.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `local/a`, `local/b` and so on: three stones stand in three zones.
    fn zone(&self) -> String {
        let letters = "abcdefghi";
        let letter = letters
            .chars()
            .nth(usize::from(self.number) - 1)
            .unwrap_or('z');
        format!("local/{letter}")
    }

    fn as_member(&self) -> String {
        format!("{}={}@{}", self.name(), self.address(), self.zone())
    }

    fn arguments(&self, layout: &Layout) -> Vec<String> {
        let data = layout.data.join(self.name()).display().to_string();
        let mut words = vec!["serve".to_owned()];
        let own = [
            ("--name", self.name()),
            ("--listen", self.address()),
            ("--zone", self.zone()),
            ("--data", data),
        ];
        let members = layout
            .all()
            .into_iter()
            .map(|stone| ("--member", stone.as_member()));
        for (option, value) in own.into_iter().chain(members) {
            words.extend([option.to_owned(), value]);
        }
        words
    }

    /// Starts it in the background, in a process group of its own, so that it outlives the
    /// terminal's Ctrl-C.
    pub(crate) fn start(&self, layout: &Layout) -> Result<Process> {
        let path = log_file(&layout.data, &self.name());
        let log = File::options().create(true).append(true).open(&path);
        let log = log.with_context(|| format!("cannot write {}", path.display()))?;
        let errors = log.try_clone()?;
        let child = Cmd::new(paths::henge())
            .args(self.arguments(layout))
            .start_in_background(Stdio::from(log), Stdio::from(errors))?;
        Process::remember(&layout.data, &self.name(), child)
    }

    /// The end of its log, for the error that says why it is not ready.
    pub(crate) fn last_words(&self, layout: &Layout) -> String {
        let path = log_file(&layout.data, &self.name());
        let bytes = fs::read(&path).unwrap_or_default();
        let log = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = log.lines().rev().take(LAST_WORDS_LINES).collect();
        let words: String = lines
            .into_iter()
            .rev()
            .map(|line| format!("  {line}\n"))
            .collect();
        format!(
            "the log of {}, {}, ends with\n{words}",
            self.name(),
            path.display()
        )
    }
}

/// Where the stone called `name` writes what it has to say.
pub(crate) fn log_file(data: &Path, name: &str) -> PathBuf {
    data.join(format!("{name}.log"))
}

/// Lines of a log that an error repeats.
const LAST_WORDS_LINES: usize = 20;

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn every_stone_knows_all_members_and_stands_in_its_own_zone() {
        let layout = Layout {
            stones: 3,
            base_port: 7300,
            data: "/d".into(),
        };
        let second = layout.all().remove(1).arguments(&layout).join(" ");
        assert_eq!(
            second,
            "serve --name stone-2 --listen 127.0.0.1:7302 --zone local/b --data /d/stone-2 \
             --member stone-1=127.0.0.1:7301@local/a --member stone-2=127.0.0.1:7302@local/b \
             --member stone-3=127.0.0.1:7303@local/c"
        );
    }
}
