//! The law of matching: the function and its SQL twin give one answer.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use yizhan::domain::id::{SubscriptionId, SubscriptionRowId, UserId};
use yizhan::domain::lookup::Lookup;
use yizhan::domain::subscription::{
    Amount, Facts, Filter, Frequency, Keywords, UnknownAmount, matches, project_key, purchaser_key,
};
use yizhan::domain::user::Role;
use yizhan::services::{Deps, Result};
use yizhan::storage::matching::{Audience, Hits, Range, users};
use yizhan::storage::subscription::{NewEdition, begin, end_position, insert};
use yizhan::storage::{order, term, user, words};

use super::support::TestApp;

const WORDS: [&str; 8] = ["市政", "市政工程", "工程", "绿化", "（一）", "ＡＢ", "abc", "水"];
const CATEGORIES: [&str; 5] = ["construction", "construction.a02", "construction.a0", "land", "land.x"];
const REGIONS: [&str; 5] = ["430000", "430100", "430182", "430124", "430200"];
const TYPES: [&str; 3] = ["C-TENDER", "C-AWARD", "C-TEND"];
const STAGES: [&str; 3] = ["tender", "award", "amendment"];
const PROJECTS: [&str; 3] = ["HN-1", "hn－1", "HN 2"];
const PURCHASERS: [&str; 4] = ["长沙市政", "91430100MA4L1234XX", "91430100 MA4L 1234XX", "China  Rail"];

fn some(from: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => proptest::collection::vec(proptest::sample::select(from).prop_map(str::to_owned), 1..=most),
    ]
}

fn perhaps(from: &'static [&'static str], often: f64) -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(often, proptest::sample::select(from).prop_map(str::to_owned))
}

fn bound() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(0_i64..5)
}

pub fn filter() -> impl Strategy<Value = Filter> {
    let unknown = prop_oneof![Just(UnknownAmount::Include), Just(UnknownAmount::Exclude)];
    let amount =
        (bound(), bound(), unknown).prop_map(|(min_fen, max_fen, unknown)| Amount { min_fen, max_fen, unknown });
    let keywords =
        (some(&WORDS, 4), some(&WORDS, 2), some(&WORDS, 2)).prop_map(|(any, all, none)| Keywords { any, all, none });
    let kinds = (some(&TYPES, 2), some(&STAGES, 2));
    let places = (some(&CATEGORIES, 3), some(&REGIONS, 3));
    let parties = (proptest::option::weighted(0.3, amount), perhaps(&PURCHASERS, 0.15), perhaps(&PROJECTS, 0.15));
    (places, kinds, keywords, parties).prop_map(|(places, kinds, keywords, (amount, purchaser, project))| Filter {
        categories: places.0,
        regions: places.1,
        notice_types: kinds.0,
        stages: kinds.1,
        keywords,
        amount,
        purchaser,
        project,
    })
}

pub fn facts() -> impl Strategy<Value = Facts> {
    let text = proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..5);
    let category = prop_oneof![Just("/construction/construction.a02/"), Just("/land/")];
    let region = prop_oneof![Just("/430000/430100/430182/430124/"), Just("/430000/430200/"), Just("/430000/")];
    let kind = (proptest::sample::select(&TYPES[..]), proptest::sample::select(&STAGES[..]));
    let parties = (perhaps(&PURCHASERS, 0.6), perhaps(&PROJECTS, 0.6), bound());
    (text, category, region, kind, parties).prop_map(|(text, category, region, kind, (purchaser, project, fen))| {
        Facts {
            category_path: category.to_owned(),
            region_path: region.to_owned(),
            notice_type: kind.0.to_owned(),
            stage: kind.1.to_owned(),
            project_key: project.as_deref().map(project_key),
            purchaser_keys: purchaser.as_deref().map(purchaser_key).into_iter().collect(),
            amount_fen: fen,
            folded: yizhan::domain::fold::fold(&text.concat()),
        }
    })
}

/// A user with this one filter; returns the row, too, and the position at which it began.
async fn subscriber(deps: &Deps, filter: &Filter) -> Result<(UserId, SubscriptionRowId, i64)> {
    let (id, row, now) = (UserId::new(), SubscriptionRowId::new(), deps.clock.now());
    let position = deps
        .db
        .write(async |tx| -> Result<i64> {
            user::insert(tx, id, &"测试".parse().expect("a name"), Role::User, now).await?;
            let lookup = Lookup::of(filter);
            let terms = term::intern(tx, &lookup.all_terms()).await?;
            let new = NewEdition {
                row,
                subscription: SubscriptionId::new(),
                user: id,
                name: "",
                filter,
                frequency: Frequency::Immediate,
                paused_until: None,
                created_at: now,
                now,
            };
            insert(tx, &new, &lookup, &terms).await?;
            let position = order::take_position(tx).await?;
            begin(tx, row, position).await?;
            Ok(position)
        })
        .await?;
    Ok((id, row, position))
}

async fn audience(deps: &Deps, facts: &Facts, position: i64) -> Result<Vec<UserId>> {
    let conn = deps.db.reader();
    let mut terms = words::keys_hit(conn, facts.project_key.as_deref(), &facts.purchaser_keys).await?;
    let known = words::words(conn).await?;
    terms.extend(known.into_iter().filter(|(_, word)| facts.folded.contains(word)).map(|(id, _)| id));
    let codes = |path: &str| path.split('/').filter(|code| !code.is_empty()).map(str::to_owned).collect();
    let hits = Hits {
        terms,
        categories: codes(&facts.category_path),
        regions: codes(&facts.region_path),
        notice_type: facts.notice_type.clone(),
        stage: facts.stage.clone(),
        amount_fen: facts.amount_fen,
    };
    let of = Audience { hits: Some(hits), position, holders_of: Vec::new() };
    Ok(users(conn, &of, Range::default()).await?)
}

#[tokio::test]
async fn the_function_and_its_sql_twin_give_one_answer() {
    const FILTERS: usize = 300;
    const NOTICES: usize = 150;
    let app = TestApp::spawn().await;
    let mut runner = TestRunner::default();
    let mut sample = |count: usize| -> Vec<(Filter, Facts)> {
        let pair = (filter(), facts());
        (0..count).map(|_| pair.new_tree(&mut runner).expect("a sample").current()).collect()
    };
    let filters: Vec<Filter> = sample(FILTERS).into_iter().map(|(filter, _)| filter).collect();
    let notices: Vec<Facts> = sample(NOTICES).into_iter().map(|(_, facts)| facts).collect();
    let matched = app
        .inside(async move |deps| -> Result<usize> {
            let mut subscribers = Vec::new();
            for filter in filters {
                subscribers.push((subscriber(&deps, &filter).await?.0, filter));
            }
            let position = order::position(deps.db.reader()).await? + 1;
            let mut matched = 0;
            for facts in notices {
                let found = audience(&deps, &facts, position).await?;
                matched += found.len();
                for (user, filter) in &subscribers {
                    let (twin, law) = (found.contains(user), matches(filter, &facts).is_some());
                    assert_eq!(twin, law, "SQL says {twin}, the function {law}\n{filter:?}\n{facts:?}");
                }
                assert!(found.is_sorted(), "users come in the order of their ids");
            }
            Ok(matched)
        })
        .await
        .expect("matching");
    assert!(matched > NOTICES, "the samples match often enough to say something: {matched}");
}

#[tokio::test]
async fn a_filter_counts_between_its_two_positions() {
    let app = TestApp::spawn().await;
    let filter = Filter { regions: vec!["430100".to_owned()], ..Filter::default() };
    let facts = Facts { region_path: "/430000/430100/".to_owned(), ..Facts::default() };
    app.inside(async move |deps| -> Result<()> {
        let (user, row, began) = subscriber(&deps, &filter).await?;
        let ended = began + 10;
        deps.db.write(async |tx| end_position(tx, row, ended).await).await?;
        for (position, expected) in [(began - 1, 0), (began + 1, 1), (ended - 1, 1), (ended + 1, 0)] {
            let found = audience(&deps, &facts, position).await?;
            assert_eq!(found, vec![user; expected], "at {position}, of {began} to {ended}");
        }
        Ok(())
    })
    .await
    .expect("matching");
}

#[tokio::test]
async fn a_filter_with_too_many_keys_is_found_without_its_words() {
    let app = TestApp::spawn().await;
    let texts = |count: usize, prefix: &str| (0..count).map(|number| format!("{prefix}{number}")).collect::<Vec<_>>();
    let filter = Filter {
        categories: texts(20, "c"),
        regions: texts(20, "r"),
        keywords: Keywords { any: texts(20, "词"), ..Keywords::default() },
        ..Filter::default()
    };
    let facts = |folded: &str| Facts {
        category_path: "/c7/".to_owned(),
        region_path: "/r9/".to_owned(),
        folded: folded.to_owned(),
        ..Facts::default()
    };
    let (hit, miss) = (facts("有词3的公告"), facts("没有的公告"));
    app.inside(async move |deps| -> Result<()> {
        let (user, _, began) = subscriber(&deps, &filter).await?;
        assert_eq!(audience(&deps, &hit, began + 1).await?, [user]);
        assert_eq!(audience(&deps, &miss, began + 1).await?, []);
        Ok(())
    })
    .await
    .expect("matching");
}
