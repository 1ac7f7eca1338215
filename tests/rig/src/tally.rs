/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use std::fmt;

use anyhow::{Result, bail};

/// What became of an attack, and what was seen of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It gained nothing.
    Held(String),
    /// It did what it was meant to do.
    Succeeded(String),
}

impl Verdict {
    /// By whether what would show a success was seen.
    pub fn by(succeeded: bool, seen: impl Into<String>) -> Self {
        if succeeded {
            Self::Succeeded(seen.into())
        } else {
            Self::Held(seen.into())
        }
    }
}

/// An attack, for people.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// A name of few words.
    pub name: &'static str,
    /// What is tried.
    pub tried: &'static str,
    /// What would be seen if it succeeded.
    pub success: &'static str,
}

/// Counts attacks and prints a line for each.
#[derive(Debug, Default)]
pub struct Tally {
    tried: usize,
    succeeded: usize,
    /// Attacks that could not be tried: nobody knows whether they would succeed.
    broken: usize,
}

impl Tally {
    /// Makes an attack and prints what came of it. An attack that cannot be made
    /// is no success of the defense.
    pub fn make(&mut self, attack: Attack, make: impl FnOnce() -> Result<Verdict>) {
        let (word, seen) = match make() {
            Ok(Verdict::Held(seen)) => ("held", seen),
            Ok(Verdict::Succeeded(seen)) => {
                self.succeeded += 1;
                ("SUCCEEDED", seen)
            }
            Err(error) => {
                self.broken += 1;
                ("NOT TRIED", format!("{error:#}").replace('\n', " "))
            }
        };
        self.tried += usize::from(word != "NOT TRIED");
        let Attack {
            name,
            tried,
            success,
        } = attack;
        println!("{word:<9}  {name}: {tried}; success: {success}; seen: {seen}");
    }

    /// Attacks that succeeded so far.
    pub fn succeeded(&self) -> usize {
        self.succeeded
    }

    /// Prints the sums, as the last line.
    ///
    /// # Errors
    /// An attack succeeded or could not be tried, or there was none.
    pub fn finish(self) -> Result<()> {
        println!("{self}");
        if self.succeeded > 0 || self.broken > 0 || self.tried == 0 {
            bail!("{self}");
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "tried {}, succeeded {}",
            self.tried, self.succeeded
        )?;
        if self.broken > 0 {
            write!(formatter, ", could not be tried {}", self.broken)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    const ATTACK: Attack = Attack {
        name: "test",
        tried: "nothing",
        success: "something",
    };

    #[test]
    fn a_tally_fails_by_one_success_or_one_attack_that_cannot_be_tried_or_none_at_all() {
        let check = |outcomes: Vec<Result<Verdict>>, text: &str, passes: bool| {
            let mut tally = Tally::default();
            for outcome in outcomes {
                tally.make(ATTACK, || outcome);
            }
            assert_eq!(tally.to_string(), text);
            assert_eq!(tally.finish().is_ok(), passes, "{text}");
        };
        let held = || Ok(Verdict::by(false, "nothing"));
        check(vec![held(), held()], "tried 2, succeeded 0", true);
        check(
            vec![held(), Ok(Verdict::by(true, "pixels"))],
            "tried 2, succeeded 1",
            false,
        );
        check(
            vec![held(), Err(anyhow!("no server"))],
            "tried 1, succeeded 0, could not be tried 1",
            false,
        );
        check(Vec::new(), "tried 0, succeeded 0", false);
    }
}
