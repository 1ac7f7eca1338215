/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a window knows of the screens: `getScreenDetails()`, `screen.isExtended`,
//! the events of `window.screen`, and the permission `window-management`
//! (<https://w3c.github.io/window-management/>).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use js::context::JSContext;
use js::realm::CurrentRealm;
use script_bindings::weakref::WeakRef;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::PipelineId;
use servo_capture_traits::permissions_policy::Feature;
use servo_capture_traits::{
    BasicScreen, CaptureRequest, ScreenId, ScreenInfo, ScreensError, ScreensEvent,
    ScreensPermission, ScreensReply, ScreensRequest,
};
use stylo_atoms::Atom;

use super::documentpolicy::{disabled, is_allowed_to_use};
use super::errors::screen_details_exception;
use crate::ScriptThread;
use crate::dom::bindings::codegen::Bindings::PermissionStatusBinding::{
    PermissionName, PermissionState,
};
use crate::dom::bindings::codegen::Bindings::WindowBinding::WindowMethods;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{DomRoot, MutNullableDom};
use crate::dom::eventtarget::EventTarget;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::{Promise, RootedPromise};
use crate::dom::screen::Screen;
use crate::dom::screencapture::screendetailed::ScreenDetailed;
use crate::dom::screencapture::screendetails::ScreenDetails;
use crate::dom::window::Window;
use crate::routed_promise::{RoutedPromiseListener, callback_promise};

thread_local! {
    /// The objects for screens, of all documents of this script thread: ids
    /// are different in each. Weak: only what knows the screens keeps them.
    static SCREENS: RefCell<HashMap<ScreenId, WeakRef<ScreenDetailed>>> = RefCell::default();
}

/// What a window keeps of the screens.
#[derive(Default, JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct WindowScreens {
    /// <https://w3c.github.io/window-management/#dom-window-screendetails-slot>
    details: MutNullableDom<ScreenDetails>,
    /// The service tells of all screens.
    are_all_watched: Cell<bool>,
    /// The service tells of the current screen.
    is_current_watched: Cell<bool>,
    /// The current screen as it was told last.
    #[ignore_malloc_size_of = "plain data"]
    #[no_trace]
    current: Cell<Option<BasicScreen>>,
}

/// The one object for a screen in its document, with these values if it is made
/// now.
pub(crate) fn screen_of(
    cx: &mut JSContext,
    window: &Window,
    id: ScreenId,
    info: ScreenInfo,
) -> DomRoot<ScreenDetailed> {
    let known = SCREENS.with_borrow(|screens| screens.get(&id).and_then(|screen| screen.root()));
    known.unwrap_or_else(|| {
        let screen = ScreenDetailed::new(cx, window, id, info);
        SCREENS.with_borrow_mut(|screens| {
            screens.retain(|_, screen| screen.is_alive());
            screens.insert(id, WeakRef::new(&*screen));
        });
        screen
    })
}

/// The current screen of a plain `Screen`, where the service tells of it.
pub(crate) fn current_screen(screen: &Screen) -> Option<BasicScreen> {
    screen.global().as_window().screens().current.get()
}

/// Whether a change of this screen comes with a list of all.
pub(crate) fn is_listed(screen: &ScreenDetailed) -> bool {
    screen.global().as_window().screens().are_all_watched.get()
}

/// <https://w3c.github.io/window-management/#dom-window-getscreendetails>
pub(crate) fn get_screen_details(window: &Window, cx: &mut CurrentRealm) -> RootedPromise {
    // Step 1.
    let promise = Promise::new_in_realm(cx);
    let document = window.Document();
    // Not in the spec, but in the web-platform-tests.
    if !document.is_fully_active() {
        let error = screen_details_exception(&ScreensError::DocumentInactive);
        promise.reject_error(cx, error);
        return promise;
    }
    // Steps 2.1 and 2.2, the part of
    // <https://w3c.github.io/permissions/#dfn-permission-state> that is script's:
    // what the document may not use is denied.
    if !is_allowed_to_use(&document, Feature::WindowManagement) {
        let reason = disabled(Feature::WindowManagement);
        let message = format!("Failed to execute 'getScreenDetails' on 'Window': {reason}");
        promise.reject_error(cx, Error::NotAllowed(Some(message)));
        return promise;
    }
    // Step 2. In parallel: the service asks the user if need be and lists the
    // screens; `handle_response` resumes at step 2.4.
    let global = window.upcast::<GlobalScope>();
    let reply = callback_promise(
        &promise,
        window,
        global.task_manager().dom_manipulation_task_source(),
    );
    let request = ScreensRequest::Details {
        pipeline: global.pipeline_id(),
        webview: window.webview_id(),
        origin: origin_of(global),
        has_activation: window.has_transient_activation(),
        reply,
    };
    if !send(request) {
        let error = ScreensError::NotListed("the capture service is gone".to_owned());
        promise.reject_error(cx, screen_details_exception(&error));
    }
    // Step 3.
    promise
}

impl RoutedPromiseListener<crate::DomTypeHolder, ScreensReply> for Window {
    fn handle_response(&self, cx: &mut JSContext, reply: ScreensReply, promise: &RootedPromise) {
        let grant = match reply.0 {
            Ok(grant) => grant,
            // Steps 2.2 and 2.3.
            Err(error) => return promise.reject_error(cx, screen_details_exception(&error)),
        };
        // Step 2.4.
        let screens = self.screens();
        let details = match screens.details.get() {
            Some(details) => details,
            None => {
                let Some(details) = ScreenDetails::new(cx, self, &grant.list) else {
                    let error = ScreensError::NotListed("there is none".to_owned());
                    return promise.reject_error(cx, screen_details_exception(&error));
                };
                screens.details.set(Some(&details));
                if screens.current.get().is_none() {
                    screens.current.set(grant.list.basic());
                }
                details
            }
        };
        if !grant.is_watched {
            screens.watch_all(self);
        }
        // Step 2.5.
        promise.resolve_native(cx, &details);
    }
}

impl WindowScreens {
    /// Has the service tell of all screens, and of the current one with them.
    fn watch_all(&self, window: &Window) {
        let pipeline = window.upcast::<GlobalScope>().pipeline_id();
        if let Some(sink) = new_sink(window) {
            let watched = send(ScreensRequest::WatchAll { pipeline, sink });
            self.are_all_watched.set(watched);
            self.is_current_watched.set(watched);
        }
    }

    /// Has the service tell of the current screen.
    fn watch_current(&self, window: &Window) {
        if self.is_current_watched.get() {
            return;
        }
        let pipeline = window.upcast::<GlobalScope>().pipeline_id();
        if let Some(sink) = new_sink(window) {
            let watched = send(ScreensRequest::WatchCurrent { pipeline, sink });
            self.is_current_watched.set(watched);
        }
    }
}

fn send(request: ScreensRequest) -> bool {
    let sent = ScriptThread::capture().map(|client| client.send(CaptureRequest::Screens(request)));
    matches!(sent, Some(Ok(())))
}

fn origin_of(global: &GlobalScope) -> String {
    global
        .origin()
        .immutable()
        .ascii_serialization()
        .to_string()
}

/// What the service tells becomes tasks of the page, on what the spec calls the
/// window placement task source.
fn new_sink(window: &Window) -> Option<GenericCallback<ScreensEvent>> {
    let global = window.upcast::<GlobalScope>();
    let pipeline = global.pipeline_id();
    let tasks = global
        .task_manager()
        .dom_manipulation_task_source()
        .to_sendable();
    let sink = GenericCallback::new(move |event| match event {
        Ok(event) => tasks.queue(task!(capture_screens_event: move |cx| {
            screens_changed(cx, pipeline, event);
        })),
        Err(error) => warn!("{pipeline} was sent what tells of no screen: {error:?}"),
    });
    sink.inspect_err(|error| warn!("{pipeline} hears nothing of the screens: {error:?}"))
        .ok()
}

/// The screens are like this now.
fn screens_changed(cx: &mut JSContext, pipeline: PipelineId, event: ScreensEvent) {
    let Some(window) = ScriptThread::find_window(pipeline) else {
        return;
    };
    let screens = window.screens();
    let (now, changes) = match &event {
        ScreensEvent::All(list) => {
            let details = screens.details.get();
            let changes = details.map(|details| details.take(cx, list));
            (list.basic(), changes)
        }
        ScreensEvent::Current(now) => {
            // The permission to know all of them is gone.
            screens.are_all_watched.set(false);
            (Some(*now), None)
        }
    };
    let before = screens.current.replace(now.or(screens.current.get()));
    if let Some(changes) = changes {
        changes.fire(cx);
    }
    // https://w3c.github.io/window-management/#api-screen-onchange-attribute
    if let (Some(before), Some(now)) = (before, now)
        && before != now
    {
        let screen = window.Screen(cx);
        screen
            .upcast::<EventTarget>()
            .fire_event(cx, atom!("change"));
    }
}

/// A listener was added to an event target. `window.screen` is watched from the
/// moment when somebody wants to hear of its changes.
pub(crate) fn listener_added(target: &EventTarget, event_type: &Atom) {
    if *event_type == atom!("change")
        && let Some(screen) = target.downcast::<Screen>()
        && !screen.is::<ScreenDetailed>()
    {
        let global = screen.global();
        // The event handler is there in secure contexts only.
        if global.is_secure_context() {
            let window = global.as_window();
            window.screens().watch_current(window);
        }
    }
}

/// <https://w3c.github.io/window-management/#dom-screen-isextended>
pub(crate) fn is_extended(screen: &Screen) -> bool {
    // Step 1.
    if let Some(current) = current_screen(screen) {
        return current.is_extended;
    }
    let pipeline = screen.global().pipeline_id();
    let ask = |reply| ScreensRequest::IsExtended { pipeline, reply };
    ScriptThread::capture()
        .and_then(|client| client.ask_screens(ask))
        .unwrap_or(false)
}

/// <https://w3c.github.io/permissions/#dfn-permission-state> of
/// `window-management` from step 5 on: the service has the permission store.
pub(crate) fn permission_state(global: &GlobalScope) -> PermissionState {
    let origin = origin_of(global);
    let ask = |reply| ScreensRequest::Permission { origin, reply };
    match ScriptThread::capture().and_then(|client| client.ask_screens(ask)) {
        Some(ScreensPermission::Granted) => PermissionState::Granted,
        Some(ScreensPermission::Denied) => PermissionState::Denied,
        Some(ScreensPermission::Prompt) | None => PermissionState::Prompt,
    }
}

/// <https://w3c.github.io/permissions/#webdriver-command-set-permission>: tells
/// the service, which believes it where WebDriver drives the browser.
pub(crate) fn permission_set(global: &GlobalScope, name: PermissionName, state: PermissionState) {
    if name != PermissionName::Window_management {
        return;
    }
    let origin = origin_of(global);
    let state = match state {
        PermissionState::Granted => ScreensPermission::Granted,
        PermissionState::Denied => ScreensPermission::Denied,
        PermissionState::Prompt => ScreensPermission::Prompt,
    };
    let ask = |done| ScreensRequest::SetPermission {
        origin,
        state,
        done,
    };
    let done = ScriptThread::capture().and_then(|client| client.ask_screens(ask));
    if done.is_none() {
        warn!("the permission to manage windows was not set");
    }
}
