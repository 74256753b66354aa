//! What a tensor's bytes must be, given its shape, type and scheme: lengths, bits and group. Packs nothing itself.
use crate::tensor::Dtype;
use quant::{Scheme, packed_len, scales_len};

/// The scheme of a tensor whose elements are stored as they are.
pub const PLAIN: &str = "plain";

/// What follows from shape, type and scheme. Lengths in bytes, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) packed: u64,
    pub(crate) scales: u64,
    /// Bits of one stored weight.
    pub(crate) bits: u8,
    /// Weights that share a scale (a whole row's columns where the row does); 0 when there is none.
    pub(crate) group: u32,
}

/// The only lengths that fit, or in words why shape, type and scheme do not go together.
pub(crate) fn plan(shape: &[u64], dtype: Dtype, scheme: &str) -> Result<Plan, String> {
    let elements = shape
        .iter()
        .try_fold(1u64, |product, &size| product.checked_mul(size))
        .filter(|&n| n > 0 && n <= i64::MAX as u64)
        .ok_or_else(|| format!("the shape {shape:?} has no elements, or too many"))?;
    if scheme == PLAIN {
        let packed =
            elements.checked_mul(dtype.size_bytes()).ok_or_else(|| format!("the shape {shape:?} is too large"))?;
        return Ok(Plan { packed, scales: 0, bits: 8 * dtype.size_bytes() as u8, group: 0 });
    }
    let &[rows, columns] = shape else {
        return Err(format!("the scheme {scheme} packs matrices, not the shape {shape:?}"));
    };
    quantised(scheme, dtype, rows, columns)
}

fn quantised(name: &str, dtype: Dtype, rows: u64, columns: u64) -> Result<Plan, String> {
    let scheme = Scheme::parse(name).map_err(|fault| fault.to_string())?;
    let want = if scheme.is_signed() { Dtype::I8 } else { Dtype::U8 };
    if dtype != want {
        return Err(format!("the scheme {name} stores {}, not {}", want.name(), dtype.name()));
    }
    let whole = |size: u64| usize::try_from(size).map_err(|_| format!("{rows} x {columns} is too large"));
    let (rows, columns) = (whole(rows)?, whole(columns)?);
    let packed = packed_len(scheme, rows, columns).map_err(|fault| fault.to_string())? as u64;
    // Two bytes each: scales, and biases behind them, are f16.
    let scales = 2 * scales_len(scheme, rows, columns).map_err(|fault| fault.to_string())? as u64;
    let shared = if scheme.group() == 0 { columns } else { scheme.group() };
    let group = u32::try_from(shared).map_err(|_| format!("{columns} columns are too many"))?;
    Ok(Plan { packed, scales, bits: scheme.bits() as u8, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_from_shape_and_scheme() {
        let int2 = plan(&[512, 1408], Dtype::U8, "int2.g64.r16").unwrap();
        assert_eq!(int2, Plan { packed: 512 * 1408 / 4, scales: 512 * 22 * 2, bits: 2, group: 64 });
        let int8 = plan(&[8192, 512], Dtype::I8, "int8.row").unwrap();
        assert_eq!(int8, Plan { packed: 8192 * 512, scales: 8192 * 2, bits: 8, group: 512 });
        assert_eq!(plan(&[], Dtype::F32, PLAIN).unwrap(), Plan { packed: 4, scales: 0, bits: 32, group: 0 });
    }

    #[test]
    fn shapes_that_a_scheme_cannot_pack_are_refused() {
        assert!(plan(&[15, 64], Dtype::U8, "int2.g64.r16").is_err());
        assert!(plan(&[16, 65], Dtype::U8, "int2.g64.r16").is_err());
        assert!(plan(&[16, 64, 1], Dtype::U8, "int2.g64.r16").is_err());
        assert!(plan(&[16, 64], Dtype::F32, "int2.g64.r16").is_err());
        assert!(plan(&[16, 64], Dtype::U8, "int3.g64").is_err());
        assert!(plan(&[0], Dtype::F32, PLAIN).is_err());
        assert!(plan(&[u64::MAX, 2], Dtype::F32, PLAIN).is_err());
        assert!(plan(&[i64::MAX as u64], Dtype::F32, PLAIN).is_err());
    }
}
