//! The checks that the safe doors share: lengths against shapes, with checked products. No arithmetic on values.
use foundation::{Fault, Outcome};

/// `Shape` unless `got` elements are exactly `want`.
pub(crate) fn length(what: &str, got: usize, want: usize) -> Outcome<()> {
    if got == want { Ok(()) } else { Err(Fault::shape(what, format!("[{want}]"), format!("[{got}]"))) }
}

/// The product of two sizes, or `OutOfRange` when it does not fit.
pub(crate) fn product(what: &str, a: usize, b: usize) -> Outcome<usize> {
    a.checked_mul(b).ok_or_else(|| Fault::out_of_range(what, "a product that fits in memory", format!("{a} x {b}")))
}

/// How many rows of `width` a slice of `length` elements holds; `Shape` when it is not a whole number.
pub(crate) fn rows(what: &str, length: usize, width: usize) -> Outcome<usize> {
    if width == 0 {
        return Err(Fault::out_of_range(format!("width of {what}"), "1 and more", width));
    }
    if !length.is_multiple_of(width) {
        return Err(Fault::shape(what, format!("[rows, {width}]"), format!("[{length}]")));
    }
    Ok(length / width)
}

/// `OutOfRange` unless `value` is a positive multiple of `unit`.
pub(crate) fn multiple(what: &str, value: usize, unit: usize) -> Outcome<()> {
    if value > 0 && value.is_multiple_of(unit) {
        Ok(())
    } else {
        Err(Fault::out_of_range(what, format!("the positive multiples of {unit}"), value))
    }
}
