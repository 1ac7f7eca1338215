/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page asks, as the person sees it: over the page, with the name of who asks.

use std::path::{Path, PathBuf};

use egui::{Area, Button, Context, Frame, Id, Key, Modal, Order, ScrollArea, TextEdit, Ui};
use servo::{
    ContextMenu, ContextMenuAction, ContextMenuItem, FilePicker, SelectElement,
    SelectElementOption, SelectElementOptionOrOptgroup, SimpleDialog,
};

use crate::prompts::{Prompt, Request, permission_purpose};

/// The width of a dialog, in points.
const WIDTH: f32 = 380.0;
/// The most height that a text or list of a page may take, in points.
const HEIGHT: f32 = 280.0;
/// The most entries of a folder that are listed.
const FOLDER_LIMIT: usize = 2000;

/// What the person answered.
pub enum Answer {
    /// Yes, with what was typed and chosen.
    Accept,
    /// No.
    Dismiss,
    /// An entry of a menu.
    Menu(ContextMenuAction),
}

/// Where a page is in the window.
#[derive(Clone, Copy)]
pub struct Place {
    /// Its top left corner, in points.
    pub origin: egui::Pos2,
    /// Device pixels per point.
    pub scale: f32,
}

impl Place {
    fn point(self, point: servo::DeviceIntPoint) -> egui::Pos2 {
        self.origin + egui::vec2(point.x as f32, point.y as f32) / self.scale
    }
}

/// Shows a prompt; returns the answer once there is one.
pub fn show(context: &Context, prompt: &mut Prompt, place: Place) -> Option<Answer> {
    let origin = &prompt.origin;
    match &mut prompt.request {
        Request::Select(select) => {
            let below =
                servo::DeviceIntPoint::new(select.position().min.x, select.position().max.y);
            let position = place.point(below);
            popup(context, "select", position, |ui| show_select(ui, select))
        }
        Request::Menu(menu) => {
            let position = place.point(menu.position().min);
            popup(context, "menu", position, |ui| show_menu(ui, menu))
        }
        Request::Dialog { dialog, text } => modal(context, |ui| {
            ui.heading(format!("{origin} says"));
            show_dialog(ui, dialog, text)
        }),
        Request::Permission(request) => modal(context, |ui| {
            ui.heading(origin.as_str());
            let purpose = permission_purpose(request.feature());
            ui.label(format!("This site wants to {purpose}."));
            buttons(ui, "Allow", Some("Block"))
        }),
        Request::Screens(_) => modal(context, |ui| {
            ui.heading(origin.as_str());
            ui.label(
                "This site wants to know all your screens: how many there are, their sizes, places \
                 and names.",
            );
            buttons(ui, "Allow", Some("Block"))
        }),
        Request::Color { color, .. } => modal(context, |ui| {
            ui.heading("Choose a color");
            let mut shown = egui::Color32::from_rgb(color[0], color[1], color[2]);
            egui::color_picker::color_picker_color32(
                ui,
                &mut shown,
                egui::color_picker::Alpha::Opaque,
            );
            *color = [shown.r(), shown.g(), shown.b()];
            buttons(ui, "Choose", Some("Cancel"))
        }),
        Request::File {
            picker,
            folder,
            chosen,
        } => modal(context, |ui| {
            ui.heading(format!("Choose files for {origin}"));
            show_files(ui, picker, folder, chosen);
            buttons(ui, "Open", Some("Cancel"))
        }),
        Request::Authentication {
            request,
            user,
            password,
        } => modal(context, |ui| {
            ui.heading(if request.for_proxy() {
                format!("The proxy {origin} asks who you are")
            } else {
                format!("{origin} asks who you are")
            });
            ui.label("User name");
            ui.add(line(user));
            ui.label("Password");
            ui.add(line(password).password(true));
            buttons(ui, "Sign in", Some("Cancel"))
        }),
    }
}

fn modal(context: &Context, contents: impl FnOnce(&mut Ui) -> Option<Answer>) -> Option<Answer> {
    let response = Modal::new(Id::unique("prompt")).show(context, |ui| {
        ui.set_width(WIDTH);
        contents(ui)
    });
    let is_escaped = context.input(|input| input.key_pressed(Key::Escape));
    response
        .inner
        .or_else(|| is_escaped.then_some(Answer::Dismiss))
}

fn popup(
    context: &Context,
    name: &str,
    position: egui::Pos2,
    contents: impl FnOnce(&mut Ui) -> Option<Answer>,
) -> Option<Answer> {
    let response = Area::new(Id::unique(name))
        .order(Order::Foreground)
        .fixed_pos(position)
        .constrain(true)
        .show(context, |ui| {
            Frame::popup(ui.style()).show(ui, |ui| {
                ScrollArea::vertical()
                    .max_height(HEIGHT)
                    .show(ui, contents)
                    .inner
            })
        });
    let is_left = context.input(|input| {
        input.key_pressed(Key::Escape)
            || (input.pointer.any_pressed()
                && input
                    .pointer
                    .interact_pos()
                    .is_some_and(|point| !response.response.rect.contains(point)))
    });
    response
        .inner
        .inner
        .or_else(|| is_left.then_some(Answer::Dismiss))
}

/// A text field as wide as its dialog.
fn line(text: &mut String) -> TextEdit<'_> {
    TextEdit::singleline(text).desired_width(f32::INFINITY)
}

/// The buttons of a dialog; Enter presses the first.
fn buttons(ui: &mut Ui, accept: &str, dismiss: Option<&str>) -> Option<Answer> {
    ui.add_space(8.0);
    let mut answer = None;
    // A row of its own height: without it the layout takes all the height that a
    // larger dialog had before.
    let row = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    ui.allocate_ui_with_layout(row, layout, |ui| {
        if ui.button(accept).clicked() || ui.input(|input| input.key_pressed(Key::Enter)) {
            answer = Some(Answer::Accept);
        }
        if dismiss.is_some_and(|dismiss| ui.button(dismiss).clicked()) {
            answer = Some(Answer::Dismiss);
        }
    });
    answer
}

fn show_dialog(ui: &mut Ui, dialog: &SimpleDialog, text: &mut String) -> Option<Answer> {
    ScrollArea::vertical()
        .max_height(HEIGHT)
        .show(ui, |ui| ui.label(dialog.message()));
    match dialog {
        SimpleDialog::Alert(_) => buttons(ui, "OK", None),
        SimpleDialog::Confirm(_) => buttons(ui, "OK", Some("Cancel")),
        SimpleDialog::Prompt(_) => {
            ui.add(line(text)).request_focus();
            buttons(ui, "OK", Some("Cancel"))
        }
    }
}

fn show_select(ui: &mut Ui, select: &mut SelectElement) -> Option<Answer> {
    let mut answer = None;
    let many = select.allow_select_multiple();
    let mut selected = select.selected_options();
    let mut show_option = |ui: &mut Ui, option: &SelectElementOption| {
        let is_selected = selected.contains(&option.id);
        let label = Button::selectable(is_selected, &option.label);
        if !ui.add_enabled(!option.is_disabled, label).clicked() {
            return;
        }
        if !many {
            selected = vec![option.id];
            answer = Some(Answer::Accept);
        } else if is_selected {
            selected.retain(|id| *id != option.id);
        } else {
            selected.push(option.id);
        }
    };
    for option in select.options() {
        match option {
            SelectElementOptionOrOptgroup::Option(option) => show_option(ui, option),
            SelectElementOptionOrOptgroup::Optgroup { label, options } => {
                ui.strong(label);
                for option in options {
                    show_option(ui, option);
                }
            }
        }
    }
    select.select(selected);
    if many && ui.button("Done").clicked() {
        answer = Some(Answer::Accept);
    }
    answer
}

fn show_menu(ui: &mut Ui, menu: &ContextMenu) -> Option<Answer> {
    let mut answer = None;
    for item in menu.items() {
        match item {
            ContextMenuItem::Item {
                label,
                action,
                enabled,
            } => {
                let entry = Button::new(label).frame(false);
                if ui.add_enabled(*enabled, entry).clicked() {
                    answer = Some(Answer::Menu(*action));
                }
            }
            ContextMenuItem::Separator => {
                ui.separator();
            }
        }
    }
    answer
}

fn show_files(ui: &mut Ui, picker: &FilePicker, folder: &mut PathBuf, chosen: &mut Vec<PathBuf>) {
    let mut typed = folder.display().to_string();
    if ui.text_edit_singleline(&mut typed).changed() {
        *folder = PathBuf::from(typed);
    }
    let patterns: Vec<&str> = picker
        .filter_patterns()
        .iter()
        .map(|pattern| pattern.0.as_str())
        .collect();
    let entries = match list_folder(folder, &patterns) {
        Ok(entries) => entries,
        Err(error) => {
            ui.label(error.to_string());
            return;
        }
    };
    let mut goes_to = None;
    ScrollArea::vertical()
        .max_height(HEIGHT)
        .auto_shrink(false)
        .show(ui, |ui| {
            if let Some(parent) = folder.parent()
                && ui.button("..").clicked()
            {
                goes_to = Some(parent.to_owned());
            }
            for (name, is_folder) in &entries {
                let path = folder.join(name);
                if *is_folder {
                    if ui.button(format!("{name}/")).clicked() {
                        goes_to = Some(path);
                    }
                    continue;
                }
                let is_chosen = chosen.contains(&path);
                if !ui.selectable_label(is_chosen, name).clicked() {
                    continue;
                }
                if is_chosen {
                    chosen.retain(|other| *other != path);
                } else {
                    if !picker.allow_select_multiple() {
                        chosen.clear();
                    }
                    chosen.push(path);
                }
            }
        });
    if let Some(other) = goes_to {
        *folder = other;
    }
    if !chosen.is_empty() {
        ui.label(format!("{} chosen", chosen.len()));
    }
}

/// The folders and the files that a page takes, folders first, each by name. Hidden ones and names
/// that are not text are left out.
fn list_folder(folder: &Path, patterns: &[&str]) -> std::io::Result<Vec<(String, bool)>> {
    let mut entries: Vec<(String, bool)> = std::fs::read_dir(folder)?
        .take(FOLDER_LIMIT)
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_folder = entry.path().is_dir();
            let is_wanted = is_folder || patterns.is_empty() || {
                let extension = Path::new(&name).extension()?.to_str()?.to_lowercase();
                patterns.iter().any(|pattern| *pattern == extension)
            };
            (is_wanted && !name.starts_with('.')).then_some((name, is_folder))
        })
        .collect();
    entries.sort_by(|(a, a_is_folder), (b, b_is_folder)| {
        b_is_folder.cmp(a_is_folder).then_with(|| a.cmp(b))
    });
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    use super::super::one_cpu::on_one_cpu;
    use super::*;

    #[test]
    fn a_small_dialog_after_a_large_one_is_small() {
        let height_of = |is_large: bool, harness: &mut Harness<'_, bool>| {
            *harness.state_mut() = is_large;
            // A dialog takes its size from the frame before.
            harness.run_steps(4);
            let title = harness.get_by_label("title").rect();
            let button = harness.get_by_label("OK").rect();
            button.max.y - title.min.y
        };
        let (large, small) = on_one_cpu(|| {
            let mut harness = Harness::new_ui_state(
                |ui, is_large| {
                    modal(ui.ctx(), |ui| {
                        ui.label("title");
                        if *is_large {
                            ui.add_space(300.0);
                        }
                        buttons(ui, "OK", None)
                    });
                },
                true,
            );
            (
                height_of(true, &mut harness),
                height_of(false, &mut harness),
            )
        });
        assert!(large > 300.0, "{large}");
        assert!(small < 100.0, "{small}");
    }

    #[test]
    fn a_folder_lists_what_the_page_takes() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.png", "a.PNG", "c.txt", ".hidden.png", "noextension"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        std::fs::create_dir(directory.path().join("z")).unwrap();
        let names = |patterns: &[&str]| -> Vec<String> {
            list_folder(directory.path(), patterns)
                .unwrap()
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        assert_eq!(names(&["png"]), ["z", "a.PNG", "b.png"]);
        assert_eq!(names(&[]), ["z", "a.PNG", "b.png", "c.txt", "noextension"]);
        assert!(list_folder(&directory.path().join("none"), &[]).is_err());
    }
}
