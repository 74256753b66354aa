//! Softmax for AVX2: the truth compiled for these registers, nothing of its own.
use crate::cpu::truth_for;

truth_for! { avx2:
    fn softmax(x: &mut [f32], width: usize);
}
