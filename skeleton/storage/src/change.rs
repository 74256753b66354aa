//! What a frame after the header does to a store: it stores memories or forgets some. Knows no file.
use crate::columns;
use crate::decode;
use crate::frame::Kind;
use crate::memory::Memory;
use arrow_schema::SchemaRef;
use foundation::Outcome;

/// Bytes of an id in a frame of forgotten ones.
pub(crate) const ID_BYTES: usize = 16;

/// One change; whoever asks for it gets all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Store(Vec<Memory>),
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
            Self::Store(memories) => memories.len() as u64,
            Self::Forget(ids) => ids.len() as u64,
        }
    }

    /// About how many bytes it takes in a frame; never too low.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Store(memories) => memories.iter().map(Memory::size_bytes).sum(),
            Self::Forget(ids) => ids.len() * ID_BYTES,
        }
    }

    pub(crate) fn ids(&self) -> Box<dyn Iterator<Item = u128> + '_> {
        match self {
            Self::Store(memories) => Box::new(memories.iter().map(|memory| memory.id)),
            Self::Forget(ids) => Box::new(ids.iter().copied()),
        }
    }

    /// The change in a payload, or in words why there is none. Never panics.
    pub(crate) fn decode(kind: Kind, payload: &[u8], width: usize) -> Result<Self, String> {
        match kind {
            Kind::Header => Err("a second header".into()),
            Kind::Memories => decode::decode(payload, width).map(Self::Store),
            Kind::Forgotten => {
                let (ids, rest) = payload.as_chunks::<ID_BYTES>();
                let whole = !ids.is_empty() && rest.is_empty();
                let ids = ids.iter().map(|bytes| u128::from_be_bytes(*bytes)).collect();
                whole.then_some(Self::Forget(ids)).ok_or_else(|| "forgotten ids that are not 16 bytes each".into())
            }
        }
    }
}

/// The payload of one frame for changes of one kind, each checked before.
pub(crate) fn encode(changes: &[&Change], schema: &SchemaRef, width: usize) -> Outcome<Vec<u8>> {
    let (mut memories, mut ids) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Store(new) => memories.extend(new),
            Change::Forget(old) => ids.extend(old.iter().flat_map(|id| id.to_be_bytes())),
        }
    }
    if memories.is_empty() { Ok(ids) } else { columns::encode(&memories, schema, width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_ids_come_back_as_they_were_and_nothing_else_does() {
        let change = Change::Forget(vec![0, 1, u128::MAX]);
        let payload = encode(&[&change], &columns::schema(2, Default::default()), 2).unwrap();
        assert_eq!(payload.len(), 48);
        assert_eq!(Change::decode(Kind::Forgotten, &payload, 2).unwrap(), change);
        for length in [0, 1, 8, 15, 17, 40] {
            assert!(Change::decode(Kind::Forgotten, &payload[..length], 2).is_err());
        }
        assert!(Change::decode(Kind::Memories, &payload, 2).is_err());
    }
}
