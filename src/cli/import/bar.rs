//! How far it has come, for somebody at a terminal; nothing elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::source::Progress;
use super::state::Done;
use crate::services::CanFail as _;

/// How often it is drawn.
const EVERY: Duration = Duration::from_millis(200);
/// Its length.
const CELLS: u64 = 24;

/// A line that is written over.
#[derive(Debug)]
pub struct Bar {
    shown: bool,
    progress: Progress,
    began: Instant,
    drawn: Option<Instant>,
    /// Lines and bytes that an earlier run did.
    before: (u64, u64),
}

impl Bar {
    /// One that counts from here.
    pub fn new(progress: Progress, lines_before: u64) -> Self {
        let before = (lines_before, progress.read());
        Self { shown: std::io::stderr().is_terminal(), progress, began: Instant::now(), drawn: None, before }
    }

    /// Draws it, when it is time to.
    pub fn draw(&mut self, done: &Done) {
        if !self.shown || self.drawn.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        let text = self.text(done, self.began.elapsed());
        let mut out = std::io::stderr().lock();
        write!(out, "\r\x1b[K{text}").and_then(|()| out.flush()).can_fail("it is only shown");
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        if self.shown && self.drawn.is_some() {
            eprint!("\r\x1b[K");
        }
    }

    fn text(&self, done: &Done, elapsed: Duration) -> String {
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let (lines, bytes) = self.before;
        let rate = done.lines.saturating_sub(lines).saturating_mul(1_000) / millis;
        let counted = format!("{} 行 lines  {rate} /s  拒绝 refused {}", done.lines, done.refused);
        let (Some(total), read) = (self.progress.total.filter(|total| *total > 0), self.progress.read()) else {
            return counted;
        };
        let full = read.saturating_mul(CELLS) / total;
        let bar: String = (0..CELLS).map(|cell| if cell < full { '█' } else { '░' }).collect();
        let gone = read.saturating_sub(bytes).max(1);
        let left = total.saturating_sub(read).saturating_mul(millis / 10) / gone / 100;
        let percent = read.saturating_mul(100) / total;
        format!("{bar} {percent:>3} %  {counted}  剩余 left {}:{:02}", left / 60, left % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_the_part_the_rate_and_what_is_left() {
        let progress = Progress { total: Some(1_000), ..Progress::default() };
        let bar = Bar { shown: false, progress, began: Instant::now(), drawn: None, before: (0, 0) };
        let done = Done { lines: 50, refused: 1, ..Done::default() };
        let text = bar.text(&done, Duration::from_secs(10));
        assert!(text.contains("  0 %  50 行 lines  5 /s  拒绝 refused 1"), "{text}");
        let endless = Bar { progress: Progress::default(), ..bar };
        assert_eq!(endless.text(&done, Duration::from_secs(10)), "50 行 lines  5 /s  拒绝 refused 1");
    }
}
