/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The constrainable properties.

use std::fmt;

/// What a track carries; decides which constraints apply to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A constrainable property, in the order in which a failed one is named: that
/// of the dictionaries in Media Capture and Streams, then of Screen Capture
/// (<https://w3c.github.io/mediacapture-main/#constrainable-properties>,
/// <https://w3c.github.io/mediacapture-screen-share/#constrainable-properties-for-captured-display-surfaces>).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Property {
    /// Pixels of a frame from left to right.
    Width,
    /// Pixels of a frame from top to bottom.
    Height,
    /// Width divided by height, rounded to the tenth decimal place.
    AspectRatio,
    /// Frames per second.
    FrameRate,
    /// Where a camera looks.
    FacingMode,
    /// Whether frames are made smaller than the source.
    ResizeMode,
    /// Samples per second of sound.
    SampleRate,
    /// Bits of a sample of sound.
    SampleSize,
    /// Whether the echo is taken out of sound.
    EchoCancellation,
    /// Whether the loudness of sound is evened out.
    AutoGainControl,
    /// Whether noise is taken out of sound.
    NoiseSuppression,
    /// Seconds between sound and its data.
    Latency,
    /// Channels of sound.
    ChannelCount,
    /// The source, for one document.
    DeviceId,
    /// The device that the source is a part of, for one document.
    GroupId,
    /// The kind of captured surface.
    DisplaySurface,
    /// Whether the surface is captured whole, whatever covers it.
    LogicalSurface,
    /// Whether the pointer is in the frames.
    Cursor,
    /// Whether the sound of the capturing document is left out.
    RestrictOwnAudio,
    /// Whether captured sound is not played by the captured document.
    SuppressLocalAudioPlayback,
    /// Device pixels of the captured surface per CSS pixel.
    ScreenPixelRatio,
}

impl Property {
    /// The name of the member in the dictionaries, and of the failed constraint
    /// in an `OverconstrainedError`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Width => "width",
            Self::Height => "height",
            Self::AspectRatio => "aspectRatio",
            Self::FrameRate => "frameRate",
            Self::FacingMode => "facingMode",
            Self::ResizeMode => "resizeMode",
            Self::SampleRate => "sampleRate",
            Self::SampleSize => "sampleSize",
            Self::EchoCancellation => "echoCancellation",
            Self::AutoGainControl => "autoGainControl",
            Self::NoiseSuppression => "noiseSuppression",
            Self::Latency => "latency",
            Self::ChannelCount => "channelCount",
            Self::DeviceId => "deviceId",
            Self::GroupId => "groupId",
            Self::DisplaySurface => "displaySurface",
            Self::LogicalSurface => "logicalSurface",
            Self::Cursor => "cursor",
            Self::RestrictOwnAudio => "restrictOwnAudio",
            Self::SuppressLocalAudioPlayback => "suppressLocalAudioPlayback",
            Self::ScreenPixelRatio => "screenPixelRatio",
        }
    }

    /// Whether constraints on it are looked at; what is not supported is kept
    /// for `getConstraints()` and has no effect.
    ///
    /// Nothing here can turn a camera around or process sound, and screens are
    /// captured without their sound.
    pub fn is_supported(self) -> bool {
        !matches!(
            self,
            Self::FacingMode
                | Self::SampleSize
                | Self::EchoCancellation
                | Self::AutoGainControl
                | Self::NoiseSuppression
                | Self::Latency
                | Self::ChannelCount
                | Self::RestrictOwnAudio
                | Self::SuppressLocalAudioPlayback
        )
    }

    /// Whether constraints on it apply to tracks of this kind.
    pub fn applies_to(self, kind: TrackKind) -> bool {
        match self {
            Self::DeviceId | Self::GroupId => true,
            Self::SampleRate
            | Self::SampleSize
            | Self::EchoCancellation
            | Self::AutoGainControl
            | Self::NoiseSuppression
            | Self::Latency
            | Self::ChannelCount
            | Self::RestrictOwnAudio
            | Self::SuppressLocalAudioPlayback => kind == TrackKind::Audio,
            Self::Width
            | Self::Height
            | Self::AspectRatio
            | Self::FrameRate
            | Self::FacingMode
            | Self::ResizeMode
            | Self::DisplaySurface
            | Self::LogicalSurface
            | Self::Cursor
            | Self::ScreenPixelRatio => kind == TrackKind::Video,
        }
    }

    /// A value of the property as it is compared: an aspect ratio is rounded to
    /// the tenth decimal place, or 16 / 9 would not be the ratio of 16 to 9.
    pub(super) fn rounded(self, value: f64) -> f64 {
        if self == Self::AspectRatio {
            (value * 1e10).round() / 1e10
        } else {
            value
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
