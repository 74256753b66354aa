//! What a frame after the header does to a store: it stores memories or forgets some. Knows no file.
use crate::batch;
use crate::chunk::Rows;
use crate::frame::Kind;

/// Bytes of an id in a frame of forgotten ones.
pub(crate) const ID_BYTES: usize = 16;

/// One change; whoever asks for it gets all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Store(Rows),
    Forget(Vec<u128>),
}

impl Change {
    /// The kind of frame that it goes into.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Store(_) => Kind::Memories,
            Self::Forget(_) => Kind::Forgotten,
        }
    }

    /// How many memories it concerns, which is how many numbers it takes in the log.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Store(rows) => rows.chunk.len() as u64,
            Self::Forget(ids) => ids.len() as u64,
        }
    }

    /// About how many bytes it takes in a frame; never too low.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Store(rows) => rows.size_bytes(),
            Self::Forget(ids) => ids.len() * ID_BYTES,
        }
    }

    pub(crate) fn ids(&self) -> &[u128] {
        match self {
            Self::Store(rows) => &rows.chunk.ids,
            Self::Forget(ids) => ids,
        }
    }
}

/// The ids in a frame of forgotten ones.
pub(crate) fn forgotten(payload: &[u8]) -> Result<Vec<u128>, String> {
    let (ids, rest) = payload.as_chunks::<ID_BYTES>();
    let whole = !ids.is_empty() && rest.is_empty();
    let ids = ids.iter().map(|bytes| u128::from_be_bytes(*bytes)).collect();
    whole.then_some(ids).ok_or_else(|| "forgotten ids that are not 16 bytes each".into())
}

/// The payload of one frame for changes of one kind, each checked before.
pub(crate) fn encode(changes: &[&Change], width: usize) -> Vec<u8> {
    if let [Change::Store(rows)] = changes {
        return batch::encode(&rows.chunk, width).whole(&rows.vectors);
    }
    let (mut all, mut ids) = (Rows::default(), Vec::new());
    for change in changes {
        match change {
            Change::Store(rows) => all.extend(rows),
            Change::Forget(old) => ids.extend(old.iter().flat_map(|id| id.to_be_bytes())),
        }
    }
    if all.chunk.len() == 0 { ids } else { batch::encode(&all.chunk, width).whole(&all.vectors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_ids_come_back_as_they_were_and_nothing_else_does() {
        let change = Change::Forget(vec![0, 1, u128::MAX]);
        let payload = encode(&[&change], 2);
        assert_eq!(payload.len(), 48);
        assert_eq!(Change::Forget(forgotten(&payload).unwrap()), change);
        for length in [0, 1, 8, 15, 17, 40] {
            assert!(forgotten(&payload[..length]).is_err());
        }
        assert!(crate::decode::decode(&payload, 2).is_err());
    }
}
