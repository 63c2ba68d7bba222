//! The world that a test's application lives in: a clock that can be put forward and back, letters that can be opened, and
//! names that lead where a test says.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use yizhan::app::World;
use yizhan::domain::time::{Clock, Timestamp};
use yizhan::providers::code_sender::Letter;

use super::PATIENCE;

/// One world; its copies are the same one.
#[derive(Debug, Clone, Default)]
pub struct TestWorld(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    /// How far the clock has been put forward, in milliseconds; less than 0 when it was put back.
    ahead: AtomicI64,
    /// To whom, and the code within; oldest first.
    letters: Mutex<Vec<(String, Option<String>)>>,
    /// What each name answers next; the last answer stays.
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    arrived: Notify,
}

impl TestWorld {
    /// The world as the application takes it.
    pub fn world(&self) -> World {
        let (clock, letters, names) = (self.clone(), self.clone(), self.clone());
        let mut world = World::real();
        world.clock = Clock::of(move || clock.now());
        world.letters = Some(Arc::new(move |to, letter| letters.deliver(to.as_str(), letter)));
        world.names = Arc::new(move |name| {
            let found = names.look_up(&name).ok_or_else(|| std::io::Error::other("no such name"));
            Box::pin(async move { found })
        });
        world
    }

    /// Lets a name lead to these addresses at the next look-up, and the later ones at later look-ups.
    pub fn name(&self, name: &str, answers: &[&[&str]]) {
        let parsed = answers.iter().map(|answer| answer.iter().map(|text| text.parse().expect("an address")).collect());
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), parsed.collect());
    }

    fn look_up(&self, name: &str) -> Option<Vec<IpAddr>> {
        let mut names = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = names.get_mut(name)?;
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    }

    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.ahead.fetch_add(i64::try_from(by.as_millis()).expect("less than an age"), Ordering::SeqCst);
    }

    /// Puts the clock back.
    pub fn put_back(&self, by: Duration) {
        self.0.ahead.fetch_sub(i64::try_from(by.as_millis()).expect("less than an age"), Ordering::SeqCst);
    }

    /// The code in the next unopened letter to this address (none: it holds no code); waits until there is one.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`].
    pub async fn open_letter(&self, to: &str) -> Option<String> {
        let opened = async {
            loop {
                let arrived = self.0.arrived.notified();
                if let Some((_, code)) = self.take(to) {
                    return code;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(PATIENCE, opened).await.unwrap_or_else(|_| panic!("no letter came to {to}"))
    }

    fn take(&self, to: &str) -> Option<(String, Option<String>)> {
        let mut letters = self.0.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let at = letters.iter().position(|(address, _)| address == to)?;
        Some(letters.remove(at))
    }

    fn deliver(&self, to: &str, letter: &Letter) {
        let code = match letter {
            Letter::Code { code, .. } => Some(code.expose_secret().to_owned()),
            Letter::HasAccount => None,
        };
        self.0.letters.lock().unwrap_or_else(PoisonError::into_inner).push((to.to_owned(), code));
        self.0.arrived.notify_waiters();
    }

    fn now(&self) -> Timestamp {
        let ahead = self.0.ahead.load(Ordering::SeqCst);
        let by = Duration::from_millis(ahead.unsigned_abs());
        let now = Clock::system().now();
        if ahead < 0 { now - by } else { now + by }
    }
}
