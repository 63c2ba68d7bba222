//! Guessing at passwords and codes: counted, and ended where it would pay.
//!
//! Promise: who guesses is stopped, and the one whose password it is can still sign in from elsewhere, or after a reset.

use std::net::IpAddr;

use crate::services::Deps;
use crate::services::limits::{self, Rule};
use crate::services::refusal::{Error, Refusal, Result};

/// Does what guessing would pay for: it is counted before it is done, so that many guesses at once are all counted,
/// and taken back unless it was a wrong guess.
pub async fn guarded<T>(
    deps: &Deps,
    from: IpAddr,
    person: Option<&str>,
    work: impl AsyncFnOnce() -> Result<T>,
) -> Result<T> {
    let line = limits::line(from);
    let mut rules = vec![(limits::WRONG_FROM_LINE, line.clone())];
    rules.extend(person.into_iter().flat_map(|person| wrong_for(person, &line)));
    let mut counted = Vec::new();
    let mut done = Ok(());
    for (rule, whom) in rules {
        done = limits::take(deps, rule, &whom).await.map(|_| ());
        if done.is_err() {
            break;
        }
        counted.push((rule, whom));
    }
    let done = match done {
        Ok(()) => work().await,
        Err(error) => Err(error),
    };
    let wrong = |error: &Error| matches!(error.refusal(), Some(Refusal::WrongCredentials | Refusal::WrongCode));
    if !done.as_ref().is_err_and(wrong) {
        for (rule, whom) in &counted {
            limits::give_back(deps, *rule, whom).await;
        }
    }
    done
}

/// Forgets the wrong guesses at a person's password: whoever has proven to be that person is not kept out by them.
pub async fn forget(deps: &Deps, from: IpAddr, person: &str) {
    for (rule, whom) in wrong_for(person, &limits::line(from)) {
        limits::clear(deps, rule, &whom).await;
    }
}

/// What wrong guesses at a person's password are counted under: strictly for each network address, so that a stranger
/// who guesses keeps nobody out but the own address; loosely for all of them together.
fn wrong_for(person: &str, line: &str) -> [(Rule, String); 2] {
    [(limits::WRONG_FOR_PERSON_FROM_LINE, format!("{person} {line}")), (limits::WRONG_FOR_PERSON, person.to_owned())]
}
