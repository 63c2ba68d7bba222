//! What the sandbox remembers: the log, the keys, the counters, the phones. Plain data behind one lock, held for about
//! a microsecond per recipient.
//!
//! Promise: every recipient of every call that was read has one log entry, numbered without gaps in the order of
//! arrival, and is counted exactly, whatever the ring has dropped since.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::generations::Generations;
use super::log::{Entry, KeyStats, LogPage, LogQuery, Stats};
use super::outcome::{Code, Wish};
use super::phones::{About, Phone, Phones};
use super::settings::Settings;
use super::wire::{RecipientIn, is_token, remembered};
use crate::domain::message::MessageKind;
use crate::domain::time::Timestamp;

/// How far back the newest phones are looked for.
const PHONES_SCAN: usize = 50_000;

/// What is remembered of an idempotency key.
#[derive(Debug, Default, Clone, Copy)]
struct Key {
    /// The number of the entry that took it first.
    first: u64,
    received: u32,
    taken: u32,
    shown: u32,
}

/// What became of one recipient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) code: Code,
    pub(super) repeat: bool,
    /// The number of the entry that took the key first; 0 when nothing did.
    pub(super) first: u64,
}

/// A call is refused as a whole with a code, or taken and answered or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    Take { answered: bool },
    Refuse(Code),
}

#[derive(Debug)]
pub(super) struct Book {
    next: u64,
    ring: VecDeque<Entry>,
    capacity: usize,
    deduplicate: bool,
    throttled_tries: u32,
    keys: Generations<u128, Key>,
    hashers: (RandomState, RandomState),
    phones: Phones,
    received: u64,
    unique: u64,
    repeats: u64,
    shown: BTreeMap<MessageKind, u64>,
    shown_again: u64,
    codes: BTreeMap<Code, u64>,
    calls: u64,
}

impl Book {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            next: 1,
            ring: VecDeque::new(),
            capacity: settings.log_capacity.max(1),
            deduplicate: settings.deduplicate,
            throttled_tries: settings.throttled_tries,
            keys: Generations::new(settings.max_keys),
            hashers: (RandomState::new(), RandomState::new()),
            phones: Phones::new(settings.max_phones),
            received: 0,
            unique: 0,
            repeats: 0,
            shown: BTreeMap::new(),
            shown_again: 0,
            codes: BTreeMap::new(),
            calls: 0,
        }
    }

    /// How the call is to be treated for the sake of its `flaky-` and `cut-` tokens.
    pub(super) fn wished(&self, recipients: &[RecipientIn<'_>]) -> Treatment {
        let mut answered = true;
        for to in recipients {
            let wish = Wish::of(&to.token);
            if matches!(wish, Wish::Flaky | Wish::Cut) {
                let key = self.keys.get(&self.hash(&to.idempotency_key)).copied().unwrap_or_default();
                if wish == Wish::Flaky && key.received == 0 {
                    return Treatment::Refuse(Code::ServerError);
                }
                answered &= wish != Wish::Cut || key.taken > 0;
            }
        }
        Treatment::Take { answered }
    }

    /// Enters a call: one verdict per recipient, in order.
    pub(super) fn enter(
        &mut self,
        about: &Arc<About>,
        recipients: &[RecipientIn<'_>],
        treatment: Treatment,
        now: Timestamp,
    ) -> Vec<Verdict> {
        self.calls = self.calls.saturating_add(1);
        recipients.iter().map(|to| self.enter_one(about, to, treatment, now)).collect()
    }

    fn enter_one(&mut self, about: &Arc<About>, to: &RecipientIn<'_>, treatment: Treatment, now: Timestamp) -> Verdict {
        let tries = self.throttled_tries;
        let hash = self.hash(&to.idempotency_key);
        let key = self.keys.get(&hash).copied().unwrap_or_default();
        let (code, unanswered) = match treatment {
            Treatment::Refuse(code) => (code, false),
            Treatment::Take { answered } => (verdict(&to.token, key.received, tries), !answered),
        };
        // A failed try of a key that was taken before is no repeat: nothing was to be shown again.
        let repeat = code.is_taken() && key.taken > 0;
        let entry = Entry {
            number: self.next,
            received_at: now,
            token: Arc::from(remembered(&to.token)),
            idempotency_key: Arc::from(&*to.idempotency_key),
            about: Arc::clone(about),
            outcome: code,
            repeat,
            shown: code == Code::Ok && !(repeat && self.deduplicate),
            unanswered,
        };
        if entry.shown {
            self.phones.show(Arc::clone(&entry.token), about, now);
        }
        let first = self.count(hash, &entry);
        let verdict = Verdict { code, repeat: entry.repeat, first };
        self.keep(entry);
        verdict
    }

    /// Enters again what a log file says was entered before a restart.
    pub(super) fn restore(&mut self, entry: Entry) {
        let hash = self.hash(&entry.idempotency_key);
        self.count(hash, &entry);
        self.next = self.next.max(entry.number);
        self.keep(entry);
    }

    fn hash(&self, key: &str) -> u128 {
        u128::from(self.hashers.0.hash_one(key)) << 64 | u128::from(self.hashers.1.hash_one(key))
    }

    fn count(&mut self, hash: u128, entry: &Entry) -> u64 {
        self.received = self.received.saturating_add(1);
        let key = self.keys.touch(hash);
        if key.received == 0 {
            self.unique = self.unique.saturating_add(1);
        }
        key.received = key.received.saturating_add(1);
        if entry.outcome.is_taken() {
            if key.taken == 0 {
                key.first = entry.number;
            }
            key.taken = key.taken.saturating_add(1);
        }
        if entry.shown {
            if key.shown > 0 {
                self.shown_again = self.shown_again.saturating_add(1);
            }
            key.shown = key.shown.saturating_add(1);
            add(&mut self.shown, entry.about.kind);
        }
        if entry.repeat {
            self.repeats = self.repeats.saturating_add(1);
        }
        add(&mut self.codes, entry.outcome);
        key.first
    }

    fn keep(&mut self, entry: Entry) {
        self.next = self.next.saturating_add(1);
        if self.ring.len() >= self.capacity {
            self.ring.pop_front();
        }
        self.ring.push_back(entry);
    }

    /// The number of the last entry; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// The newest entries, in order; for the log file.
    pub(super) fn newest(&self, count: usize) -> Vec<Entry> {
        self.ring.iter().skip(self.ring.len().saturating_sub(count)).cloned().collect()
    }

    pub(super) fn page(&self, query: &LogQuery) -> LogPage {
        let first = self.ring.front().map_or(self.next, |entry| entry.number);
        let skip = self.ring.partition_point(|entry| entry.number <= query.after);
        let wanted = self.ring.iter().skip(skip).filter(|entry| query.wants(entry));
        let items: Vec<Entry> = if query.newest {
            let mut items: Vec<Entry> = wanted.rev().take(query.limit()).cloned().collect();
            items.reverse();
            items
        } else {
            wanted.take(query.limit()).cloned().collect()
        };
        LogPage { items, first, last: self.last() }
    }

    pub(super) fn key(&self, key: &str) -> KeyStats {
        let Key { received, taken, shown, .. } = self.keys.get(&self.hash(key)).copied().unwrap_or_default();
        KeyStats { received, taken, shown }
    }

    pub(super) fn phone(&self, token: &str) -> Option<Phone> {
        self.phones.get(&Arc::from(token))
    }

    /// The phones that were last shown something that the query wants, newest first.
    pub(super) fn phones(&self, query: &LogQuery) -> Vec<Phone> {
        let mut tokens: Vec<Arc<str>> = Vec::new();
        for entry in self.ring.iter().rev().take(PHONES_SCAN).filter(|entry| entry.shown && query.wants(entry)) {
            if tokens.len() >= query.limit() {
                break;
            }
            if !tokens.contains(&entry.token) {
                tokens.push(Arc::clone(&entry.token));
            }
        }
        tokens.iter().filter_map(|token| self.phones.get(token)).collect()
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            calls: self.calls,
            received: self.received,
            unique: self.unique,
            repeats: self.repeats,
            shown: self.shown.values().sum(),
            shown_again: self.shown_again,
            shown_by_kind: self.shown.clone(),
            by_code: self.codes.clone(),
            phones: self.phones.len(),
            keys_forgotten: self.keys.forgotten(),
            log_first: self.ring.front().map_or(self.next, |entry| entry.number),
            log_last: self.last(),
        }
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, of: K) {
    let count = counts.entry(of).or_default();
    *count = count.saturating_add(1);
}

fn verdict(token: &str, received: u32, throttled_tries: u32) -> Code {
    match Wish::of(token) {
        _ if !is_token(token) => Code::TokenGone,
        Wish::Gone => Code::TokenGone,
        Wish::Moved => Code::TokenMoved,
        Wish::Throttled if received < throttled_tries => Code::Throttled,
        Wish::Quota => Code::QuotaExhausted,
        Wish::Refused => Code::PayloadRefused,
        Wish::Inactive => Code::Inactive,
        Wish::Plain | Wish::Throttled | Wish::Slow | Wish::Flaky | Wish::Cut => Code::Ok,
    }
}
