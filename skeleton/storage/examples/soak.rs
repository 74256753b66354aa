//! Kills a writer of memories again and again and looks at what it left. `soak FOLDER [ROUNDS]`, 200 rounds if not told.
#[path = "../tests/soak/rounds.rs"]
mod rounds;

use foundation::{Fault, Outcome};
use std::path::Path;
use std::process::Command;

fn main() -> Outcome<()> {
    if let Ok(order) = std::env::var(rounds::ORDER) {
        return rounds::write_until_killed(&order);
    }
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or_else(|| Fault::not_found("an argument that names an empty folder"))?;
    let rounds = arguments.get(2).map_or(Ok(200), |rounds| rounds.parse());
    let rounds = rounds.map_err(|_| Fault::out_of_range("the number of rounds", "whole numbers", &arguments[2]))?;
    let program = std::env::current_exe().map_err(|error| Fault::io("the program itself", error))?;
    let told = rounds::run(Path::new(folder), rounds, || Command::new(&program))?;
    println!("{rounds} rounds: {told:?}");
    Ok(())
}
