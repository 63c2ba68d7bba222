//! Configuration: what is read, what is written down, and what is refused.

use std::collections::BTreeMap;

use yizhan::config::Config;
use yizhan::config::env::Env;

fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(Env::of(owned)).map_err(|error| error.to_string())
}

/// `.env.example` as `NAME → default`.
fn written() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example")).expect(".env.example");
    let variables = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn every_variable_stands_in_the_example_with_its_default_and_no_other_does() {
    let mut env = Env::of([]);
    Config::of(&mut env);
    let known: BTreeMap<String, String> =
        env.defaults().iter().map(|(name, default)| ((*name).to_owned(), default.clone())).collect();
    assert_eq!(written(), known, "left: .env.example; right: src/config");
}

#[test]
fn both_readmes_list_every_variable_with_its_default() {
    for readme in [include_str!("../../README.md"), include_str!("../../README.zh-CN.md")] {
        let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let listed =
            rows.filter(|(name, _)| name.chars().all(|c| c == '_' || c.is_ascii_uppercase() || c.is_ascii_digit()));
        let listed: BTreeMap<String, String> = listed
            .map(|(name, rest)| {
                let default = rest.split(" | ").next().unwrap_or_default().trim_matches(['`', ' ', '|']);
                (name.to_owned(), default.to_owned())
            })
            .collect();
        let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&listed), names(&written()));
        for (name, default) in written().iter().filter(|(_, default)| !default.is_empty()) {
            assert_eq!(listed.get(name), Some(default), "{name}");
        }
    }
}

#[test]
fn the_example_is_itself_a_valid_configuration() {
    let example = written();
    let variables: Vec<(&str, &str)> = example.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    read(&variables).expect("the example is valid");
}

#[test]
fn an_unknown_variable_of_ours_is_refused_by_name() {
    let error = read(&[("YIZHAN_LISTNE", "127.0.0.1:80"), ("HOME", "/root")]).expect_err("a slip of the pen");
    assert!(error.contains("YIZHAN_LISTNE: there is no such variable"), "{error}");
    assert!(!error.contains("HOME"), "{error}");
}

#[test]
fn all_errors_are_reported_at_once() {
    let error = read(&[
        ("YIZHAN_LISTEN", "everywhere"),
        ("YIZHAN_DATABASE_POOL", "0"),
        ("YIZHAN_SANDBOX", "perhaps"),
        ("YIZHAN_ROLES", "api,cook"),
        ("DATABASE_URL", "mysql://localhost"),
    ])
    .expect_err("five errors");
    for name in ["YIZHAN_LISTEN", "YIZHAN_DATABASE_POOL", "YIZHAN_SANDBOX", "YIZHAN_ROLES", "DATABASE_URL"] {
        assert_eq!(error.matches(&format!("\n  {name}: ")).count(), 1, "{name} in {error}");
    }
}

#[test]
fn what_cannot_both_be_so_is_refused_and_both_values_are_named() {
    let pairs = [
        (("YIZHAN_SHUTDOWN_GRACE_SECONDS", "2"), ("YIZHAN_SEND_BUDGET_MILLIS", "2500")),
        (("YIZHAN_STREAMS_PER_USER", "30"), ("YIZHAN_STREAMS", "20")),
        (("YIZHAN_NOTIFIER_CONCURRENCY", "9"), ("YIZHAN_DATABASE_POOL", "8")),
        (("YIZHAN_SANDBOX_RATE", "10/200"), ("YIZHAN_SANDBOX_QUOTA", "100")),
    ];
    for ((name, value), (other, its)) in pairs {
        let database = ("DATABASE_URL", "postgres://db/yizhan");
        let error = read(&[database, (name, value), (other, its)]).expect_err("a contradiction");
        assert!(
            error.contains(&format!("\n  {name}: {value}")) && error.contains(&format!("{other}={its}")),
            "{error}"
        );
    }
    let error = read(&[("YIZHAN_SANDBOX_LOG", "/tmp/log")]).expect_err("a contradiction");
    assert!(error.contains("YIZHAN_SANDBOX_LOG") && error.contains("YIZHAN_SANDBOX=off"), "{error}");
    let error =
        read(&[("YIZHAN_SANDBOX_RATE", "0"), ("YIZHAN_SANDBOX_QUOTA_RESETS", "midnight")]).expect_err("nonsense");
    assert!(error.contains("\n  YIZHAN_SANDBOX_RATE: `0`") && error.contains("`midnight`"), "{error}");
}

#[test]
fn redis_beside_sqlite_is_refused() {
    let error = read(&[("REDIS_URL", "redis://127.0.0.1")]).expect_err("no supported pair");
    assert!(error.contains("REDIS_URL") && error.contains("PostgreSQL"), "{error}");
}

#[test]
fn a_blank_variable_counts_as_none_and_secrets_are_never_printed() {
    let config = read(&[("YIZHAN_LISTEN", " "), ("DATABASE_URL", "postgres://yizhan:open-sesame@db/yizhan")]);
    let printed = format!("{:?}", config.expect("a configuration"));
    assert!(printed.contains("127.0.0.1:8080") && !printed.contains("sesame"), "{printed}");
}
