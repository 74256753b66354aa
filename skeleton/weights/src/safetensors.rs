//! Safetensors in and out: a file, or a folder of them as one. Converts no numbers.
//!
//! Source: the safetensors format, version 0.4 and later (header of at most 100 MB, no holes, no overlaps).
use crate::atomic;
use crate::map::Map;
use ::safetensors::tensor::{Metadata, TensorView};
use ::safetensors::{SafeTensorError, SafeTensors};
use foundation::{Fault, Outcome};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

pub use ::safetensors::Dtype;

/// A tensor lent from a mapped safetensors file.
#[derive(Clone, Copy, Debug)]
pub struct Foreign<'a> {
    /// The tensor's name.
    pub name: &'a str,
    /// Its element type in the format's own words; `to_string` gives "F32", "BF16" and so on.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: &'a [usize],
    /// Its elements, little-endian, not necessarily aligned.
    pub bytes: &'a [u8],
}

/// One or many safetensors files, mapped and read as one table of tensors.
pub struct Archive {
    shards: Vec<Shard>,
    /// Name to shard.
    index: BTreeMap<String, usize>,
}

struct Shard {
    map: Map,
    metadata: Metadata,
    data_at: usize,
}

impl Archive {
    /// Open a file, or all `*.safetensors` of a folder in the order of their names.
    ///
    /// Errors: `NotFound` when a folder has none, `Io`, `Corrupt` for a header that does not check, `Conflict` for a
    /// name that two files hold.
    pub fn open(path: impl AsRef<Path>) -> Outcome<Self> {
        let path = path.as_ref();
        let mut archive = Self { shards: Vec::new(), index: BTreeMap::new() };
        for file in files(path)? {
            archive.add(&file)?;
        }
        Ok(archive)
    }

    fn add(&mut self, file: &Path) -> Outcome<()> {
        let map = Map::open(file)?;
        let (header, metadata) = SafeTensors::read_metadata(map.bytes())
            .map_err(|e| Fault::corrupt(file, 0, format!("the safetensors header: {e}")))?;
        for name in metadata.offset_keys() {
            if let Some(&other) = self.index.get(&name) {
                let other = self.shards[other].map.path().display();
                let what = format!("tensor {name:?} is in {other} and in {}", file.display());
                return Err(Fault::conflict(what, "leave one of the files out"));
            }
            self.index.insert(name, self.shards.len());
        }
        self.shards.push(Shard { map, metadata, data_at: 8 + header });
        Ok(())
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.index.keys().map(String::as_str)
    }

    /// All tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = Foreign<'_>> {
        self.index.iter().filter_map(|(name, &shard)| self.shards[shard].tensor(name))
    }

    /// The tensor of that name; `NotFound` when there is none.
    pub fn get<'a>(&'a self, name: &'a str) -> Outcome<Foreign<'a>> {
        let shard = self.index.get(name).and_then(|&shard| self.shards[shard].tensor(name));
        shard.ok_or_else(|| Fault::not_found(format!("tensor {name:?}")))
    }

    /// The free keys and values of all files; a later file wins.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let all = self.shards.iter().filter_map(|shard| shard.metadata.metadata().as_ref());
        all.flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl Shard {
    fn tensor<'a>(&'a self, name: &'a str) -> Option<Foreign<'a>> {
        let info = self.metadata.info(name)?;
        let (start, end) = info.data_offsets;
        let bytes = self.map.bytes().get(self.data_at.checked_add(start)?..self.data_at.checked_add(end)?)?;
        Some(Foreign { name, dtype: info.dtype, shape: &info.shape, bytes })
    }
}

fn files(path: &Path) -> Outcome<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for item in std::fs::read_dir(path).map_err(|e| Fault::io(path, e))? {
        let file = item.map_err(|e| Fault::io(path, e))?.path();
        if file.extension().is_some_and(|ending| ending == "safetensors") {
            found.push(file);
        }
    }
    found.sort();
    match found.is_empty() {
        true => Err(Fault::not_found(format!("a safetensors file in {}", path.display()))),
        false => Ok(found),
    }
}

/// Write tensors as one safetensors file, whole or not at all. `Shape` when bytes are not shape times type,
/// `Conflict` for a name given twice.
pub fn write(path: impl AsRef<Path>, tensors: &[Foreign<'_>], metadata: &BTreeMap<String, String>) -> Outcome<()> {
    let mut views = BTreeMap::new();
    for tensor in tensors {
        let view = TensorView::new(tensor.dtype, tensor.shape.to_vec(), tensor.bytes).map_err(|_| {
            let want = format!("{:?} of {}", tensor.shape, tensor.dtype);
            Fault::shape(tensor.name, want, format!("{} bytes", tensor.bytes.len()))
        })?;
        if views.insert(tensor.name, view).is_some() {
            return Err(Fault::conflict(format!("tensor {:?} is given twice", tensor.name), "give each its own name"));
        }
    }
    let metadata = (!metadata.is_empty()).then(|| metadata.clone().into_iter().collect());
    let bytes = ::safetensors::serialize(views, metadata).map_err(|e: SafeTensorError| Fault::bug(e.to_string()))?;
    let path = path.as_ref();
    atomic::replace(path, |file| file.write_all(&bytes).map_err(|e| Fault::io(path, e)))
}
