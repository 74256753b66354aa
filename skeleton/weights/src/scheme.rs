//! What a tensor's bytes must be, given its shape, type and scheme: lengths, bits and group. Packs nothing itself.
use crate::tensor::Dtype;

/// The scheme of a tensor whose elements are stored as they are.
pub const PLAIN: &str = "plain";

/// What follows from shape, type and scheme. Lengths in bytes, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) packed: u64,
    pub(crate) scales: u64,
    /// Bits of one stored weight.
    pub(crate) bits: u8,
    /// Weights that share a scale; 0 when there is none.
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

fn quantised(scheme: &str, dtype: Dtype, rows: u64, columns: u64) -> Result<Plan, String> {
    let (want, bits, group, fits) = match scheme {
        "int2.g64.r16" => (Dtype::U8, 2u8, 64u64, rows.is_multiple_of(16) && columns.is_multiple_of(64)),
        "int4.g64" => (Dtype::U8, 4, 64, columns.is_multiple_of(64)),
        "int8.row" => (Dtype::I8, 8, columns, true),
        _ => return Err(format!("the scheme {scheme:?} is not known")),
    };
    if !fits {
        return Err(format!("the scheme {scheme} does not pack {rows} x {columns}"));
    }
    if dtype != want {
        return Err(format!("the scheme {scheme} stores {}, not {}", want.name(), dtype.name()));
    }
    let weights = rows * columns;
    let group_name = u32::try_from(group).map_err(|_| format!("{columns} columns are too many"))?;
    Ok(Plan { packed: weights / u64::from(8 / bits), scales: weights / group * 2, bits, group: group_name })
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
