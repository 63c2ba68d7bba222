//! The lock of the embedded default's folder: one process at a time writes there.
//!
//! A server holds it while it runs; a command that writes takes it or refuses. The operating system lets go of it when
//! its holder dies, however it dies, so there is never a stale one to remove.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The lock's file within the folder.
const FILE: &str = "yizhan.lock";

/// Held until it is dropped.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "it is held, not read")] File);

/// Why the folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("{0} is locked: a yizhan is running on this folder; stop it first, or use its API")]
    Taken(PathBuf),
    /// The file cannot be made or locked.
    #[error("{0} cannot be locked: {1}")]
    File(PathBuf, std::io::Error),
}

/// Takes the folder for this process, making it when it is not there.
pub fn take(folder: &Path) -> Result<FolderLock, LockError> {
    let path = folder.join(FILE);
    let failed = |error| LockError::File(path.clone(), error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock(file)),
        Err(TryLockError::WouldBlock) => Err(LockError::Taken(path)),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
