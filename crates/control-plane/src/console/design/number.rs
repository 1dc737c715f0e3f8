//! Numbers as people read them: in groups of three, and above ten thousand in short, with the exact one on hover.

use maud::{Markup, html};

const SHORT_FROM: u64 = 10_000;

/// A number.
pub(in crate::console) fn number(value: u64) -> Markup {
    if value < SHORT_FROM {
        return html! { span.number { (grouped(value)) } };
    }
    html! { span.number title=(grouped(value)) { (short(value)) } }
}

/// The same, and a dash for nothing.
pub(in crate::console) fn or_dash(value: u64) -> Markup {
    if value == 0 {
        return html! { span.nothing { "–" } };
    }
    number(value)
}

/// In short: three digits and a unit.
pub(in crate::console) fn short(value: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1_000, "k"),
    ];
    if value < SHORT_FROM {
        return grouped(value);
    }
    let unit = UNITS.into_iter().find(|(unit, _)| value >= *unit);
    let (unit, name) = unit.unwrap_or((1, ""));
    let (whole, tenth) = (value / unit, value % unit / (unit / 10).max(1));
    if whole < 100 && tenth > 0 {
        return format!("{whole}.{tenth} {name}");
    }
    format!("{} {name}", grouped(whole))
}

/// A number with its noun: `1 profile`, `2 profiles`.
pub(in crate::console) fn plural(value: u64, noun: &str) -> String {
    let ending = if value == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(value))
}

/// In groups of three.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(index);
        if index > 0 && left.is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_told_in_short() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (9_999, "9,999"),
            (10_000, "10 k"),
            (12_345, "12.3 k"),
            (214_900, "214 k"),
            (1_234_567, "1.2 M"),
            (u64::MAX, "18,446,744 T"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(plural(1, "profile"), "1 profile");
        assert_eq!(plural(2_000, "profile"), "2,000 profiles");
    }
}
