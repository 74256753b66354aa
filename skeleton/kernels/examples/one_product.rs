//! A tour of the kernels: activations to INT8, a product with INT2 weights on every path of this machine, the same bits.
use foundation::Outcome;
use kernels::act8;
use kernels::cpu::levels;
use kernels::matmul_int2::{Int2, matmul_all_on};

fn main() -> Outcome<()> {
    let (rows, columns, count) = (32, 128, 3);
    let x: Vec<f32> = (0..count * columns).map(|i| (i as f32 * 0.37).sin()).collect();
    let (mut codes, mut scales, mut sums) = (vec![0; x.len()], vec![0.0; count], vec![0; x.len() / 64]);
    act8::quantise(&x, columns, &mut codes, &mut scales, Some(&mut sums))?;
    println!("{} numbers became {} bytes and {count} scales", x.len(), codes.len());

    let packed: Vec<u8> = (0..rows * columns / 4).map(|i| (i * 37) as u8).collect();
    let group_scales = vec![0x2c00; rows * columns / 64]; // 1/16 as f16
    let weights = Int2::new(rows, columns, &packed, &group_scales)?;
    for &level in levels() {
        let mut out = vec![0.0; count * rows];
        matmul_all_on(level, &mut [(&mut out, weights)], &codes, &scales, &sums)?;
        let bits = out.iter().fold(0u32, |sum, v| sum.rotate_left(5) ^ v.to_bits());
        println!("{:<11} first output {:+.6}, all bits folded {bits:08x}", format!("{level:?}"), out[0]);
    }
    Ok(())
}
