//! Which notice each of many amends: the rules of [`super::super::publish::amended`], asked for all at once. What amends
//! another of the same run ends the run, so that what is asked is of the record alone.

use std::collections::{HashMap, HashSet};

use super::{number, place};
use crate::domain::id::NoticeId;
use crate::domain::time::Timestamp;
use crate::services::notice::draft::Ready;
use crate::services::publisher::Caller;
use crate::services::refusal::Result;
use crate::storage::Tx;
use crate::storage::notice::{Notice, bulk};

/// What the record knows of what items may amend.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    named: HashMap<usize, Notice>,
    of_section: HashMap<usize, Vec<Notice>>,
    of_project: HashMap<usize, Notice>,
}

/// The items of a run that were accepted so far.
#[derive(Debug, Default)]
pub(super) struct Earlier<'a> {
    by_key: HashSet<(&'a str, &'a str)>,
    by_section: HashMap<String, Vec<(Timestamp, Option<String>)>>,
    by_project: HashMap<String, Vec<Timestamp>>,
}

/// What an item amends.
#[derive(Debug)]
pub(super) enum Amends<'a> {
    /// Nothing.
    Nothing,
    /// A notice that is stored.
    Stored(&'a Notice),
    /// One of those that came before it in the run: it must be stored before more can be said.
    Earlier,
}

impl Candidates {
    /// Asks the record. `items` are the places, drafts and instants of what is new.
    pub async fn read(tx: &Tx, caller: &Caller, items: &[(usize, &Ready, Timestamp)]) -> Result<Self> {
        let (mut keys, mut ids) = (bulk::Asked::default(), HashMap::new());
        let (mut sections, mut projects) = (bulk::Asked::default(), bulk::Asked::default());
        let mut types: &[String] = &[];
        for (at, ready, published_at) in items {
            let (n, before) = (number(*at)?, published_at.as_millis());
            match &ready.amends {
                Some(named) => match named.parse::<NoticeId>() {
                    Ok(id) => drop(ids.insert(*at, id)),
                    Err(_) => {
                        keys.n.push(n);
                        keys.key.push(ready.source.clone());
                        keys.id.push(named.clone());
                    }
                },
                None if ready.kind.amends => {
                    types = &ready.amending_types;
                    let project = ready.content.project_key();
                    for key in ready.content.section_keys() {
                        sections.n.push(n);
                        sections.key.push(key);
                        sections.id.push(project.clone().unwrap_or_default());
                        sections.before.push(before);
                    }
                    if let Some(key) = project {
                        projects.n.push(n);
                        projects.key.push(key);
                        projects.id.push(String::new());
                        projects.before.push(before);
                    }
                }
                None => {}
            }
        }
        let mut found = Self::default();
        let by_id = bulk::by_ids(&**tx, &ids.values().copied().collect::<Vec<_>>()).await?;
        let by_id: HashMap<NoticeId, Notice> = by_id.into_iter().map(|notice| (notice.id, notice)).collect();
        found.named = ids.iter().filter_map(|(at, id)| Some((*at, by_id.get(id)?.clone()))).collect();
        for one in bulk::by_sources(tx, keys).await? {
            found.named.insert(place(one.n)?, one.notice);
        }
        found.named.retain(|_, notice| within(caller, notice));
        for one in bulk::by_sections(tx, sections, types).await? {
            found.of_section.entry(place(one.n)?).or_default().push(one.notice);
        }
        for one in bulk::by_projects(tx, projects, types).await? {
            found.of_project.insert(place(one.n)?, one.notice);
        }
        Ok(found)
    }

    /// What an item amends.
    pub fn choose(
        &self,
        caller: &Caller,
        (at, ready, before): (usize, &Ready, Timestamp),
        earlier: &Earlier<'_>,
    ) -> Result<Amends<'_>> {
        if let Some(named) = &ready.amends {
            return match self.named.get(&at) {
                Some(stored) => Ok(Amends::Stored(stored)),
                None if earlier.by_key.contains(&(ready.source.as_str(), named.as_str())) => Ok(Amends::Earlier),
                None => Err(ready.amended_unknown(named)),
            };
        }
        if !ready.kind.amends {
            return Ok(Amends::Nothing);
        }
        let project = ready.content.project_key();
        // Of two of the same instant the one with the higher position: those of the run come after all that is stored.
        let newest = |notices: &[&'_ Notice]| notices.iter().map(|notice| (notice.published_at, notice.position)).max();
        let stored: Vec<&Notice> = self.of_section.get(&at).into_iter().flatten().collect();
        let sections = ready.content.section_keys();
        let own = sections.iter().filter_map(|key| earlier.by_section.get(key)).flatten();
        let own = own.filter(|(_, other)| project.is_none() || other.is_none() || *other == project);
        let own = own.map(|(at, _)| *at).filter(|at| *at <= before).max();
        let best = newest(&stored);
        if own.is_some_and(|own| best.is_none_or(|(stored, _)| stored <= own)) {
            return Ok(Amends::Earlier);
        }
        let mut found = stored.into_iter().find(|notice| Some((notice.published_at, notice.position)) == best);
        if found.is_none() {
            found = self.of_project.get(&at);
            let own = project.and_then(|key| earlier.by_project.get(&key)).into_iter().flatten();
            let own = own.copied().filter(|at| *at <= before).max();
            if own.is_some_and(|own| found.is_none_or(|stored| stored.published_at <= own)) {
                return Ok(Amends::Earlier);
            }
        }
        Ok(found.filter(|found| within(caller, found)).map_or(Amends::Nothing, Amends::Stored))
    }
}

impl<'a> Earlier<'a> {
    /// Notes an item that was accepted: those after it may amend it.
    pub fn add(&mut self, ready: &'a Ready, published_at: Timestamp) {
        self.by_key.insert((&ready.source, &ready.source_id));
        if ready.amending_types.contains(&ready.kind.code) {
            return;
        }
        let project = ready.content.project_key();
        for key in ready.content.section_keys() {
            self.by_section.entry(key).or_default().push((published_at, project.clone()));
        }
        if let Some(key) = project {
            self.by_project.entry(key).or_default().push(published_at);
        }
    }
}

/// An amendment reaches everyone who has the amended notice: that must be one that the key could have published.
pub(super) fn within(caller: &Caller, found: &Notice) -> bool {
    caller.scope.allows(&found.source, &found.category_path, &found.region_path)
}
