//! Failpoints: places at which a debug build can be told to die, for the fault tests. A release build has none.

/// Kills the process, as `kill -9` would, when the variable `FAILPOINT` names this place; `name:3` dies at the third
/// visit.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let text = std::env::var("FAILPOINT").ok()?;
        let (name, visit) = text.split_once(':').unwrap_or((text.as_str(), "1"));
        Some((name.to_owned(), visit.parse().ok()?))
    });
    static VISITS: AtomicU32 = AtomicU32::new(0);

    if let Some((wanted, visit)) = &*WANTED
        && wanted == name
        && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == *visit
    {
        // No unwinding, no destructors, no flush: what is not committed is gone.
        std::process::abort();
    }
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
