//! The sandbox itself: what it remembers, how it misbehaves, and who watches.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::book::{Book, Treatment, Verdict};
use super::codes::{Codes, NotedCode};
use super::faults::{Fault, Mode, Switch};
use super::log::{KeyStats, LogPage, LogQuery, Stats};
use super::log_file::LogFile;
use super::outcome::{Code, Wish};
use super::phones::{About, Phone};
use super::settings::Settings;
use super::wire::{MessageIn, RecipientIn};
use crate::domain::time::Timestamp;

/// What a call is to be answered with.
#[derive(Debug)]
pub(super) enum Reply {
    /// After the wait: the verdicts, or, when it is not to be answered, nothing but a cut connection.
    Taken { verdicts: Vec<Verdict>, wait: Duration, answered: bool },
    /// The call failed.
    Refused { code: Code, retry_after: u64 },
}

/// How far the sandbox is; every change wakes the watchers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pulse {
    pub(super) entry: u64,
    pub(super) code: u64,
    pub(super) closed: bool,
}

/// A sandbox. Clones are the same one.
#[derive(Debug, Clone)]
pub struct SandboxState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    book: Mutex<Book>,
    switch: Mutex<Switch>,
    /// Locked before the book and until its lines are written, so that lines stand in the order of their numbers.
    file: Option<Mutex<LogFile>>,
    codes: Mutex<Codes>,
    pulse: watch::Sender<Pulse>,
    watchers: Arc<Semaphore>,
}

impl SandboxState {
    /// An empty sandbox, or, with a log file, one that remembers what the file says. Fails when the file cannot be
    /// opened or read.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let mut book = Book::new(&settings);
        let file = match &settings.log_file {
            Some(path) => Some(Mutex::new(LogFile::open(path, |entry| book.restore(entry))?)),
            None => None,
        };
        let pulse = watch::Sender::new(Pulse { entry: book.last(), ..Pulse::default() });
        let watchers = Arc::new(Semaphore::new(settings.max_watchers.min(Semaphore::MAX_PERMITS)));
        Ok(Self(Arc::new(Inner {
            settings,
            book: Mutex::new(book),
            switch: Mutex::new(Switch::new()),
            file,
            codes: Mutex::default(),
            pulse,
            watchers,
        })))
    }

    /// Takes a call.
    pub(super) fn receive(&self, message: MessageIn<'_>, recipients: &[RecipientIn<'_>]) -> Reply {
        let now = now();
        let fault = lock(&self.0.switch).spend(now);
        let fixed = match fault.mode {
            Mode::Ok => None,
            Mode::Error500 => Some(Treatment::Refuse(Code::ServerError)),
            Mode::Throttle => Some(Treatment::Refuse(Code::ChannelThrottled)),
            Mode::Html502 => Some(Treatment::Refuse(Code::BadGateway)),
            Mode::Hang | Mode::Cut => Some(Treatment::Take { answered: false }),
        };
        let (treatment, verdicts) = self.enter(&Arc::new(about(message)), recipients, fixed, now);
        match treatment {
            Treatment::Refuse(code) => {
                Reply::Refused { code, retry_after: fault.retry_after.unwrap_or(self.0.settings.retry_after) }
            }
            Treatment::Take { answered } => {
                let slow = recipients.iter().any(|to| Wish::of(&to.token) == Wish::Slow);
                let wait = match fault.mode {
                    Mode::Hang => self.0.settings.hang,
                    _ if slow => self.0.settings.slow,
                    _ => Duration::ZERO,
                };
                Reply::Taken { verdicts, wait, answered }
            }
        }
    }

    fn enter(
        &self,
        about: &Arc<About>,
        recipients: &[RecipientIn<'_>],
        fixed: Option<Treatment>,
        now: Timestamp,
    ) -> (Treatment, Vec<Verdict>) {
        let mut file = self.0.file.as_ref().map(lock);
        let mut book = lock(&self.0.book);
        let treatment = fixed.unwrap_or_else(|| book.wished(recipients));
        let verdicts = book.enter(about, recipients, treatment, now);
        let last = book.last();
        let entries = if file.is_some() { book.newest(recipients.len()) } else { Vec::new() };
        drop(book);
        if let Some(Err(error)) = file.as_mut().map(|file| file.append(&entries)) {
            tracing::error!(error = %error, "the sandbox's log file lacks entries up to {last}");
        }
        drop(file);
        self.0.pulse.send_modify(|pulse| pulse.entry = pulse.entry.max(last));
        (treatment, verdicts)
    }

    /// Waits, or until the sandbox closes.
    pub(super) async fn wait(&self, time: Duration) {
        let mut pulse = self.0.pulse.subscribe();
        // The time being over is what was asked for; the other error would mean that the sandbox is gone.
        if let Ok(Err(error)) = tokio::time::timeout(time, pulse.wait_for(|pulse| pulse.closed)).await {
            tracing::debug!(%error, "the sandbox went away during a wait");
        }
    }

    /// What throttled callers are told to wait, in seconds.
    pub(super) fn retry_after(&self) -> u64 {
        self.0.settings.retry_after
    }

    /// Lets the whole channel misbehave; `Fault::NONE` ends it.
    pub fn set_fault(&self, fault: Fault) {
        lock(&self.0.switch).set(fault, now());
    }

    /// The fault in force.
    pub fn fault(&self) -> Fault {
        lock(&self.0.switch).current(now())
    }

    /// Some of the log.
    pub fn log(&self, query: &LogQuery) -> LogPage {
        lock(&self.0.book).page(query)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        lock(&self.0.book).stats()
    }

    /// What became of one idempotency key.
    pub fn key(&self, key: &str) -> KeyStats {
        lock(&self.0.book).key(key)
    }

    /// What a phone shows, when it is remembered.
    pub fn phone(&self, token: &str) -> Option<Phone> {
        lock(&self.0.book).phone(token)
    }

    /// The phones that were last shown something that the query wants, newest first.
    pub fn phones(&self, query: &LogQuery) -> Vec<Phone> {
        lock(&self.0.book).phones(query)
    }

    /// Shows a confirmation code that would have gone out by mail or SMS; in clear: the sandbox is for trying things out.
    pub fn note_code(&self, kind: &str, address: &str, code: &str) {
        let number = lock(&self.0.codes).note(kind, address, code, now());
        self.0.pulse.send_modify(|pulse| pulse.code = pulse.code.max(number));
    }

    /// The noted codes, newest first; for one address, masked or in clear, when it is given.
    pub fn codes(&self, address: Option<&str>) -> Vec<NotedCode> {
        lock(&self.0.codes).list(address)
    }

    /// Ends the event streams and the waiting calls. Call it when shutdown begins, before the server is stopped.
    pub fn close(&self) {
        self.0.pulse.send_modify(|pulse| pulse.closed = true);
    }

    pub(super) fn watch(&self) -> Option<(watch::Receiver<Pulse>, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.0.watchers).try_acquire_owned().ok()?;
        Some((self.0.pulse.subscribe(), permit))
    }
}

fn about(message: MessageIn<'_>) -> About {
    About {
        notice: message.notice,
        revision: message.revision,
        kind: message.kind,
        title: message.title.into_owned(),
        body: message.body.into_owned(),
        replace_key: message.replace_key.into_owned(),
        thread: message.thread.map(std::borrow::Cow::into_owned),
        urgent: message.urgent,
        url: message.url.into_owned(),
    }
}

/// Nothing that is done under these locks leaves them half done, so a panic elsewhere does not spoil what they hold.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}
