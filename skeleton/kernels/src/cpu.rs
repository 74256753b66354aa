//! Which vector instructions this machine has, found once at run time. Chooses paths; computes nothing.
use foundation::{Fault, Outcome};
use std::sync::OnceLock;

/// Call `function` of the path's module after checking that the machine has it.
macro_rules! on_path {
    ($level:expr, $function:ident ( $($argument:expr),* $(,)? )) => {
        match $level.check()? {
            // SAFETY: `check` found the instructions that the module is compiled for.
            #[cfg(target_arch = "x86_64")]
            $crate::cpu::Level::Avx512Vnni => unsafe { avx512::$function($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            $crate::cpu::Level::Avx2 => unsafe { avx2::$function($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            $crate::cpu::Level::Neon => unsafe { neon::$function($($argument),*) },
            _ => scalar::$function($($argument),*),
        }
    };
}
pub(crate) use on_path;

/// Compile the truth of a kernel, function by function, for a path's registers: same operations, same bits.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! truth_for {
    (neon: $(fn $name:ident($($argument:ident: $type:ty),* $(,)?);)*) => {$(
        #[target_feature(enable = "neon,dotprod")]
        #[allow(clippy::too_many_arguments)]
        pub(super) fn $name($($argument: $type),*) { super::scalar::$name($($argument),*) }
    )*};
    (avx512: $(fn $name:ident($($argument:ident: $type:ty),* $(,)?);)*) => {$(
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
        #[allow(clippy::too_many_arguments)]
        pub(super) fn $name($($argument: $type),*) { super::scalar::$name($($argument),*) }
    )*};
    (avx2: $(fn $name:ident($($argument:ident: $type:ty),* $(,)?);)*) => {$(
        #[target_feature(enable = "avx2,fma,f16c")]
        #[allow(clippy::too_many_arguments)]
        pub(super) fn $name($($argument: $type),*) { super::scalar::$name($($argument),*) }
    )*};
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) use truth_for;

/// A path through the kernels. On x86-64 each includes the ones before it; `Neon` exists on aarch64 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust: the truth that every other path is tested against.
    Scalar,
    /// AVX2 with FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, VL, DQ and VNNI.
    Avx512Vnni,
    /// NEON with the dot product of Armv8.2.
    Neon,
}

impl Level {
    /// Refuse a path that this machine does not have with `Unsupported`; each door with a path calls it.
    pub fn check(self) -> Outcome<Self> {
        if levels().contains(&self) {
            return Ok(self);
        }
        let instead = format!("use one of {:?}", levels());
        Err(Fault::Unsupported { what: format!("the path {self:?} on this machine"), instead })
    }
}

/// The best path of this machine. Found once; environment variables play no part.
pub fn level() -> Level {
    levels().last().copied().unwrap_or(Level::Scalar)
}

/// Every path that this machine can take, best last.
pub fn levels() -> &'static [Level] {
    static FOUND: OnceLock<Vec<Level>> = OnceLock::new();
    FOUND.get_or_init(find)
}

#[cfg(target_arch = "x86_64")]
fn find() -> Vec<Level> {
    let mut found = vec![Level::Scalar];
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
    if !avx2 {
        return found;
    }
    found.push(Level::Avx2);
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vnni");
    if avx512 {
        found.push(Level::Avx512Vnni);
    }
    found
}

#[cfg(target_arch = "aarch64")]
fn find() -> Vec<Level> {
    let mut found = vec![Level::Scalar];
    if std::arch::is_aarch64_feature_detected!("neon") && std::arch::is_aarch64_feature_detected!("dotprod") {
        found.push(Level::Neon);
    }
    found
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn find() -> Vec<Level> {
    vec![Level::Scalar]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_path_is_one_that_the_machine_has() {
        assert_eq!(levels()[0], Level::Scalar);
        assert!(level().check().is_ok());
    }

    #[test]
    fn a_path_of_another_machine_is_refused() {
        let foreign = if cfg!(target_arch = "aarch64") { Level::Avx2 } else { Level::Neon };
        assert!(matches!(foreign.check(), Err(Fault::Unsupported { .. })));
    }
}
