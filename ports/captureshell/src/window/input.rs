/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What keyboard, pointer and touch say, in Servo's words.

use std::str::FromStr as _;

use egui::CursorIcon;
use servo::{
    Code, CompositionEvent, CompositionState, Cursor, DevicePoint, InputEvent, Key, KeyState,
    KeyboardEvent, Location, Modifiers, MouseButton, MouseButtonAction, NamedKey, Theme,
    TouchEventType, WheelDelta, WheelEvent, WheelMode,
};
use winit::event::{ElementState, Ime, KeyEvent, MouseScrollDelta, TouchPhase};
use winit::keyboard::{KeyLocation, ModifiersState, PhysicalKey};

use super::chrome::Action;

/// How far one notch of a wheel scrolls, in density-independent pixels.
const LINE: f64 = 76.0;

/// The event of a key, for the page.
pub fn keyboard_event(event: &KeyEvent, modifiers: ModifiersState) -> KeyboardEvent {
    KeyboardEvent::new_without_event(
        match event.state {
            ElementState::Pressed => KeyState::Down,
            ElementState::Released => KeyState::Up,
        },
        key(&event.logical_key),
        code(event.physical_key),
        match event.location {
            KeyLocation::Standard => Location::Standard,
            KeyLocation::Left => Location::Left,
            KeyLocation::Right => Location::Right,
            KeyLocation::Numpad => Location::Numpad,
        },
        self::modifiers(modifiers),
        event.repeat,
        false,
    )
}

/// What the key means. winit's names are those of the web, but for two.
fn key(key: &winit::keyboard::Key) -> Key {
    use winit::keyboard::{Key as WinitKey, NamedKey as WinitNamedKey};
    match key {
        WinitKey::Character(text) => Key::Character(text.to_string()),
        WinitKey::Named(WinitNamedKey::Space) => Key::Character(" ".to_owned()),
        WinitKey::Named(WinitNamedKey::Super) => Key::Named(NamedKey::Meta),
        WinitKey::Named(named) => {
            NamedKey::from_str(&format!("{named:?}")).map_or_else(|_| unidentified(), Key::Named)
        }
        WinitKey::Dead(_) => Key::Named(NamedKey::Dead),
        WinitKey::Unidentified(_) => unidentified(),
    }
}

fn unidentified() -> Key {
    Key::Named(NamedKey::Unidentified)
}

/// Which key it is. winit's names are those of the web, but for two.
fn code(key: PhysicalKey) -> Code {
    use winit::keyboard::KeyCode;
    match key {
        PhysicalKey::Code(KeyCode::SuperLeft) => Code::MetaLeft,
        PhysicalKey::Code(KeyCode::SuperRight) => Code::MetaRight,
        PhysicalKey::Code(code) => {
            Code::from_str(&format!("{code:?}")).unwrap_or(Code::Unidentified)
        }
        PhysicalKey::Unidentified(_) => Code::Unidentified,
    }
}

fn modifiers(state: ModifiersState) -> Modifiers {
    let mut modifiers = Modifiers::empty();
    modifiers.set(Modifiers::SHIFT, state.shift_key());
    modifiers.set(Modifiers::CONTROL, state.control_key());
    modifiers.set(Modifiers::ALT, state.alt_key());
    modifiers.set(Modifiers::META, state.super_key());
    modifiers
}

/// By day or by night.
pub fn theme(theme: winit::window::Theme) -> Theme {
    match theme {
        winit::window::Theme::Light => Theme::Light,
        winit::window::Theme::Dark => Theme::Dark,
    }
}

/// What a key does to the browser instead of the page.
pub fn shortcut(
    event: &KeyEvent,
    modifiers: ModifiersState,
    is_fullscreen: bool,
) -> Option<Action> {
    if event.state == ElementState::Released {
        return None;
    }
    shortcut_of(&key(&event.logical_key), modifiers, is_fullscreen)
}

fn shortcut_of(key: &Key, modifiers: ModifiersState, is_fullscreen: bool) -> Option<Action> {
    let is_only = |wanted: ModifiersState| modifiers.difference(ModifiersState::SHIFT) == wanted;
    match key {
        Key::Named(NamedKey::F5) if modifiers.is_empty() => Some(Action::Reload),
        Key::Named(NamedKey::F11) if modifiers.is_empty() => Some(Action::ToggleFullscreen),
        // No page can keep a person in full screen
        // (<https://fullscreen.spec.whatwg.org/#ui>).
        Key::Named(NamedKey::Escape) if modifiers.is_empty() && is_fullscreen => {
            Some(Action::ToggleFullscreen)
        }
        Key::Named(NamedKey::ArrowLeft) if modifiers == ModifiersState::ALT => Some(Action::Back),
        Key::Named(NamedKey::ArrowRight) if modifiers == ModifiersState::ALT => {
            Some(Action::Forward)
        }
        Key::Named(NamedKey::Tab) if is_only(ModifiersState::CONTROL) => {
            Some(Action::ActivateRelative(if modifiers.shift_key() {
                -1
            } else {
                1
            }))
        }
        Key::Character(text) if is_only(ModifiersState::CONTROL) => {
            // Only the zoom may need Shift, to reach its "+".
            let has_shift = modifiers.shift_key();
            match text.to_lowercase().as_str() {
                "+" | "=" => Some(Action::ZoomIn),
                "-" => Some(Action::ZoomOut),
                _ if has_shift => None,
                "0" => Some(Action::ZoomReset),
                "t" => Some(Action::NewTab),
                "w" => Some(Action::CloseActiveTab),
                "l" => Some(Action::FocusAddress),
                "r" => Some(Action::Reload),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Text that an input method is still composing.
#[derive(Default)]
pub struct Composition {
    is_under_way: bool,
}

impl Composition {
    /// The events of an input method, for the page. That a method is there, or no longer, is of no
    /// interest to the page: only what it composes is.
    pub fn events(&mut self, event: &Ime) -> Vec<CompositionEvent> {
        let (is_under_way, data) = match event {
            Ime::Preedit(text, _) => (!text.is_empty(), text.as_str()),
            Ime::Commit(text) => (false, text.as_str()),
            Ime::Enabled | Ime::Disabled => (false, ""),
        };
        let mut events = Vec::new();
        let mut add = |state, data: &str| {
            let data = data.to_owned();
            events.push(CompositionEvent { state, data });
        };
        let was_under_way = std::mem::replace(&mut self.is_under_way, is_under_way);
        let is_text = !data.is_empty();
        if !was_under_way && is_text {
            add(CompositionState::Start, "");
        }
        if is_under_way {
            add(CompositionState::Update, data);
        } else if was_under_way || is_text {
            add(CompositionState::End, data);
        }
        events
    }
}

/// The event of a wheel or touch pad, for the page.
pub fn wheel_event(delta: MouseScrollDelta, scale: f64, point: DevicePoint) -> InputEvent {
    let (x, y) = match delta {
        MouseScrollDelta::LineDelta(x, y) => {
            (f64::from(x) * LINE * scale, f64::from(y) * LINE * scale)
        }
        MouseScrollDelta::PixelDelta(delta) => (delta.x, delta.y),
    };
    let delta = WheelDelta {
        x,
        y,
        z: 0.0,
        mode: WheelMode::DeltaPixel,
    };
    InputEvent::Wheel(WheelEvent::new(delta, point.into()))
}

/// Which button of the mouse.
pub fn mouse_button(button: winit::event::MouseButton) -> MouseButton {
    match button {
        winit::event::MouseButton::Left => MouseButton::Primary,
        winit::event::MouseButton::Right => MouseButton::Secondary,
        winit::event::MouseButton::Middle => MouseButton::Auxiliary,
        winit::event::MouseButton::Back => MouseButton::Back,
        winit::event::MouseButton::Forward => MouseButton::Forward,
        winit::event::MouseButton::Other(number) => MouseButton::Other(number),
    }
}

/// What the button does.
pub fn mouse_action(state: ElementState) -> MouseButtonAction {
    match state {
        ElementState::Pressed => MouseButtonAction::Down,
        ElementState::Released => MouseButtonAction::Up,
    }
}

/// What the finger does.
pub fn touch_type(phase: TouchPhase) -> TouchEventType {
    match phase {
        TouchPhase::Started => TouchEventType::Down,
        TouchPhase::Moved => TouchEventType::Move,
        TouchPhase::Ended => TouchEventType::Up,
        TouchPhase::Cancelled => TouchEventType::Cancel,
    }
}

/// The shape of the pointer.
pub fn cursor_icon(cursor: Cursor) -> CursorIcon {
    match cursor {
        Cursor::None => CursorIcon::None,
        Cursor::Default => CursorIcon::Default,
        Cursor::Pointer => CursorIcon::PointingHand,
        Cursor::ContextMenu => CursorIcon::ContextMenu,
        Cursor::Help => CursorIcon::Help,
        Cursor::Progress => CursorIcon::Progress,
        Cursor::Wait => CursorIcon::Wait,
        Cursor::Cell => CursorIcon::Cell,
        Cursor::Crosshair => CursorIcon::Crosshair,
        Cursor::Text => CursorIcon::Text,
        Cursor::VerticalText => CursorIcon::VerticalText,
        Cursor::Alias => CursorIcon::Alias,
        Cursor::Copy => CursorIcon::Copy,
        Cursor::Move => CursorIcon::Move,
        Cursor::NoDrop => CursorIcon::NoDrop,
        Cursor::NotAllowed => CursorIcon::NotAllowed,
        Cursor::Grab => CursorIcon::Grab,
        Cursor::Grabbing => CursorIcon::Grabbing,
        Cursor::EResize => CursorIcon::ResizeEast,
        Cursor::NResize => CursorIcon::ResizeNorth,
        Cursor::NeResize => CursorIcon::ResizeNorthEast,
        Cursor::NwResize => CursorIcon::ResizeNorthWest,
        Cursor::SResize => CursorIcon::ResizeSouth,
        Cursor::SeResize => CursorIcon::ResizeSouthEast,
        Cursor::SwResize => CursorIcon::ResizeSouthWest,
        Cursor::WResize => CursorIcon::ResizeWest,
        Cursor::EwResize => CursorIcon::ResizeHorizontal,
        Cursor::NsResize => CursorIcon::ResizeVertical,
        Cursor::NeswResize => CursorIcon::ResizeNeSw,
        Cursor::NwseResize => CursorIcon::ResizeNwSe,
        Cursor::ColResize => CursorIcon::ResizeColumn,
        Cursor::RowResize => CursorIcon::ResizeRow,
        Cursor::AllScroll => CursorIcon::AllScroll,
        Cursor::ZoomIn => CursorIcon::ZoomIn,
        Cursor::ZoomOut => CursorIcon::ZoomOut,
    }
}

#[cfg(test)]
mod tests {
    use winit::keyboard::{Key as WinitKey, KeyCode, NamedKey as WinitNamedKey};

    use super::*;

    #[test]
    fn keys_keep_their_names() {
        let check = |from: WinitKey, to: Key| assert_eq!(key(&from), to);
        check(WinitKey::Character("ä".into()), Key::Character("ä".into()));
        check(
            WinitKey::Named(WinitNamedKey::Space),
            Key::Character(" ".into()),
        );
        for (from, to) in [
            (WinitNamedKey::Enter, NamedKey::Enter),
            (WinitNamedKey::ArrowUp, NamedKey::ArrowUp),
            (WinitNamedKey::PageDown, NamedKey::PageDown),
            (WinitNamedKey::Backspace, NamedKey::Backspace),
            (WinitNamedKey::F12, NamedKey::F12),
            (WinitNamedKey::Super, NamedKey::Meta),
            (WinitNamedKey::AltGraph, NamedKey::AltGraph),
            (WinitNamedKey::Escape, NamedKey::Escape),
        ] {
            check(WinitKey::Named(from), Key::Named(to));
        }
    }

    #[test]
    fn codes_keep_their_names() {
        for (from, to) in [
            (KeyCode::KeyA, Code::KeyA),
            (KeyCode::Digit1, Code::Digit1),
            (KeyCode::NumpadAdd, Code::NumpadAdd),
            (KeyCode::SuperLeft, Code::MetaLeft),
            (KeyCode::IntlBackslash, Code::IntlBackslash),
            (KeyCode::Backquote, Code::Backquote),
        ] {
            assert_eq!(code(PhysicalKey::Code(from)), to);
        }
    }

    #[test]
    fn shortcuts_need_exactly_their_modifiers() {
        let check = |key: Key, modifiers: ModifiersState, action: Option<Action>| {
            assert_eq!(
                shortcut_of(&key, modifiers, false),
                action,
                "{key:?} {modifiers:?}"
            );
        };
        let text = |text: &str| Key::Character(text.to_owned());
        let (control, shift, alt) = (
            ModifiersState::CONTROL,
            ModifiersState::SHIFT,
            ModifiersState::ALT,
        );
        check(text("t"), control, Some(Action::NewTab));
        check(text("t"), ModifiersState::empty(), None);
        check(text("T"), control | shift, None);
        check(text("t"), control | alt, None);
        check(text("+"), control | shift, Some(Action::ZoomIn));
        check(text("0"), control, Some(Action::ZoomReset));
        check(Key::Named(NamedKey::ArrowLeft), alt, Some(Action::Back));
        check(
            Key::Named(NamedKey::ArrowLeft),
            ModifiersState::empty(),
            None,
        );
        check(
            Key::Named(NamedKey::Tab),
            control | shift,
            Some(Action::ActivateRelative(-1)),
        );
        check(
            Key::Named(NamedKey::F5),
            ModifiersState::empty(),
            Some(Action::Reload),
        );
    }

    #[test]
    fn escape_leaves_full_screen_and_is_the_pages_otherwise() {
        let escape = Key::Named(NamedKey::Escape);
        let none = ModifiersState::empty();
        let leave = Some(Action::ToggleFullscreen);
        assert_eq!(shortcut_of(&escape, none, true), leave);
        assert_eq!(shortcut_of(&escape, none, false), None);
        assert_eq!(shortcut_of(&escape, ModifiersState::SHIFT, true), None);
    }

    #[test]
    fn a_composition_starts_with_its_text_and_ends_once() {
        let mut composition = Composition::default();
        let mut check = |event: Ime, expected: &[(CompositionState, &str)]| {
            let events = composition.events(&event);
            let events: Vec<_> = events
                .iter()
                .map(|event| (event.state, event.data.as_str()))
                .collect();
            assert_eq!(events, expected, "{event:?}");
        };
        use CompositionState::{End, Start, Update};
        check(Ime::Enabled, &[]);
        check(Ime::Preedit(String::new(), None), &[]);
        check(
            Ime::Preedit("か".into(), None),
            &[(Start, ""), (Update, "か")],
        );
        check(Ime::Preedit("かん".into(), None), &[(Update, "かん")]);
        check(Ime::Commit("漢".into()), &[(End, "漢")]);
        check(Ime::Commit("字".into()), &[(Start, ""), (End, "字")]);
        check(
            Ime::Preedit("x".into(), None),
            &[(Start, ""), (Update, "x")],
        );
        check(Ime::Disabled, &[(End, "")]);
        check(Ime::Disabled, &[]);
    }

    #[test]
    fn one_notch_scrolls_as_far_on_every_screen() {
        let scrolled = |scale: f64| {
            let delta = MouseScrollDelta::LineDelta(0.0, -1.0);
            match wheel_event(delta, scale, DevicePoint::zero()) {
                InputEvent::Wheel(event) => event.delta.y / scale,
                _ => f64::NAN,
            }
        };
        assert_eq!(scrolled(1.0), -LINE);
        assert_eq!(scrolled(2.0), -LINE);
    }
}
