//! The log as a file: one JSON line per entry, in the order of their numbers.
//!
//! Promise: an entry is with the operating system before its call is answered, so it survives `kill -9` of the
//! process. Not promised: a power cut. A line that a crash cut short is skipped and closed at the next start.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::log::{self, Entry};

#[derive(Debug)]
pub(super) struct LogFile(File);

impl LogFile {
    /// Opens or creates the file, and hands over every entry that it holds.
    pub(super) fn open(path: &Path, mut restore: impl FnMut(Entry)) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        for line in BufReader::new(&file).split(b'\n') {
            if let Some(entry) = std::str::from_utf8(&line?).ok().and_then(log::parse) {
                restore(entry);
            }
        }
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self(file))
    }

    /// Appends the entries in one write.
    pub(super) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut lines = Vec::with_capacity(entries.len().saturating_mul(320));
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        self.0.write_all(&lines)
    }
}
