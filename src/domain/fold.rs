//! Folding: how two texts are made comparable.
//!
//! Promise: folding twice is folding once, so that folded words can be looked for in folded texts. Feeds write the same
//! project code with five kinds of dash and three widths of digit; after folding they are equal. Not promised: that a
//! folded text can be read by people.

use unicode_normalization::{UnicodeNormalization as _, is_nfkc};

/// How often a pass is repeated at most; removing a character may bring two together that compose, no more than that.
const PASSES: usize = 4;

/// NFKC, lower case, one kind of bracket and dash, one space for any run of white space, nothing invisible.
pub fn fold(text: &str) -> String {
    let (mut folded, mut settled) = pass(text);
    for _ in 1..PASSES {
        if settled || (is_nfkc(&folded) && !folded.chars().any(changes_in_lower_case)) {
            break;
        }
        (folded, settled) = pass(&folded);
    }
    folded
}

/// [`fold`] without spaces: project codes, section codes, credit codes.
pub fn fold_code(text: &str) -> String {
    fold(&fold(text).replace(' ', ""))
}

/// One pass over a text, and whether another one would change nothing for certain.
///
/// Nearly all of a notice is made of letters whose normal form is known at sight, as long as nothing follows that might
/// combine with them; the tables of Unicode are asked for the few stretches that hold others.
fn pass(text: &str) -> (String, bool) {
    let (mut folded, mut settled) = (String::with_capacity(text.len()), true);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        if let Some(letter) = plain(first)
            && after.chars().next().is_none_or(|next| plain(next).is_some())
        {
            add(letter.to_ascii_lowercase(), &mut folded);
            rest = after;
            continue;
        }
        // A plain letter combines with none before it, so what stands before one is a text by itself.
        let end = after.find(|letter| plain(letter).is_some()).map_or(rest.len(), |end| first.len_utf8() + end);
        let (stretch, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        stretch.nfkc().flat_map(char::to_lowercase).for_each(|letter| add(letter, &mut folded));
        (rest, settled) = (after, false);
    }
    folded.truncate(folded.trim_end().len());
    (folded, settled)
}

/// The normal form of a letter that stands for itself, or for one letter of ASCII; nothing of others.
fn plain(letter: char) -> Option<char> {
    match letter {
        '\0'..='\x7f' | '一'..='\u{9fff}' | '\u{3001}'..='\u{3020}' | '\u{2018}'..='\u{201d}' => Some(letter),
        '\u{3000}' => Some(' '),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - FULL_WIDTH),
        _ => None,
    }
}

/// How far the full-width forms of ASCII stand behind it.
const FULL_WIDTH: u32 = 0xfee0;

fn add(letter: char, folded: &mut String) {
    match letter {
        _ if letter.is_whitespace() => {
            if !folded.is_empty() && !folded.ends_with(' ') {
                folded.push(' ');
            }
        }
        _ if is_invisible(letter) => {}
        '(' | '[' | '{' | '<' | '〔' | '【' | '《' | '〈' | '〖' => folded.push('('),
        ')' | ']' | '}' | '>' | '〕' | '】' | '》' | '〉' | '〗' => folded.push(')'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{fe58}' | '\u{ff0d}' | '\u{2e3a}' | '\u{2e3b}' => {
            folded.push('-');
        }
        // A long vowel after kana, a dash anywhere else.
        'ー' if !folded.chars().next_back().is_some_and(is_kana) => folded.push('-'),
        _ => folded.push(letter),
    }
}

fn changes_in_lower_case(letter: char) -> bool {
    !letter.to_lowercase().eq([letter])
}

fn is_kana(letter: char) -> bool {
    matches!(letter, '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30ff}')
}

/// Control characters, and those that take no room: joiners, direction marks, the soft hyphen, variation selectors.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_letters_are_what_the_tables_say_of_them() {
        for (letter, known) in ('\0'..=char::MAX).filter_map(|letter| Some((letter, plain(letter)?))) {
            assert!(letter.to_string().nfkc().eq([known]), "{letter:?}");
            assert!(known.is_ascii() || !changes_in_lower_case(known), "{letter:?}");
            // It joins nothing that stands before it.
            for before in ["e", "か", "가", "ᄀ", "A\u{328}"] {
                let both = format!("{before}{letter}");
                assert!(both.nfkc().eq(before.nfkc().chain([known])), "{both:?}");
            }
        }
    }

    #[test]
    fn width_case_brackets_dashes_and_spaces_do_not_matter() {
        assert_eq!(fold("Ｈ２０２６—018"), "h2026-018");
        assert_eq!(fold("焦公资采购〔２０２６〕１８号"), "焦公资采购(2026)18号");
        assert_eq!(fold("【长沙】《道路》[A]{B}<C>（二次）"), "(长沙)(道路)(a)(b)(c)(二次)");
        assert_eq!(fold("a–b‐c‑d−e－f"), "a-b-c-d-e-f");
        assert_eq!(fold("  市政 \u{3000}\n\t工程\u{a0} "), "市政 工程");
        assert_eq!(fold("市\u{200b}政\u{feff}工\u{0}程"), "市政工程");
    }

    #[test]
    fn a_long_vowel_is_no_dash() {
        assert_eq!(fold("データー"), "データー");
        assert_eq!(fold("A02ー018"), "a02-018");
    }

    #[test]
    fn a_code_has_no_spaces() {
        assert_eq!(fold_code(" YCA020032 - 202502—01（2） "), "yca020032-202502-01(2)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}|[\\x00-\\x{2fff}]{0,40}|[ー゛ア가-힣\u{200b}-\u{200f}a\u{301}\u{3099} ]{0,12}") {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded.clone());
            let code = fold_code(&text);
            prop_assert_eq!(fold_code(&code), code.clone());
        }

        #[test]
        fn the_short_way_is_the_way_through_the_tables(
            text in "[\\x00-\\x7f市政Ａａ１（，。—“”…①㎡　 \u{301}\u{3099}ｶﾞか가ᄀ각İß]{0,24}|\\PC{0,40}"
        ) {
            let by_tables = |text: &str| {
                let mut folded = String::new();
                text.nfkc().flat_map(char::to_lowercase).for_each(|letter| add(letter, &mut folded));
                folded.trim_end().to_owned()
            };
            prop_assert_eq!(pass(&text).0, by_tables(&text));
            if pass(&text).1 {
                prop_assert_eq!(by_tables(&by_tables(&text)), by_tables(&text));
            }
        }
    }
}
