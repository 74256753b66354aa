//! A few rounds of the soak; `examples/soak.rs` runs as many as one likes.
#![allow(clippy::unwrap_used)]
#[path = "soak/rounds.rs"]
mod rounds;

use std::process::Command;

const ROUNDS: u64 = 25;

#[test]
#[ignore = "the writer that the other test here kills"]
fn writes_until_it_is_killed() {
    rounds::write_until_killed(&std::env::var(rounds::ORDER).unwrap()).unwrap();
}

#[test]
fn no_kill_loses_a_memory_or_brings_a_forgotten_one_back() {
    let folder = tempfile::tempdir().unwrap();
    let told = rounds::run(folder.path(), ROUNDS, || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "writes_until_it_is_killed", "--ignored", "--nocapture"]);
        command
    });
    let told = told.unwrap();
    println!("{told:?}");
    assert!(told.stored > 0 && told.forgotten > 0 && told.compacted > 0, "{told:?}");
}
