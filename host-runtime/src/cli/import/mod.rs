//! `henge import`: the records of a JSON array or of NDJSON, in parallel and resumable.
//!
//! * [`split`]: cuts the file into records, past broken ones.
//! * `scan`: where one record of an array ends.
//! * [`record`]: a record's key and value.
//! * [`checkpoint`]: how far an import of a file has come.
//! * [`load`]: keeps records under way, in the order of each key.
//! * [`report`]: what people see of it.

pub mod checkpoint;
pub mod load;
pub mod record;
pub mod report;
mod scan;
pub mod split;

#[cfg(test)]
mod tests;

use super::args::ImportArgs;
use super::error::CliError;
use super::link::Link;
use checkpoint::{Checkpoint, Job};
use load::{Load, Outcome};
use record::{Faulty, KeyRule, Record};
use report::Report;
use split::{Splitter, Start};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

/// Records read ahead of the window.
const READ_AHEAD: usize = 1_024;

/// One record of the file, ready to be sent, or why it cannot be.
pub type Prepared = Result<Record, Faulty>;

pub(super) async fn run(args: ImportArgs) -> Result<(), CliError> {
    let job = Job::new(&args)?;
    let checkpoint = Checkpoint::open(&args.file, job, args.resume)?;
    let mut links = Vec::new();
    for first in 0..args.servers.len() {
        let mut servers = args.servers.clone();
        servers.rotate_left(first);
        links.push(Link::open(&servers).await?);
    }
    let rule = KeyRule::new(&args);
    let from = checkpoint.start();
    let report = Report::new(checkpoint.file_bytes(), &from);
    let (records, reader) = read(&args.file, rule, &from)?;
    let stop = Arc::new(AtomicBool::new(false));
    watch_interrupt(Arc::clone(&stop));
    let load = Load::new(&args, links, checkpoint, report, stop);
    let mut outcome = load.run(records).await;
    if let Ok(Err(error)) = reader.join() {
        outcome
            .stopped
            .get_or_insert(format!("cannot read {}: {error}", args.file.display()));
    }
    conclude(&args.file, outcome)
}

type Reader = std::thread::JoinHandle<std::io::Result<()>>;

/// Reads the file in a thread of its own; parsing keeps a core busy.
fn read(
    path: &Path,
    rule: KeyRule,
    from: &Start,
) -> Result<(mpsc::Receiver<Prepared>, Reader), CliError> {
    let failed =
        |error: std::io::Error| CliError::new(format!("cannot read {}: {error}", path.display()));
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(from.place.offset))
        .map_err(failed)?;
    let mut splitter = Splitter::new(file, *from);
    let (prepared, records) = mpsc::sync_channel(READ_AHEAD);
    let reader = std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || {
            while let Some(piece) = splitter.next_piece()? {
                if prepared.send(rule.apply(piece)).is_err() {
                    break;
                }
            }
            Ok(())
        });
    Ok((records, reader.map_err(failed)?))
}

/// The first Ctrl-C finishes what is under way, so that the import can go on later.
fn watch_interrupt(stop: Arc<AtomicBool>) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}

fn conclude(file: &Path, outcome: Outcome) -> Result<(), CliError> {
    let Outcome {
        summary,
        broken,
        stopped,
        checkpoint,
    } = outcome;
    println!("{summary}");
    if let Some(why) = stopped {
        checkpoint.save()?;
        return Err(CliError::new(why).hint(format!(
            "the same command with --resume goes on where this one stopped ({})",
            Checkpoint::path(file).display()
        )));
    }
    checkpoint.remove();
    match broken {
        0 => Ok(()),
        1 => Err(CliError::new(
            "1 record is broken and was left out; all others are loaded",
        )),
        _ => Err(CliError::new(format!(
            "{broken} records are broken and were left out; all others are loaded"
        ))),
    }
}
