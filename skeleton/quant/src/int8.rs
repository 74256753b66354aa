//! INT8 with one scale a row: embeddings and heads. Codes lie in -127 ..= 127.
use crate::door::{Packed, no_rule, stored};
use crate::scheme::{Rule, Scheme};
use foundation::Outcome;
use half::f16;

pub(crate) fn quantise(x: &[f32], columns: usize, rule: Rule, packed: &mut Packed) -> Outcome<()> {
    if rule != Rule::Range {
        return Err(no_rule(Scheme::Int8Row, rule, "use Range"));
    }
    let rows = x.chunks_exact(columns).zip(packed.bytes.chunks_exact_mut(columns));
    for ((x, bytes), bits) in rows.zip(&mut packed.scales) {
        let range = x.iter().fold(0.0f32, |top, v| top.max(v.abs())) / 127.0;
        let (stored_bits, scale) = stored(range)?;
        *bits = stored_bits;
        for (byte, value) in bytes.iter_mut().zip(x) {
            *byte = (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8 as u8;
        }
    }
    Ok(())
}

pub(crate) fn free(bytes: &[u8], scales: &[u16], columns: usize, out: &mut [f32]) {
    for ((out, bytes), &bits) in out.chunks_exact_mut(columns).zip(bytes.chunks_exact(columns)).zip(scales) {
        let scale = f16::from_bits(bits).to_f32();
        out.iter_mut().zip(bytes).for_each(|(out, &byte)| *out = f32::from(byte as i8) * scale);
    }
}
