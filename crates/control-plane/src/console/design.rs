//! The few things that pages consist of.

mod applied;
mod badge;
mod button;
mod calls;
mod confirmation;
mod empty;
mod field;
mod heading;
mod number;
mod pagination;
mod picture;
mod slider;
mod sparkline;
mod time;

pub(super) use applied::arrival;
pub(super) use badge::{Tone, badge};
pub(super) use button::{Look, link_button, submit};
pub(super) use calls::calls;
pub(super) use confirmation::{Confirmation, confirmation};
pub(super) use empty::empty;
pub(super) use field::{Choice, Field, Filled, choice};
pub(super) use heading::heading;
pub(super) use number::{or_dash, plural};
pub(super) use pagination::pagination;
pub(super) use picture::picture;
pub(super) use slider::{Slider, slider};
pub(super) use sparkline::sparkline;
pub(super) use time::time;
