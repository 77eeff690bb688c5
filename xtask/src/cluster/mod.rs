//! A cluster of stones on this machine: started in the background, each in its own zone.

mod health;
mod process;
mod stone;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

use crate::steps::Steps;
use crate::{build, paths};
use process::Process;
use stone::{Layout, Stone};

#[derive(Args)]
pub(crate) struct DataArgs {
    /// Where the stones keep data, logs and pid files; relative to the root of the clone
    #[arg(long, default_value = ".henge")]
    data: PathBuf,
}

#[derive(Args)]
pub(crate) struct UpArgs {
    /// How many stones
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    stones: u16,
    /// Stone 1 listens one above this port, stone 2 two above it, and so on
    #[arg(long, default_value_t = 7300, value_parser = clap::value_parser!(u16).range(1..=65_000))]
    base_port: u16,
    #[command(flatten)]
    data: DataArgs,
}

impl DataArgs {
    fn dir(&self) -> PathBuf {
        paths::root().join(&self.data)
    }
}

/// Builds, starts the stones that do not run, and waits until all are ready.
pub(crate) fn up(args: &UpArgs, steps: &mut Steps) -> Result<()> {
    let layout = Layout {
        stones: args.stones,
        base_port: args.base_port,
        data: args.data.dir(),
    };
    let running = running(&layout.data)?;
    refuse_another_layout(&layout, &running)?;
    if running.len() == layout.all().len() {
        println!("already running; `cargo xtask down` stops it");
        layout.print_what_to_try();
        return Ok(());
    }
    let is_running = |stone: &Stone| running.iter().any(|(name, _)| *name == stone.name());
    let missing: Vec<Stone> = layout
        .all()
        .into_iter()
        .filter(|stone| !is_running(stone))
        .collect();
    for stone in &missing {
        health::refuse_taken_port(stone.port())?;
    }
    build::run(steps)?;
    fs::create_dir_all(&layout.data)
        .with_context(|| format!("cannot create {}", layout.data.display()))?;
    let started = start(&layout, &missing, steps);
    if started.is_err() {
        // Half a cluster would only make the next attempt harder to read.
        for stone in &missing {
            stop_if_running(&layout.data, &stone.name())?;
        }
    }
    started?;
    layout.print_what_to_try();
    Ok(())
}

fn start(layout: &Layout, stones: &[Stone], steps: &mut Steps) -> Result<()> {
    for stone in stones {
        steps.run(&stone.name(), |_| {
            let process = stone.start(layout)?;
            Ok(format!("started, pid {}", process.id()))
        })?;
    }
    for stone in layout.all() {
        steps.run(&format!("{} ready", stone.name()), |_| {
            let is_alive = || Process::of(&layout.data, &stone.name()).is_some();
            health::wait_until_ready(stone.port(), is_alive)
                .map_err(|error| anyhow!("{error:#}; {}", stone.last_words(layout)))
        })?;
    }
    Ok(())
}

/// What runs must be part of what is asked for.
fn refuse_another_layout(layout: &Layout, running: &[(String, Process)]) -> Result<()> {
    let wanted = layout.all();
    for (name, process) in running {
        let fits = wanted
            .iter()
            .any(|stone| stone.name() == *name && process.has_argument(&stone.address()));
        let same_size = process.count_arguments("--member") == wanted.len();
        if !fits || !same_size {
            bail!(
                "{name} (pid {}) already runs from {} with another number of stones or other ports; \
                 stop it with `cargo xtask down`, or choose another folder with --data",
                process.id(),
                layout.data.display()
            );
        }
    }
    Ok(())
}

/// Stops every stone of the folder; what they have stored stays.
pub(crate) fn down(args: &DataArgs, steps: &mut Steps) -> Result<()> {
    let data = args.dir();
    let running = running(&data)?;
    // All are told first, so that they stop side by side.
    for (_, process) in &running {
        process.terminate()?;
    }
    for (name, process) in &running {
        steps.run(&format!("stop {name}"), |_| process.wait_until_gone())?;
    }
    for name in pid_files(&data)? {
        process::forget(&data, &name)?;
    }
    match running.len() {
        0 => println!("nothing runs from {}", data.display()),
        _ => println!(
            "stopped; the data stays in {} and `cargo xtask up` goes on with it",
            data.display()
        ),
    }
    Ok(())
}

fn stop_if_running(data: &Path, name: &str) -> Result<()> {
    if let Some(process) = Process::of(data, name) {
        process.terminate()?;
        process.wait_until_gone()?;
    }
    process::forget(data, name)
}

/// One line a stone.
pub(crate) fn status(args: &DataArgs) -> Result<()> {
    let data = args.dir();
    let names = pid_files(&data)?;
    if names.is_empty() {
        println!(
            "nothing runs from {}; `cargo xtask up` starts a cluster",
            data.display()
        );
    }
    for name in names {
        match Process::of(&data, &name) {
            Some(process) => {
                let address = process.argument_after("--listen").unwrap_or_default();
                println!(
                    "{name}  pid {}  http://{address}/  {}",
                    process.id(),
                    health::describe(&address)
                );
            }
            None => println!(
                "{name}  has ended; its last words are in {}",
                stone::log_file(&data, &name).display()
            ),
        }
    }
    Ok(())
}

/// The stones of the folder that run, by name.
fn running(data: &Path) -> Result<Vec<(String, Process)>> {
    let names = pid_files(data)?;
    Ok(names
        .into_iter()
        .filter_map(|name| Process::of(data, &name).map(|process| (name, process)))
        .collect())
}

/// The names of the stones that have a pid file, sorted.
fn pid_files(data: &Path) -> Result<Vec<String>> {
    if !data.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(data).with_context(|| format!("cannot list {}", data.display()))? {
        let file = entry?.file_name();
        names.extend(
            file.to_string_lossy()
                .strip_suffix(".pid")
                .map(str::to_owned),
        );
    }
    names.sort();
    Ok(names)
}
