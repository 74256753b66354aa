//! A writer killed at any moment, and a disk that fills up: what was acknowledged is there afterwards.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use storage::{Memory, OpenOptions, Space, Store};

const FOLDER: &str = "STORAGE_CRASH_TEST_FOLDER";
const ROUNDS: u64 = 60;

fn open(folder: &Path) -> Result<Store, Fault> {
    let space = Some(Space { embedder: "test/1".into(), width: 8 });
    Store::open(folder, &OpenOptions { writer: true, space, clock: Arc::new(|| 5.0) })
}

fn memory(id: u128) -> Memory {
    let text = "x".repeat(id as usize % 5000);
    Memory { id, text, vector: vec![id as u32 as f32; 8], created_unix_s: 1.0, source: "s".into() }
}

fn child(shell_limit: &str, folder: &Path) -> Command {
    let test = std::env::current_exe().unwrap();
    let run = format!("{shell_limit} exec \"$0\" --exact appends_until_it_is_killed --ignored --nocapture");
    let mut command = Command::new("sh");
    command.args(["-c", &run]).arg(test).env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Acknowledged ids in the child's output.
fn acknowledged(output: impl std::io::Read) -> Vec<u128> {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix("stored ")?.parse().ok()).collect()
}

#[test]
#[ignore = "the child process of the other tests here"]
fn appends_until_it_is_killed() {
    let folder = std::env::var(FOLDER).unwrap();
    let store = open(Path::new(&folder)).unwrap();
    let first = store.len() as u128;
    let append = |thread: u128| {
        for turn in 0.. {
            let id = (first << 32) + turn * 4 + thread;
            match store.append(&[memory(id)]) {
                Ok(_) => writeln!(std::io::stdout(), "stored {id}").unwrap(),
                Err(fault) => return fault,
            }
        }
        unreachable!()
    };
    let append = &append;
    let failed: Vec<Fault> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || append(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for fault in failed {
        println!("fault {}", fault.name());
    }
}

#[test]
fn what_was_acknowledged_outlives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut stored = HashSet::new();
    let mut torn = 0;
    for round in 0..ROUNDS {
        let mut running = child("", folder.path()).spawn().unwrap();
        let output = running.stdout.take().unwrap();
        let reading = std::thread::spawn(move || acknowledged(output));
        std::thread::sleep(Duration::from_micros(15_000 + round * 7_919 % 60_000));
        running.kill().unwrap();
        running.wait().unwrap();
        stored.extend(reading.join().unwrap());
        let store = open(folder.path()).unwrap();
        torn += u64::from(store.recovery().dropped_bytes > 0);
        for id in &stored {
            assert_eq!(store.get(*id).unwrap(), memory(*id), "round {round}");
        }
    }
    println!("{} acknowledged over {ROUNDS} kills, {torn} torn tails", stored.len());
    assert!(!stored.is_empty(), "no child lived long enough to store anything");
}

#[test]
fn a_full_disk_is_told_and_takes_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap();
    // A limit on the file's size, with the signal ignored, gives the same error at the same call as a full disk does.
    let output = child("trap '' XFSZ; ulimit -f 128;", folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.matches("fault Exhausted").count(), 4, "{text}");
    let stored = acknowledged(&output.stdout[..]);
    assert!(!stored.is_empty());
    let store = open(folder.path()).unwrap();
    assert_eq!(store.recovery().dropped_bytes, 0, "a torn frame was cut off at once");
    assert!(stored.iter().all(|id| store.get(*id).unwrap() == memory(*id)));
    store.append(&[memory(u128::MAX)]).unwrap();
}
