//! What every scheme promises, whatever its bits, groups and bias: order of codes, bounded error, one result on any pool.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use foundation::pool::Pool;
use proptest::prelude::*;
use quant::{Packed, Rule, Scheme, dequantise, packed_len, quantise, relative_error, scales_len};

/// SplitMix64 of a counter: as good as chance.
fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Sums of four uniform numbers: bell-shaped enough.
fn weights(seed: u32, count: usize) -> Vec<f32> {
    let uniform = |i: usize| (mix(u64::from(seed) << 32 | i as u64) >> 40) as f32 / 8_388_608.0 - 1.0;
    (0..count).map(|i| (0..4).map(|k| uniform(4 * i + k)).sum::<f32>() * 0.03).collect()
}

fn error(x: &[f32], rows: usize, columns: usize, scheme: Scheme, rule: Rule) -> f64 {
    let Packed { bytes, scales } = quantise(x, rows, columns, scheme, rule).unwrap();
    assert_eq!(bytes.len(), packed_len(scheme, rows, columns).unwrap());
    assert_eq!(scales.len(), scales_len(scheme, rows, columns).unwrap());
    relative_error(x, &dequantise(&bytes, &scales, rows, columns, scheme).unwrap()).unwrap()
}

#[test]
fn a_name_says_bits_group_and_bias() {
    for scheme in Scheme::ALL {
        let name = scheme.name();
        assert!(name.starts_with(&format!("int{}.", scheme.bits())));
        let group = if scheme.group() == 0 { ".row".to_string() } else { format!(".g{}", scheme.group()) };
        assert!(name.contains(&group) && name.ends_with(".affine") == scheme.is_affine());
        assert_eq!(Scheme::of(scheme.bits(), scheme.group(), scheme.is_affine()).unwrap(), scheme);
    }
    assert!(matches!(Scheme::of(3, 64, false), Err(Fault::NotFound { .. })));
}

#[test]
fn more_bits_smaller_groups_and_a_bias_lose_less() {
    let x = weights(5, 64 * 512);
    let of = |scheme: Scheme| error(&x, 64, 512, scheme, *scheme.rules().last().unwrap());
    for scheme in Scheme::ALL {
        println!("{:18} {:.4}", scheme.name(), of(scheme));
        let bound = [(2, 0.37), (4, 0.14), (8, 0.011)].into_iter().find(|(bits, _)| *bits == scheme.bits()).unwrap().1;
        assert!(of(scheme) < bound, "{}", scheme.name());
    }
    for bits in [2, 4, 8] {
        for affine in [false, true] {
            let [row, g128, g64] = [0, 128, 64].map(|group| of(Scheme::of(bits, group, affine).unwrap()));
            assert!(g64 < g128 && g128 < row, "{bits} {affine}: {g64} {g128} {row}");
        }
    }
    // Four levels without a zero are already where a bias would move them; for sixteen of them the bias pays.
    assert!(of(Scheme::Int4G64Affine) < of(Scheme::Int4G64));
}

#[test]
fn a_bias_holds_weights_that_are_all_alike() {
    let x = vec![0.75; 3 * 128];
    for scheme in Scheme::ALL.into_iter().filter(|scheme| scheme.is_affine()) {
        for &rule in scheme.rules() {
            assert_eq!(error(&x, 3, 128, scheme, rule), 0.0, "{scheme:?} {rule:?}");
        }
    }
}

#[test]
fn rules_that_a_scheme_has_not_are_refused_with_those_it_has() {
    for scheme in Scheme::ALL {
        for rule in [Rule::MeanAbs, Rule::Deviation, Rule::Range, Rule::LeastSquares] {
            let done = quantise(&weights(1, 16 * 128), 16, 128, scheme, rule);
            match done {
                Ok(_) => assert!(scheme.rules().contains(&rule)),
                Err(Fault::Unsupported { instead, .. }) => {
                    assert!(instead.contains(&format!("{:?}", scheme.rules()[0])), "{instead}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn codes_lie_in_the_order_of_the_row_from_the_lowest_bits() {
    let x = [-1.5, -0.5, 0.5, 1.5, 1.5, 1.5, -1.5, -1.5].repeat(16);
    let found = quantise(&x, 1, 128, Scheme::Int2G128, Rule::LeastSquares).unwrap();
    assert_eq!(found.bytes[..2], [0b11_10_01_00, 0b00_00_11_11]);
    assert_eq!(half::f16::from_bits(found.scales[0]).to_f32(), 1.0);
    let x: Vec<f32> = (0..128).map(|i| (i % 16) as f32 - 2.0).collect();
    let found = quantise(&x, 2, 64, Scheme::Int4G64Affine, Rule::Range).unwrap();
    assert_eq!(found.bytes[..3], [0x10, 0x32, 0x54]);
    let numbers: Vec<f32> = found.scales.iter().map(|&bits| half::f16::from_bits(bits).to_f32()).collect();
    assert_eq!(numbers, [1.0, 1.0, -2.0, -2.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_weight_is_within_half_a_step_of_its_group(seed: u32, power in 0i32..10) {
        let (rows, columns) = (16, 256);
        let x: Vec<f32> = weights(seed, rows * columns).iter().map(|w| w * 2f32.powi(power)).collect();
        for scheme in Scheme::ALL {
            if scheme.bits() == 2 && !scheme.is_affine() {
                continue;
            }
            let found = quantise(&x, rows, columns, scheme, Rule::Range).unwrap();
            let freed = dequantise(&found.bytes, &found.scales, rows, columns, scheme).unwrap();
            let span = if scheme.group() == 0 { columns } else { scheme.group() };
            for (x, y) in x.chunks(span).zip(freed.chunks(span)) {
                let (low, high) = x.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
                let steps = (1 << scheme.bits()) as f32 - 1.0;
                let most = if scheme.is_affine() { (high - low) / steps } else { high.max(-low) / (steps / 2.0).floor() };
                // f16 keeps eleven bits of a scale and of a bias.
                let slack = high.abs().max(low.abs()) / 1000.0;
                prop_assert!(x.iter().zip(y).all(|(x, y)| (x - y).abs() <= most * 0.5 + slack), "{}", scheme.name());
            }
        }
    }

    #[test]
    fn threads_change_nothing(seed: u32) {
        let x = weights(seed, 48 * 128);
        let pool = Pool::new(3).unwrap();
        for scheme in Scheme::ALL {
            for &rule in scheme.rules() {
                let alone = quantise(&x, 48, 128, scheme, rule).unwrap();
                prop_assert_eq!(pool.run(|| quantise(&x, 48, 128, scheme, rule)).unwrap(), alone);
            }
        }
    }

    #[test]
    fn what_is_free_already_comes_back_to_the_bit(seed: u32) {
        let x = weights(seed, 16 * 128);
        for scheme in Scheme::ALL.into_iter().filter(|scheme| scheme.bits() == 4 && !scheme.is_affine()) {
            let found = quantise(&x, 16, 128, scheme, Rule::LeastSquares).unwrap();
            let freed = dequantise(&found.bytes, &found.scales, 16, 128, scheme).unwrap();
            let again = quantise(&freed, 16, 128, scheme, Rule::LeastSquares).unwrap();
            let twice = dequantise(&again.bytes, &again.scales, 16, 128, scheme).unwrap();
            prop_assert!(relative_error(&freed, &twice).unwrap() < 2e-3);
        }
    }
}
