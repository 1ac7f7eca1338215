/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The dictionaries of constraints, capabilities and settings, to and from the
//! words that the selection of settings knows.

use servo_capture_traits::constraints::{
    ConstrainBoolean, ConstrainNumber, ConstrainText, Constraint, ConstraintSet, Constraints,
    Property, ResizeMode, SurfaceCapabilities, Texts, TrackSettings,
};

use crate::dom::bindings::codegen::Bindings::CaptureMediaStreamTrackBinding::MediaTrackSettings;
use crate::dom::bindings::codegen::Bindings::MediaDevicesBinding::{
    ConstrainDoubleRange, ConstrainULongRange, DoubleRange, MediaTrackConstraintSet,
    MediaTrackConstraints, ULongRange,
};
use crate::dom::bindings::codegen::Bindings::MediaTrackConstraintsBinding::{
    ConstrainBooleanParameters, ConstrainDOMStringParameters, MediaTrackCapabilities,
    MediaTrackSupportedConstraints,
};
use crate::dom::bindings::codegen::UnionTypes::{
    BooleanOrConstrainBooleanParameters as BooleanUnion,
    ClampedUnsignedLongOrConstrainULongRange as ULongUnion,
    DoubleOrConstrainDoubleRange as DoubleUnion, StringOrStringSequence as TextsUnion,
    StringOrStringSequenceOrConstrainDOMStringParameters as TextUnion,
};
use crate::dom::bindings::num::Finite;
use crate::dom::bindings::str::DOMString;

/// What a page asks for, out of its dictionary.
pub(crate) fn constraints_of(dictionary: &MediaTrackConstraints) -> Constraints {
    Constraints {
        basic: set_of(&dictionary.parent),
        advanced: dictionary
            .advanced
            .as_ref()
            .map(|sets| sets.iter().map(set_of).collect()),
    }
}

fn set_of(dictionary: &MediaTrackConstraintSet) -> ConstraintSet {
    let ulong = |member: &Option<ULongUnion>| member.as_ref().map(from_ulong);
    let double = |member: &Option<DoubleUnion>| member.as_ref().map(from_double);
    let text = |member: &Option<TextUnion>| member.as_ref().map(from_text);
    let boolean = |member: &Option<BooleanUnion>| member.as_ref().map(from_boolean);
    let members = [
        (Property::Width, ulong(&dictionary.width)),
        (Property::Height, ulong(&dictionary.height)),
        (Property::AspectRatio, double(&dictionary.aspectRatio)),
        (Property::FrameRate, double(&dictionary.frameRate)),
        (Property::FacingMode, text(&dictionary.facingMode)),
        (Property::ResizeMode, text(&dictionary.resizeMode)),
        (Property::SampleRate, ulong(&dictionary.sampleRate)),
        (Property::SampleSize, ulong(&dictionary.sampleSize)),
        (
            Property::EchoCancellation,
            boolean(&dictionary.echoCancellation),
        ),
        (
            Property::AutoGainControl,
            boolean(&dictionary.autoGainControl),
        ),
        (
            Property::NoiseSuppression,
            boolean(&dictionary.noiseSuppression),
        ),
        (Property::Latency, double(&dictionary.latency)),
        (Property::ChannelCount, ulong(&dictionary.channelCount)),
        (Property::DeviceId, text(&dictionary.deviceId)),
        (Property::GroupId, text(&dictionary.groupId)),
        (Property::DisplaySurface, text(&dictionary.displaySurface)),
        (
            Property::LogicalSurface,
            boolean(&dictionary.logicalSurface),
        ),
        (Property::Cursor, text(&dictionary.cursor)),
        (
            Property::RestrictOwnAudio,
            boolean(&dictionary.restrictOwnAudio),
        ),
        (
            Property::SuppressLocalAudioPlayback,
            boolean(&dictionary.suppressLocalAudioPlayback),
        ),
        (
            Property::ScreenPixelRatio,
            double(&dictionary.screenPixelRatio),
        ),
    ];
    members
        .into_iter()
        .filter_map(|(property, constraint)| Some((property, constraint?)))
        .collect()
}

fn from_ulong(member: &ULongUnion) -> Constraint {
    Constraint::Number(match member {
        ULongUnion::ClampedUnsignedLong(value) => ConstrainNumber::Bare(f64::from(*value)),
        ULongUnion::ConstrainULongRange(range) => ConstrainNumber::Range {
            min: range.parent.min.map(f64::from),
            max: range.parent.max.map(f64::from),
            exact: range.exact.map(f64::from),
            ideal: range.ideal.map(f64::from),
        },
    })
}

fn from_double(member: &DoubleUnion) -> Constraint {
    Constraint::Number(match member {
        DoubleUnion::Double(value) => ConstrainNumber::Bare(**value),
        DoubleUnion::ConstrainDoubleRange(range) => ConstrainNumber::Range {
            min: range.parent.min.map(|value| *value),
            max: range.parent.max.map(|value| *value),
            exact: range.exact.map(|value| *value),
            ideal: range.ideal.map(|value| *value),
        },
    })
}

fn from_text(member: &TextUnion) -> Constraint {
    Constraint::Text(match member {
        TextUnion::String(text) => ConstrainText::Bare(Texts::One(text.to_string())),
        TextUnion::StringSequence(texts) => ConstrainText::Bare(several(texts)),
        TextUnion::ConstrainDOMStringParameters(parameters) => ConstrainText::Parameters {
            exact: parameters.exact.as_ref().map(from_texts),
            ideal: parameters.ideal.as_ref().map(from_texts),
        },
    })
}

fn from_texts(member: &TextsUnion) -> Texts {
    match member {
        TextsUnion::String(text) => Texts::One(text.to_string()),
        TextsUnion::StringSequence(texts) => several(texts),
    }
}

fn several(texts: &[DOMString]) -> Texts {
    Texts::Several(texts.iter().map(|text| text.to_string()).collect())
}

fn from_boolean(member: &BooleanUnion) -> Constraint {
    Constraint::Boolean(match member {
        BooleanUnion::Boolean(value) => ConstrainBoolean::Bare(*value),
        BooleanUnion::ConstrainBooleanParameters(parameters) => ConstrainBoolean::Parameters {
            exact: parameters.exact,
            ideal: parameters.ideal,
        },
    })
}

/// What a page asked for, as it wrote it: `getConstraints()`.
pub(crate) fn constraints_dictionary(constraints: &Constraints) -> MediaTrackConstraints {
    let mut dictionary = MediaTrackConstraints::empty();
    dictionary.parent = set_dictionary(&constraints.basic);
    dictionary.advanced = constraints
        .advanced
        .as_ref()
        .map(|sets| sets.iter().map(set_dictionary).collect());
    dictionary
}

fn set_dictionary(set: &ConstraintSet) -> MediaTrackConstraintSet {
    let number = |property| match set.get(&property) {
        Some(Constraint::Number(number)) => Some(number),
        _ => None,
    };
    let ulong = |property| number(property).map(to_ulong);
    let double = |property| number(property).map(to_double);
    let text = |property| match set.get(&property) {
        Some(Constraint::Text(text)) => Some(to_text(text)),
        _ => None,
    };
    let boolean = |property| match set.get(&property) {
        Some(Constraint::Boolean(boolean)) => Some(to_boolean(boolean)),
        _ => None,
    };
    MediaTrackConstraintSet {
        width: ulong(Property::Width),
        height: ulong(Property::Height),
        aspectRatio: double(Property::AspectRatio),
        frameRate: double(Property::FrameRate),
        facingMode: text(Property::FacingMode),
        resizeMode: text(Property::ResizeMode),
        sampleRate: ulong(Property::SampleRate),
        sampleSize: ulong(Property::SampleSize),
        echoCancellation: boolean(Property::EchoCancellation),
        autoGainControl: boolean(Property::AutoGainControl),
        noiseSuppression: boolean(Property::NoiseSuppression),
        latency: double(Property::Latency),
        channelCount: ulong(Property::ChannelCount),
        deviceId: text(Property::DeviceId),
        groupId: text(Property::GroupId),
        displaySurface: text(Property::DisplaySurface),
        logicalSurface: boolean(Property::LogicalSurface),
        cursor: text(Property::Cursor),
        restrictOwnAudio: boolean(Property::RestrictOwnAudio),
        suppressLocalAudioPlayback: boolean(Property::SuppressLocalAudioPlayback),
        screenPixelRatio: double(Property::ScreenPixelRatio),
    }
}

fn to_ulong(number: &ConstrainNumber) -> ULongUnion {
    // Every value was one of `unsigned long`.
    let ulong = |value: f64| value as u32;
    match number {
        ConstrainNumber::Bare(value) => ULongUnion::ClampedUnsignedLong(ulong(*value)),
        ConstrainNumber::Range {
            min,
            max,
            exact,
            ideal,
        } => ULongUnion::ConstrainULongRange(ConstrainULongRange {
            parent: ULongRange {
                min: min.map(ulong),
                max: max.map(ulong),
            },
            exact: exact.map(ulong),
            ideal: ideal.map(ulong),
        }),
    }
}

fn to_double(number: &ConstrainNumber) -> DoubleUnion {
    match number {
        // Every value was finite.
        ConstrainNumber::Bare(value) => {
            DoubleUnion::Double(Finite::new(*value).unwrap_or_default())
        }
        ConstrainNumber::Range {
            min,
            max,
            exact,
            ideal,
        } => DoubleUnion::ConstrainDoubleRange(ConstrainDoubleRange {
            parent: DoubleRange {
                min: min.and_then(Finite::new),
                max: max.and_then(Finite::new),
            },
            exact: exact.and_then(Finite::new),
            ideal: ideal.and_then(Finite::new),
        }),
    }
}

fn to_text(text: &ConstrainText) -> TextUnion {
    match text {
        ConstrainText::Bare(Texts::One(text)) => TextUnion::String(text.as_str().into()),
        ConstrainText::Bare(Texts::Several(texts)) => TextUnion::StringSequence(strings(texts)),
        ConstrainText::Parameters { exact, ideal } => {
            TextUnion::ConstrainDOMStringParameters(ConstrainDOMStringParameters {
                exact: exact.as_ref().map(to_texts),
                ideal: ideal.as_ref().map(to_texts),
            })
        }
    }
}

fn to_texts(texts: &Texts) -> TextsUnion {
    match texts {
        Texts::One(text) => TextsUnion::String(text.as_str().into()),
        Texts::Several(texts) => TextsUnion::StringSequence(strings(texts)),
    }
}

fn strings(texts: &[String]) -> Vec<DOMString> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

fn to_boolean(boolean: &ConstrainBoolean) -> BooleanUnion {
    match boolean {
        ConstrainBoolean::Bare(value) => BooleanUnion::Boolean(*value),
        ConstrainBoolean::Parameters { exact, ideal } => {
            BooleanUnion::ConstrainBooleanParameters(ConstrainBooleanParameters {
                exact: *exact,
                ideal: *ideal,
            })
        }
    }
}

/// `getCapabilities()` of a capture track.
pub(crate) fn capabilities_dictionary(surface: &SurfaceCapabilities) -> MediaTrackCapabilities {
    let length = |max| {
        Some(ULongRange {
            min: Some(1),
            max: Some(max),
        })
    };
    let range = |min, max| {
        Some(DoubleRange {
            min: Finite::new(min),
            max: Finite::new(max),
        })
    };
    let (flattest, tallest) = surface.aspect_ratios();
    let mut dictionary = MediaTrackCapabilities::empty();
    dictionary.width = length(surface.size.width);
    dictionary.height = length(surface.size.height);
    dictionary.aspectRatio = range(flattest, tallest);
    dictionary.frameRate = range(0.0, surface.max_frame_rate);
    let modes = ResizeMode::ALL.iter().map(|mode| mode.as_str().into());
    dictionary.resizeMode = Some(modes.collect());
    dictionary.deviceId = Some(surface.device_id.as_str().into());
    dictionary.groupId = Some(surface.group_id.as_str().into());
    dictionary.displaySurface = Some(surface.display_surface.to_string().into());
    dictionary.logicalSurface = Some(surface.logical_surface);
    let cursors = surface
        .cursors
        .iter()
        .map(|cursor| cursor.to_string().into());
    dictionary.cursor = Some(cursors.collect());
    dictionary.screenPixelRatio = range(surface.screen_pixel_ratio, surface.screen_pixel_ratio);
    dictionary
}

/// `getCapabilities()` of a track whose source tells no more than its settings.
pub(crate) fn fixed_capabilities_dictionary(settings: &TrackSettings) -> MediaTrackCapabilities {
    let mut dictionary = MediaTrackCapabilities::empty();
    dictionary.deviceId = settings.device_id.as_deref().map(DOMString::from);
    dictionary.groupId = settings.group_id.as_deref().map(DOMString::from);
    dictionary
}

/// `getSettings()`.
pub(crate) fn settings_dictionary(settings: &TrackSettings) -> MediaTrackSettings {
    let mut dictionary = MediaTrackSettings::empty();
    dictionary.width = settings.width;
    dictionary.height = settings.height;
    dictionary.aspectRatio = settings.aspect_ratio().and_then(Finite::new);
    dictionary.frameRate = settings.frame_rate.and_then(Finite::new);
    dictionary.resizeMode = settings.resize_mode.map(|mode| mode.as_str().into());
    dictionary.deviceId = settings.device_id.as_deref().map(DOMString::from);
    dictionary.groupId = settings.group_id.as_deref().map(DOMString::from);
    dictionary.displaySurface = settings
        .display_surface
        .map(|surface| surface.to_string().into());
    dictionary.logicalSurface = settings.logical_surface;
    dictionary.cursor = settings.cursor.map(|cursor| cursor.to_string().into());
    dictionary.screenPixelRatio = settings.screen_pixel_ratio.and_then(Finite::new);
    dictionary
}

/// <https://w3c.github.io/mediacapture-main/#dom-mediadevices-getsupportedconstraints>
pub(crate) fn supported_constraints() -> MediaTrackSupportedConstraints {
    // A property that is not supported has no member, as in every browser.
    let supported = |property: Property| property.is_supported().then_some(true);
    MediaTrackSupportedConstraints {
        width: supported(Property::Width),
        height: supported(Property::Height),
        aspectRatio: supported(Property::AspectRatio),
        frameRate: supported(Property::FrameRate),
        facingMode: supported(Property::FacingMode),
        resizeMode: supported(Property::ResizeMode),
        sampleRate: supported(Property::SampleRate),
        sampleSize: supported(Property::SampleSize),
        echoCancellation: supported(Property::EchoCancellation),
        autoGainControl: supported(Property::AutoGainControl),
        noiseSuppression: supported(Property::NoiseSuppression),
        latency: supported(Property::Latency),
        channelCount: supported(Property::ChannelCount),
        deviceId: supported(Property::DeviceId),
        groupId: supported(Property::GroupId),
        displaySurface: supported(Property::DisplaySurface),
        logicalSurface: supported(Property::LogicalSurface),
        cursor: supported(Property::Cursor),
        restrictOwnAudio: supported(Property::RestrictOwnAudio),
        suppressLocalAudioPlayback: supported(Property::SuppressLocalAudioPlayback),
        screenPixelRatio: supported(Property::ScreenPixelRatio),
    }
}
