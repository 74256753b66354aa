//! What mlx's and ggml's layouts promise: every number there and back; what a layout cannot hold is refused.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use proptest::prelude::*;
use quant::{Block, Packed, Scheme, dequantise, from_ggml, from_mlx, quantise, to_ggml, to_mlx};

const ROWS: usize = 32;
const COLUMNS: usize = 256;

fn packed(scheme: Scheme, seed: u32) -> Packed {
    let mixed = |i: usize| (i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8;
    let x: Vec<f32> = (0..ROWS * COLUMNS).map(|i| mixed(i) as f32 / 8_388_608.0 - 1.0).collect();
    quantise(&x, ROWS, COLUMNS, scheme, scheme.rules()[0]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn mlx_holds_every_scheme_number_for_number(seed: u32) {
        for scheme in Scheme::ALL {
            let ours = packed(scheme, seed);
            let mlx = to_mlx(&ours.bytes, &ours.scales, ROWS, COLUMNS, scheme).unwrap();
            prop_assert_eq!(mlx.words.len(), ROWS * COLUMNS * scheme.bits() / 32);
            let freed = dequantise(&ours.bytes, &ours.scales, ROWS, COLUMNS, scheme).unwrap();
            for (k, value) in freed.iter().enumerate() {
                let per_word = 32 / mlx.bits;
                let code = mlx.words[k / per_word] >> (k % per_word * mlx.bits) & ((1u64 << mlx.bits) - 1) as u32;
                let group = k / mlx.group;
                prop_assert_eq!(mlx.scales[group].mul_add(code as f32, mlx.biases[group]), *value);
            }
            let (found, back) = from_mlx(&mlx, ROWS, COLUMNS).unwrap();
            prop_assert_eq!(found.is_affine(), scheme.is_affine());
            if scheme.group() != 0 {
                prop_assert_eq!((found, &back), (scheme, &ours));
            }
            prop_assert_eq!(dequantise(&back.bytes, &back.scales, ROWS, COLUMNS, found).unwrap(), freed);
        }
    }

    #[test]
    fn ggml_holds_symmetric_int4_and_int8_there_and_back(seed: u32) {
        for (bits, block) in [(4, Block::Q4_0), (8, Block::Q8_0)] {
            for group in [0, 64, 128] {
                let scheme = Scheme::of(bits, group, false).unwrap();
                let ours = packed(scheme, seed);
                let blocks = to_ggml(&ours.bytes, &ours.scales, ROWS, COLUMNS, scheme, block).unwrap();
                prop_assert_eq!(from_ggml(&blocks, ROWS, COLUMNS, scheme, block).unwrap(), ours);
            }
        }
    }

    #[test]
    fn hostile_blocks_and_words_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), bits in 0usize..40) {
        for block in Block::ALL {
            for scheme in [Scheme::Int4G64, Scheme::Int8Row, Scheme::Int2Row] {
                let _ = from_ggml(&bytes, bytes.len() / 64 + 1, 64, scheme, block);
            }
        }
        let words: Vec<u32> = bytes.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)).collect();
        let scales: Vec<f32> = words.iter().map(|&word| f32::from_bits(word)).collect();
        for group in [0, 64, 128] {
            let mlx = quant::Mlx { bits, group, words: words.clone(), scales: scales.clone(), biases: scales.clone() };
            let _ = from_mlx(&mlx, words.len() / 4, 64);
        }
    }
}

#[test]
fn q2_k_holds_one_scale_a_row_and_nothing_else() {
    let ours = packed(Scheme::Int2Row, 5);
    let blocks = to_ggml(&ours.bytes, &ours.scales, ROWS, COLUMNS, Scheme::Int2Row, Block::Q2K).unwrap();
    let freed = dequantise(&ours.bytes, &ours.scales, ROWS, COLUMNS, Scheme::Int2Row).unwrap();
    assert_eq!(blocks.len(), ROWS * 84);
    // By hand, from ggml's description: 16 scales, 64 bytes of codes, d, dmin.
    for (k, value) in freed.iter().enumerate() {
        let (block, at) = (&blocks[k / 256 * 84..][..84], k % 256);
        let half = |from: usize| half::f16::from_le_bytes([block[from], block[from + 1]]).to_f32();
        let code = block[16 + at / 128 * 32 + at % 32] >> (2 * (at % 128 / 32)) & 3;
        let (scale, least) = (block[at / 16] & 15, block[at / 16] >> 4);
        assert_eq!(half(80) * f32::from(scale) * f32::from(code) - half(82) * f32::from(least), *value);
    }
}

#[test]
fn what_a_layout_cannot_hold_is_refused_with_a_way_out() {
    let refused = |scheme, block| {
        let ours = packed(scheme, 1);
        match to_ggml(&ours.bytes, &ours.scales, ROWS, COLUMNS, scheme, block) {
            Err(Fault::Unsupported { instead, .. }) => !instead.is_empty(),
            _ => false,
        }
    };
    for scheme in Scheme::ALL {
        assert!(refused(scheme, Block::Tq20), "{scheme:?}");
        assert!(!scheme.is_affine() || Block::ALL.iter().all(|&block| refused(scheme, block)));
    }
    assert!(refused(Scheme::Int2G64, Block::Q2K) && refused(Scheme::Int4G64, Block::Q8_0));
    let mut uneven = to_ggml(&[0x88; 32], &[0x3c00], 1, 64, Scheme::Int4G64, Block::Q4_0).unwrap();
    uneven[18] ^= 1;
    assert!(matches!(from_ggml(&uneven, 1, 64, Scheme::Int4G64, Block::Q4_0), Err(Fault::Unsupported { .. })));
    let tiny = packed(Scheme::Int2Row, 1);
    let smallest = vec![1; ROWS];
    let done = to_ggml(&tiny.bytes, &smallest, ROWS, COLUMNS, Scheme::Int2Row, Block::Q2K);
    assert!(matches!(done, Err(Fault::OutOfRange { .. })));
    let mut mlx = to_mlx(&[0; 16], &[0x3c00, 0x3c00], 1, 64, Scheme::Int2G64Affine).unwrap();
    mlx.scales[0] = 0.1;
    assert!(matches!(from_mlx(&mlx, 1, 64), Err(Fault::Unsupported { .. })));
    assert!(matches!(to_mlx(&[0; 1], &[0x3c00], 1, 4, Scheme::Int2Row), Err(Fault::OutOfRange { .. })));
    assert!(Block::ALL.iter().all(|&block| Block::parse(block.name()).unwrap() == block));
}
