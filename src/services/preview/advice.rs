//! What could be changed about a filter: what to loosen when nothing comes, what to narrow when too much does.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use roaring::RoaringBitmap;

use super::rate::Days;
use super::{BUDGET_OF_ADVICE, Rate, Window, scan};
use crate::domain::catalogue::{Catalogue, path_codes};
use crate::domain::id::NoticeId;
use crate::domain::subscription::{Amount, Filter, How, Keywords, Part, UnknownAmount, verdicts};
use crate::services::Deps;
use crate::services::refusal;
use crate::storage::told::{Strictness, Told};

/// More than so many on a working day are more than anybody reads.
const MANY: f64 = 100.0;
/// The most suggestions of one kind.
const OF_A_KIND: usize = 3;
/// The most codes that are counted; a filter cannot name more anyway.
const CODES: usize = 5_000;

/// A change of a filter, and what it would bring.
#[derive(Debug, Clone)]
pub struct Advice {
    /// The part to be changed.
    pub part: Part,
    /// In which way.
    pub how: How,
    /// The filter as it would be then.
    pub filter: Filter,
    /// How many notices it would have brought, amendments that follow aside.
    pub notices: u32,
    /// How many of them on a working day.
    pub per_working_day: f64,
    /// Whether everything was looked at; else there are at least so many.
    pub exact: bool,
}

/// One change that is tried: a notice counts for it when it misses this part alone and the changed filter holds.
struct Trial {
    part: Part,
    how: How,
    filter: Filter,
    hits: HashSet<NoticeId>,
}

/// What each loosening of a filter that brings nothing would bring, the least first; those that would bring something.
pub(super) async fn loosen(
    deps: &Deps,
    window: Window,
    (filter, saying): (&Filter, Option<&RoaringBitmap>),
    days: &Days,
) -> refusal::Result<Vec<Advice>> {
    let mut trials = trials(&deps.catalogue(), filter);
    if trials.is_empty() {
        return Ok(Vec::new());
    }
    let mut look = |told: Told| {
        let mut missed = verdicts(filter, &told.facts).filter(|verdict| !verdict.holds).map(|verdict| verdict.part);
        let (Some(part), None) = (missed.next(), missed.next()) else { return };
        for trial in trials.iter_mut().filter(|trial| trial.part == part) {
            if verdicts(&trial.filter, &told.facts).all(|verdict| verdict.holds) {
                trial.hits.insert(told.notice);
            }
        }
    };
    let all_but_one = (filter, Strictness::AllButOne);
    let exact = match saying {
        // What misses something else than the words says them; what misses words has everything else.
        Some(saying) => {
            let words = scan::among(deps, window, all_but_one, saying, BUDGET_OF_ADVICE, &mut look).await?.1;
            scan::all(deps, window, (filter, Strictness::All), BUDGET_OF_ADVICE, &mut look).await?.1 && words
        }
        None => scan::all(deps, window, all_but_one, BUDGET_OF_ADVICE, &mut look).await?.1,
    };
    trials.retain(|trial| !trial.hits.is_empty());
    trials.sort_by_key(|trial| trial.hits.len());
    let advice = |Trial { part, how, filter, hits }| {
        let notices = u32::try_from(hits.len()).unwrap_or(u32::MAX);
        Advice { part, how, filter, notices, per_working_day: days.on_working_days(notices), exact }
    };
    Ok(trials.into_iter().map(advice).collect())
}

/// Every loosening that leaves something to be asked for.
fn trials(catalogue: &Catalogue, filter: &Filter) -> Vec<Trial> {
    let mut changed: Vec<(Part, How, Filter)> = Vec::new();
    let parent = |code: &String| catalogue.category(code).and_then(|category| category.parent.clone());
    let wider = Filter { categories: above(&filter.categories, parent), ..filter.clone() };
    changed.push((Part::Categories, How::Widen, wider));
    let parent = |code: &String| catalogue.region(code).and_then(|region| region.parent.clone());
    let wider = Filter { regions: above(&filter.regions, parent), ..filter.clone() };
    changed.push((Part::Regions, How::Widen, wider));
    for part in Part::ALL {
        changed.push((*part, How::Remove, without(filter, *part)));
    }
    let makes_sense = |changed: &Filter| changed != filter && !changed.is_empty();
    let changed = changed.into_iter().filter(|(_, _, changed)| makes_sense(changed));
    changed.map(|(part, how, filter)| Trial { part, how, filter, hits: HashSet::new() }).collect()
}

/// What lies above these codes; a code with nothing above it stays.
fn above(codes: &[String], parent: impl Fn(&String) -> Option<String>) -> Vec<String> {
    let above: BTreeSet<String> = codes.iter().map(|code| parent(code).unwrap_or_else(|| code.clone())).collect();
    above.into_iter().collect()
}

fn without(filter: &Filter, part: Part) -> Filter {
    let mut filter = filter.clone();
    match part {
        Part::Categories => filter.categories.clear(),
        Part::Regions => filter.regions.clear(),
        Part::Types => {
            filter.notice_types.clear();
            filter.stages.clear();
        }
        Part::Project => filter.project = None,
        Part::Purchaser => filter.purchaser = None,
        Part::Amount => filter.amount = None,
        Part::AllWords => filter.keywords.all.clear(),
        Part::AnyWords => filter.keywords.any.clear(),
        Part::NoWords => filter.keywords = Keywords { none: Vec::new(), ..filter.keywords },
    }
    filter
}

/// How what matched falls apart.
#[derive(Debug, Default)]
pub(super) struct Facets {
    seen: HashSet<NoticeId>,
    stages: BTreeMap<String, u32>,
    categories: BTreeMap<String, u32>,
    regions: BTreeMap<String, u32>,
    amounts: Vec<i64>,
}

impl Facets {
    /// Counts what matched; a notice once.
    pub(super) fn count(&mut self, told: &Told) {
        if !self.seen.insert(told.notice) {
            return;
        }
        add(&mut self.stages, &told.facts.stage);
        path_codes(&told.facts.category_path).for_each(|code| add(&mut self.categories, code));
        path_codes(&told.facts.region_path).for_each(|code| add(&mut self.regions, code));
        self.amounts.extend(told.facts.amount_fen);
    }

    /// What would help when more comes than anybody reads: what the largest parts of it are.
    pub(super) fn narrow(
        mut self,
        catalogue: &Catalogue,
        filter: &Filter,
        rate: &Rate,
        days: &Days,
        exact: bool,
    ) -> Vec<Advice> {
        if rate.per_working_day < MANY {
            return Vec::new();
        }
        let total = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        let mut advice = Vec::new();
        let mut suggest = |part: Part, filter: Filter, notices: u32| {
            let per_working_day = days.on_working_days(notices);
            advice.push(Advice { part, how: How::Add, filter, notices, per_working_day, exact });
        };
        if filter.notice_types.is_empty() && filter.stages.is_empty() {
            for (stage, count) in largest(&self.stages, |_| true, total) {
                suggest(Part::Types, Filter { stages: vec![stage], ..filter.clone() }, count);
            }
        }
        let parent = |code: &str| catalogue.category(code)?.parent.clone();
        let next = |code: &str| is_next(code, &filter.categories, &self.categories, total, parent);
        for (code, count) in largest(&self.categories, next, total) {
            suggest(Part::Categories, Filter { categories: vec![code], ..filter.clone() }, count);
        }
        let parent = |code: &str| catalogue.region(code)?.parent.clone();
        let next = |code: &str| {
            let is_of_today = catalogue.region(code).is_some_and(|region| region.successor.is_none());
            is_of_today && is_next(code, &filter.regions, &self.regions, total, parent)
        };
        for (code, count) in largest(&self.regions, next, total) {
            suggest(Part::Regions, Filter { regions: vec![code], ..filter.clone() }, count);
        }
        self.amounts.sort_unstable();
        let median = self.amounts.get(self.amounts.len() / 2).copied().filter(|_| filter.amount.is_none());
        if let Some(median) = median {
            let count = self.amounts.iter().filter(|fen| **fen >= median).count();
            let amount = Amount { min_fen: Some(median), max_fen: None, unknown: UnknownAmount::Exclude };
            suggest(
                Part::Amount,
                Filter { amount: Some(amount), ..filter.clone() },
                u32::try_from(count).unwrap_or(u32::MAX),
            );
        }
        advice
    }
}

fn add(counts: &mut BTreeMap<String, u32>, code: &str) {
    if let Some(count) = counts.get_mut(code) {
        *count += 1;
    } else if counts.len() < CODES {
        counts.insert(code.to_owned(), 1);
    }
}

/// The largest parts, of those that are parts and not the whole.
fn largest(counts: &BTreeMap<String, u32>, which: impl Fn(&str) -> bool, total: u32) -> Vec<(String, u32)> {
    let mut parts: Vec<(String, u32)> = counts
        .iter()
        .filter(|(code, count)| **count < total && which(code))
        .map(|(code, count)| (code.clone(), *count))
        .collect();
    parts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    parts.truncate(OF_A_KIND);
    parts
}

/// Whether a code is the next one below what the filter names, or below what everything has in common.
fn is_next(
    code: &str,
    named: &[String],
    counts: &BTreeMap<String, u32>,
    total: u32,
    parent: impl Fn(&str) -> Option<String>,
) -> bool {
    let Some(above) = parent(code) else { return named.is_empty() };
    let is_common = counts.get(&above).is_some_and(|count| *count == total);
    !named.iter().any(|name| name == code) && (named.contains(&above) || is_common)
}
