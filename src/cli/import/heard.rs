//! What is heard of an import: kept in the report, in the state file and before the eyes of whoever waits.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Options;
use super::bar::Bar;
use super::source::{Aside, Progress};
use super::state::{Done, State};
use crate::app::StartError;

/// Refused lines that are shown where no report is written.
const SHOWN: u64 = 10;
/// How often the state file is written at most.
const SAVED_EVERY: Duration = Duration::from_millis(250);

/// Somebody who listens to an import.
#[derive(Debug)]
pub struct Listening {
    state: State,
    report: Option<(File, u64)>,
    bar: Bar,
    /// What was done before this run began.
    before: Done,
    /// What is done in all, and told as progress.
    done: Done,
    /// How long the report was then.
    stored_report: u64,
    /// Lines that were refused on this side.
    pub aside: Aside,
    aside_refused: u64,
    shown: u64,
    saved: Option<Instant>,
    resume: Option<String>,
    over: bool,
    file: PathBuf,
    dry_run: bool,
}

impl Listening {
    /// Listens from now on; the report goes on where the state file says.
    pub fn new(options: &Options, state: State, progress: Progress) -> Result<Self, StartError> {
        let report = options.report.as_ref().map(|path| {
            let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.set_len(state.report_bytes)?;
            file.seek(SeekFrom::End(0))?;
            Ok::<_, std::io::Error>((file, state.report_bytes))
        });
        let (before, resume) = (state.done, state.resume.clone());
        Ok(Self {
            report: report.transpose().map_err(|error| format!("the report: {error}"))?,
            bar: Bar::new(progress, before.lines),
            before,
            done: before,
            stored_report: state.report_bytes,
            aside: Aside::default(),
            aside_refused: 0,
            shown: 0,
            saved: None,
            resume,
            over: false,
            file: options.file.clone(),
            dry_run: options.dry_run,
            state,
        })
    }

    /// Where the other side goes on.
    pub fn resume(&self) -> Option<&str> {
        self.resume.as_deref()
    }

    /// Takes in a line of the answer.
    pub fn hear(&mut self, mut event: Value) -> Result<(), StartError> {
        let count = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0);
        let word = event.get("event").and_then(Value::as_str).unwrap_or_default();
        if word == "refused" {
            let line = count("line") + self.before.lines;
            if let Some(place) = event.get_mut("line") {
                *place = line.into();
            }
            return self.note(&event);
        }
        if word == "failed" {
            let word = |name: &str| event.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(format!("{} {}", word("/problem/title"), word("/problem/detail")).trim().into());
        }
        let over = word == "summary";
        for mut refused in self.aside.up_to(if over { u64::MAX } else { count("lines") }) {
            self.aside_refused += 1;
            if let Some(place) = refused.get_mut("line") {
                *place = (place.as_u64().unwrap_or(0) + self.before.lines).into();
            }
            self.note(&refused)?;
        }
        self.done = Done {
            lines: self.before.lines + count("lines"),
            created: self.before.created + count("created"),
            unchanged: self.before.unchanged + count("unchanged"),
            revised: self.before.revised + count("revised"),
            refused: self.before.refused + count("refused") + self.aside_refused,
        };
        self.stored_report = self.report.as_ref().map_or(0, |(_, length)| *length);
        if let Some(resume) = event.get("resume").and_then(Value::as_str) {
            self.resume = Some(resume.to_owned());
            if self.saved.is_none_or(|at| at.elapsed() >= SAVED_EVERY) {
                self.save();
            }
        }
        self.over |= over;
        self.bar.draw(&self.done);
        Ok(())
    }

    fn note(&mut self, refused: &Value) -> Result<(), StartError> {
        if let Some((file, length)) = &mut self.report {
            let line = format!("{refused}\n");
            file.write_all(line.as_bytes()).map_err(|error| format!("the report: {error}"))?;
            *length += u64::try_from(line.len())?;
            return Ok(());
        }
        self.shown += 1;
        if self.shown <= SHOWN {
            self.bar.clear();
            eprintln!("{}", in_words(refused));
        } else if self.shown == SHOWN + 1 {
            eprintln!("… 其余见 --report  (--report FILE keeps them all)");
        }
        Ok(())
    }

    fn save(&mut self) {
        if let Some(resume) = &self.resume {
            self.state.save(self.done, resume, self.stored_report);
            self.saved = Some(Instant::now());
        }
    }

    /// Says what it came to. What did not come to its end is an error that says how to go on.
    pub fn end(mut self, ended: Result<bool, StartError>) -> Result<(), StartError> {
        self.bar.clear();
        let Done { lines, created, unchanged, revised, refused } = self.done;
        println!(
            "{}行 lines {lines}，新增 created {created}，未变 unchanged {unchanged}，修订 revised {revised}，\
             拒绝 refused {refused}",
            if self.dry_run { "试运行 dry run: " } else { "" }
        );
        let (over, why) = match ended {
            Ok(finished) => (finished && self.over, "已中断 interrupted".to_owned()),
            Err(error) => (false, error.to_string()),
        };
        if over {
            self.state.remove();
            self.say_whether_it_grew();
            return Ok(());
        }
        self.save();
        let how = if self.dry_run { "" } else { "；再次运行同一命令即可继续 (the same command goes on)" };
        Err(format!("{why}{how}").into())
    }

    fn say_whether_it_grew(&self) {
        let now = std::fs::metadata(&self.file).map_or(0, |about| about.len());
        if let Some(read) = self.state.bytes.filter(|read| now > *read) {
            eprintln!(
                "yizhan: 文件在导入期间变大，只读到开始时的 {read} 字节 ({} grew; it was read up to the {read} bytes that it \
                 had at the start)",
                self.file.display()
            );
        }
    }
}

/// A refused line for somebody at a terminal.
fn in_words(refused: &Value) -> String {
    let text = |place: &str| refused.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let errors = refused.pointer("/problem/errors").and_then(Value::as_array);
    let error = |error: &Value| {
        let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{} {}", part("pointer"), part("detail"))
    };
    let errors: Vec<String> = errors.into_iter().flatten().map(error).collect();
    let why = if errors.is_empty() { text("/problem/detail").to_owned() } else { errors.join("; ") };
    let line = refused.get("line").and_then(Value::as_u64).unwrap_or(0);
    format!("第 {line} 行 {}: {} {why}", text("/source_id"), text("/problem/title"))
}
