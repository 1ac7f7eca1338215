/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The notice that pages may capture: above the page, in a place of the window that no page is
//! drawn to, from before the first page loads until the person has taken note of it.

use egui::{Button, Frame, Panel, RichText, Ui};

use crate::notice::CaptureWarning;

/// The notice, while it is shown.
pub struct Notice(CaptureWarning);

/// What the person does about the notice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply {
    /// Takes note of it.
    Understood,
    /// Wants to know more.
    More,
}

impl Notice {
    /// Not shown yet.
    pub fn new(warning: CaptureWarning) -> Self {
        Self(warning)
    }

    /// Shows it at the top of `ui`.
    pub fn show(&self, ui: &mut Ui) -> Option<Reply> {
        let mut reply = None;
        let visuals = ui.visuals();
        let frame = Frame::side_top_panel(ui.style())
            .inner_margin(12.0)
            .fill(visuals.extreme_bg_color)
            .stroke(egui::Stroke::new(2.0, visuals.warn_fg_color));
        Panel::top("capture notice").frame(frame).show(ui, |ui| {
            let headline = RichText::new(format!("⚠ {}", self.0.headline));
            ui.label(headline.heading().color(ui.visuals().warn_fg_color));
            ui.label(RichText::new(&self.0.who).strong());
            let meaning = RichText::new(&self.0.meaning);
            ui.label(meaning.color(ui.visuals().strong_text_color()));
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                if ui.add(Button::new("OK")).clicked() {
                    reply = Some(Reply::Understood);
                }
                if ui.button("Who may, and what it means").clicked() {
                    reply = Some(Reply::More);
                }
            });
        });
        reply
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    use super::super::one_cpu::on_one_cpu;
    use super::*;

    fn notice() -> Notice {
        Notice::new(CaptureWarning {
            headline: "Pages may capture all your screens".to_owned(),
            who: "Your own preferences let https://a.example do so.".to_owned(),
            meaning: "They need not ask.".to_owned(),
        })
    }

    fn replies(person: impl FnOnce(&mut Harness<'_>)) -> Vec<Reply> {
        let replies = RefCell::new(Vec::new());
        let notice = notice();
        on_one_cpu(|| {
            let mut harness = Harness::new_ui(|ui| {
                replies.borrow_mut().extend(notice.show(ui));
            });
            harness.run();
            person(&mut harness);
            harness.run();
        });
        replies.into_inner()
    }

    #[test]
    fn the_notice_says_that_who_and_what_for() {
        let replies = replies(|harness| {
            for text in [
                "⚠ Pages may capture all your screens",
                "Your own preferences let https://a.example do so.",
                "They need not ask.",
            ] {
                harness.get_by_label(text);
            }
        });
        assert_eq!(replies, []);
    }

    #[test]
    fn it_is_taken_note_of_by_a_button_and_by_nothing_else() {
        let clicked = |label: &'static str| replies(|harness| harness.get_by_label(label).click());
        assert_eq!(clicked("OK"), [Reply::Understood]);
        assert_eq!(clicked("Who may, and what it means"), [Reply::More]);
        assert_eq!(clicked("They need not ask."), []);
        let keys = replies(|harness| {
            harness.key_press(egui::Key::Enter);
            harness.key_press(egui::Key::Escape);
        });
        assert_eq!(keys, []);
    }

    #[test]
    fn it_is_drawn_whole_in_the_first_frame() {
        let notice = notice();
        let heights = on_one_cpu(|| {
            let mut harness = Harness::new_ui(|ui| {
                notice.show(ui);
            });
            let height = |harness: &Harness<'_>| harness.get_by_label("OK").rect().max.y;
            let first = height(&harness);
            harness.run_steps(3);
            [first, height(&harness)]
        });
        assert_eq!(heights[0], heights[1]);
        assert!(heights[0] > 60.0, "{heights:?}");
    }
}
