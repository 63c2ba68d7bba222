//! Names that people give to what is theirs.

use crate::services::refusal::Violation;

/// A name holds something that can be seen, and nothing that a screen cannot show.
pub fn check(pointer: &str, name: &str) -> Option<Violation> {
    let wrong = name.trim().is_empty() || name.chars().any(char::is_control);
    let (zh, en) = ("不能为空白或含控制字符", "must not be blank or hold control characters");
    wrong.then(|| Violation::body(pointer, "blank", zh, en))
}
