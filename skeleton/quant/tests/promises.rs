//! What quantisation promises: exact packing, bounded error, agreement with the kernels, refusal of bad data.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use proptest::prelude::*;
use quant::{
    Rule, Scheme, dequantise, int2_from_codes, int2_to_codes, packed_len, quantise, relative_error, scales_len,
};

fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn gaussian(seed: u64, count: usize, deviation: f32) -> Vec<f32> {
    let uniform = |i: u64| (mix(seed << 32 | i) >> 11) as f64 / (1u64 << 53) as f64;
    let one = |i: u64| (-2.0 * (1.0 - uniform(2 * i)).ln()).sqrt() * (std::f64::consts::TAU * uniform(2 * i + 1)).cos();
    (0..count as u64).map(|i| one(i) as f32 * deviation).collect()
}

fn error(x: &[f32], rows: usize, columns: usize, scheme: Scheme, rule: Rule) -> f64 {
    let packed = quantise(x, rows, columns, scheme, rule).unwrap();
    relative_error(x, &dequantise(&packed.bytes, &packed.scales, rows, columns, scheme).unwrap()).unwrap()
}

fn rules(scheme: Scheme) -> &'static [Rule] {
    scheme.rules()
}

/// The schemes that a kernel multiplies by.
const MULTIPLIED: [Scheme; 3] = [Scheme::Int2G64, Scheme::Int4G64, Scheme::Int8Row];

#[test]
fn gaussian_weights_lose_what_theory_says() {
    let x = gaussian(1, 256 * 512, 0.02);
    let of = |scheme, rule| error(&x, 256, 512, scheme, rule);
    let (mean, deviation) = (of(Scheme::Int2G64, Rule::MeanAbs), of(Scheme::Int2G64, Rule::Deviation));
    let (least, int4) = (of(Scheme::Int2G64, Rule::LeastSquares), of(Scheme::Int4G64, Rule::Range));
    let (int4_least, int8) = (of(Scheme::Int4G64, Rule::LeastSquares), of(Scheme::Int8Row, Rule::Range));
    println!("int2 {mean:.4} {deviation:.4} {least:.4}, int4 {int4:.4} {int4_least:.4}, int8 {int8:.4}");
    // Four levels and one scale for all lose .3447 (Max 1960); a scale of its own for each 64 gains about a hundredth.
    assert!((0.336..0.347).contains(&mean), "{mean}");
    assert!((0.334..0.347).contains(&deviation), "{deviation}");
    assert!(least < mean && least < deviation, "{least}");
    assert!(int4_least < int4 && int4 < 0.12, "{int4_least} {int4}");
    assert!(int8 < 0.01, "{int8}");
}

#[test]
fn names_and_schemes_are_one_to_one() {
    for scheme in Scheme::ALL {
        assert_eq!(Scheme::parse(scheme.name()).unwrap(), scheme);
    }
    assert!(matches!(Scheme::parse("int3"), Err(Fault::NotFound { .. })));
}

#[test]
fn zeros_stay_small_and_finite() {
    for scheme in Scheme::ALL {
        for &rule in rules(scheme) {
            let packed = quantise(&[0.0; 16 * 128], 16, 128, scheme, rule).unwrap();
            let freed = dequantise(&packed.bytes, &packed.scales, 16, 128, scheme).unwrap();
            assert!(freed.iter().all(|v| v.abs() < 1e-6), "{scheme:?} {rule:?}");
        }
    }
}

#[test]
fn bad_data_is_refused() {
    let range = |fault: Option<Fault>| matches!(fault, Some(Fault::OutOfRange { .. }));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        let mut x = [0.5; 16 * 128];
        x[70] = bad;
        for scheme in Scheme::ALL {
            assert!(range(quantise(&x, 16, 128, scheme, rules(scheme)[0]).err()), "{bad} in {scheme:?}");
        }
    }
    assert!(range(packed_len(Scheme::Int2G64, 15, 64).err()));
    assert!(range(packed_len(Scheme::Int2G64, 16, 65).err()));
    assert!(range(packed_len(Scheme::Int4G64, 0, 64).err()));
    assert!(range(scales_len(Scheme::Int8Row, usize::MAX, 2).err()));
    assert!(range(scales_len(Scheme::Int8Row, usize::MAX / 2, 1).err()));
    assert!(matches!(quantise(&[0.0; 64], 1, 64, Scheme::Int4G64, Rule::MeanAbs), Err(Fault::Unsupported { .. })));
    assert!(matches!(quantise(&[0.0; 1024], 16, 64, Scheme::Int2G64, Rule::Range), Err(Fault::Unsupported { .. })));
    assert!(matches!(quantise(&[0.0; 64], 1, 64, Scheme::Int8Row, Rule::LeastSquares), Err(Fault::Unsupported { .. })));
    assert!(matches!(quantise(&[0.0; 63], 1, 64, Scheme::Int4G64, Rule::Range), Err(Fault::Shape { .. })));
    assert!(matches!(dequantise(&[0; 3], &[0], 1, 4, Scheme::Int8Row), Err(Fault::Shape { .. })));
    assert!(matches!(int2_from_codes(&[0; 255], &[0; 16], 16, 64), Err(Fault::Shape { .. })));
    assert!(range(int2_from_codes(&[0; 256], &[0x7c00; 16], 16, 64).err()));
    assert!(matches!(relative_error(&[1.0], &[]), Err(Fault::Shape { .. })));
}

#[test]
fn the_kernels_read_what_quant_packs() {
    let (rows, columns) = (32, 128);
    let w = gaussian(2, rows * columns, 0.05);
    let x = gaussian(3, 2 * columns, 1.0);
    let mut out = vec![0.0; 2 * rows];
    for scheme in MULTIPLIED {
        let packed = quantise(&w, rows, columns, scheme, rules(scheme)[0]).unwrap();
        let freed = dequantise(&packed.bytes, &packed.scales, rows, columns, scheme).unwrap();
        let signed: Vec<i8> = packed.bytes.iter().map(|&b| b as i8).collect();
        match scheme {
            Scheme::Int2G64 => {
                let w = kernels::matmul_int2::Int2::new(rows, columns, &packed.bytes, &packed.scales).unwrap();
                kernels::matmul_int2::matmul_f32_int2(&mut out, &x, &w).unwrap();
            }
            Scheme::Int4G64 => {
                let w = kernels::matmul_int4::Int4::new(rows, columns, &packed.bytes, &packed.scales).unwrap();
                kernels::matmul_int4::matmul_f32_int4(&mut out, &x, &w).unwrap();
            }
            _ => {
                let w = kernels::matmul_int8::Int8::new(rows, columns, &signed, &packed.scales).unwrap();
                kernels::matmul_int8::matmul_f32_int8(&mut out, &x, &w).unwrap();
            }
        }
        let mut want = vec![0.0; 2 * rows];
        kernels::matmul_f32::matmul(&mut want, &x, &freed, rows, columns).unwrap();
        assert!(relative_error(&want, &out).unwrap() < 1e-6, "{scheme:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tiles_and_plain_codes_are_inverse(tiles in 1usize..4, groups in 1usize..4, seed: u32) {
        let (rows, columns) = (tiles * 16, groups * 64);
        let codes: Vec<u8> = (0..rows * columns / 4).map(|i| mix(u64::from(seed) << 20 | i as u64) as u8).collect();
        let scales: Vec<u16> = (0..rows * groups).map(|i| mix(i as u64) as u16 & 0x3fff).collect();
        let packed = int2_from_codes(&codes, &scales, rows, columns).unwrap();
        let plain = int2_to_codes(&packed.bytes, &packed.scales, rows, columns).unwrap();
        prop_assert_eq!((&plain.bytes, &plain.scales), (&codes, &scales));
        let freed = dequantise(&packed.bytes, &packed.scales, rows, columns, Scheme::Int2G64).unwrap();
        for (k, value) in freed.iter().enumerate() {
            let code = codes[k / 4] >> (2 * (k % 4)) & 3;
            let scale = half::f16::from_bits(scales[k / 64]).to_f32();
            prop_assert_eq!(*value, (f32::from(code) - 1.5) * scale);
        }
    }

    #[test]
    fn freed_weights_quantise_to_themselves(seed: u32, deviation in 1e-3f32..10.0) {
        for scheme in [Scheme::Int4G64, Scheme::Int8Row] {
            let x = gaussian(u64::from(seed), 16 * 128, deviation);
            let first = quantise(&x, 16, 128, scheme, Rule::Range).unwrap();
            let freed = dequantise(&first.bytes, &first.scales, 16, 128, scheme).unwrap();
            let again = quantise(&freed, 16, 128, scheme, Rule::Range).unwrap();
            let twice = dequantise(&again.bytes, &again.scales, 16, 128, scheme).unwrap();
            prop_assert!(relative_error(&freed, &twice).unwrap() < 2e-3);
        }
    }

    #[test]
    fn every_error_is_within_half_a_step_or_the_outermost_level(seed: u32, deviation in 1e-3f32..10.0) {
        let x = gaussian(u64::from(seed), 16 * 128, deviation);
        for scheme in MULTIPLIED {
            for &rule in rules(scheme) {
                let packed = quantise(&x, 16, 128, scheme, rule).unwrap();
                let freed = dequantise(&packed.bytes, &packed.scales, 16, 128, scheme).unwrap();
                for (k, (x, y)) in x.iter().zip(&freed).enumerate() {
                    let (row, group) = (k / 128, k % 128 / 64);
                    let at = match scheme {
                        Scheme::Int2G64 => group * 16 + row,
                        Scheme::Int4G64 => row * 2 + group,
                        _ => row,
                    };
                    let scale = half::f16::from_bits(packed.scales[at]).to_f32();
                    let outermost = match scheme { Scheme::Int2G64 => 1.5, Scheme::Int4G64 => 7.0, _ => 127.0 };
                    let beyond = x.abs() > outermost * scale && y.abs() >= outermost * scale && x.signum() == y.signum();
                    prop_assert!(beyond || (x - y).abs() <= scale * 0.501, "{x} became {y} at scale {scale}");
                }
            }
        }
    }
}
