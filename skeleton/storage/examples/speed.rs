//! Times a store beside plain writes of as many bytes on the same disk, in turns. `speed FOLDER`; the folder is emptied.
use foundation::{Fault, Outcome};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use storage::{Compact, Memory, OpenOptions, Space, Store};

const WIDTH: usize = 384;
const BULK: usize = 100_000;
const BATCH: usize = 10_000;
const SINGLE: usize = 200;
const TURNS: usize = 5;

fn memory(id: usize) -> Memory {
    let vector = (0..WIDTH).map(|place| ((id * 31 + place * 17) % 1009) as f32 / 1009.0).collect();
    let text = format!("memory {id}: {}", "what was said on that day ".repeat(4));
    Memory { id: id as u128, text, vector, created_unix_s: id as f64, source: "speed".into() }
}

fn open(folder: &Path) -> Outcome<Store> {
    let space = Some(Space { embedder: "speed/1".into(), width: WIDTH });
    Store::open(folder, &OpenOptions { writer: true, space, clock: Arc::new(|| 5.0) })
}

fn fresh(folder: &Path) -> Outcome<Store> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Fault::io(folder, error))?;
    }
    open(folder)
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let start = Instant::now();
    let value = work()?;
    Ok((start.elapsed().as_secs_f64(), value))
}

/// The median of the turns, and of the rival's.
fn in_turns(mut ours: impl FnMut() -> Outcome<f64>, mut rival: impl FnMut() -> Outcome<f64>) -> Outcome<(f64, f64)> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        a.push(ours()?);
        b.push(rival()?);
    }
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    Ok((a[TURNS / 2], b[TURNS / 2]))
}

/// Seconds to append `count` pieces of `bytes` to a new file and wait for the disk after each.
fn raw(path: &Path, count: usize, bytes: usize) -> Outcome<f64> {
    let at = |error| Fault::io(path, error);
    let piece = vec![7u8; bytes];
    let mut file = File::create(path).map_err(at)?;
    let write = || (0..count).try_for_each(|_| file.write_all(&piece).and_then(|()| file.sync_data())).map_err(at);
    timed(write).map(|(seconds, ())| seconds)
}

/// Seconds in which `threads` store `SINGLE` memories each, one at a time.
fn one_at_a_time(folder: &Path, threads: usize) -> Outcome<f64> {
    let store = fresh(folder)?;
    let memories: Vec<Memory> = (0..SINGLE * threads).map(memory).collect();
    let append = |part: &[Memory]| part.iter().try_for_each(|one| store.append(std::slice::from_ref(one)).map(drop));
    let append = &append;
    timed(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = memories.chunks(SINGLE).map(|part| scope.spawn(move || append(part))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| Fault::bug("no panic"))?)
        })
    })
    .map(|(seconds, ())| seconds)
}

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| Fault::not_found("an argument that names a folder"))?;
    let folder = Path::new(&folder);
    let (store, file) = (folder.join("store"), folder.join("raw"));
    fs::create_dir_all(folder).map_err(|error| Fault::io(folder, error))?;
    let frame_bytes = 2300;
    let (ours, rival) = in_turns(|| one_at_a_time(&store, 1), || raw(&file, SINGLE, frame_bytes))?;
    let (one, floor) = (SINGLE as f64 / ours, SINGLE as f64 / rival);
    println!(
        "durable insert, 1 writer: {one:.0}/s; write and sync of as many bytes {floor:.0}/s; ratio {:.2}",
        one / floor
    );
    let (ours, _) = in_turns(|| one_at_a_time(&store, 16), || Ok(0.0))?;
    let sixteen = (16 * SINGLE) as f64 / ours;
    println!("durable insert, 16 writers: {sixteen:.0}/s; {:.1} times 1 writer", sixteen / one);

    let memories: Vec<Memory> = (0..BULK).map(memory).collect();
    let ingest = || {
        let opened = fresh(&store)?;
        timed(|| memories.chunks(BATCH).try_for_each(|batch| opened.append(batch).map(drop)))
            .map(|(seconds, ())| seconds)
    };
    ingest()?;
    let log = store.join("log");
    let log_bytes = fs::metadata(&log).map_err(|error| Fault::io(&log, error))?.len() as usize;
    let (ours, rival) = in_turns(ingest, || raw(&file, BULK / BATCH, log_bytes / (BULK / BATCH)))?;
    let rate = |seconds: f64| BULK as f64 / seconds / 1e3;
    println!(
        "bulk ingest, {BULK} x {WIDTH} by {BATCH}: {:.0} k rows/s; raw append {:.0} k rows/s; ratio {:.2}",
        rate(ours),
        rate(rival),
        rival / ours
    );
    let read = || {
        let mut bytes = Vec::new();
        let read = || File::open(&log).and_then(|mut log| log.read_to_end(&mut bytes)).map_err(|e| Fault::io(&log, e));
        timed(read).map(|(seconds, _)| seconds)
    };
    let (ours, rival) = in_turns(|| timed(|| open(&store).map(drop)).map(|(seconds, _)| seconds), read)?;
    println!(
        "open {BULK} x {WIDTH}, warm: {:.0} ms; reading the file {:.0} ms; {:.2} times",
        ours * 1e3,
        rival * 1e3,
        ours / rival
    );

    let opened = open(&store)?;
    // Fewer than would make it compact by itself.
    let third: Vec<u128> = (0..BULK as u128).step_by(3).collect();
    let (forget, _) = timed(|| opened.forget(&third, Compact::Later))?;
    let (first, _) = timed(|| Ok(opened.vectors()))?;
    let (compact, freed) = timed(|| opened.compact())?;
    println!(
        "forget a third: {:.0} ms; vectors after it {:.0} ms; compact {:.0} ms, {freed} bytes freed",
        forget * 1e3,
        first * 1e3,
        compact * 1e3
    );
    let (export, _) = timed(|| opened.export(folder.join(format!("out-{}", std::process::id()))))?;
    println!("export {} memories: {:.0} ms", opened.len(), export * 1e3);
    Ok(())
}
