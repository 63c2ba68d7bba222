//! The input: read as it is needed, up to the size that it had at the start.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::app::StartError;
use crate::http::language::Language;
use crate::http::notice::import::Listener;
use crate::services::import::cut::{Cutter, Piece};
use crate::services::import::map::Map;
use crate::services::import::{Convert as _, Event, Unit};
use crate::services::notice::Refused;
use crate::services::refusal::{Error, Refusal};

/// How much is read at once.
const CHUNK: usize = 128 * 1024;
/// So much of the beginning says which file it is.
pub const HEAD: u64 = 64 * 1024;

/// How far the input was read.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    pub(super) read: Arc<AtomicU64>,
    /// How long it is; nothing where that is not known.
    pub total: Option<u64>,
}

impl Progress {
    /// So many bytes.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// The input.
pub struct Source {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    progress: Progress,
    /// What was read and not given out yet.
    rest: Bytes,
    /// What may still be read.
    left: u64,
    /// How the file begins; nothing of standard input.
    pub head: Vec<u8>,
}

impl Source {
    /// Opens a file, or standard input.
    pub async fn open(path: &Path) -> Result<Self, StartError> {
        if path == Path::new("-") {
            let reader = Box::new(tokio::io::stdin());
            let (progress, rest) = (Progress::default(), Bytes::new());
            return Ok(Self { reader, progress, rest, left: u64::MAX, head: Vec::new() });
        }
        let named = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut file = tokio::fs::File::open(path).await.map_err(named)?;
        let about = file.metadata().await.map_err(named)?;
        if about.is_dir() {
            return Err(format!("{}: is a folder", path.display()).into());
        }
        // A pipe has no size, and cannot be read twice.
        if !about.is_file() {
            let (progress, rest) = (Progress::default(), Bytes::new());
            return Ok(Self { reader: Box::new(file), progress, rest, left: u64::MAX, head: Vec::new() });
        }
        let mut head = Vec::new();
        (&mut file).take(HEAD.min(about.len())).read_to_end(&mut head).await.map_err(named)?;
        let progress = Progress { total: Some(about.len()), ..Progress::default() };
        let left = about.len() - u64::try_from(head.len())?;
        Ok(Self { reader: Box::new(file), progress, rest: head.clone().into(), left, head })
    }

    /// Reads no further than this.
    pub fn bound(&mut self, bytes: Option<u64>) {
        if let Some(bytes) = bytes {
            self.left = bytes.saturating_sub(u64::try_from(self.head.len()).unwrap_or(u64::MAX));
            self.progress.total = Some(bytes);
        }
    }

    /// How far it was read; goes on counting.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Passes over pieces that are done.
    pub async fn skip(&mut self, pieces: u64, unit: Unit) -> std::io::Result<()> {
        let (mut left, mut cutter) = (pieces, Cutter::into(unit));
        while left > 0 {
            let Some(chunk) = self.chunk().await? else { return Ok(()) };
            let mut from = 0;
            while left > 0
                && let Some((end, _)) = cutter.next(chunk.get(from..).unwrap_or_default())
            {
                (left, from) = (left - 1, from + end);
            }
            if left == 0 {
                let rest = chunk.slice(from..);
                self.progress.read.fetch_sub(length(&rest), Ordering::Relaxed);
                self.rest = rest;
            }
        }
        Ok(())
    }

    async fn chunk(&mut self) -> std::io::Result<Option<Bytes>> {
        let chunk = if self.rest.is_empty() {
            let mut buffer = Vec::with_capacity(CHUNK);
            let most = self.left.min(u64::try_from(CHUNK).unwrap_or(u64::MAX));
            (&mut self.reader).take(most).read_buf(&mut buffer).await?;
            if buffer.is_empty() && self.left > 0 && self.progress.total.is_some() {
                return Err(std::io::Error::other("文件在导入期间变短 (it became shorter while it was read)"));
            }
            self.left = self.left.saturating_sub(u64::try_from(buffer.len()).unwrap_or(u64::MAX));
            Bytes::from(buffer)
        } else {
            std::mem::take(&mut self.rest)
        };
        self.progress.read.fetch_add(length(&chunk), Ordering::Relaxed);
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// All of it.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Refusal>> + Send + 'static {
        stream::unfold(self, |mut source| async move {
            let chunk = source.chunk().await.map_err(|error| {
                eprintln!("yizhan: the input cannot be read: {error}");
                Refusal::Unavailable
            });
            chunk.transpose().map(|chunk| (chunk, source))
        })
    }

    /// All of it, mapped line by line: as many lines as there were, blank in the place of those that the map refuses.
    pub fn mapped(self, map: Map, refused: Aside) -> impl Stream<Item = Result<Bytes, Refusal>> + Send + 'static {
        let state = (Box::pin(self.stream()), Cutter::into(Unit::Line), false);
        stream::unfold((state, map, refused), |((mut input, mut cutter, ended), map, refused)| async move {
            if ended {
                return None;
            }
            let (lines, ended) = match input.next().await {
                Some(Ok(chunk)) => (cutter.feed(&chunk), false),
                Some(Err(refusal)) => return Some((Err(refusal), ((input, cutter, true), map, refused))),
                None => (cutter.finish().into_iter().collect(), true),
            };
            let mut mapped = Vec::new();
            for line in lines {
                mapped.extend(map_line(&map, &line, &refused));
                mapped.push(b'\n');
            }
            Some((Ok(mapped.into()), ((input, cutter, ended), map, refused)))
        })
    }
}

/// Lines that were refused on this side, until the other side has come as far.
#[derive(Debug, Clone, Default)]
pub struct Aside(Arc<Mutex<VecDeque<(u64, Value)>>>);

impl Aside {
    fn add(&self, line: u64, view: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((line, view));
    }

    /// Those up to a line.
    pub fn up_to(&self, line: u64) -> Vec<Value> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut some = Vec::new();
        while all.front().is_some_and(|(number, _)| *number <= line) {
            some.extend(all.pop_front().map(|(_, view)| view));
        }
        some
    }
}

/// A line as it is sent: what is no JSON goes as it is, for the other side to refuse.
fn map_line(map: &Map, line: &Piece, refused: &Aside) -> Vec<u8> {
    let refuse = |error: Error| {
        let listener = Listener { language: Language::Zh, request_id: String::new() };
        let source_id = None;
        if let Ok(why) = Refused::of(error) {
            let event = Event::Refused { line: line.number, item: None, source_id, refused: why };
            refused.add(line.number, serde_json::to_value(listener.view(event)).unwrap_or_default());
        }
        Vec::new()
    };
    let Some(text) = &line.text else { return refuse(crate::services::import::read::too_large(Unit::Line)) };
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return text.clone() };
    match map.convert(value).next() {
        Some(Ok(body)) => body.to_string().into_bytes(),
        Some(Err(violations)) => refuse(Error::invalid(violations)),
        None => Vec::new(),
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// What a source gives of a file that is changed once it is open.
    async fn read(change: impl FnOnce(&std::fs::File)) -> (Vec<u8>, bool) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&vec![b'x'; 300_000]).expect("it is written");
        let source = Source::open(file.path()).await.expect("a source");
        change(file.as_file());
        let (mut text, mut broken) = (Vec::new(), false);
        let mut stream = Box::pin(source.stream());
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => text.extend_from_slice(&chunk),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        (text, broken)
    }

    #[tokio::test]
    async fn a_file_that_grows_is_read_as_far_as_it_went_and_one_that_shrinks_is_no_whole_one() {
        let grown = read(|mut file| file.write_all(b"more").expect("it is written")).await;
        assert_eq!((grown.0.len(), grown.1), (300_000, false));
        let shrunk = read(|file| file.set_len(200_000).expect("it is cut")).await;
        assert_eq!((shrunk.0.len(), shrunk.1), (200_000, true));
    }
}
