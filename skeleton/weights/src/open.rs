//! An open file of weights: mapped, checked, and lent out tensor by tensor. Copies no tensor and writes nothing.
use crate::footer;
use crate::map::Map;
use crate::table::{self, Entry, Table, Wrong};
use crate::tensor::Tensor;
use crate::writer::checksum;
use foundation::{Fault, Outcome};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// A file of weights, mapped read-only. Share it in an `Arc`; tensors borrow from it.
pub struct Weights {
    map: Map,
    table: Table,
}

impl Weights {
    /// Map the file at `path` and check its header whole: every offset, length, overlap and name, and that bytes
    /// follow from shape, type and scheme. Tensor bytes are not read: see `verify`.
    ///
    /// Costs time and memory in proportion to the number of tensors, whatever their size.
    /// Errors: `Io` when it cannot be opened, `Corrupt` with the byte for anything else. Never panics on any bytes.
    pub fn open(path: impl AsRef<Path>) -> Outcome<Self> {
        let map = Map::open(path.as_ref())?;
        let table = footer::parts(map.bytes()).and_then(|parts| table::read(map.bytes(), &parts));
        let table = table.map_err(|Wrong { offset, why }| Fault::corrupt(map.path(), offset, why))?;
        Ok(Self { map, table })
    }

    /// The tensor of that name; `NotFound` when there is none.
    pub fn get(&self, name: &str) -> Outcome<Tensor<'_>> {
        let entry = self.table.find(name);
        let entry =
            entry.ok_or_else(|| Fault::not_found(format!("tensor {name:?} in {}", self.map.path().display())))?;
        Ok(self.tensor(entry))
    }

    /// All tensors in the order of the file.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = Tensor<'_>> {
        self.table.entries.iter().map(|entry| self.tensor(entry))
    }

    /// The names of all tensors in the order of the file.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.table.entries.iter().map(|entry| self.table.name(entry))
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.table.entries.len()
    }

    /// Whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.table.entries.is_empty()
    }

    /// The free keys and values of the file, without `format`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.table.metadata
    }

    /// The length of the whole file in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.map.bytes().len() as u64
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.map.path()
    }

    /// The whole mapped file; what `get` lends lies in it.
    pub fn mapped(&self) -> &[u8] {
        self.map.bytes()
    }

    /// Read every tensor and compare its checksum; `Corrupt` names the first that differs. Costs one read of the file.
    pub fn verify(&self) -> Outcome<()> {
        for entry in &self.table.entries {
            let tensor = self.tensor(entry);
            let found = checksum(tensor.packed, tensor.scales);
            if found != entry.checksum {
                let why = format!("tensor {:?} has the checksum {found:08x}, not {:08x}", tensor.name, entry.checksum);
                return Err(Fault::corrupt(self.map.path(), entry.packed.start as u64, why));
            }
        }
        Ok(())
    }

    fn tensor<'a>(&'a self, entry: &'a Entry) -> Tensor<'a> {
        let bytes = self.map.bytes();
        Tensor {
            name: self.table.name(entry),
            shape: self.table.shape(entry),
            dtype: entry.dtype,
            scheme: self.table.scheme(entry),
            packed: &bytes[entry.packed.clone()],
            scales: &bytes[entry.scales.clone()],
        }
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Weights({}, {} tensors)", self.map.path().display(), self.len())
    }
}
