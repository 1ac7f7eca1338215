/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What pages and the shell hear of each other about the screens.

use std::sync::OnceLock;

use euclid::{Box2D, Point2D};
use parking_lot::Mutex;
use servo_base::id::{TEST_WEBVIEW_ID, WebViewId};
use servo_capture_traits::{
    ScreenList, ScreensError, ScreensEvent, ScreensGrant, ScreensPermission, ScreensReply,
    ScreensRequest,
};

use super::*;
use crate::core::CaptureNotice;
use crate::service::{CaptureEmbedder, ScreensQuestion, ServiceLink};

/// A shell with a person who gives the answers that a test wants, in order.
#[derive(Default)]
struct Person {
    answers: Mutex<Vec<Option<bool>>>,
    asked: Mutex<Vec<(String, WebViewId)>>,
    link: OnceLock<ServiceLink>,
}

impl CaptureEmbedder for Person {
    fn notify(&self, _: CaptureNotice) {}

    fn started(&self, link: ServiceLink) {
        assert!(self.link.set(link).is_ok());
    }

    fn ask_about_screens(&self, question: ScreensQuestion) {
        let asked = (question.origin.clone(), question.webview);
        self.asked.lock().push(asked);
        match self.answers.lock().remove(0) {
            Some(allows) => question.answer(allows),
            None => drop(question),
        }
    }
}

struct Screens {
    layout: SyntheticLayout,
    log: IndicatorLog,
    person: Arc<Person>,
    handle: CaptureServiceHandle,
    client: CaptureClient,
}

impl Screens {
    fn new(answers: &[Option<bool>], is_automated: bool) -> Self {
        let layout = SyntheticLayout::empty();
        layout.plug(0, 0, 400, 300);
        layout.plug(400, 0, 320, 200);
        let log = IndicatorLog::counting_with(Arc::default());
        let shown = log.clone();
        let person = Arc::new(Person {
            answers: Mutex::new(answers.to_vec()),
            ..Person::default()
        });
        let (_, desk) = control(CapturePolicy::default());
        let handle = Service {
            policy: CapturePolicy::default(),
            desk,
            posting: Posting::Directly,
            record: RecordSettings::default(),
            policy_problems: Vec::new(),
            is_automated,
            embedder: person.clone(),
            grabber: layout.factory(),
            marks: Marks::default(),
            indicator: Box::new(move || Ok(Box::new(SyntheticIndicator::new(shown.clone())))),
            desktop: FakeDesktop::new().1,
            embedder_notices: bounded(1).1,
        }
        .start();
        let client = introduce(&handle, TEST_PIPELINE_ID, HOST);
        Self {
            layout,
            log,
            person,
            handle,
            client,
        }
    }

    fn ask(&self) -> Result<ScreensGrant, ScreensError> {
        let (sender, receiver) = channel();
        let reply = GenericCallback::new(move |reply: Result<ScreensReply, _>| {
            sender.send(reply.unwrap().0).unwrap();
        });
        let request = ScreensRequest::Details {
            pipeline: TEST_PIPELINE_ID,
            webview: TEST_WEBVIEW_ID,
            origin: ORIGIN.to_owned(),
            has_activation: true,
            reply: reply.unwrap(),
        };
        self.client.send(CaptureRequest::Screens(request)).unwrap();
        receiver.recv_timeout(PATIENCE).unwrap()
    }

    fn watch(&self) -> Receiver<ScreensEvent> {
        let (sender, receiver) = channel();
        let sink = GenericCallback::new(move |event: Result<ScreensEvent, _>| {
            // Err: the test has seen enough.
            let _ = sender.send(event.unwrap());
        });
        let request = ScreensRequest::WatchAll {
            pipeline: TEST_PIPELINE_ID,
            sink: sink.unwrap(),
        };
        self.client.send(CaptureRequest::Screens(request)).unwrap();
        receiver
    }

    fn permission(&self) -> ScreensPermission {
        let origin = ORIGIN.to_owned();
        let ask = |reply| ScreensRequest::Permission { origin, reply };
        self.client.ask_screens(ask).unwrap()
    }

    fn is_extended(&self) -> bool {
        let pipeline = TEST_PIPELINE_ID;
        let ask = |reply| ScreensRequest::IsExtended { pipeline, reply };
        self.client.ask_screens(ask).unwrap()
    }
}

impl Drop for Screens {
    fn drop(&mut self) {
        self.handle.exit();
        // Whatever was asked, nobody was told of a capture.
        assert!(self.log.history().is_empty());
    }
}

fn next(events: &Receiver<ScreensEvent>) -> ScreenList {
    match events.recv_timeout(PATIENCE).unwrap() {
        ScreensEvent::All(list) => list,
        event => panic!("{event:?}"),
    }
}

#[test]
fn the_person_is_asked_once_and_the_page_is_told_until_it_is_gone() {
    let screens = Screens::new(&[None, Some(true)], false);
    assert_eq!(screens.permission(), ScreensPermission::Prompt);
    assert_eq!(screens.ask(), Err(ScreensError::NotAnswered));
    assert_eq!(screens.permission(), ScreensPermission::Prompt);
    let grant = screens.ask().unwrap();
    assert!(!grant.is_watched);
    assert_eq!(screens.permission(), ScreensPermission::Granted);
    let asked = (ORIGIN.to_owned(), TEST_WEBVIEW_ID);
    assert_eq!(*screens.person.asked.lock(), [asked.clone(), asked]);

    let events = screens.watch();
    assert_eq!(next(&events), grant.list);
    assert!(screens.ask().unwrap().is_watched);
    assert!(screens.is_extended());
    let third = screens.layout.plug(720, 0, 100, 100);
    let list = next(&events);
    assert_eq!(list.screens[..2], grant.list.screens[..]);
    assert_eq!(list.screens.len(), 3);
    screens.layout.unplug(third);
    assert_eq!(next(&events), grant.list);

    // The window goes to the second monitor.
    let place = Box2D::new(Point2D::new(500, 10), Point2D::new(600, 100));
    screens.person.link.get().unwrap().window_moved(Some(place));
    let moved = next(&events);
    assert_eq!(moved.current, grant.list.screens[1].0);

    screens.handle.pipeline_gone(TEST_PIPELINE_ID);
    let closed = events.recv_timeout(PATIENCE);
    assert_eq!(closed, Err(RecvTimeoutError::Disconnected));
    assert_eq!(screens.ask(), Err(ScreensError::DocumentInactive));
    assert!(!screens.is_extended());
}

#[test]
fn a_no_is_kept_and_script_cannot_undo_it_but_webdriver_can() {
    for is_automated in [false, true] {
        let screens = Screens::new(&[Some(false)], is_automated);
        assert_eq!(screens.ask(), Err(ScreensError::Denied));
        assert_eq!(screens.ask(), Err(ScreensError::Denied));
        assert_eq!(screens.person.asked.lock().len(), 1);
        let set = |done| ScreensRequest::SetPermission {
            origin: ORIGIN.to_owned(),
            state: ScreensPermission::Granted,
            done,
        };
        screens.client.ask_screens(set).unwrap();
        assert_eq!(screens.ask().is_ok(), is_automated);
    }
}

#[test]
fn a_display_server_that_comes_back_is_told_of() {
    let screens = Screens::new(&[Some(true)], false);
    screens.ask().unwrap();
    let events = screens.watch();
    next(&events);
    screens.layout.disconnect("killed");
    let deadline = Instant::now() + PATIENCE;
    while screens.ask().is_ok() {
        assert!(Instant::now() < deadline, "the loss was not noticed");
    }
    screens.layout.plug(720, 0, 100, 100);
    screens.layout.recover();
    assert_eq!(next(&events).screens.len(), 3);
}
