//! The table.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// What is printed at the end.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 5]>,
    remarks: Vec<String>,
}

/// How often something was done in how long.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub times: u32,
    pub took: Duration,
}

impl Rate {
    pub fn per_second(self) -> f64 {
        f64::from(self.times) / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// The most that the server's memory may come to, in MiB.
const MEMORY: f64 = 100.0;

impl Table {
    pub fn new() -> Self {
        let mut table = Self::default();
        table.row(["what", "Yizhan", "bare", "ratio", "remark"].map(str::to_owned));
        table
    }

    /// What the following rows are about.
    pub fn head(&mut self, text: &str) {
        self.row([format!("-- {text}"), String::new(), String::new(), String::new(), String::new()]);
    }

    /// A line below the table.
    pub fn say(&mut self, text: &str) {
        self.remarks.push(text.to_owned());
    }

    /// Ours beside bare, in things a second. `floor` is what bare must reach on an idle machine of this kind, where
    /// that was ever measured.
    pub fn rates(&mut self, what: &str, ours: f64, bare: f64, floor: Option<f64>, remark: &str) {
        let low = floor.filter(|floor| bare < *floor);
        let doubt = low.map(|floor| format!("baseline implausible (floor {})", thousands(floor))).unwrap_or_default();
        let remark = [remark.to_owned(), doubt].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        let (ours_text, bare_text) = (format!("{}/s", thousands(ours)), format!("{}/s", thousands(bare)));
        self.row([what.to_owned(), ours_text, bare_text, format!("{:.2}", ours / bare), remark.join("; ")]);
    }

    /// Times, sorted here; p99 of fewer than a hundred is the longest.
    pub fn times(&mut self, what: &str, mut times: Vec<Duration>, remark: &str) {
        times.sort_unstable();
        let at = |hundredths: usize| {
            let place = (times.len() * hundredths).div_ceil(100).saturating_sub(1);
            times.get(place).copied().unwrap_or_default().as_secs_f64() * 1_000.0
        };
        let ours = format!("p50 {:.1} ms, p99 {:.1} ms", at(50), at(99));
        let remark = format!("{} times{}{remark}", times.len(), if remark.is_empty() { "" } else { "; " });
        self.row([what.to_owned(), ours, String::new(), String::new(), remark]);
    }

    /// A figure that stands alone.
    pub fn figure(&mut self, what: &str, figure: &str, remark: &str) {
        self.row([what.to_owned(), figure.to_owned(), String::new(), String::new(), remark.to_owned()]);
    }

    /// The server's peak memory.
    pub fn memory(&mut self, mib: f64) {
        let verdict = if mib < MEMORY { "under" } else { "NOT UNDER" };
        let remark = format!("VmHWM of the process; {verdict} {MEMORY} MiB");
        self.row(["peak memory".to_owned(), format!("{mib:.0} MiB"), String::new(), String::new(), remark]);
    }

    fn row(&mut self, row: [String; 5]) {
        // As it comes, for whoever waits; the whole table follows.
        eprintln!("   {}", row.iter().filter(|cell| !cell.is_empty()).cloned().collect::<Vec<_>>().join(" | "));
        self.rows.push(row);
    }
}

/// A figure with its thousands set apart, such as 12,345.
fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whether a row is only a heading, which may be wider than its column.
fn is_head(row: &[String; 5]) -> bool {
    row.iter().skip(1).all(String::is_empty)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter(|row| !is_head(row)).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                write!(line, "{cell:<width$}  ", width = width(column))?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        self.remarks.iter().try_for_each(|remark| writeln!(f, "{remark}"))
    }
}
