//! Sums as notices write them, read exactly.
//!
//! Promise: what [`fen`] returns is what the text says, to the fen, by integer arithmetic. What it cannot read with
//! certainty (a rate, two sums, a foreign currency, a fraction of a fen) stays unknown; an unknown sum is never 0.

use super::fold::fold;

/// The sum in fen that a text names: `65 万元`, `1,359,102.00元`, `￥609.027250万元（人民币）`; a bare number is yuan.
pub fn fen(text: &str) -> Option<i64> {
    let plain: String = fold(text).chars().filter(|letter| !letter.is_whitespace()).collect();
    let plain = plain.replace("(人民币)", "").replace("人民币", "").replace("rmb", "").replace("cny", "");
    let plain = plain.trim_matches(|letter| matches!(letter, '¥' | '￥' | ':'));
    let digits_end = plain.find(|letter: char| !matches!(letter, '0'..='9' | ',' | '.')).unwrap_or(plain.len());
    let (number, unit) = plain.split_at_checked(digits_end)?;
    decimal(number, unit_in_fen(unit)?)
}

/// The minor units of a currency (ISO 4217) that a bare decimal number names: fen of CNY, cents of USD, whole yen.
pub fn minor(number: &str, currency: &str) -> Option<i64> {
    let unit = match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 1,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 1_000,
        _ => 100,
    };
    let plain = !number.is_empty() && number.chars().all(|letter| matches!(letter, '0'..='9' | ',' | '.'));
    if plain { decimal(number, unit).filter(|minor| *minor <= MAX_MINOR) } else { None }
}

/// More than this no notice names; what is larger stays in its own words.
const MAX_MINOR: i64 = 9_000_000_000_000_000;

fn unit_in_fen(unit: &str) -> Option<i128> {
    let unit = unit.strip_prefix('(').and_then(|unit| unit.strip_suffix(')')).unwrap_or(unit);
    let unit = unit.strip_suffix('整').unwrap_or(unit);
    match unit {
        "" | "元" | "圆" => Some(100),
        "分" => Some(1),
        "角" => Some(10),
        "百元" => Some(10_000),
        "千元" => Some(100_000),
        "万" | "万元" => Some(1_000_000),
        "十万元" => Some(10_000_000),
        "百万元" => Some(100_000_000),
        "千万元" => Some(1_000_000_000),
        "亿" | "亿元" => Some(10_000_000_000),
        _ => None,
    }
}

/// A decimal number times a unit, exactly; `None` when it is no number or a fraction of a fen would be left.
fn decimal(number: &str, unit: i128) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains([',', '.']) || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let whole = grouped(whole)?;
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scaled = whole.checked_mul(scale)?.checked_add(parts)?.checked_mul(unit)?;
    if scaled % scale == 0 { i64::try_from(scaled / scale).ok() } else { None }
}

/// Digits, bare or in groups of three.
fn grouped(digits: &str) -> Option<i128> {
    let mut groups = digits.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    if !rest.is_empty() && (first.len() > 3 || rest.iter().any(|group| group.len() != 3)) {
        return None;
    }
    format!("{first}{}", rest.concat()).parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn sums_are_read_as_feeds_write_them() {
        let table = [
            ("65 万元", 65_000_000),
            ("1,359,102.00元", 135_910_200),
            ("60\n万元", 60_000_000),
            ("28.38万元 人民币", 28_380_000),
            ("￥609.027250万元（人民币）", 609_027_250),
            ("1800000", 180_000_000),
            ("241.0000万元", 241_000_000),
            ("１２．５万元", 12_500_000),
            ("¥1,000", 100_000),
            ("人民币3.2亿元", 32_000_000_000),
            ("0.01元", 1),
            ("0元", 0),
            ("100万元整", 100_000_000),
            ("350（万元）", 350_000_000),
        ];
        for (text, fen) in table {
            assert_eq!(super::fen(text), Some(fen), "{text}");
        }
    }

    #[test]
    fn other_currencies_are_counted_in_their_own_minor_units() {
        let table = [
            ("1311264.0", "MXN", Some(131_126_400)),
            ("75464.96", "USD", Some(7_546_496)),
            ("135630400", "PYG", Some(135_630_400)),
            ("1,000", "JPY", Some(1_000)),
            ("1.234", "KWD", Some(1_234)),
            ("1.234", "EUR", None),
            ("1e21", "EUR", None),
            ("-5", "EUR", None),
            ("", "EUR", None),
            ("90000000000000001", "VND", None),
        ];
        for (number, currency, minor) in table {
            assert_eq!(super::minor(number, currency), minor, "{number} {currency}");
        }
    }

    #[test]
    fn what_cannot_be_read_stays_unknown() {
        let table = [
            "",
            "元",
            "详见附件",
            "下浮率12.5%",
            "80%",
            "12万元至15万元",
            "5万美元",
            "0.001元",
            "1,35,9元",
            "1.2.3元",
            "-5元",
            "12.",
            ".",
            ",",
            "99999999999999999999999999999999999999999元",
            "三十万元",
            "5元/平方米",
        ];
        for text in table {
            assert_eq!(super::fen(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_whole_number_of_fen_comes_back(fen in 0_i64..=9_000_000_000_000_000) {
            let yuan = format!("{}.{:02}元", fen / 100, fen % 100);
            proptest::prop_assert_eq!(super::fen(&yuan), Some(fen));
            let wan = format!("{}.{:06}万元", fen / 1_000_000, fen % 1_000_000);
            proptest::prop_assert_eq!(super::fen(&wan), Some(fen));
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,60}") {
            super::fen(&text);
        }
    }
}
