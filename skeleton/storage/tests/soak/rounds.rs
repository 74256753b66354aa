//! Rounds of a writer that stores, forgets and compacts until it is killed with signal 9, each followed by a look at what
//! it left. Shared by a test of few rounds and an example of as many as one likes.
use foundation::Fault;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use storage::{Compact, Memory, OpenOptions, Space, Store};

/// Tells the writer its folder and its round; whoever sees it set calls `write_until_killed`.
pub const ORDER: &str = "STORAGE_SOAK_ORDER";
const THREADS: u128 = 4;

fn open(folder: &Path) -> Result<Store, Fault> {
    let space = Some(Space { embedder: "soak/1".into(), width: 8 });
    Store::open(folder, &OpenOptions { writer: true, space, clock: Arc::new(|| 5.0) })
}

fn memory(id: u128) -> Memory {
    let text = format!("<{id:032x}>{}", "x".repeat(id as usize % 3000));
    Memory { id, text, vector: vec![id as u16 as f32; 8], created_unix_s: 1.0, source: "soak".into() }
}

fn say(what: &str, id: u128) {
    // A parent that is gone has no use for it.
    let _ = writeln!(std::io::stdout(), "{what} {id}");
}

/// Do as the order says; comes back only with the fault that ended it.
pub fn write_until_killed(order: &str) -> Result<(), Fault> {
    let (round, folder) = order.split_once(' ').ok_or_else(|| Fault::not_found("a round in the order"))?;
    let round: u128 = round.parse().map_err(|_| Fault::not_found("a round in the order"))?;
    let store = open(Path::new(folder))?;
    let change = |thread: u128| -> Result<(), Fault> {
        for turn in 0.. {
            let id = (round << 40) + turn * THREADS + thread;
            store.append(&[memory(id)])?;
            say("stored", id);
            if turn % 3 == 2 {
                let old = id - THREADS;
                let compact = if turn % 30 == 29 { Compact::Now } else { Compact::Later };
                say("forgetting", old);
                store.forget(&[old], compact)?;
                say("forgot", old);
            }
            if turn % 17 == thread {
                // Every other one puts all of it into segments, which the next ones keep, take apart or put together.
                if turn % 2 == 0 {
                    store.seal()?
                } else {
                    store.compact()?
                };
                say("compacted", 0);
            }
        }
        Ok(())
    };
    let change = &change;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || change(thread))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

/// What the rounds came to.
#[derive(Debug, Default)]
pub struct Told {
    pub stored: usize,
    pub forgotten: usize,
    pub compacted: usize,
    pub torn_tails: usize,
    pub drafts_left: usize,
    pub with_segments: usize,
}

/// What the writers said of a memory last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Stored,
    Forgetting,
    Forgot,
}

/// Run `rounds` of them on `folder`, started by `command`; panics at the first memory that is not as it was promised.
pub fn run(folder: &Path, rounds: u64, command: impl Fn() -> Command) -> Result<Told, Fault> {
    let (mut said, mut told) = (HashMap::new(), Told::default());
    for round in 0..rounds {
        let order = format!("{round} {}", folder.display());
        let at = |error| Fault::io(folder, error);
        let mut child = command().env(ORDER, order).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(at)?;
        let output = child.stdout.take().ok_or_else(|| Fault::not_found("the writer's output"))?;
        let listening = std::thread::spawn(move || listen(output));
        std::thread::sleep(Duration::from_micros(15_000 + round * 7_919 % 90_000));
        child.kill().and_then(|()| child.wait()).map_err(at)?;
        let (heard, compacted) = listening.join().map_err(|_| Fault::bug("listening does not panic"))?;
        told.compacted += compacted;
        said.extend(heard);
        told.drafts_left += usize::from(folder.join("log.new").exists());
        let store = open(folder)?;
        told.with_segments += usize::from(store.recovery().segments > 0);
        told.torn_tails += usize::from(store.recovery().dropped_bytes > 0);
        look(&store, &mut said, round);
    }
    told.stored = said.len();
    told.forgotten = said.values().filter(|said| **said == Said::Forgot).count();
    look_at_bytes(folder, &said)?;
    Ok(told)
}

/// The last word on each memory, and how often a compaction was heard of. The last line may be cut.
fn listen(output: impl std::io::Read) -> (HashMap<u128, Said>, usize) {
    let (mut said, mut compacted) = (HashMap::new(), 0);
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let Some((what, id)) = line.split_once(' ') else { continue };
        let Ok(id) = id.parse() else { continue };
        let word = match what {
            "stored" => Said::Stored,
            "forgetting" => Said::Forgetting,
            "forgot" => Said::Forgot,
            "compacted" => {
                compacted += 1;
                continue;
            }
            // The test harness talks too.
            _ => continue,
        };
        said.insert(id, word);
    }
    (said, compacted)
}

fn look(store: &Store, said: &mut HashMap<u128, Said>, round: u64) {
    for (id, word) in said.iter_mut() {
        let found = store.get(*id);
        match (*word, found) {
            (Said::Stored, Ok(found)) => assert_eq!(found, memory(*id), "round {round}"),
            (Said::Stored, Err(_)) => panic!("memory {id} was stored and is gone after round {round}"),
            (Said::Forgot, Ok(_)) => panic!("memory {id} was forgotten and is back after round {round}"),
            (Said::Forgot, Err(_)) => {}
            // Killed while it was being forgotten: either, but the same from now on.
            (Said::Forgetting, Ok(_)) => *word = Said::Stored,
            (Said::Forgetting, Err(_)) => *word = Said::Forgot,
        }
    }
    assert!(store.read_all().iter().all(|found| *found == memory(found.id)), "round {round}");
}

/// After a last compaction, what was forgotten is in no file.
fn look_at_bytes(folder: &Path, said: &HashMap<u128, Said>) -> Result<(), Fault> {
    open(folder)?.compact()?;
    let at = |error| Fault::io(folder, error);
    let mut there = HashSet::new();
    for entry in std::fs::read_dir(folder).map_err(at)? {
        let bytes = std::fs::read(entry.map_err(at)?.path()).map_err(at)?;
        let names = bytes.windows(34).filter(|window| window[0] == b'<' && window[33] == b'>');
        there.extend(names.filter_map(|name| u128::from_str_radix(std::str::from_utf8(&name[1..33]).ok()?, 16).ok()));
    }
    for (id, word) in said {
        assert_eq!(there.contains(id), *word == Said::Stored, "the words of memory {id}, {word:?}");
    }
    Ok(())
}
