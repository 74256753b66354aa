//! How long the passes of the ways to decode take: `rounds [FOLDER] [THREADS ...]`. Measures, promises nothing.
//!
//! Two figures in milliseconds: the median by the clock, and (Linux) the mean processor time of all threads, which other programs disturb less.
use forward::{Ask, Cache, Choice, Input, Network, Pass, Precision, See};
use foundation::pool::Pool;
use foundation::{Cancel, Outcome};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use weights::Weights;

/// Tokens of the prefix that every pass stands behind.
const PREFIX: usize = 256;
/// How often each pass is timed.
const REPEATS: usize = 21;

fn main() -> Outcome<()> {
    let before = resident_mb();
    let mut arguments = std::env::args().skip(1);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../brain/pretrained/base");
    let folder = arguments.next().map_or(shipped, Into::into);
    let threads: Vec<usize> = arguments.filter_map(|a| a.parse().ok()).collect();
    let threads = if threads.is_empty() { vec![1, 2] } else { threads };
    let json = std::fs::read_to_string(folder.join("score.json")).map_err(|e| foundation::Fault::io(&folder, e))?;
    let weights = Arc::new(Weights::open(folder.join("weights.arrow"))?);
    for threads in threads {
        let network = Network::open(weights.clone(), &json, Pool::new(threads)?)?;
        println!("{threads} thread(s), prefix of {PREFIX} tokens, kernels on {:?}", kernels::cpu::level());
        let prompt: Vec<u32> = (0..PREFIX as u32).map(|i| 300 + (i * 37) % 7000).collect();
        let positions: Vec<f32> = (0..1024).map(|i| i as f32).collect();
        let mut cache = network.cache();
        let pass = Pass {
            cache: &mut cache,
            input: Input::Tokens(&prompt),
            rows: &positions[..PREFIX],
            columns: &positions[..PREFIX],
            see: See::Causal,
        };
        network.trunk(&mut [pass], Precision::Int8, &Cancel::never())?;
        for temperature in [0.0, 0.8] {
            for (name, rows, see) in [
                ("next token", 1, See::Causal),
                ("canvas of 16", 16, See::Canvas),
                ("verify of 16", 16, See::Causal),
                ("canvas of 64", 64, See::Canvas),
            ] {
                let ids: Vec<u32> = (0..rows).map(|i| if see == See::Canvas && i > 0 { 3 } else { 400 + i }).collect();
                let choice = Choice { temperature, min_p: 0.0, seed: 1, forbid: vec![3] };
                let ms =
                    measure(|| tokens(&network, &mut cache, &ids, &positions[PREFIX..][..ids.len()], see, &choice))?;
                println!("  {name:16} temperature {temperature}: {ms}");
            }
        }
        let ms = measure(|| {
            let at = &positions[PREFIX..][..16];
            let pass =
                Pass { cache: &mut cache, input: Input::Tokens(&[3; 16]), rows: at, columns: at, see: See::Canvas };
            network.hidden(&mut [pass], Precision::Int8, &Cancel::never())
        })?;
        println!("  {:16} without head: {ms}", "canvas of 16");
        prefixes(&network, &prompt, &positions)?;
        at_once(&network, &cache, &positions)?;
        println!("  held since the start: {:.1} MB", resident_mb() - before);
        picture(&network, &prompt[..16])?;
    }
    Ok(())
}

fn tokens(network: &Network, cache: &mut Cache, ids: &[u32], at: &[f32], see: See, choice: &Choice) -> Outcome<()> {
    let pass = Pass { cache, input: Input::Tokens(ids), rows: at, columns: at, see };
    let ask = Ask { choice, rows: 0..ids.len(), targets: None };
    network.propose(&mut [pass], &[ask], Precision::Int8, &Cancel::never())?;
    cache.truncate(PREFIX)
}

/// A prompt read for its keys and values, and one that also says its next token.
fn prefixes(network: &Network, prompt: &[u32], positions: &[f32]) -> Outcome<()> {
    let (choice, at) = (Choice::default(), &positions[..prompt.len()]);
    for last in [0, 1] {
        let ms = measure(|| {
            let mut cache = network.cache();
            let pass =
                Pass { cache: &mut cache, input: Input::Tokens(prompt), rows: at, columns: at, see: See::Causal };
            let ask = Ask { choice: &choice, rows: at.len() - last..at.len(), targets: None };
            network.propose(&mut [pass], &[ask], Precision::Int8, &Cancel::never())
        })?;
        println!("  prefix of {PREFIX}, {last} asked: {ms}");
    }
    let ms = measure(|| {
        let mut cache = network.cache();
        let pass = Pass { cache: &mut cache, input: Input::Tokens(prompt), rows: at, columns: at, see: See::Causal };
        network.hidden(&mut [pass], Precision::Int8, &Cancel::never())
    })?;
    println!("  prefix of {PREFIX}, all rows of all blocks: {ms}");
    Ok(())
}

/// Two callers with ten canvases of 64 each, at once and one after the other.
fn at_once(network: &Network, cache: &Cache, positions: &[f32]) -> Outcome<()> {
    let work = || -> Outcome<()> {
        let (mut own, choice) = (cache.clone(), Choice { forbid: vec![3], ..Choice::default() });
        (0..10).try_for_each(|_| tokens(network, &mut own, &[3; 64], &positions[PREFIX..][..64], See::Canvas, &choice))
    };
    let together = measure(|| {
        std::thread::scope(|scope| {
            let other = scope.spawn(work);
            work().and(other.join().unwrap_or_else(|_| Err(foundation::Fault::bug("a caller panicked"))))
        })
    })?;
    println!("  two callers at once: {together}");
    println!("  one after the other: {}", measure(|| work().and_then(|()| work()))?);
    Ok(())
}

/// What this process holds of memory, mapped files included; 0 where the system does not tell.
fn resident_mb() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok()).map_or(0.0, |pages| pages * 4096.0 / 1e6)
}

fn picture(network: &Network, prompt: &[u32]) -> Outcome<()> {
    let n = prompt.len();
    let at: Vec<f32> = (0..n).map(|i| i as f32).collect();
    let mut cache = network.cache();
    let pass = Pass { cache: &mut cache, input: Input::Tokens(prompt), rows: &at, columns: &at, see: See::Causal };
    network.trunk(&mut [pass], Precision::Int8, &Cancel::never())?;
    let rows: Vec<f32> = (0..256).map(|i| (n + i / 16) as f32).collect();
    let columns: Vec<f32> = (0..256).map(|i| (n + i % 16) as f32).collect();
    let x: Vec<f32> = (0..256 * 32).map(|i| ((i * 37) % 200) as f32 / 100.0 - 1.0).collect();
    let ms = measure(|| {
        let input = Input::Vectors { kind: "image", x: &x, time: &[0.6; 256] };
        let pass = Pass { cache: &mut cache, input, rows: &rows, columns: &columns, see: See::Canvas };
        network.velocity(&mut [pass], Precision::Int8, &Cancel::never())
    })?;
    println!("  {:16}               : {ms}", "picture of 256");
    Ok(())
}

fn measure<T>(mut run: impl FnMut() -> Outcome<T>) -> Outcome<String> {
    run()?;
    let mut times = Vec::with_capacity(REPEATS);
    let before = processor_ms();
    for _ in 0..REPEATS {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let busy = processor_ms().zip(before).map(|(after, before)| (after - before) / REPEATS as f64);
    times.sort_by(f64::total_cmp);
    let clock = times[REPEATS / 2];
    Ok(busy.map_or(format!("{clock:8.3} by the clock"), |busy| {
        format!("{clock:8.3} by the clock, {busy:8.3} of processor")
    }))
}

/// Time that all threads of this process have run, where the system tells.
fn processor_ms() -> Option<f64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let one = |path: std::path::PathBuf| -> Option<f64> {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    tasks.filter_map(Result::ok).map(|task| one(task.path())).sum::<Option<f64>>().map(|ns| ns / 1e6)
}
