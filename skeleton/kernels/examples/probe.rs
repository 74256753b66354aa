//! probe
use foundation::Outcome;
use kernels::cpu::level;
use kernels::matmul_int2::{self, Int2};
use kernels::{act8};
use std::time::Instant;
fn main() -> Outcome<()> {
    for (rows, columns) in [(512, 512)] { for count in [16, 32, 64, 128, 256] {
        let x: Vec<f32> = (0..count * columns).map(|i| ((i as u32).wrapping_mul(2654435761) >> 8) as f32 / 8388608. - 1.).collect();
        let (mut codes, mut scales, mut sums) = (vec![0; x.len()], vec![0.0; count], vec![0; x.len() / 64]);
        act8::quantise(&x, columns, &mut codes, &mut scales, Some(&mut sums))?;
        let bytes: Vec<u8> = (0..rows * columns).map(|i| ((i * 2_654_435_761) >> 7) as u8).collect();
        let half = vec![0x2000u16; rows * columns / 64];
        let mut out = vec![0.0; count * rows];
        let int2 = Int2::new(rows, columns, &bytes[..rows * columns / 4], &half)?;
        let mut best = f64::INFINITY;
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < 0.3 {
            let b = Instant::now();
            matmul_int2::matmul_all_on(level(), &mut [(&mut out, int2)], &codes, &scales, &sums)?;
            best = best.min(b.elapsed().as_secs_f64());
        }
        let flops = 2.0 * (rows * columns * count) as f64;
        println!("{rows}x{columns} M {count}: {:.0} GFLOP/s {:.1} us, {:.1} ns a tile product", flops/best/1e9, best*1e6, best*1e9/(flops/32768.));
    }}
    Ok(())
}
