//! Memories as an Arrow IPC stream in one file, out and in again. Knows no log.
//!
//! Columns: id (16 bytes), text, vector (list of `width` floats), created_unix_s, source; the embedder's name is in the
//! schema's metadata. Read by hand, for what stands in a file of somebody else is not to be trusted. Source: Apache
//! Arrow, "Columnar format", IPC streaming format.
use crate::batch;
use crate::chunk::Rows;
use crate::columns::{self, EMBEDDER};
use crate::commit::GATHERED_BYTES;
use crate::decode;
use crate::medium::sync_folder;
use crate::memory::Space;
use crate::plan;
use crate::snapshot::Snapshot;
use arrow_ipc::{Message, Schema, Type};
use foundation::{Fault, Outcome};
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The longest metadata of a message; a schema or a batch of five columns needs far less.
const LARGEST_METADATA: usize = 1 << 20;
const CONTINUED: [u8; 4] = [0xff; 4];
pub(crate) const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Write all memories of `held` to a new file that only its owner may read.
///
/// Errors: `Conflict` when there is a file of that name; `Io`, with no file left behind.
pub(crate) fn write(path: &Path, held: &Snapshot, space: &Space) -> Outcome<()> {
    new_file(path, |file| write_stream(file, held, space, &|error| Fault::io(path, error)))
}

/// Make a file that is not there with what `fill` writes, and wait until it is on the disk; or no file.
pub(crate) fn new_file(path: &Path, fill: impl FnOnce(&mut File) -> Outcome<()>) -> Outcome<()> {
    let at = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Fault::conflict(format!("{} is there already", path.display()), "choose another name, or move it away")
        }
        _ => Fault::io(path, error),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at)?;
    let written = fill(&mut file).and_then(|()| {
        file.sync_all().map_err(at)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_folder(folder).map_err(at)
    });
    if written.is_err() {
        // What is left of it is no use; the error that is told is the first one.
        let _ = fs::remove_file(path);
    }
    written
}

/// The fault of a file whose vectors are made by another embedder.
pub(crate) fn another_space(path: &Path, embedder: &str, space: &Space) -> Fault {
    let what = format!("{} holds vectors of {embedder:?}, not of {:?}", path.display(), space.embedder);
    Fault::conflict(what, "import it into a store of that embedder, or embed the texts again")
}

fn write_stream(file: &mut File, held: &Snapshot, space: &Space, at: &impl Fn(std::io::Error) -> Fault) -> Outcome<()> {
    file.write_all(&columns::encode_stream_schema(space)?).map_err(at)?;
    for rows in plan::pieces(held, 0..held.len(), GATHERED_BYTES as u64) {
        let batch = batch::encode(&held.chunk(rows.clone()), space.width);
        let spans = held.spans(rows);
        let vectors = spans.iter().map(|span| bytemuck::cast_slice(span));
        let parts = [&batch.before[..]].into_iter().chain(vectors).chain([&batch.after[..]]);
        { parts }.try_for_each(|part| file.write_all(part)).map_err(at)?;
    }
    file.write_all(&END).map_err(at)
}

/// The memories in a file, batch by batch, each checked. Never panics, and allocates in proportion to the file.
///
/// Errors: `Corrupt` with the byte for anything but a whole stream of these columns; `Conflict` when its vectors are of
/// another space; `Io`.
pub(crate) fn read(path: &Path, space: &Space) -> Outcome<Vec<Rows>> {
    let file = File::open(path).map_err(|error| Fault::io(path, error))?;
    let length = file.metadata().map_err(|error| Fault::io(path, error))?.len();
    let mut stream = Stream { path, file: BufReader::with_capacity(1 << 20, file), offset: 0, length };
    let first = stream.message()?.ok_or_else(|| stream.corrupt("the stream ends before its schema"))?;
    let embedder = read_schema(&first, space.width).map_err(|why| stream.corrupt(why))?;
    if embedder != space.embedder {
        return Err(another_space(path, &embedder, space));
    }
    let mut memories = Vec::new();
    loop {
        let offset = stream.offset;
        let Some(payload) = stream.message()? else { break };
        let batch = decode::decode(&payload, space.width);
        memories.push(batch.map_err(|why| Fault::corrupt(path, offset, why))?);
    }
    if stream.offset != length {
        return Err(stream.corrupt("something follows the end of the stream"));
    }
    Ok(memories)
}

struct Stream<'a> {
    path: &'a Path,
    file: BufReader<File>,
    offset: u64,
    length: u64,
}

impl Stream<'_> {
    fn corrupt(&self, why: impl Into<String>) -> Fault {
        Fault::corrupt(self.path, self.offset, why)
    }

    fn take(&mut self, count: u64) -> Outcome<Vec<u8>> {
        if count > self.length.saturating_sub(self.offset) {
            return Err(self.corrupt(format!("{count} bytes should follow, past the end of the file")));
        }
        let mut bytes = Vec::new();
        let read = self.file.by_ref().take(count).read_to_end(&mut bytes);
        read.map_err(|error| Fault::io(self.path, error))?;
        if bytes.len() as u64 != count {
            return Err(self.corrupt("the file shrank while it was read"));
        }
        self.offset += count;
        Ok(bytes)
    }

    /// The next message with its body, as `decode::split` takes it; `None` at the end-of-stream mark.
    fn message(&mut self) -> Outcome<Option<Vec<u8>>> {
        let mut payload = self.take(8)?;
        if payload == END {
            return Ok(None);
        }
        let (continued, length) = payload.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        if continued != CONTINUED || length > LARGEST_METADATA {
            return Err(self.corrupt("no Arrow message begins here"));
        }
        payload.extend(self.take(length as u64)?);
        let body_bytes = decode::split(&payload).map(|(message, _)| message.bodyLength());
        let body_bytes = body_bytes.and_then(|length| u64::try_from(length).map_err(|_| "a negative length".into()));
        payload.extend(self.take(body_bytes.map_err(|why| self.corrupt(why))?)?);
        Ok(Some(payload))
    }
}

/// The embedder's name in a schema message, if its columns are ours.
pub(crate) fn read_schema(payload: &[u8], width: usize) -> Result<String, String> {
    let (message, _): (Message<'_>, _) = decode::split(payload)?;
    let schema = message.header_as_schema().ok_or("the stream does not begin with a schema")?;
    let fields = schema.fields().ok_or("a schema without fields")?;
    let names: Vec<&str> = fields.iter().map(|field| field.name().unwrap_or("")).collect();
    if names != columns::NAMES {
        return Err(format!("the columns are {names:?}, not {:?}", columns::NAMES));
    }
    for (place, field) in fields.iter().enumerate() {
        if field.dictionary().is_some() || !is_type(&schema, place, width) {
            return Err(format!("the column {:?} is not of its type", columns::NAMES[place]));
        }
    }
    let pairs = schema.custom_metadata().into_iter().flatten();
    let embedder = pairs.filter(|pair| pair.key() == Some(EMBEDDER)).find_map(|pair| pair.value());
    embedder.map(str::to_owned).ok_or_else(|| format!("the schema's metadata names no {EMBEDDER}"))
}

fn is_type(schema: &Schema<'_>, place: usize, width: usize) -> bool {
    use arrow_ipc::Precision;
    let Some(field) = schema.fields().map(|fields| fields.get(place)) else { return false };
    let children = field.children().map(|children| children.iter().collect::<Vec<_>>()).unwrap_or_default();
    match (place, field.type_type()) {
        (0, Type::FixedSizeBinary) => field.type_as_fixed_size_binary().is_some_and(|kind| kind.byteWidth() == 16),
        (1 | 4, Type::Utf8) => true,
        (2, Type::FixedSizeList) => {
            let wide =
                field.type_as_fixed_size_list().is_some_and(|list| usize::try_from(list.listSize()) == Ok(width));
            let item = children.first().and_then(|item| item.type_as_floating_point());
            wide && children.len() == 1 && item.is_some_and(|item| item.precision() == Precision::SINGLE)
        }
        (3, Type::FloatingPoint) => {
            field.type_as_floating_point().is_some_and(|float| float.precision() == Precision::DOUBLE)
        }
        _ => false,
    }
}
