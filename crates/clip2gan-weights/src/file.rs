//! Files that are either wholly there or not there at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::{Error, Result};

/// Writes a file under a temporary name beside `path`, syncs it, and renames it.
///
/// A reader, or a crash, sees the old file or the new one and never a part. Two processes may write the same path;
/// one of them wins.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut temporary = path.file_name().unwrap_or_default().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = (|| {
        let mut file = File::create(&temporary).map_err(Error::io("create", &temporary))?;
        file.write_all(bytes)
            .map_err(Error::io("write", &temporary))?;
        file.sync_all().map_err(Error::io("sync", &temporary))?;
        fs::rename(&temporary, path).map_err(Error::io("rename a temporary file to", path))
    })();
    if written.is_err() {
        // The first error is the one to tell; a left-over file would only add to it.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder(path);
    Ok(())
}

/// Makes a rename inside `path`'s folder last over a power cut, where the system can.
pub fn sync_folder(path: &Path) {
    #[cfg(unix)]
    {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Not every file system syncs folders; the file itself is already safe.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
