//! Henge beside its peers.
//!
//! * `quick`: put and get per second of stones beside Redis.
//! * `engine`: the storage engine beside fjall, redb and LMDB.

mod engine;
mod quick;

use clap::Parser;

#[derive(Parser)]
#[command(about)]
enum Bench {
    /// Put and get per second, Henge beside Redis, on the same work
    Quick,
    Engine(engine::Engines),
}

fn main() {
    match Bench::parse() {
        Bench::Quick => quick::run(),
        Bench::Engine(args) => {
            if let Err(error) = engine::run(&args) {
                eprintln!("error: {error}");
                std::process::exit(2);
            }
        }
    }
}
