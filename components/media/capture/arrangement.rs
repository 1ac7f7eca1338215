/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which tracks of a stream an element plays: pure functions.

use servo_capture_traits::StreamTrack;
use servo_capture_traits::constraints::TrackKind;
use servo_media_streams::registry::MediaStreamId;
use uuid::Uuid;

/// What the element has chosen among the video tracks
/// (<https://html.spec.whatwg.org/multipage/#dom-videotrack-selected>).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum VideoChoice {
    /// Nothing: the first live track is shown, until it ends or goes.
    #[default]
    First,
    /// This track, while it is live and there.
    Track(Uuid),
    /// No track at all.
    Nothing,
}

/// What of a stream is played, and by whom.
#[derive(Clone, Default, Eq, PartialEq)]
pub(crate) struct Arrangement {
    /// The id of the video track that is shown.
    pub(crate) shown: Option<Uuid>,
    /// Its source, if that is a capture.
    pub(crate) capture: Option<MediaStreamId>,
    /// What the inner player plays: sound, and a video that is no capture.
    pub(crate) others: Vec<MediaStreamId>,
    /// Whether the inner player shows a video.
    pub(crate) others_show: bool,
    /// Whether nothing is played and the element has ended, if it ever began:
    /// the stream is inactive, for an audio element inaudible
    /// (<https://w3c.github.io/mediacapture-main/#mediastreams-in-media-elements>).
    pub(crate) is_over: bool,
}

/// Arranges the tracks of a stream for a video or an audio element. `shown` is the
/// video track that it shows so far.
pub(crate) fn arrange(
    tracks: &[StreamTrack],
    is_video_element: bool,
    choice: VideoChoice,
    shown: Option<Uuid>,
    is_capture: impl Fn(MediaStreamId) -> bool,
) -> Arrangement {
    let live = || tracks.iter().filter(|track| !track.ended);
    let video = live().filter(|track| track.kind == TrackKind::Video && is_video_element);
    let find = |id: Option<Uuid>| video.clone().find(|track| Some(track.id) == id);
    let default = || find(shown).or_else(|| video.clone().next());
    let video = match choice {
        VideoChoice::First => default(),
        VideoChoice::Track(id) => find(Some(id)).or_else(default),
        VideoChoice::Nothing => None,
    };
    let audio = live().filter(|track| track.kind == TrackKind::Audio);
    let capture = video.filter(|track| is_capture(track.source));
    let other_video = video.filter(|track| !is_capture(track.source));
    Arrangement {
        shown: video.map(|track| track.id),
        capture: capture.map(|track| track.source),
        others: audio
            .clone()
            .filter(|track| !is_capture(track.source))
            .chain(other_video)
            .map(|track| track.source)
            .collect(),
        others_show: other_video.is_some(),
        is_over: if is_video_element {
            live().next().is_none()
        } else {
            audio.clone().next().is_none()
        },
    }
}

/// The ids of a stream's tracks, as a media element is told them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct TrackNames {
    pub(crate) audio: Vec<String>,
    pub(crate) video: Vec<String>,
}

impl TrackNames {
    pub(crate) fn of(tracks: &[StreamTrack]) -> Self {
        let names = |kind| {
            let tracks = tracks.iter().filter(move |track| track.kind == kind);
            tracks.map(|track| track.id.to_string()).collect()
        };
        Self {
            audio: names(TrackKind::Audio),
            video: names(TrackKind::Video),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use VideoChoice::{First, Nothing};

    fn track(kind: TrackKind) -> StreamTrack {
        StreamTrack {
            id: Uuid::new_v4(),
            source: MediaStreamId::new(),
            kind,
            ended: false,
        }
    }

    fn video() -> StreamTrack {
        track(TrackKind::Video)
    }

    fn ended(track: StreamTrack) -> StreamTrack {
        StreamTrack {
            ended: true,
            ..track
        }
    }

    #[track_caller]
    fn check_shown(
        tracks: &[StreamTrack],
        choice: VideoChoice,
        shown: Option<StreamTrack>,
        expected: Option<StreamTrack>,
    ) {
        let shown = shown.map(|track| track.id);
        let found = arrange(tracks, true, choice, shown, |_| true);
        assert_eq!(found.shown, expected.map(|track| track.id));
        let source = expected.map(|track| track.source);
        assert!(found.capture == source, "another source");
    }

    #[test]
    fn the_first_live_video_track_is_shown_until_it_ends_or_goes() {
        let (one, two) = (video(), video());
        check_shown(&[one, two], First, None, Some(one));
        check_shown(&[ended(one), two], First, None, Some(two));
        check_shown(&[one, two], First, Some(two), Some(two));
        check_shown(&[one, ended(two)], First, Some(two), Some(one));
        check_shown(&[one], First, Some(two), Some(one));
        check_shown(&[track(TrackKind::Audio)], First, Some(two), None);
        check_shown(&[], First, Some(two), None);
    }

    #[test]
    fn a_chosen_track_is_shown_while_it_is_live() {
        let (one, two) = (video(), video());
        let chosen = VideoChoice::Track(two.id);
        check_shown(&[one, two], chosen, Some(one), Some(two));
        check_shown(&[one, ended(two)], chosen, Some(two), Some(one));
        check_shown(&[one], chosen, Some(two), Some(one));
        check_shown(&[one, two], Nothing, Some(one), None);
    }

    #[test]
    fn captures_are_ours_and_the_rest_is_the_inner_players() {
        let (sound, capture, camera) = (track(TrackKind::Audio), video(), video());
        let tracks = [sound, capture, camera];
        let is_capture = |source| source == capture.source;
        let found = arrange(&tracks, true, First, None, is_capture);
        assert!(found.capture == Some(capture.source) && found.others == [sound.source]);
        assert!(!found.others_show);
        let choice = VideoChoice::Track(camera.id);
        let found = arrange(&tracks, true, choice, Some(capture.id), is_capture);
        assert!(found.capture.is_none() && found.others == [sound.source, camera.source]);
        assert!(found.others_show);
    }

    #[test]
    fn a_video_element_is_over_when_nothing_is_live_and_an_audio_element_when_nothing_sounds() {
        let (sound, picture) = (track(TrackKind::Audio), video());
        for (tracks, video_is_over, audio_is_over) in [
            (vec![sound, picture], false, false),
            (vec![ended(sound), picture], false, true),
            (vec![sound, ended(picture)], false, false),
            (vec![ended(sound), ended(picture)], true, true),
            (vec![], true, true),
        ] {
            let video = arrange(&tracks, true, First, None, |_| false);
            assert_eq!(video.is_over, video_is_over, "{tracks:?}");
            let audio = arrange(&tracks, false, First, None, |_| false);
            assert_eq!(audio.is_over, audio_is_over, "{tracks:?}");
            assert!(audio.shown.is_none() && !audio.others_show);
        }
    }
}
