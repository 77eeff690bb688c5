//! `henge-bench engine`: Henge's storage engine beside others, in one interleaved run.
//!
//! In a round every engine in turn opens a fresh folder, is loaded, does all of the work of
//! [`round`] and is closed, while no other one is open; the next round begins with the next
//! engine. So a machine whose speed drifts drifts for all, and every figure, that of the load too,
//! has as many samples as there are rounds.
//!
//! * [`contender`]: what an engine must be able to do.
//! * [`data`]: keys and values.
//! * [`round`]: the work and its measures.
//! * [`report`], [`machine`]: what is printed.
//! * [`henge`], [`fjall`], [`redb`], [`lmdb`]: one engine each.

mod contender;
mod data;
mod fjall;
mod henge;
mod lmdb;
pub(crate) mod machine;
mod redb;
mod report;
mod round;

use clap::Args;
use contender::Contender;
use data::Data;
use report::Report;
use round::Amounts;
use serde_json::json;
use std::path::PathBuf;

/// Henge's own first: ratios are to it.
const CONTENDERS: [Contender; 5] = [
    henge::NATIVE,
    henge::WASM,
    fjall::CONTENDER,
    redb::CONTENDER,
    lmdb::CONTENDER,
];

/// Henge's storage engine beside fjall, redb and LMDB
#[derive(Args)]
pub(crate) struct Engines {
    /// Pairs that are loaded; with 10000000 they are more than the caches hold
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    keys: u64,
    /// Rounds, whose median is shown
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Lengths of the values in bytes, each a run of its own
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_024], value_parser = value_bytes)]
    values: Vec<usize>,
    /// Memory for caches and memtables together, in MiB
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(8..=65_536))]
    memory: u64,
    /// Only these engines, by name
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The folder in which the engines get theirs: it says which disk is measured
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    /// All figures of all rounds go into this file
    #[arg(long)]
    json: Option<PathBuf>,
}

fn value_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if (32..=65_536).contains(&bytes) => Ok(bytes),
        _ => Err("a value has 32 to 65536 bytes".into()),
    }
}

/// Runs the bench and prints its table.
pub(crate) fn run(args: &Engines) -> Result<(), String> {
    let contenders: Vec<&Contender> = CONTENDERS
        .iter()
        .filter(|c| args.only.is_empty() || args.only.iter().any(|name| name == c.name))
        .collect();
    let wanted = args.only.iter();
    if let Some(unknown) = wanted
        .clone()
        .find(|name| CONTENDERS.iter().all(|c| c.name != **name))
    {
        let names: Vec<_> = CONTENDERS.iter().map(|c| c.name).collect();
        return Err(format!(
            "there is no engine {unknown}; there are: {}",
            names.join(", ")
        ));
    }
    let amounts = Amounts {
        batch: 1_000,
        gets: args.keys.min(100_000),
        single_puts: 1_000,
        group_puts: 200,
        group: 64,
        scans: 2_000,
        scan_pairs: 100,
    };
    let memory_bytes = args.memory << 20;
    let machine = machine::describe(&args.folder);
    let head = heading(args, &amounts, &machine, &contenders);
    println!("{head}");
    let mut reports = Vec::new();
    for &value_bytes in &args.values {
        let data = Data::new(args.keys, value_bytes);
        let mut report = Report::new(value_bytes, contenders.iter().map(|c| c.name).collect());
        for round in 0..args.rounds as usize {
            for turn in 0..contenders.len() {
                let index = (turn + round) % contenders.len();
                let folder = tempfile::tempdir_in(&args.folder)
                    .map_err(|error| format!("no folder in {}: {error}", args.folder.display()))?;
                let contender = contenders[index];
                let path = folder.path();
                report.add(
                    index,
                    round::run(contender, path, memory_bytes, &data, &amounts, round as u64),
                );
            }
            eprintln!("{value_bytes} B: round {} of {}", round + 1, args.rounds);
        }
        print!("{report}");
        reports.push(report);
    }
    println!(
        "\nratio: {} divided by the line's engine",
        contenders[0].name
    );
    if let Some(path) = &args.json {
        let reports: Vec<_> = reports.iter().map(Report::to_json).collect();
        let text = format!("{:#}\n", json!({ "about": head, "runs": reports }));
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn heading(args: &Engines, amounts: &Amounts, machine: &str, contenders: &[&Contender]) -> String {
    let mut lines = vec![
        format!("machine: {machine}"),
        format!(
            "work: {} keys of 18 to 24 bytes in random order, values of {:?} bytes that lz4 halves; \
             one thread asks; load in batches of {}, {} gets (1 in 10 absent), {} x put+sync 1, {} x \
             put+sync {}, {} scans",
            args.keys,
            args.values,
            amounts.batch,
            amounts.gets,
            amounts.single_puts,
            amounts.group_puts,
            amounts.group,
            amounts.scans
        ),
        format!(
            "rounds: {}, engines in turn, a fresh folder in {} and a fresh load each",
            args.rounds,
            args.folder.display()
        ),
    ];
    lines.extend(contenders.iter().map(|contender| {
        let settings = (contender.settings)(args.memory << 20);
        format!("{} {}: {settings}", contender.name, (contender.version)())
    }));
    lines.join("\n")
}
