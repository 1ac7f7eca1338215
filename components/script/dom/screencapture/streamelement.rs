/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Media elements whose media provider object is a `MediaStream`
//! (<https://w3c.github.io/mediacapture-main/#mediastreams-in-media-elements>).

use std::borrow::Cow;

use js::context::JSContext;
use servo_media::player::metadata::Metadata;

use crate::dom::audiotrack::AudioTrack;
use crate::dom::audiotracklist::AudioTrackList;
use crate::dom::bindings::codegen::Bindings::HTMLMediaElementBinding::HTMLMediaElementMethods;
use crate::dom::bindings::codegen::Bindings::MediaStreamTrackBinding::MediaStreamTrackMethods;
use crate::dom::bindings::codegen::UnionTypes::VideoTrackOrAudioTrackOrTextTrack;
use crate::dom::bindings::conversions::DerivedFrom;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::str::DOMString;
use crate::dom::event::Event;
use crate::dom::eventtarget::EventTarget;
use crate::dom::html::htmlmediaelement::{HTMLMediaElement, ReadyState};
use crate::dom::html::htmlvideoelement::HTMLVideoElement;
use crate::dom::mediastream::MediaStream;
use crate::dom::mediastreamtrack::MediaStreamTrack;
use crate::dom::trackevent::TrackEvent;
use crate::dom::videotrack::VideoTrack;
use crate::dom::videotracklist::VideoTrackList;
use crate::dom::window::Window;

/// The player tells size and tracks of what it plays. Returns what Servo's own
/// steps are to be run with, which are run once.
pub(crate) fn metadata_updated<'a>(
    element: &HTMLMediaElement,
    cx: &mut JSContext,
    metadata: &'a Metadata,
) -> Option<Cow<'a, Metadata>> {
    let Some(stream) = element.assigned_stream() else {
        return Some(Cow::Borrowed(metadata));
    };
    let audio = element.AudioTracks(cx);
    update_tracks(element, cx, &stream, &*audio, &metadata.audio_tracks);
    let video = element.VideoTracks(cx);
    let lost_selection = update_tracks(element, cx, &stream, &*video, &metadata.video_tracks);
    select_live(&stream, &video, lost_selection);
    if element.get_ready_state() == ReadyState::HaveNothing {
        // The tracks are listed already.
        return Some(Cow::Owned(Metadata {
            audio_tracks: Vec::new(),
            video_tracks: Vec::new(),
            ..metadata.clone()
        }));
    }
    // An element that has ended goes on by itself only when it has `autoplay`, or
    // if play() was called since.
    if element.Autoplay() || !element.Paused() {
        restart_if_ended(element, cx);
    }
    if metadata.width == 0
        && element.is::<HTMLVideoElement>()
        && shows_nothing(element, cx, &stream)
    {
        element.stop_showing(cx);
    }
    None
}

/// Whether no video track is shown, as of now: the player may show another one
/// since it told that.
fn shows_nothing(element: &HTMLMediaElement, cx: &mut JSContext, stream: &MediaStream) -> bool {
    let is_shown =
        |track: &MediaStreamTrack| !track.capture().is_ended() && track.Kind() == "video";
    let list = element.VideoTracks(cx);
    let is_deselected = list.len() > 0 && list.selected_index().is_none();
    is_deselected || !stream.get_tracks().iter().any(|track| is_shown(track))
}

/// An element has ended playback when its stream became inactive (inaudible, for
/// an audio element). When it is active again and the element is played on, it
/// has not ended any more, and its timeline goes on.
pub(crate) fn restart_if_ended(element: &HTMLMediaElement, cx: &mut JSContext) {
    let Some(stream) = element.assigned_stream() else {
        return;
    };
    let is_video = element.is::<HTMLVideoElement>();
    let plays = |track: &MediaStreamTrack| {
        !track.capture().is_ended() && (is_video || track.Kind() == "audio")
    };
    if element.Ended() && stream.get_tracks().iter().any(|track| plays(track)) {
        element.extend_stream(cx);
    }
}

/// The members of `HTMLMediaElement` that need its private state.
macro_rules! html_media_element_members {
    () => {
        /// The stream that is the media provider object, if one is.
        pub(crate) fn assigned_stream(&self) -> Option<DomRoot<MediaStream>> {
            match &*self.src_object.borrow() {
                Some(SrcObject::MediaStream(stream)) => Some(DomRoot::from_ref(stream)),
                _ => None,
            }
        }

        /// Whether the media provider object is a stream.
        pub(crate) fn has_stream(&self) -> bool {
            matches!(*self.src_object.borrow(), Some(SrcObject::MediaStream(_)))
        }

        /// Whether it shows its poster, if it has one, and no frame.
        pub(crate) fn shows_poster(&self) -> bool {
            self.show_poster.get()
        }

        /// The stream, which was at its end, has no end again.
        pub(crate) fn extend_stream(&self, cx: &mut JSContext) {
            self.duration.set(f64::INFINITY);
            self.queue_media_element_task_to_fire_event(atom!("durationchange"));
            self.change_ready_state(cx, ReadyState::HaveEnoughData);
        }

        /// No video track is shown any more: the element has no natural size and
        /// shows nothing.
        pub(crate) fn stop_showing(&self, cx: &mut JSContext) {
            {
                let mut renderer = self.video_renderer.lock().unwrap();
                let player = renderer.player_id;
                renderer.reset();
                renderer.player_id = player;
            }
            if let Some(video) = self.downcast::<HTMLVideoElement>()
                && video.set_natural_dimensions(cx.no_gc(), None, None)
            {
                self.queue_media_element_task_to_fire_event(atom!("resize"));
            }
        }
    };
}
pub(crate) use html_media_element_members;

/// The track of a stream that a track of an element stands for.
fn find_track(stream: &MediaStream, id: &DOMString) -> Option<DomRoot<MediaStreamTrack>> {
    let tracks = stream.get_tracks();
    let found = tracks.iter().find(|track| track.Id() == *id);
    found.map(|track| DomRoot::from_ref(&**track))
}

fn label_of(stream: &MediaStream, id: &DOMString) -> DOMString {
    find_track(stream, id).map_or_else(DOMString::new, |track| track.Label())
}

/// The kind of every track of a stream.
fn kind() -> DOMString {
    DOMString::from_static("main")
}

enum Change {
    Added,
    Removed,
}

/// Fires `addtrack` or `removetrack` at a list of an element's tracks.
fn fire(
    element: &HTMLMediaElement,
    cx: &mut JSContext,
    list: &EventTarget,
    change: Change,
    track: VideoTrackOrAudioTrackOrTextTrack,
) {
    let event = TrackEvent::new(
        cx,
        element.global().as_window(),
        match change {
            Change::Added => atom!("addtrack"),
            Change::Removed => atom!("removetrack"),
        },
        false,
        false,
        &Some(track),
    );
    event.upcast::<Event>().fire(cx, list);
}

/// What the lists of an element's audio and of its video tracks have in common.
trait TrackList: Castable + DerivedFrom<EventTarget> {
    /// The ids of its tracks, in order.
    fn ids(&self) -> Vec<DOMString>;

    /// Whether the track is enabled or selected.
    fn is_chosen(&self, index: usize) -> bool;

    /// Takes a track out.
    fn take(&self, index: usize) -> Option<VideoTrackOrAudioTrackOrTextTrack>;

    /// Adds a track. It is chosen if no other is.
    fn append(
        &self,
        cx: &mut JSContext,
        window: &Window,
        id: DOMString,
        label: DOMString,
    ) -> VideoTrackOrAudioTrackOrTextTrack;
}

impl TrackList for AudioTrackList {
    fn ids(&self) -> Vec<DOMString> {
        let tracks = (0..self.len()).filter_map(|index| self.item(index));
        tracks.map(|track| track.id()).collect()
    }

    fn is_chosen(&self, index: usize) -> bool {
        self.item(index).is_some_and(|track| track.enabled())
    }

    fn take(&self, index: usize) -> Option<VideoTrackOrAudioTrackOrTextTrack> {
        let track = self.item(index)?;
        self.remove(index);
        Some(VideoTrackOrAudioTrackOrTextTrack::AudioTrack(track))
    }

    fn append(
        &self,
        cx: &mut JSContext,
        window: &Window,
        id: DOMString,
        label: DOMString,
    ) -> VideoTrackOrAudioTrackOrTextTrack {
        let language = DOMString::new();
        let track = AudioTrack::new(cx, window, id, kind(), label, language, Some(self));
        self.add(&track);
        if self.enabled_index().is_none() {
            self.set_enabled(self.len() - 1, true);
        }
        VideoTrackOrAudioTrackOrTextTrack::AudioTrack(track)
    }
}

impl TrackList for VideoTrackList {
    fn ids(&self) -> Vec<DOMString> {
        let tracks = (0..self.len()).filter_map(|index| self.item(index));
        tracks.map(|track| track.id()).collect()
    }

    fn is_chosen(&self, index: usize) -> bool {
        self.item(index).is_some_and(|track| track.selected())
    }

    fn take(&self, index: usize) -> Option<VideoTrackOrAudioTrackOrTextTrack> {
        let track = self.item(index)?;
        self.remove(index);
        Some(VideoTrackOrAudioTrackOrTextTrack::VideoTrack(track))
    }

    fn append(
        &self,
        cx: &mut JSContext,
        window: &Window,
        id: DOMString,
        label: DOMString,
    ) -> VideoTrackOrAudioTrackOrTextTrack {
        let language = DOMString::new();
        let track = VideoTrack::new(cx, window, id, kind(), label, language, Some(self));
        self.add(&track);
        if self.selected_index().is_none() {
            self.set_selected(self.len() - 1, true);
        }
        VideoTrackOrAudioTrackOrTextTrack::VideoTrack(track)
    }
}

/// Makes a list of tracks that of the stream. Returns whether a chosen track was
/// taken out.
fn update_tracks(
    element: &HTMLMediaElement,
    cx: &mut JSContext,
    stream: &MediaStream,
    list: &impl TrackList,
    names: &[String],
) -> bool {
    let is_gone = |id: &DOMString| !names.iter().any(|name| *id == name.as_str());
    let mut lost_choice = false;
    // The list is looked at anew each time: the event runs script.
    while let Some(index) = list.ids().iter().rposition(is_gone) {
        let was_chosen = list.is_chosen(index);
        let Some(track) = list.take(index) else {
            break;
        };
        lost_choice |= was_chosen;
        fire(element, cx, list.upcast(), Change::Removed, track);
    }
    for name in names {
        let id = DOMString::from(name.as_str());
        if list.ids().contains(&id) {
            continue;
        }
        let label = label_of(stream, &id);
        let track = list.append(cx, element.global().as_window(), id, label);
        fire(element, cx, list.upcast(), Change::Added, track);
    }
    lost_choice
}

/// Not in the spec: selects another track when the selected one has ended, as the
/// current data of a stream must be shown. The player shows another one by the
/// same rule.
fn select_live(stream: &MediaStream, list: &VideoTrackList, lost_selection: bool) {
    let is_live = |index: usize| {
        let track = list.item(index);
        let track = track.and_then(|track| find_track(stream, &track.id()));
        track.is_some_and(|track| !track.capture().is_ended())
    };
    let is_needed = match list.selected_index() {
        Some(selected) => !is_live(selected),
        // Nothing is selected because script said so, or was never anything.
        None => lost_selection,
    };
    if is_needed && let Some(index) = (0..list.len()).find(|index| is_live(*index)) {
        list.set_selected(index, true);
    }
}
