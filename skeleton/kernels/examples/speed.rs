//! Prints GFLOP/s of the products on each path of this machine, per shape and count of rows; a figure, not a test.
use foundation::Outcome;
use foundation::pool::Pool;
use kernels::attention::{See, attend_on};
use kernels::cpu::{Level, levels};
use kernels::matmul_int2::{self, Int2};
use kernels::matmul_int4::{self, Int4};
use kernels::matmul_int8::{self, Int8};
use kernels::{act8, norm, silu};
use std::time::Instant;

/// The best seconds of one call among runs that last about .2 s together.
fn seconds(mut call: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let (start, mut best, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 3 || start.elapsed().as_secs_f64() < 0.2 {
        let begin = Instant::now();
        call()?;
        best = best.min(begin.elapsed().as_secs_f64());
        runs += 1;
    }
    Ok(best)
}

fn line(what: &str, level: Level, count: usize, flops: f64, seconds: f64) {
    println!(
        "{what:<28} {:<11} M {count:>3} {:>9.1} GFLOP/s {:>9.1} us",
        format!("{level:?}"),
        flops / seconds / 1e9,
        seconds * 1e6
    );
}

fn noise(count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn products(level: Level, rows: usize, columns: usize, count: usize) -> Outcome<()> {
    let flops = 2.0 * (rows * columns * count) as f64;
    let x = noise(count * columns);
    let (mut codes, mut scales, mut sums) = (vec![0; x.len()], vec![0.0; count], vec![0; x.len() / 64]);
    act8::quantise(&x, columns, &mut codes, &mut scales, Some(&mut sums))?;
    let bytes: Vec<u8> = (0..rows * columns).map(|i| ((i * 2_654_435_761) >> 7) as u8).collect();
    let signed: Vec<i8> = bytes.iter().map(|&b| b as i8).collect();
    let half = vec![0x2000u16; rows * columns / 64];
    let mut out = vec![0.0; count * rows];
    let name = format!("{rows} x {columns}");
    let int2 = Int2::new(rows, columns, &bytes[..rows * columns / 4], &half)?;
    let time = seconds(|| matmul_int2::matmul_all_on(level, &mut [(&mut out, int2)], &codes, &scales, &sums))?;
    line(&format!("int2 x int8 {name}"), level, count, flops, time);
    let time = seconds(|| matmul_int2::matmul_f32_int2_on(level, &mut out, &x, &int2))?;
    line(&format!("int2 x f32 {name}"), level, count, flops, time);
    let int4 = Int4::new(rows, columns, &bytes[..rows * columns / 2], &half)?;
    let time = seconds(|| matmul_int4::matmul_on(level, &mut out, &codes, &scales, &int4))?;
    line(&format!("int4 x int8 {name}"), level, count, flops, time);
    let int8 = Int8::new(rows, columns, &signed, &half[..rows])?;
    let time = seconds(|| matmul_int8::matmul_on(level, &mut out, &codes, &scales, &int8))?;
    line(&format!("int8 x int8 {name}"), level, count, flops, time);
    let time = seconds(|| matmul_int8::matmul_f32_int8_on(level, &mut out, &x, &int8))?;
    line(&format!("int8 x f32 {name}"), level, count, flops, time);
    Ok(())
}

fn attention(level: Level, prefix: usize, count: usize) -> Outcome<()> {
    let (q, k, own) = (noise(count * 512), noise(prefix * 256), noise(count * 256));
    let mut out = vec![0.0; q.len()];
    let flops = (4 * 512 * count * (prefix + count)) as f64;
    let time = seconds(|| attend_on(level, &mut out, &q, &k, &k, &own, &own, 8, 4, See::Canvas))?;
    line(&format!("attention prefix {prefix}"), level, count, flops, time);
    Ok(())
}

fn elements(level: Level, count: usize) -> Outcome<()> {
    let (x, gain) = (noise(count * 512), noise(512));
    let (mut codes, mut scales, mut sums) = (vec![0; x.len()], vec![0.0; count], vec![0; x.len() / 64]);
    let time = seconds(|| norm::rms_act8_on(level, &mut codes, &mut scales, Some(&mut sums), &x, &gain, 1e-6, 512))?;
    line("rms_act8 512", level, count, 4.0 * x.len() as f64, time);
    let (gate, mut out) = (noise(count * 1408), vec![0.0; count * 1408]);
    let time = seconds(|| silu::silu_mul_on(level, &mut out, &gate, &gate))?;
    line("silu_mul 1408", level, count, 16.0 * gate.len() as f64, time);
    Ok(())
}

/// The products of one pass of the base network's trunk: 10 layers, 512 wide, feed-forward 1408.
fn trunk(pool: &Pool, count: usize) -> Outcome<()> {
    let x = noise(count * 1408);
    let (mut codes, mut scales, mut sums) = (vec![0; x.len()], vec![0.0; count], vec![0; x.len() / 64]);
    act8::quantise(&x, 1408, &mut codes, &mut scales, Some(&mut sums))?;
    let layers: Vec<(Vec<u8>, Vec<u16>)> =
        (0..10).map(|_| (vec![0x1b; 2_949_120 / 4], vec![0x2000; 2_949_120 / 64])).collect();
    let (mut out, mut other) = (vec![0.0; count * 1408], vec![0.0; count * 1408]);
    let mut third = vec![0.0; count * 256];
    let narrow = (&codes[..count * 512], &sums[..count * 8]);
    let time = seconds(|| {
        pool.run(|| {
            for (bytes, half) in &layers {
                let view = |rows: usize, columns: usize, at: usize| {
                    let size = rows * columns;
                    Int2::new(rows, columns, &bytes[at / 4..(at + size) / 4], &half[at / 64..(at + size) / 64])
                };
                let (q, k, v) = (view(512, 512, 0)?, view(256, 512, 262_144)?, view(256, 512, 393_216)?);
                let mut jobs = [(&mut out[..count * 512], q), (&mut other[..count * 256], k), (&mut third[..], v)];
                matmul_int2::matmul_all(&mut jobs, narrow.0, &scales, narrow.1)?;
                matmul_int2::matmul(&mut out[..count * 512], narrow.0, &scales, narrow.1, &view(512, 512, 524_288)?)?;
                let (gate, up) = (view(1408, 512, 786_432)?, view(1408, 512, 1_507_328)?);
                let mut jobs = [(&mut out[..], gate), (&mut other[..], up)];
                matmul_int2::matmul_all(&mut jobs, narrow.0, &scales, narrow.1)?;
                matmul_int2::matmul(&mut out[..count * 512], &codes, &scales, &sums, &view(512, 1408, 2_228_224)?)?;
            }
            Ok(())
        })
    })?;
    println!("trunk products, {} threads, M {count:>3}: {:.2} ms", pool.threads(), time * 1e3);
    Ok(())
}

fn main() -> Outcome<()> {
    for &level in levels() {
        for count in [1, 8, 16, 64] {
            for (rows, columns) in [(512, 512), (1408, 512), (512, 1408)] {
                products(level, rows, columns, count)?;
            }
            attention(level, 200, count)?;
            attention(level, 1000, count)?;
            elements(level, count)?;
        }
    }
    let table = vec![3i8; 8192 * 512];
    let half = vec![0x2000u16; 8192];
    let head = Int8::new(8192, 512, &table, &half)?;
    for threads in [1, 2] {
        let pool = Pool::new(threads)?;
        for count in [1, 8, 16, 64] {
            trunk(&pool, count)?;
            let (x, mut out) = (noise(count * 512), vec![0.0; count * 8192]);
            let time = seconds(|| pool.run(|| matmul_int8::matmul_f32_int8(&mut out, &x, &head)))?;
            println!("head 8192 x 512 f32, {threads} threads, M {count:>3}: {:.2} ms", time * 1e3);
        }
    }
    Ok(())
}
