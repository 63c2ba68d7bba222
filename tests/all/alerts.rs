//! The rules for Prometheus say nothing of figures that are not there.

use std::collections::BTreeSet;

use yizhan::domain::allowance::{Limits, Quota, Reset};
use yizhan::telemetry::metric;

use super::support::{TestApp, eventually};

/// The figures that the rules name.
fn named() -> BTreeSet<&'static str> {
    let rules = include_str!("../../docs/alerts.yaml");
    let expressions = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let words =
        expressions.flat_map(|line| line.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric()));
    words.filter(|word| word.starts_with("yizhan_")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_of_the_alert_rules_is_served_before_anything_has_happened() {
    let quota = Quota { messages: 1_000, resets: Reset::CHINA };
    let limits = Limits { rate: None, quota: Some(quota) };
    let app = TestApp::with(|config| config.notifier.sandbox_limits = limits).await;
    let named = named();
    assert!(named.len() > 8, "the rules are read: {named:?}");
    for name in &named {
        assert!(metric::ALL.contains(name), "{name} is no metric");
    }
    eventually("all are shown", async || {
        let figures = app.anonymous().get("/metrics").await.expect(200).text;
        let shown: BTreeSet<&str> = figures.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
        named.is_subset(&shown).then_some(())
    })
    .await;
}

#[test]
fn every_alert_says_what_to_do() {
    let rules = include_str!("../../docs/alerts.yaml");
    let count =
        |key: &str| rules.lines().filter(|line| line.trim_start().trim_start_matches("- ").starts_with(key)).count();
    let alerts = count("alert: ");
    assert!(alerts > 5);
    for key in ["expr: ", "labels: ", "summary: ", "action: "] {
        assert_eq!(count(key), alerts, "{key}");
    }
    let manual = include_str!("../../docs/operations.md");
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(manual.contains(name), "{name} is not explained in docs/operations.md");
    }
}
