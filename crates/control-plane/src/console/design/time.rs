//! Moments: how long ago or from now, with the exact one on hover.

use maud::{Markup, html};

use crate::app::time::Moment;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A moment, seen from another.
pub(in crate::console) fn time(at_ms: u64, now_ms: u64) -> Markup {
    let exact = Moment::from_ms(at_ms).to_string();
    html! { time datetime=(exact) title=(exact) { (relative(at_ms, now_ms)) } }
}

/// A moment that is known to the minute alone.
pub(in crate::console) fn minute(at_ms: u64, now_ms: u64) -> Markup {
    if now_ms.saturating_sub(at_ms) >= MINUTE {
        return time(at_ms, now_ms);
    }
    let exact = Moment::from_ms(at_ms).to_string();
    html! { time datetime=(exact) title=(exact) { "this minute" } }
}

fn relative(at_ms: u64, now_ms: u64) -> String {
    let distance = at_ms.abs_diff(now_ms);
    if distance < SECOND {
        return "now".to_owned();
    }
    let (unit, name) = match distance {
        0..MINUTE => (SECOND, "s"),
        MINUTE..HOUR => (MINUTE, "min"),
        HOUR..DAY => (HOUR, "h"),
        _ => (DAY, "day"),
    };
    let count = distance / unit;
    let name = if name == "day" && count != 1 {
        "days"
    } else {
        name
    };
    if at_ms > now_ms {
        format!("in {count} {name}")
    } else {
        format!("{count} {name} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_now() {
        let now = 1_000 * DAY;
        for (at, text) in [
            (now, "now"),
            (now - 12 * SECOND, "12 s ago"),
            (now - 90 * SECOND, "1 min ago"),
            (now - 6 * HOUR, "6 h ago"),
            (now + 41 * DAY, "in 41 days"),
            (now - DAY, "1 day ago"),
        ] {
            assert_eq!(relative(at, now), text);
        }
    }
}
