//! The one error enum of the skeleton; what Python, gRPC and the shell make of it stands in `brain/base/errors.py`.
use std::fmt;
use std::path::PathBuf;

/// The result of everything in the skeleton that can fail.
pub type Outcome<T> = Result<T, Fault>;

/// What went wrong, with the value that was wrong. `Display` gives the message, `hint` the way out.
#[derive(Debug)]
pub enum Fault {
    /// A slice or array has another shape than the call asks for.
    Shape {
        /// What has the wrong shape.
        what: String,
        /// The shape that the call asks for.
        want: String,
        /// The shape that was given.
        got: String,
    },
    /// An element type that the call does not take.
    Dtype {
        /// What has the wrong element type.
        what: String,
        /// The types that are taken.
        want: String,
        /// The type that was given.
        got: String,
    },
    /// A value outside of its range.
    OutOfRange {
        /// What is out of range.
        what: String,
        /// The range, in words.
        range: String,
        /// The value that was given.
        got: String,
    },
    /// Something named that is not there.
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// Something that another holder or an earlier call already has.
    Conflict {
        /// What is held, and by whom where that is known.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// Bytes on disk that do not say what they should. Never repaired silently.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong there.
        why: String,
    },
    /// The operating system refused.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A bound of memory, disk or number was reached.
    Exhausted {
        /// What ran out.
        what: String,
        /// How much the call needs.
        need: u64,
        /// How much there is.
        have: u64,
    },
    /// The caller withdrew the call.
    Cancelled,
    /// The call's time was up.
    Deadline,
    /// A thing that this build or this part does not do.
    Unsupported {
        /// What was asked for.
        what: String,
        /// What there is instead.
        instead: String,
    },
    /// A promise of our own code was broken.
    Bug {
        /// Which promise.
        what: String,
    },
}

impl Fault {
    /// The names of all faults, in the order of the table in `brain/base/errors.py`.
    pub const NAMES: [&'static str; 12] = [
        "Shape",
        "Dtype",
        "OutOfRange",
        "NotFound",
        "Conflict",
        "Corrupt",
        "Io",
        "Exhausted",
        "Cancelled",
        "Deadline",
        "Unsupported",
        "Bug",
    ];

    /// A `Shape` fault from anything that can be printed.
    pub fn shape(what: impl Into<String>, want: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::Shape { what: what.into(), want: want.to_string(), got: got.to_string() }
    }

    /// A `Dtype` fault from anything that can be printed.
    pub fn dtype(what: impl Into<String>, want: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::Dtype { what: what.into(), want: want.to_string(), got: got.to_string() }
    }

    /// An `OutOfRange` fault from anything that can be printed.
    pub fn out_of_range(what: impl Into<String>, range: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::OutOfRange { what: what.into(), range: range.to_string(), got: got.to_string() }
    }

    /// A `NotFound` fault.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    /// A `Conflict` fault and the way out of it.
    pub fn conflict(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Conflict { what: what.into(), hint: hint.into() }
    }

    /// A `Corrupt` fault at a byte of a file.
    pub fn corrupt(path: impl Into<PathBuf>, offset: u64, why: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), offset, why: why.into() }
    }

    /// An `Io` fault at a path.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// A `Bug` fault.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::Bug { what: what.into() }
    }

    /// The fault's name, one of `NAMES`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Shape { .. } => "Shape",
            Self::Dtype { .. } => "Dtype",
            Self::OutOfRange { .. } => "OutOfRange",
            Self::NotFound { .. } => "NotFound",
            Self::Conflict { .. } => "Conflict",
            Self::Corrupt { .. } => "Corrupt",
            Self::Io { .. } => "Io",
            Self::Exhausted { .. } => "Exhausted",
            Self::Cancelled => "Cancelled",
            Self::Deadline => "Deadline",
            Self::Unsupported { .. } => "Unsupported",
            Self::Bug { .. } => "Bug",
        }
    }

    /// What the caller can do, without the leading `hint:`; empty where nothing helps.
    pub fn hint(&self) -> String {
        match self {
            Self::Shape { want, .. } => format!("give it the shape {want}"),
            Self::Dtype { want, .. } => format!("convert it to {want}"),
            Self::OutOfRange { range, .. } => format!("choose a value in {range}"),
            Self::NotFound { .. } => "check the name".into(),
            Self::Conflict { hint, .. } => hint.clone(),
            Self::Corrupt { .. } => "restore the file from a copy, or make it anew; nothing was changed".into(),
            Self::Io { .. } => "check that the path exists, who may use it, and that the disk has room".into(),
            Self::Exhausted { .. } => "free some, or ask for less, then try again".into(),
            Self::Cancelled => String::new(),
            Self::Deadline => "allow more time, or ask for less".into(),
            Self::Unsupported { instead, .. } => instead.clone(),
            Self::Bug { .. } => "this is a fault of aios: please report it with the log".into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { what, want, got } => write!(f, "{what} has the shape {got}, not {want}"),
            Self::Dtype { what, want, got } => write!(f, "{what} holds {got}, not {want}"),
            Self::OutOfRange { what, range, got } => write!(f, "{what} is {got}, outside of {range}"),
            Self::NotFound { what } => write!(f, "{what} is not there"),
            Self::Conflict { what, .. } => write!(f, "{what}"),
            Self::Corrupt { path, offset, why } => write!(f, "{} is corrupt at byte {offset}: {why}", path.display()),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Exhausted { what, need, have } => write!(f, "{what}: {need} needed, {have} to be had"),
            Self::Cancelled => write!(f, "the call was cancelled"),
            Self::Deadline => write!(f, "the call's time was up"),
            Self::Unsupported { what, .. } => write!(f, "{what} is not supported"),
            Self::Bug { what } => write!(f, "a promise was broken: {what}"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_value_and_a_hint_the_way_out() {
        let fault = Fault::out_of_range("temperature", "[0, 10]", -1.0);
        assert_eq!(fault.to_string(), "temperature is -1, outside of [0, 10]");
        assert_eq!(fault.hint(), "choose a value in [0, 10]");
        assert!(Fault::NAMES.contains(&fault.name()));
    }

    #[test]
    fn corruption_tells_the_file_and_the_byte() {
        let text = Fault::corrupt("/a/b", 17, "checksum").to_string();
        assert!(text.contains("/a/b") && text.contains("17") && text.contains("checksum"));
    }
}
