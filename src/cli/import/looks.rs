//! What an input looks like that cannot be read: said before anything is done, with what helps.

use std::path::Path;

use crate::app::StartError;
use crate::services::import::Unit;
use crate::services::import::cut::BYTE_ORDER_MARK;

/// How packed files begin.
const PACKED: [&[u8]; 5] = [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh"];
/// How texts in UTF-16 begin.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Refuses a file by its beginning.
pub fn check(file: &Path, head: &[u8], unit: Unit) -> Result<(), StartError> {
    let begins = |marks: &[&[u8]]| marks.iter().any(|mark| head.starts_with(mark));
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head).trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let is_list = first_line == b"[" || first_line.starts_with(b"[{");
    let why = if begins(&PACKED) {
        "是压缩文件，请先解压（zcat FILE | yizhan import -） is packed: unpack it first (zcat FILE | yizhan import -)"
    } else if begins(&UTF_16) {
        "是 UTF-16 文本，请先转换（iconv -f UTF-16 -t UTF-8） is UTF-16: convert it first (iconv -f UTF-16 -t UTF-8)"
    } else if text.starts_with(b"<") {
        "是 HTML 或 XML，需要 JSON is HTML or XML, and JSON is wanted"
    } else if is_list && unit == Unit::Line {
        "是一个 JSON 数组，需要每行一条（jq -c '.[]' FILE） is a JSON list, and a notice a line is wanted (jq -c '.[]' FILE)"
    } else {
        return Ok(());
    };
    Err(format!("{}: {why}", file.display()).into())
}
