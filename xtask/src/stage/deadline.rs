//! Waiting for what will be so soon. Nothing on the stage sleeps for a time that was guessed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(2);

/// Tries until an attempt yields something, and returns that with the time that it took.
///
/// # Errors
/// When no attempt within `limit` yields anything: `what` did not come about.
pub fn within<T>(
    limit: Duration,
    what: &str,
    mut attempt: impl FnMut() -> Option<T>,
) -> Result<(T, Duration)> {
    let begin = Instant::now();
    loop {
        if let Some(outcome) = attempt() {
            return Ok((outcome, begin.elapsed()));
        }
        if begin.elapsed() >= limit {
            bail!("{what}: not within {limit:?}");
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_about_is_returned() {
        let mut attempts = 0;
        let (outcome, _) = within(Duration::from_secs(5), "the third attempt", || {
            attempts += 1;
            (attempts == 3).then_some("here")
        })
        .unwrap();
        assert_eq!(outcome, "here");
    }

    #[test]
    fn what_does_not_come_about_is_named() {
        let refusal = within(Duration::ZERO, "snow in July", || None::<()>).unwrap_err();
        assert_eq!(refusal.to_string(), "snow in July: not within 0ns");
    }
}
