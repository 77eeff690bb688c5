//! Henge beside its peers.
//!
//! * `quick`: put and get per second of stones beside Redis.
//! * `engine`: the storage engine beside fjall, redb and LMDB.
//! * `repair`: bytes, messages and seconds until replicas that differed are the same.
//! * `growth`: requests and work of each member as the cluster grows.
//! * `gossip`: what members say unasked, and how soon all know of a join or a death.
//! * `watch`: memory and work of a stone by those who watch through it, in the simulator.
//! * `watchers`: memory of real stones by those who watch through them, and how soon these are told.
//! * `large`: one stone with many times more data than memory.
//! * `process`: what the system says of a process.

mod engine;
mod gossip;
mod growth;
mod large;
mod process;
mod quick;
mod repair;
mod watch;
mod watchers;

use clap::Parser;

#[derive(Parser)]
#[command(about)]
enum Bench {
    /// Put and get per second, Henge beside Redis, on the same work
    Quick,
    Engine(engine::Engines),
    Large(large::Large),
    Repair(repair::Repair),
    Growth(growth::Growth),
    Gossip(gossip::Gossip),
    Watch(watch::Watch),
    Watchers(watchers::Watchers),
}

fn main() {
    match Bench::parse() {
        Bench::Quick => quick::run(),
        Bench::Large(args) => large::run(&args),
        Bench::Repair(args) => repair::run(&args),
        Bench::Growth(args) => growth::run(&args),
        Bench::Gossip(args) => gossip::run(&args),
        Bench::Watch(args) => watch::run(&args),
        Bench::Watchers(args) => watchers::run(&args),
        Bench::Engine(args) => {
            if let Err(error) = engine::run(&args) {
                eprintln!("error: {error}");
                std::process::exit(2);
            }
        }
    }
}
