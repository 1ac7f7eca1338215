/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The part of the window around the page: tabs and toolbar.

use egui::{Button, Key, Panel, TextEdit, Ui};

/// The widest a tab gets, in points.
const TAB_WIDTH: f32 = 180.0;

/// What the person wants the browser to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Go to what was typed in the address bar.
    Navigate(String),
    /// One step back in the history.
    Back,
    /// One step forward in the history.
    Forward,
    /// Load the page again.
    Reload,
    /// Open a tab.
    NewTab,
    /// Close the tab at this index.
    CloseTab(usize),
    /// Close the tab in front.
    CloseActiveTab,
    /// Bring the tab at this index to the front.
    Activate(usize),
    /// Bring the tab so many to the right to the front.
    ActivateRelative(isize),
    /// Make the page larger.
    ZoomIn,
    /// Make the page smaller.
    ZoomOut,
    /// Show the page at its own size.
    ZoomReset,
    /// Let the person type an address.
    FocusAddress,
    /// Enter or leave full screen.
    ToggleFullscreen,
    /// Show who may capture, and what is captured.
    ShowInformation,
}

/// A tab, as it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TabView {
    /// The title, or the address of a page without one.
    pub title: String,
    /// Whether it is loading.
    pub is_loading: bool,
}

/// What the toolbar shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The tabs from left to right.
    pub tabs: Vec<TabView>,
    /// The index of the tab in front.
    pub active: usize,
    /// The address of the page in front.
    pub address: String,
    /// Whether there is a page to go back to.
    pub can_go_back: bool,
    /// Whether there is a page to go forward to.
    pub can_go_forward: bool,
    /// How much larger than its own size the page is shown.
    pub zoom: f32,
    /// Whether any page captures, or is about to.
    pub is_capturing: bool,
}

/// The toolbar's own state: what is being typed.
#[derive(Default)]
pub struct Toolbar {
    address: String,
    is_editing: bool,
    wants_focus: bool,
    /// Why what was typed is no address.
    pub complaint: Option<String>,
}

impl Toolbar {
    /// Puts the cursor in the address bar at the next opportunity.
    pub fn focus_address(&mut self) {
        self.wants_focus = true;
    }

    /// Shows tabs and toolbar at the top of `ui`; returns what the person did.
    pub fn show(&mut self, ui: &mut Ui, view: &View) -> Vec<Action> {
        let mut actions = Vec::new();
        Panel::top("tabs").show(ui, |ui| {
            ui.horizontal(|ui| show_tabs(ui, view, &mut actions));
        });
        Panel::top("toolbar").show(ui, |ui| {
            ui.horizontal(|ui| self.show_toolbar(ui, view, &mut actions));
            if let Some(complaint) = &self.complaint {
                ui.colored_label(ui.visuals().error_fg_color, complaint);
            }
        });
        actions
    }

    fn show_toolbar(&mut self, ui: &mut Ui, view: &View, actions: &mut Vec<Action>) {
        let add = |ui: &mut Ui, label: &str, hint: &str, action: Action| {
            let is_enabled = match action {
                Action::Back => view.can_go_back,
                Action::Forward => view.can_go_forward,
                _ => true,
            };
            let button = ui.add_enabled(is_enabled, Button::new(label));
            button.on_hover_text(hint).clicked().then_some(action)
        };
        actions.extend(add(ui, "◀", "Back", Action::Back));
        actions.extend(add(ui, "▶", "Forward", Action::Forward));
        actions.extend(add(ui, "⟲", "Reload", Action::Reload));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let label = if view.is_capturing {
                "⚠ Capturing"
            } else {
                "Capture"
            };
            let hint = "Who may capture the screens, and what is captured";
            actions.extend(add(ui, label, hint, Action::ShowInformation));
            let percent = format!("{:.0} %", view.zoom * 100.0);
            actions.extend(add(ui, "+", "Zoom in", Action::ZoomIn));
            actions.extend(add(ui, &percent, "Normal size", Action::ZoomReset));
            actions.extend(add(ui, "−", "Zoom out", Action::ZoomOut));
            self.show_address(ui, view, actions);
        });
    }

    fn show_address(&mut self, ui: &mut Ui, view: &View, actions: &mut Vec<Action>) {
        if !self.is_editing && self.address != view.address {
            self.address.clone_from(&view.address);
        }
        let response = ui.add(
            TextEdit::singleline(&mut self.address)
                .hint_text("Address")
                .desired_width(f32::INFINITY),
        );
        if self.wants_focus {
            self.wants_focus = false;
            response.request_focus();
        }
        if response.gained_focus() {
            self.is_editing = true;
            select_all(ui, response.id, &self.address);
        }
        if response.lost_focus() {
            self.is_editing = false;
            if ui.input(|input| input.key_pressed(Key::Enter)) {
                actions.push(Action::Navigate(self.address.clone()));
            } else {
                self.complaint = None;
            }
        }
    }
}

fn select_all(ui: &Ui, id: egui::Id, text: &str) {
    use egui::text::{CCursor, CCursorRange};
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::two(
        CCursor::new(0),
        CCursor::new(text.chars().count()),
    )));
    state.store(ui.ctx(), id);
}

fn show_tabs(ui: &mut Ui, view: &View, actions: &mut Vec<Action>) {
    // The "+" and the ends keep their place however many tabs there are.
    let room = (ui.available_width() - 60.0) / view.tabs.len().max(1) as f32;
    let width = (room - 30.0).clamp(20.0, TAB_WIDTH);
    for (index, tab) in view.tabs.iter().enumerate() {
        let title = if tab.is_loading {
            format!("… {}", tab.title)
        } else {
            tab.title.clone()
        };
        let button = Button::new(title)
            .selected(index == view.active)
            .truncate()
            .min_size(egui::vec2(width, 0.0));
        let response = ui
            .add_sized([width, ui.spacing().interact_size.y], button)
            .on_hover_text(&tab.title);
        if response.clicked() {
            actions.push(Action::Activate(index));
        }
        if response.middle_clicked() {
            actions.push(Action::CloseTab(index));
        }
        if ui
            .add(Button::new("✖").frame(false))
            .on_hover_text("Close tab")
            .clicked()
        {
            actions.push(Action::CloseTab(index));
        }
    }
    if ui.button("➕").on_hover_text("New tab").clicked() {
        actions.push(Action::NewTab);
    }
}

/// The next step of the page's zoom in a direction: 10 % each way, 30 % to 500 %.
pub fn next_zoom(zoom: f32, steps: f32) -> f32 {
    ((zoom * 10.0 + steps).round() / 10.0).clamp(0.3, 5.0)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use egui::accesskit::Role;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    use super::super::one_cpu::on_one_cpu;
    use super::*;

    fn view() -> View {
        View {
            tabs: vec![
                TabView {
                    title: "First".to_owned(),
                    is_loading: false,
                },
                TabView {
                    title: "Second".to_owned(),
                    is_loading: true,
                },
            ],
            active: 1,
            address: "https://example.org/".to_owned(),
            can_go_back: false,
            can_go_forward: true,
            zoom: 1.1,
            is_capturing: false,
        }
    }

    fn actions_of(view: &View, person: impl FnOnce(&mut Harness<'_>)) -> Vec<Action> {
        let mut toolbar = Toolbar::default();
        let actions = RefCell::new(Vec::new());
        {
            on_one_cpu(|| {
                let mut harness = Harness::new_ui(|ui| {
                    actions.borrow_mut().extend(toolbar.show(ui, view));
                });
                harness.run();
                person(&mut harness);
                harness.run();
            });
        }
        actions.into_inner()
    }

    #[test]
    fn an_address_is_gone_to_when_enter_is_pressed() {
        let actions = actions_of(&view(), |harness| {
            harness.get_by_role(Role::TextInput).focus();
            harness.run();
            // Taking the focus selects all, so typing replaces the address.
            harness.get_by_role(Role::TextInput).type_text("servo.org");
            harness.run();
            harness.key_press(Key::Enter);
        });
        assert_eq!(actions, [Action::Navigate("servo.org".to_owned())]);
    }

    #[test]
    fn there_is_no_way_back_without_a_history() {
        let actions = actions_of(&view(), |harness| {
            harness.get_by_label("◀").click();
            harness.run();
            harness.get_by_label("▶").click();
        });
        assert_eq!(actions, [Action::Forward]);
    }

    #[test]
    fn a_tab_comes_to_the_front_when_clicked() {
        let actions = actions_of(&view(), |harness| {
            harness.get_by_label("First").click();
            harness.run();
            harness.get_by_label("➕").click();
        });
        assert_eq!(actions, [Action::Activate(0), Action::NewTab]);
    }

    #[test]
    fn the_zoom_is_shown_and_reset() {
        let actions = actions_of(&view(), |harness| harness.get_by_label("110 %").click());
        assert_eq!(actions, [Action::ZoomReset]);
    }

    #[test]
    fn the_toolbar_leads_to_the_information_and_tells_of_captures() {
        let actions = actions_of(&view(), |harness| harness.get_by_label("Capture").click());
        assert_eq!(actions, [Action::ShowInformation]);
        let capturing = View {
            is_capturing: true,
            ..view()
        };
        let actions = actions_of(&capturing, |harness| {
            harness.get_by_label("⚠ Capturing").click();
        });
        assert_eq!(actions, [Action::ShowInformation]);
    }

    #[test]
    fn zooming_in_and_out_comes_back_and_has_ends() {
        let mut zoom = 1.0;
        for _ in 0..100 {
            zoom = next_zoom(zoom, 1.0);
        }
        assert_eq!(zoom, 5.0);
        for _ in 0..100 {
            zoom = next_zoom(zoom, -1.0);
        }
        assert_eq!(zoom, 0.3);
        assert_eq!(next_zoom(next_zoom(1.0, 1.0), -1.0), 1.0);
    }
}
