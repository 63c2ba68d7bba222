//! Reads variables: each with its default, each error with the variable's name, all errors at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// The variables, and what was wrong with them so far.
#[derive(Debug)]
pub struct Env {
    given: BTreeMap<String, String>,
    seen: BTreeSet<&'static str>,
    defaults: BTreeMap<&'static str, String>,
    errors: Vec<String>,
}

/// Everything that is wrong with the environment.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not valid:\n  {}", .0.join("\n  "))]
pub struct EnvError(Vec<String>);

impl Env {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::vars())
    }

    /// These variables. An empty value counts as none, so that a line of `.env` can be left blank.
    pub fn of(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let given = vars.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        Self { given, seen: BTreeSet::new(), defaults: BTreeMap::new(), errors: Vec::new() }
    }

    /// What is given for a variable that has no default; its value is never repeated in an error.
    pub fn secret(&mut self, name: &'static str) -> Option<String> {
        self.note(name, "");
        self.given.get(name).cloned()
    }

    /// A value that its type parses.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str, default: &str) -> T {
        self.note(name, default);
        let text = self.given.get(name).cloned().unwrap_or_else(|| default.to_owned());
        match text.parse() {
            Ok(value) => value,
            Err(error) => {
                self.errors.push(format!("{name}: `{text}`: {error}"));
                default.parse().unwrap_or_else(|error| panic!("the default of {name} is not valid: {error}"))
            }
        }
    }

    /// A value that its type parses, when one is given.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        self.note(name, "");
        let text = self.given.get(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(format!("{name}: `{text}`: {error}"));
                None
            }
        }
    }

    /// A number within a range.
    pub fn within<T>(&mut self, name: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr<Err: Display> + Display + PartialOrd + Copy,
    {
        let value: T = self.parsed(name, &default.to_string());
        if range.contains(&value) {
            return value;
        }
        self.errors.push(format!("{name}: {value} is not within {}..={}", range.start(), range.end()));
        default
    }

    /// A duration in seconds, within a range.
    pub fn seconds(&mut self, name: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.within(name, default, range))
    }

    /// A duration in milliseconds, within a range.
    pub fn millis(&mut self, name: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.within(name, default, range))
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, name: &'static str, default: &str, options: &[(&str, T)]) -> T {
        self.note(name, default);
        let text = self.given.get(name).cloned().unwrap_or_else(|| default.to_owned());
        let find = |text: &str| options.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        find(&text).unwrap_or_else(|| {
            let words: Vec<&str> = options.iter().map(|(word, _)| *word).collect();
            self.errors.push(format!("{name}: `{text}` is none of {}", words.join(", ")));
            find(default).unwrap_or_else(|| panic!("the default of {name} is not one of its options"))
        })
    }

    /// Refuses a variable for a reason that only its reader knows.
    pub fn refuse(&mut self, name: &'static str, reason: &str) {
        self.errors.push(format!("{name}: {reason}"));
    }

    /// Every variable that was asked for, with its default.
    pub fn defaults(&self) -> &BTreeMap<&'static str, String> {
        &self.defaults
    }

    /// Says what was wrong, unknown variables of ours included.
    pub fn finish(&mut self) -> Result<(), EnvError> {
        let unknown =
            self.given.keys().filter(|name| name.starts_with("YIZHAN_") && !self.seen.contains(name.as_str()));
        let mut errors = self.errors.clone();
        errors.extend(unknown.map(|name| format!("{name}: there is no such variable")));
        if errors.is_empty() { Ok(()) } else { Err(EnvError(errors)) }
    }

    fn note(&mut self, name: &'static str, default: &str) {
        self.seen.insert(name);
        self.defaults.insert(name, default.to_owned());
    }
}
