//! From a folder in the training kit's form ("aios-score/1": score.json, score.safetensors) to the product's form. Trains and guesses nothing.
use crate::latent::PictureSpec;
use crate::latent::import::{add_decoder, add_encoder, add_vocoder};
use crate::spec::{MAX_JSON_BYTES, Role, Spec, TensorSpec};
use foundation::{Fault, Outcome};
use half::f16;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use weights::safetensors::{self, Archive, Foreign};
use weights::{Dtype, PLAIN, Part, Writer};

/// The largest tokenizer.json and CARD.md that are copied, in bytes.
pub const MAX_COPIED_BYTES: usize = 64 << 20;

/// What an import made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The network's name.
    pub name: String,
    /// How many parameters it has.
    pub parameters: u64,
    /// Tensors of the network, its decoders not counted.
    pub tensors: usize,
    /// Length of `weights.arrow` in bytes.
    pub bytes: u64,
}

/// One product tensor, converted.
struct Converted {
    dtype: Dtype,
    scheme: &'static str,
    packed: Vec<u8>,
    scales: Vec<u8>,
}

/// Convert `folder` (score.json, score.safetensors, tokenizer.json, CARD.md when there) into `out` (weights.arrow, score.json,
/// tokenizer.json, CARD.md). Codes and scales keep their values to the bit; only their order changes.
///
/// Where `folder` has them, image.decoder.safetensors and vocoder.safetensors go into weights.arrow behind the network, and
/// image.encoder.safetensors becomes encoder.arrow. Each must hold exactly the tensors that score.json implies. Errors: `NotFound` for a missing file or tensor, `Conflict` for
/// a tensor too many or weights already in `out`, `Shape`, `Dtype`, `Corrupt` for numbers that are not finite, and those of `Spec::parse`.
pub fn from_score_folder(folder: impl AsRef<Path>, out: impl AsRef<Path>) -> Outcome<Imported> {
    let (folder, out) = (folder.as_ref(), out.as_ref());
    let target = out.join("weights.arrow");
    if target.exists() {
        return Err(Fault::conflict(format!("{} is already there", target.display()), "choose an empty folder"));
    }
    let json = read(&folder.join("score.json"), MAX_JSON_BYTES)?;
    let text = std::str::from_utf8(&json)
        .map_err(|e| Fault::corrupt(folder.join("score.json"), e.valid_up_to() as u64, "it is not UTF-8"))?;
    let spec = Spec::parse(text)?;
    let tokenizer = read(&folder.join("tokenizer.json"), MAX_COPIED_BYTES)?;
    let card = folder.join("CARD.md");
    let card = if card.exists() { Some(read(&card, MAX_COPIED_BYTES)?) } else { None };
    let mut writer = convert(&folder.join("score.safetensors"), &spec)?;
    let encoder = add_parts(&mut writer, folder, text)?;
    fs::create_dir_all(out).map_err(|e| Fault::io(out, e))?;
    if let Some(encoder) = encoder {
        encoder.write(out.join("encoder.arrow"))?;
    }
    let bytes = writer.write(&target)?;
    place(&out.join("tokenizer.json"), &tokenizer)?;
    if let Some(card) = card {
        place(&out.join("CARD.md"), &card)?;
    }
    place(&out.join("score.json"), &json)?;
    Ok(Imported { name: spec.name.clone(), parameters: spec.parameters(), tensors: spec.tensors().len(), bytes })
}

/// Add the decoders that `folder` has to the network's tensors; gives the encoder's, where it has that.
fn add_parts(writer: &mut Writer, folder: &Path, json: &str) -> Outcome<Option<Writer>> {
    let part = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    if let Some(path) = part("image.decoder.safetensors") {
        add_decoder(writer, &path, &PictureSpec::parse(json)?)?;
    }
    if let Some(path) = part("vocoder.safetensors") {
        add_vocoder(writer, &path)?;
    }
    let Some(path) = part("image.encoder.safetensors") else { return Ok(None) };
    let mut encoder = Writer::new();
    add_encoder(&mut encoder, &path, &PictureSpec::parse(json)?)?;
    Ok(Some(encoder))
}

/// The product's tensors of a `score.safetensors`, ready to be written.
pub fn convert(path: &Path, spec: &Spec) -> Outcome<Writer> {
    let archive = Archive::open(path)?;
    let tensors = spec.tensors();
    let wanted: BTreeSet<String> = tensors.iter().flat_map(source_names).collect();
    if let Some(extra) = archive.names().find(|name| !wanted.contains(*name)) {
        let what = format!("{} holds a tensor {extra:?} that score.json does not imply", path.display());
        return Err(Fault::conflict(what, "use the score.json that belongs to these weights"));
    }
    let mut writer = Writer::new();
    writer.metadata("network", &spec.name)?;
    for tensor in &tensors {
        let shape: Vec<u64> = tensor.shape.iter().map(|&n| n as u64).collect();
        let Converted { dtype, scheme, packed, scales } = convert_one(&archive, path, tensor)?;
        writer.add(Part { name: &tensor.name, shape: &shape, dtype, scheme, packed: &packed, scales: &scales })?;
    }
    Ok(writer)
}

/// What a product tensor is called in the training kit.
fn source_names(tensor: &TensorSpec) -> Vec<String> {
    let endings: &[&str] = match tensor.role {
        Role::Trunk => &["codes", "scales"],
        Role::Embedding => &["q8", "s"],
        Role::Gain => &["g"],
        Role::Small => &["weight"],
    };
    endings.iter().map(|ending| format!("{}.{ending}", tensor.name)).collect()
}

fn convert_one(archive: &Archive, path: &Path, tensor: &TensorSpec) -> Outcome<Converted> {
    use safetensors::Dtype as Source;
    let names = source_names(tensor);
    let get = |i: usize, dtype: Source, shape: &[usize]| {
        let found = archive.get(&names[i])?;
        check(&found, dtype, shape)?;
        Ok::<_, Fault>(found)
    };
    let plain = |found: Foreign, dtype: Dtype| Converted {
        dtype,
        scheme: PLAIN,
        packed: found.bytes.to_vec(),
        scales: Vec::new(),
    };
    match (tensor.role, tensor.shape.as_slice()) {
        (Role::Trunk, &[rows, columns]) => {
            let codes = get(0, Source::U8, &[rows, columns / 4])?;
            let scales = finite_f16(path, &get(1, Source::F16, &[rows, columns / 64])?)?;
            let packed = quant::int2_from_codes(codes.bytes, &scales, rows, columns)?;
            Ok(Converted {
                dtype: Dtype::U8,
                scheme: "int2.g64.r16",
                packed: packed.bytes,
                scales: little(&packed.scales),
            })
        }
        (Role::Embedding, &[rows, columns]) => {
            let codes = get(0, Source::I8, &[rows, columns])?;
            let scales = finite_f16(path, &get(1, Source::F16, &[rows, 1])?)?;
            Ok(Converted {
                dtype: Dtype::I8,
                scheme: "int8.row",
                packed: codes.bytes.to_vec(),
                scales: little(&scales),
            })
        }
        (Role::Gain, shape) => {
            let found = get(0, Source::F32, shape)?;
            finite_f32(path, &found)?;
            Ok(plain(found, Dtype::F32))
        }
        (Role::Small, shape) => {
            let found = get(0, Source::F16, shape)?;
            finite_f16(path, &found)?;
            Ok(plain(found, Dtype::F16))
        }
        _ => Err(Fault::bug("trunk and embedding are matrices")),
    }
}

pub(crate) fn check(found: &Foreign, dtype: safetensors::Dtype, shape: &[usize]) -> Outcome<()> {
    if found.dtype != dtype {
        return Err(Fault::dtype(format!("tensor {:?}", found.name), dtype.to_string(), found.dtype.to_string()));
    }
    if found.shape != shape {
        return Err(Fault::shape(
            format!("tensor {:?}", found.name),
            format!("{shape:?}"),
            format!("{:?}", found.shape),
        ));
    }
    Ok(())
}

pub(crate) fn finite_f16(path: &Path, found: &Foreign) -> Outcome<Vec<u16>> {
    let bits: Vec<u16> = found.bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    match bits.iter().position(|&b| !f16::from_bits(b).is_finite()) {
        Some(i) => Err(not_finite(path, found, i)),
        None => Ok(bits),
    }
}

pub(crate) fn finite_f32(path: &Path, found: &Foreign) -> Outcome<()> {
    let mut values = found.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    match values.position(|v| !v.is_finite()) {
        Some(i) => Err(not_finite(path, found, i)),
        None => Ok(()),
    }
}

fn not_finite(path: &Path, found: &Foreign, index: usize) -> Fault {
    Fault::corrupt(path, 0, format!("element {index} of tensor {:?} is not finite", found.name))
}

pub(crate) fn little(bits: &[u16]) -> Vec<u8> {
    bits.iter().flat_map(|b| b.to_le_bytes()).collect()
}

/// A whole file of at most `most` bytes.
fn read(path: &Path, most: usize) -> Outcome<Vec<u8>> {
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Fault::not_found(path.display().to_string()),
        _ => Fault::io(path, e),
    })?;
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|e| Fault::io(path, e))?;
    if bytes.len() > most {
        return Err(Fault::out_of_range(format!("{} in bytes", path.display()), format!("0 ..= {most}"), "more"));
    }
    Ok(bytes)
}

/// Put a file in place whole or not at all.
fn place(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let mut part = PathBuf::from(path).into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = File::create(&part).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&part, path)).map_err(|e| Fault::io(path, e))
}
