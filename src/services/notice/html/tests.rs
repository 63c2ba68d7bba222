//! Bodies as feeds write them, and as nobody should.

use super::*;
use proptest::prelude::*;

#[test]
fn tables_lists_headings_and_links_stay() {
    let html = "<h2>公告</h2><table><tbody><tr><td colspan=\"2\">编号</td><td>A1</td></tr></tbody></table>\
                <ul><li>一</li><li>二</li></ul><p>见<a href=\"https://example.org/a?b=1&amp;c=2\">附件</a></p>";
    let body = clean(html);
    assert_eq!(body.text, "公告\n编号 A1\n一\n二\n见附件");
    for part in ["<h2>公告</h2>", "colspan=\"2\"", "<li>二</li>", "href=\"https://example.org/a?b=1&amp;c=2\""] {
        assert!(body.html.contains(part), "{part}: {}", body.html);
    }
    assert_eq!(clean(&body.html), body, "cleaning twice is cleaning once");
}

#[test]
fn nothing_that_acts_or_looks_stays() {
    let hostile = [
        "<script>alert(1)</script>文",
        "<style>p{}</style>文",
        "<p style=\"x\" class=c id=i onclick=alert(1)>文</p>",
        "<img src=x onerror=alert(1)>文",
        "<a href=\"javascript:alert(1)\">文</a>",
        "<a href=' java\nscript:alert(1)'>文</a>",
        "<svg><script>alert(1)</script></svg>文",
        "<iframe src=//x></iframe>文",
        "<!-- <b>x</b> -->文",
        "<math><mi><style><img title=\"</style><img src onerror=alert(1)>\">文",
        "<p title=\"><script>alert(1)</script>\">文</p>",
        "<form action=x><input onfocus=alert(1) autofocus>文</form>",
        "<a href=\"data:text/html,x\">文</a>",
    ];
    for html in hostile {
        let body = clean(html);
        let lower = body.html.to_lowercase();
        for bad in [
            "<script",
            "onerror=",
            "onclick=",
            "onfocus=",
            "javascript",
            "style=",
            "<img",
            "<iframe",
            "<svg",
            "data:",
            "class=",
        ] {
            let in_text = body.text.to_lowercase().contains(bad);
            assert!(!lower.contains(bad) || in_text, "{bad} in {}", body.html);
        }
        assert!(body.text.contains('文') || html.contains("onerror=alert(1)>\""), "{html} -> {}", body.html);
    }
}

#[test]
fn entities_are_letters_in_the_text() {
    assert_eq!(clean("<p>A&amp;B &lt;1&gt; &#20013;&#x6807;&nbsp;&ldquo;x&rdquo;</p>").text, "A&B <1> 中标 “x”");
    assert_eq!(clean("1 < 2 > 1 &amp;lt;").text, "1 < 2 > 1 &lt;");
}

#[test]
fn hostile_bodies_cost_no_more_than_their_size() {
    let attributes: String = (0..120_000).map(|number| format!(" a{number}")).collect();
    let formats: String = (0..20_000).map(|number| format!("<b a={number}>")).collect();
    let bodies = [
        "<div>".repeat(100_000),
        "<b>".repeat(100_000),
        "<table><tr><td>".repeat(50_000),
        "<a><b><p>".repeat(80_000),
        format!("<p>{formats}</p>{}", "<p>x".repeat(100_000)),
        format!("<p{attributes}>x</p>"),
        "<".repeat(1_000_000),
        "<script>".repeat(100_000),
        "<!--".repeat(200_000),
        "</div>".repeat(150_000),
        "<p a='".repeat(150_000),
        "<ul><li>".repeat(100_000),
        format!("<table>{}", "<br>x".repeat(150_000)),
        format!("<table>{}", "<p>x<tr>y".repeat(80_000)),
        "<p><b><li>".repeat(90_000),
        "<b></i></b><p>".repeat(70_000),
        "<style></".repeat(100_000),
    ];
    // Each of these once took minutes, and the suite would not end; how fast it is, is not a test's to say.
    for body in bodies {
        let shown: String = body.chars().take(40).collect();
        assert!(clean(&body).text.len() <= body.len(), "more text than there was: {shown}");
    }
}

#[test]
fn text_deeper_than_allowed_is_kept() {
    let body = clean(&format!("{}深{}浅", "<div>".repeat(1_000), "</div>".repeat(1_000)));
    assert_eq!(body.text, "深\n浅");
}

proptest! {
    #[test]
    fn cleaning_twice_says_the_same_text(html in "(<(/)?(p|b|div|table|tr|td|ul|li|a href=x|script|font)>|[a-z中<>&;/! ]{0,4}){0,30}") {
        let body = clean(&html);
        prop_assert_eq!(clean(&body.html).text, body.text);
    }
}
