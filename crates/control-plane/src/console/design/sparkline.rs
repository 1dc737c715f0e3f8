//! The course of something in the size of a word. The numbers stand beside it.

use maud::{Markup, html};

use super::badge::Tone;

const WIDTH: u32 = 96;
const HEIGHT: u32 = 20;

/// One bar for each value.
pub(in crate::console) fn sparkline(tone: Tone, values: &[u64]) -> Markup {
    let most = values.iter().copied().max().unwrap_or_default();
    if most == 0 {
        return html! {};
    }
    let count = u32::try_from(values.len()).unwrap_or(1).max(1);
    let step = f64::from(WIDTH) / f64::from(count);
    html! {
        svg class={ "sparkline " (tone.class()) } viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT)
            aria-hidden="true" focusable="false" {
            @for (index, value) in values.iter().enumerate() {
                @let height = height(*value, most);
                @let left = f64::from(u32::try_from(index).unwrap_or(0)) * step;
                @if height > 0.0 {
                    rect x={ (format!("{left:.1}")) } y={ (format!("{:.1}", f64::from(HEIGHT) - height)) }
                        width={ (format!("{:.1}", (step - 1.0).max(1.0))) } height={ (format!("{height:.1}")) } {}
                }
            }
        }
    }
}

/// What is there at all is seen.
#[expect(clippy::cast_precision_loss, reason = "pixels are rounder than that")]
fn height(value: u64, most: u64) -> f64 {
    if value == 0 {
        return 0.0;
    }
    (value as f64 / most as f64 * f64::from(HEIGHT)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_draws_nothing_and_little_is_still_seen() {
        assert!(sparkline(Tone::Neutral, &[0, 0]).into_string().is_empty());
        let drawn = sparkline(Tone::Neutral, &[0, 1, 1_000_000]).into_string();
        assert_eq!(drawn.matches("<rect").count(), 2);
        assert!(
            drawn.contains("height=\"1.0\"") && drawn.contains("height=\"20.0\""),
            "{drawn}"
        );
    }
}
