//! The audit that every fault ends with: the record against the subscriptions, the door's report against the witness.
//!
//! It is independent of what it audits: the audience is counted from the subscriptions' own rows and not from the
//! matcher's keys, and what was sent from the witness's log and not from our tables.

use std::io::Write as _;

use serde_json::Value;
use yizhan::domain::id::NoticeId;
use yizhan::storage::reach_check;

use super::process::Process;
use super::world::World;

/// What an audit counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Inbox items that should be and are not, and that are and should not be: 0, or the audit fails.
    pub lost: i64,
    /// Messages that phones showed twice.
    pub shown_again: u64,
    /// Messages whose key the providers had taken before.
    pub repeats: u64,
    /// All messages of all calls.
    pub received: u64,
}

/// Everyone whom the first edition of a notice, or a later one but a withdrawal, concerned at its position, by the
/// subscriptions' own rows; and who had what it amends before it.
const AUDIENCE: &str = "SELECT DISTINCT f.notice_id, s.user_id FROM fan_outs f JOIN notices n ON n.id = f.notice_id \
       JOIN subscriptions s ON n.category_path LIKE '%/' || {category} || '/%' AND s.started_position < f.position \
         AND (s.ended_position IS NULL OR s.ended_position > f.position) WHERE f.kind <> 'withdrawal' \
     UNION SELECT n.id, i.user_id FROM notices n JOIN inbox_items i ON i.notice_id = n.amends \
       JOIN fan_outs f ON f.notice_id = n.id AND f.revision = 1 AND i.position < f.position";

impl World {
    /// Audits everything that was published, and fails on the first thing that is not as it should be; `door` answers.
    pub async fn audit(&self, door: &Process) -> Tally {
        if self.shared() {
            // Tables that were filled a moment ago look empty to the planner, which then compares row by row.
            self.run("ANALYZE").await;
        }
        let tally = Tally { lost: self.difference().await, ..self.witnessed() };
        assert_eq!(tally.lost, 0, "inbox items that differ from the audiences");
        let endings = "'accepted', 'delivered', 'refused', 'gone', 'exhausted', 'expired', 'held', 'skipped', \
                       'superseded', 'unknown', 'due'";
        let odd = format!("SELECT count(*) AS n FROM deliveries WHERE state NOT IN ({endings})");
        assert_eq!(self.count(&odd).await, 0, "deliveries that are neither final nor due nor held");
        assert_eq!(self.untold().await, 0, "phones of the audience without a delivery");
        assert_eq!(self.witness.state.stats().keys_forgotten, 0, "the witness remembers every key");
        self.audit_counters().await;
        self.audit_reports(door).await;
        tally
    }

    /// The audit where everyone's phone was told, once; returns what was counted.
    pub async fn audit_everyone_once(&self, door: &Process) -> Tally {
        let tally = self.audit(door).await;
        let not_taken = "SELECT count(*) AS n FROM deliveries WHERE state NOT IN ('accepted', 'delivered')";
        assert_eq!(self.count(not_taken).await, 0, "deliveries that no provider took");
        assert_eq!(tally.shown_again, 0, "messages shown twice");
        tally
    }

    /// The counters of reach say what the rows say, whoever died between.
    async fn audit_counters(&self) {
        let notices: Vec<NoticeId> = self.notices().await.iter().map(|notice| notice.parse().expect("an id")).collect();
        let differences = reach_check::differences(&self.conn, &notices).await.expect("a comparison");
        assert!(differences.is_empty(), "counters of reach that are not what the rows say: {differences:?}");
    }

    /// How many inbox items are missing or should not be there.
    pub async fn difference(&self) -> i64 {
        let category =
            if self.shared() { "(s.filter::jsonb->'categories'->>0)" } else { "(s.filter->>'$.categories[0]')" };
        let audience = AUDIENCE.replace("{category}", category);
        let missing = format!(
            "SELECT count(*) AS n FROM ({audience}) a WHERE NOT EXISTS (SELECT 1 FROM inbox_items i \
               WHERE i.notice_id = a.notice_id AND i.user_id = a.user_id)"
        );
        let extra = format!(
            "SELECT count(*) AS n FROM (SELECT notice_id, user_id FROM inbox_items EXCEPT {audience_pairs}) x",
            audience_pairs = format_args!("SELECT a.notice_id, a.user_id FROM ({audience}) a"),
        );
        self.count(&missing).await + self.count(&extra).await
    }

    /// Phones of people who have a notice, that have no delivery of its first edition.
    async fn untold(&self) -> i64 {
        self.count(
            "SELECT count(*) AS n FROM fan_outs f JOIN inbox_items i ON i.notice_id = f.notice_id \
               AND i.position = f.position JOIN endpoints e ON e.user_id = i.user_id AND e.ended_at IS NULL \
             WHERE f.revision = 1 AND f.announce = 'push' AND NOT EXISTS (SELECT 1 FROM deliveries d \
               WHERE d.notice_id = f.notice_id AND d.revision = 1 AND d.endpoint_id = e.id)",
        )
        .await
    }

    /// What the witness counted.
    pub fn witnessed(&self) -> Tally {
        let stats = self.witness.state.stats();
        Tally { lost: 0, shown_again: stats.shown_again, repeats: stats.repeats, received: stats.received }
    }

    /// The reach report of each notice adds up, and says what the witness says.
    async fn audit_reports(&self, door: &Process) {
        let publisher = self.publisher(door);
        let seen = self.witness.recount();
        for ((notice, _), seen) in &seen {
            let odd = seen.keys.iter().find(|(_, keys)| keys.len() > 1);
            assert!(odd.is_none(), "a phone was sent {notice} under several keys: {odd:?}");
        }
        for notice in self.notices().await {
            let report = publisher.get(&format!("/v1/notices/{notice}/reach")).await.expect(200);
            let broken: Vec<&Value> = report.at("/checks").as_array().expect("checks").iter().collect();
            assert_eq!(report.at("/adds_up"), &Value::Bool(true), "{broken:?}");
            for revision in report.at("/revisions").as_array().expect("revisions") {
                let number = |name: &str| revision[name].as_i64().expect("a number");
                let channel = |states: &[&str]| -> i64 {
                    let of = revision["by_channel"].as_array().expect("channels").iter();
                    let of = of.filter(|one| one["channel"] == "sandbox");
                    let of = of.filter(|one| states.iter().any(|state| one["state"] == *state));
                    of.map(|one| one["count"].as_i64().expect("a number")).sum()
                };
                let taken = seen.get(&(notice.clone(), number("revision"))).map_or(0, |seen| seen.taken.len());
                let taken = i64::try_from(taken).expect("a number");
                let accepted = channel(&["accepted", "delivered"]);
                // What was sent and never answered may be unknown; what a newer word overtook meanwhile is superseded.
                let at_most = accepted + channel(&["unknown", "superseded", "due", "exhausted", "expired", "skipped"]);
                assert!((accepted..=at_most).contains(&taken), "{taken} were taken of {revision}");
            }
        }
    }

    /// Says in a line what the fault came to; `scripts/faults` makes a table of them.
    pub fn report(&self, fault: &str, tally: Tally, recovery: &str) {
        let Tally { lost, shown_again, repeats, received } = tally;
        let line = format!("{fault} | {lost} | {shown_again} | {repeats} of {received} | {recovery}");
        println!("    {line}");
        let Ok(path) = std::env::var("YIZHAN_TEST_FAULTS") else { return };
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the table's file");
        writeln!(file, "| {line} |").expect("a line of the table");
    }
}
