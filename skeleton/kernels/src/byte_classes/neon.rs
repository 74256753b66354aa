//! The classes of bytes for NEON: the truth compiled for these registers, nothing of its own.
use super::{BLOCK, Classes};
use crate::cpu::truth_for;

truth_for! { neon:
    fn blocks(text: &[[u8; BLOCK]], out: &mut [Classes]);
}
