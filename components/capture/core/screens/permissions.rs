/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What users have said about the permission `window-management`, and what they
//! are being asked.

use std::collections::{BTreeMap, VecDeque};

use servo_capture_traits::ScreensPermission;

/// Origins whose answer is kept. Of more the oldest are asked again.
const MAX_ORIGINS: usize = 1024;
/// Questions that one person may have to answer at once.
const MAX_QUESTIONS: usize = 16;

/// One question to the user.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct QuestionId(pub u64);

/// The permission store
/// (<https://w3c.github.io/permissions/#dfn-permission-store>) of this run of the
/// browser. Its keys are origins.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    answers: BTreeMap<String, ScreensPermission>,
    /// The keys of `answers`, the oldest first.
    order: VecDeque<String>,
    /// What is asked on whose behalf.
    questions: BTreeMap<QuestionId, String>,
    last_question: u64,
}

/// What asking the user came to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Asking {
    /// Ask them this.
    Ask(QuestionId),
    /// They are being asked this already.
    Asked(QuestionId),
    /// They have too many questions to answer.
    TooMany,
}

impl Permissions {
    /// What is stored for an origin.
    pub(super) fn get(&self, origin: &str) -> Option<ScreensPermission> {
        self.answers.get(origin).copied()
    }

    pub(super) fn set(&mut self, origin: String, state: ScreensPermission) {
        if self.answers.insert(origin.clone(), state).is_none() {
            self.order.push_back(origin);
        }
        if self.order.len() > MAX_ORIGINS
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    /// Asks the user on behalf of an origin, once at a time.
    pub(super) fn ask(&mut self, origin: &str) -> Asking {
        let mut open = self.questions.iter();
        if let Some((&question, _)) = open.find(|(_, asker)| *asker == origin) {
            return Asking::Asked(question);
        }
        if self.questions.len() >= MAX_QUESTIONS {
            return Asking::TooMany;
        }
        self.last_question += 1;
        let question = QuestionId(self.last_question);
        self.questions.insert(question, origin.to_owned());
        Asking::Ask(question)
    }

    /// The user has answered, or closed the question without an answer, which
    /// changes nothing for the next time.
    pub(super) fn answered(&mut self, question: QuestionId, allows: Option<bool>) {
        let Some(origin) = self.questions.remove(&question) else {
            return;
        };
        match allows {
            Some(true) => self.set(origin, ScreensPermission::Granted),
            Some(false) => self.set(origin, ScreensPermission::Denied),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_asks_once_at_a_time_and_an_answer_is_kept() {
        let mut permissions = Permissions::default();
        let Asking::Ask(first) = permissions.ask("https://a.test") else {
            panic!("nobody was asked");
        };
        assert_eq!(permissions.ask("https://a.test"), Asking::Asked(first));
        let Asking::Ask(other) = permissions.ask("https://b.test") else {
            panic!("nobody was asked");
        };
        permissions.answered(other, None);
        assert_eq!(permissions.get("https://b.test"), None);
        permissions.answered(first, Some(true));
        // Not a question any more.
        permissions.answered(first, Some(false));
        assert_eq!(
            permissions.get("https://a.test"),
            Some(ScreensPermission::Granted)
        );
    }

    #[test]
    fn neither_questions_nor_answers_pile_up() {
        let mut permissions = Permissions::default();
        for number in 0..MAX_QUESTIONS {
            let asking = permissions.ask(&format!("https://{number}.test"));
            assert!(matches!(asking, Asking::Ask(_)));
        }
        assert_eq!(permissions.ask("https://one-more.test"), Asking::TooMany);
        for number in 0..=MAX_ORIGINS {
            permissions.set(number.to_string(), ScreensPermission::Denied);
        }
        assert_eq!(permissions.get("0"), None);
        assert_eq!(permissions.answers.len(), MAX_ORIGINS);
        assert_eq!(permissions.order.len(), MAX_ORIGINS);
    }
}
