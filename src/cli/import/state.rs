//! How far an import has come: a small file beside the input, written when the other side says that so much is stored, and
//! removed at the end.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Options;
use super::source::Source;
use crate::app::StartError;
use crate::services::CanFail as _;

/// What its file's name ends in.
const SUFFIX: &str = ".yizhan-import";

/// What is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Lines.
    pub lines: u64,
    /// New notices.
    pub created: u64,
    /// Notices that were known.
    pub unchanged: u64,
    /// Notices that have another revision now.
    pub revised: u64,
    /// Notices, or lines that are none, that were refused.
    pub refused: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    /// Names the file's beginning and all that decides what becomes of it.
    task: String,
    bytes: u64,
    report_bytes: u64,
    resume: String,
    #[serde(flatten)]
    done: Done,
}

/// How far it has come, and where that is written.
#[derive(Debug)]
pub struct State {
    path: Option<PathBuf>,
    task: String,
    /// How long the input was when the import was first begun; nothing where that is not known.
    pub bytes: Option<u64>,
    /// What an earlier run did.
    pub done: Done,
    /// How long its report was.
    pub report_bytes: u64,
    /// Where the other side goes on.
    pub resume: Option<String>,
}

impl State {
    /// What an earlier run of the same command left, or a fresh one.
    pub fn open(options: &Options, source: &Source, key: &str, map: Option<&str>) -> Result<Self, StartError> {
        let bytes = source.progress().total;
        let mut digest = Sha256::new();
        let words = [
            options.announce.as_str(),
            options.existing.as_str(),
            options.form.as_str(),
            options.server.as_deref().unwrap_or_default(),
            map.unwrap_or_default(),
            key,
        ];
        let report = options.report.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let given = format!("{:?}", options.given());
        digest.update(Sha256::digest(given.as_bytes()));
        for part in words.map(str::as_bytes).into_iter().chain([report.as_bytes(), &source.head]) {
            digest.update(Sha256::digest(part));
        }
        let task: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // What cannot be read twice cannot be gone on with, and of a dry run nothing is stored.
        let path = bytes.filter(|_| !options.dry_run).map(|_| beside(&options.file));
        let fresh = Self { path, task, bytes, done: Done::default(), report_bytes: 0, resume: None };
        let Some(path) = fresh.path.as_ref().filter(|_| !options.afresh) else { return Ok(fresh) };
        let Ok(text) = std::fs::read_to_string(path) else { return Ok(fresh) };
        let saved: Option<Saved> = serde_json::from_str(&text).ok();
        let Some(saved) = saved.filter(|saved| saved.task == fresh.task && Some(saved.bytes) <= fresh.bytes) else {
            eprintln!("yizhan: {} is of another import; this one begins at the start", path.display());
            return Ok(fresh);
        };
        let length = options.report.as_ref().map_or(0, |path| std::fs::metadata(path).map_or(0, |about| about.len()));
        if options.report.is_some() && length < saved.report_bytes {
            eprintln!("yizhan: the report is shorter than it was; this import begins at the start");
            return Ok(fresh);
        }
        let Saved { bytes, report_bytes, resume, done, .. } = saved;
        Ok(Self { bytes: Some(bytes), done, report_bytes, resume: Some(resume), ..fresh })
    }

    /// Says where it goes on.
    pub fn announce_itself(&self) {
        if self.done.lines > 0 {
            eprintln!("yizhan: goes on after line {}", self.done.lines);
        }
    }

    /// Notes how far it has come. Without it everything still works, but begins at the start when it is cut off.
    pub fn save(&mut self, done: Done, resume: &str, report_bytes: u64) {
        let (Some(path), Some(bytes)) = (&self.path, self.bytes) else { return };
        let saved = Saved { task: self.task.clone(), bytes, report_bytes, resume: resume.to_owned(), done };
        let written = serde_json::to_vec(&saved).map_err(std::io::Error::other).and_then(|text| {
            let fresh = path.with_extension("yizhan-import-new");
            std::fs::write(&fresh, text)?;
            std::fs::rename(&fresh, path)
        });
        if let Err(error) = written {
            eprintln!(
                "yizhan: {} cannot be written ({error}); cut off, the import would begin at the start",
                path.display()
            );
            self.path = None;
        }
    }

    /// Removes the file: there is nothing to go on with.
    pub fn remove(&self) {
        if let Some(path) = &self.path {
            std::fs::remove_file(path).can_fail("a short import never wrote one");
        }
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}
