//! Foreign plain text as a body.

/// Text that stands in HTML as it is.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A paragraph for each line of a text that is not blank.
pub fn paragraphs(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("<p>{}</p>", escaped(line))).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_stays_text() {
        assert_eq!(super::paragraphs("a <b>\r\n\n c & \"d\" "), "<p>a &lt;b&gt;</p><p>c &amp; &quot;d&quot;</p>");
    }
}
