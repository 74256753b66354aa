//! The unit of the log: a checksummed head and a payload. Knows neither files nor what a payload says.
//!
//! Layout, little-endian: payload length u32, CRC-32C u32, sequence u64, kind u8, seven zeros, payload (a multiple of 8
//! bytes). The checksum covers the store's identity too, so that a frame of another store is none of this one's; frames
//! of one store are told apart by their sequence.
use std::ops::Range;

/// Bytes before a payload.
pub(crate) const HEAD_BYTES: usize = 24;
/// The largest payload; a longer length is damage.
pub(crate) const LARGEST_PAYLOAD: usize = 1 << 28;
const CHECKSUM: Range<usize> = 4..8;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first frame: the schema and what the store is.
    Header,
    /// Memories, as one Arrow record batch.
    Memories,
    /// The ids of memories that are forgotten, 16 bytes big-endian each.
    Forgotten,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Header => 0,
            Self::Memories => 1,
            Self::Forgotten => 2,
        }
    }
}

/// A frame's head, not yet compared with its checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) sequence: u64,
    pub(crate) kind: Kind,
    bytes: [u8; HEAD_BYTES],
}

/// A whole frame of the store `identity`; the header frame has the identity 0.
pub(crate) fn encode(identity: u64, sequence: u64, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let (mut head, begun) = begin(identity, sequence, kind, payload.len());
    head[CHECKSUM].copy_from_slice(&crc32c::crc32c_append(begun, payload).to_le_bytes());
    let mut frame = Vec::with_capacity(HEAD_BYTES + payload.len());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload);
    frame
}

/// A head without its checksum, and the checksum as far as it goes: go on with the payload, then `finish`.
pub(crate) fn begin(identity: u64, sequence: u64, kind: Kind, payload_bytes: usize) -> ([u8; HEAD_BYTES], u32) {
    let mut head = [0u8; HEAD_BYTES];
    head[..4].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
    head[8..16].copy_from_slice(&sequence.to_le_bytes());
    head[16] = kind.code();
    let begun = crc32c::crc32c_append(crc32c::crc32c(&identity.to_le_bytes()), &head);
    (head, begun)
}

/// The head with the checksum of all that belongs to it.
pub(crate) fn finish(mut head: [u8; HEAD_BYTES], checksum: u32) -> [u8; HEAD_BYTES] {
    head[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    head
}

impl Head {
    /// The head in the first bytes, or `None` when they cannot be one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; HEAD_BYTES] = *bytes.first_chunk()?;
        let length = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
        let sequence = u64::from_le_bytes(bytes[8..16].try_into().ok()?);
        let kind = [Kind::Header, Kind::Memories, Kind::Forgotten].into_iter().find(|kind| kind.code() == bytes[16])?;
        let fits = length <= LARGEST_PAYLOAD && length.is_multiple_of(8) && bytes[17..] == [0; 7];
        fits.then_some(Self { length, sequence, kind, bytes })
    }

    /// Whether `payload` is what the checksum was made of. The header frame has the identity 0.
    pub(crate) fn vouches_for(&self, identity: u64, payload: &[u8]) -> bool {
        self.carries(crc32c::crc32c_append(self.begun(identity), payload))
    }

    /// The checksum as far as the head goes.
    pub(crate) fn begun(&self, identity: u64) -> u32 {
        let mut head = self.bytes;
        head[CHECKSUM].fill(0);
        crc32c::crc32c_append(crc32c::crc32c(&identity.to_le_bytes()), &head)
    }

    /// Whether this is the checksum that the head carries.
    pub(crate) fn carries(&self, checksum: u32) -> bool {
        self.bytes[CHECKSUM] == checksum.to_le_bytes()
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        (HEAD_BYTES + self.length) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_frame_only_in_its_own_store() {
        let frame = encode(7, 3, Kind::Memories, &[1; 16]);
        let head = Head::decode(&frame).unwrap();
        assert_eq!((head.length, head.sequence, head.kind, head.frame_bytes()), (16, 3, Kind::Memories, 40));
        assert!(head.vouches_for(7, &frame[HEAD_BYTES..]));
        assert!(!head.vouches_for(8, &frame[HEAD_BYTES..]));
    }

    #[test]
    fn every_flipped_bit_of_a_frame_shows() {
        let sound = encode(7, 3, Kind::Memories, &[9; 16]);
        for bit in 0..sound.len() * 8 {
            let mut frame = sound.clone();
            frame[bit / 8] ^= 1 << (bit % 8);
            let head = Head::decode(&frame);
            let whole = head.filter(|head| head.length == 16);
            assert!(whole.is_none_or(|head| !head.vouches_for(7, &frame[HEAD_BYTES..])), "bit {bit}");
        }
    }
}
