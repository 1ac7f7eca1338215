/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Between two looks at something that announces no change.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks again and again until `look` gives a value.
///
/// # Errors
/// It still gives none, or fails, after `timeout`: the last failure.
pub fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        let outcome = look();
        if let Ok(Some(value)) = outcome {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return match outcome {
                Err(error) => Err(error).with_context(|| format!("{what}, within {timeout:?}")),
                _ => bail!("this did not come true within {timeout:?}: {what}"),
            };
        }
        thread::sleep(INTERVAL);
    }
}

/// Looks again and again until `until`, and expects `look` to hold each time. A look that ends later
/// says nothing: what it saw may have been later, too.
///
/// # Errors
/// It did not hold once; says when.
pub fn holds_for(what: &str, until: Instant, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while Instant::now() < until {
        let holds = look()?;
        if !holds && Instant::now() < until {
            bail!(
                "after {:?} of {:?} this was no longer true: {what}",
                start.elapsed(),
                until.saturating_duration_since(start)
            );
        }
        thread::sleep(INTERVAL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_value_or_at_the_deadline() {
        let mut looks = 0;
        let value = eventually("three looks", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(value.expect("it comes true"), 3);
        let never = eventually("never", Duration::from_millis(30), || Ok(None::<()>));
        assert!(never.is_err());
    }

    #[test]
    fn a_condition_that_breaks_once_is_noticed() {
        let soon = || Instant::now() + Duration::from_millis(100);
        let mut looks = 0;
        let broken = holds_for("two looks", soon(), || {
            looks += 1;
            Ok(looks < 3)
        });
        assert!(broken.is_err());
        assert!(holds_for("always", soon(), || Ok(true)).is_ok());
    }
}
