//! Failpoints: places at which a debug build can be told to die or to stand still, for the fault tests. A release build
//! has none.

/// Kills the process, as `kill -9` would, when the variable `FAILPOINT` names this place; `name:3` dies at the third
/// visit, and `name:3:stop` stands still there until it is continued.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    use std::sync::{LazyLock, Mutex, PoisonError};

    static WANTED: LazyLock<Option<(String, u32, bool)>> = LazyLock::new(|| {
        let text = std::env::var("FAILPOINT").ok()?;
        let mut parts = text.split(':');
        let name = parts.next()?.to_owned();
        let visit = parts.next().map_or(Some(1), |visit| visit.parse().ok())?;
        Some((name, visit, parts.next() == Some("stop")))
    });
    static VISITS: Mutex<u32> = Mutex::new(0);

    if let Some((wanted, visit, stands_still)) = &*WANTED
        && wanted == name
    {
        // Held to the end: whoever comes while the process is being stopped passes when it goes on.
        let mut visits = VISITS.lock().unwrap_or_else(PoisonError::into_inner);
        *visits += 1;
        if *visits != *visit {
            return;
        }
        if *stands_still {
            stand_still();
        } else {
            // No unwinding, no destructors, no flush: what is not committed is gone.
            std::process::abort();
        }
    }
}

/// Returns when somebody continues the process.
#[cfg(debug_assertions)]
fn stand_still() {
    let stopped = std::process::Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
    assert!(stopped.is_ok_and(|status| status.success()), "the process could not be stopped");
}

/// Kills the process when `FAILPOINT` names this place and one of these words: `send_to:token`.
#[cfg(debug_assertions)]
pub fn hit_by<'a>(name: &str, mut words: impl Iterator<Item = &'a str>) {
    use std::sync::LazyLock;

    static WANTED: LazyLock<Option<(String, String)>> = LazyLock::new(|| {
        let text = std::env::var("FAILPOINT").ok()?;
        text.split_once(':').map(|(name, word)| (name.to_owned(), word.to_owned()))
    });
    if let Some((wanted, word)) = &*WANTED
        && wanted == name
        && words.any(|one| one == word)
    {
        std::process::abort();
    }
}

/// Nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn hit_by<'a>(_: &str, _: impl Iterator<Item = &'a str>) {}

/// Nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn hit(_: &str) {}
