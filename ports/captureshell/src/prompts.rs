/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a page asks of the person in front of it. Each request answers itself with the cautious
//! answer (no, none, unchanged) when it is dropped.

use std::path::PathBuf;

use servo::{
    AuthenticationRequest, ColorPicker, ContextMenu, EmbedderControlId, FilePicker,
    PermissionFeature, PermissionRequest, SelectElement, SimpleDialog, WebDriverUserPrompt,
    WebViewId,
};
use servo_capture::ScreensQuestion;

/// One request of a page, until it is answered.
pub struct Prompt {
    /// The page that asks.
    pub webview: WebViewId,
    /// Who asks, as the person is told: an origin, or the address of a page without one.
    pub origin: String,
    /// What is asked.
    pub request: Request,
}

/// What can be asked, with what the person has typed or chosen so far.
pub enum Request {
    /// `alert()`, `confirm()`, `prompt()`.
    Dialog {
        /// Servo's side of it.
        dialog: SimpleDialog,
        /// The answer to `prompt()` so far.
        text: String,
    },
    /// The list of a `<select>`.
    Select(SelectElement),
    /// `<input type=color>`, with the color chosen so far.
    Color {
        /// Servo's side of it.
        picker: ColorPicker,
        /// Red, green, blue.
        color: [u8; 3],
    },
    /// `<input type=file>`.
    File {
        /// Servo's side of it.
        picker: FilePicker,
        /// The folder that is shown.
        folder: PathBuf,
        /// The files chosen so far.
        chosen: Vec<PathBuf>,
    },
    /// The menu of the secondary button.
    Menu(ContextMenu),
    /// A permission.
    Permission(PermissionRequest),
    /// The permission to know all screens, of which the capture service asks.
    Screens(ScreensQuestion),
    /// A user name and password, for a page or a proxy.
    Authentication {
        /// Servo's side of it.
        request: AuthenticationRequest,
        /// The user name so far.
        user: String,
        /// The password so far.
        password: String,
    },
}

impl Request {
    /// The id by which Servo can take the request back.
    pub fn control_id(&self) -> Option<EmbedderControlId> {
        match self {
            Self::Select(select) => Some(select.id()),
            Self::Color { picker, .. } => Some(picker.id()),
            Self::File { picker, .. } => Some(picker.id()),
            Self::Menu(menu) => Some(menu.id()),
            Self::Dialog { .. }
            | Self::Permission(_)
            | Self::Screens(_)
            | Self::Authentication { .. } => None,
        }
    }

    /// What WebDriver calls it, if WebDriver can answer it. The page's script waits for the answer
    /// to each of these.
    pub fn webdriver_kind(&self) -> Option<WebDriverUserPrompt> {
        match self {
            Self::Dialog { dialog, .. } => Some(match dialog {
                SimpleDialog::Alert(_) => WebDriverUserPrompt::Alert,
                SimpleDialog::Confirm(_) => WebDriverUserPrompt::Confirm,
                SimpleDialog::Prompt(_) => WebDriverUserPrompt::Prompt,
            }),
            _ => None,
        }
    }

    /// The text that the page shows in it.
    pub fn message(&self) -> String {
        match self {
            Self::Dialog { dialog, .. } => dialog.message().to_owned(),
            _ => String::new(),
        }
    }

    /// Says yes, with what was typed and chosen.
    pub fn accept(self) {
        match self {
            Self::Dialog { mut dialog, text } => {
                if let SimpleDialog::Prompt(prompt) = &mut dialog {
                    prompt.set_current_value(&text);
                }
                dialog.confirm();
            }
            Self::Select(select) => select.submit(),
            Self::Color { mut picker, color } => {
                let [red, green, blue] = color;
                picker.select(Some(servo::RgbColor { red, green, blue }));
                picker.submit();
            }
            Self::File {
                mut picker, chosen, ..
            } => {
                picker.select(&chosen);
                picker.submit();
            }
            Self::Menu(menu) => menu.dismiss(),
            Self::Permission(request) => request.allow(),
            Self::Screens(question) => question.answer(true),
            Self::Authentication {
                request,
                user,
                password,
            } => request.authenticate(user, password),
        }
    }

    /// Says no.
    pub fn dismiss(self) {
        match self {
            Self::Dialog { dialog, .. } => dialog.dismiss(),
            Self::File { picker, .. } => picker.dismiss(),
            Self::Menu(menu) => menu.dismiss(),
            Self::Permission(request) => request.deny(),
            Self::Screens(question) => question.answer(false),
            Self::Select(_) | Self::Color { .. } | Self::Authentication { .. } => {}
        }
    }
}

/// The permission, as part of the sentence "wants to ...".
pub fn permission_purpose(feature: PermissionFeature) -> &'static str {
    match feature {
        PermissionFeature::Geolocation => "know where you are",
        PermissionFeature::Notifications => "show notifications",
        PermissionFeature::Push => "send messages in the background",
        PermissionFeature::Midi => "use MIDI devices",
        PermissionFeature::Camera => "use the camera",
        PermissionFeature::Microphone => "use the microphone",
        PermissionFeature::Speaker => "choose the speaker",
        PermissionFeature::DeviceInfo => "know your devices",
        PermissionFeature::BackgroundSync => "work in the background",
        PermissionFeature::Bluetooth => "use Bluetooth devices",
        PermissionFeature::PersistentStorage => "keep data on this computer",
        PermissionFeature::ScreenWakeLock(_) => "keep the screen on",
        PermissionFeature::Gamepad => "use game controllers",
    }
}
