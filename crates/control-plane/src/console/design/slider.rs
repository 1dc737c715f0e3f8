//! A switch that acts at once.

use maud::{Markup, html};

use crate::console::frame::Frame;

/// Something that is on or off.
pub(in crate::console) struct Slider<'a> {
    /// Tells it from others on the page.
    pub(in crate::console) id: &'a str,
    /// What is on or off, for those who do not see where it stands.
    pub(in crate::console) label: &'a str,
    /// Where it is sent.
    pub(in crate::console) action: &'a str,
    /// Whether it is on.
    pub(in crate::console) is_on: bool,
}

/// The switch, or only its state for those who may not change it. What is sent is the state that is wanted, in `enabled`.
pub(in crate::console) fn slider(frame: &Frame, slider: &Slider<'_>) -> Markup {
    let Slider {
        id,
        label,
        action,
        is_on,
    } = slider;
    let (state, wanted) = if *is_on {
        ("on", "false")
    } else {
        ("off", "true")
    };
    html! {
        @if frame.may_edit() {
            form.slider method="post" action=(action) data-enhance {
                (frame.token()) (frame.back())
                button id=(id) type="submit" name="enabled" value=(wanted) role="switch"
                    aria-checked=(if *is_on { "true" } else { "false" }) aria-label=(label) {
                    span.track aria-hidden="true" { span.knob {} }
                    span.state aria-hidden="true" { (state) }
                }
            }
        } @else {
            span.state { (state) }
        }
    }
}
