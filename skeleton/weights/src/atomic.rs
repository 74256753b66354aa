//! A file put in place whole or not at all. Knows nothing of what is in it.
use foundation::{Fault, Outcome};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Write a file beside `path` under a temporary name, sync it, rename it to `path`, and sync the folder.
///
/// Readers see the old file or the new one, also after a power failure. A failure leaves `path` as it was and takes
/// the temporary file away. Two writers of one path are not ordered: the last rename wins.
pub(crate) fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> Outcome<()>) -> Outcome<()> {
    let name = path.file_name().ok_or_else(|| Fault::not_found(format!("a file name in {}", path.display())))?;
    let temporary = path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
    let put = write_synced(&temporary, fill)
        .and_then(|()| std::fs::rename(&temporary, path).map_err(|e| Fault::io(path, e)))
        .and_then(|()| sync_folder(path));
    if put.is_err() {
        // The write's own fault is the one to report; a temporary file that never came to be cannot be removed.
        let _ = std::fs::remove_file(&temporary);
    }
    put
}

fn write_synced(temporary: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> Outcome<()>) -> Outcome<()> {
    let at = |e| Fault::io(temporary, e);
    let mut writer = BufWriter::with_capacity(1 << 20, File::create(temporary).map_err(at)?);
    fill(&mut writer)?;
    writer.flush().map_err(at)?;
    writer.get_ref().sync_all().map_err(at)
}

fn sync_folder(path: &Path) -> Outcome<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| Fault::io(folder, e))
}
