/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://w3c.github.io/window-management/#api-screendetails-interface

[Exposed=Window, SecureContext]
interface ScreenDetails : EventTarget {
    readonly attribute /* FrozenArray<ScreenDetailed> */ any screens;
    readonly attribute ScreenDetailed currentScreen;

    attribute EventHandler onscreenschange;
    attribute EventHandler oncurrentscreenchange;
};

// https://w3c.github.io/window-management/#api-extensions-to-screen
partial interface Screen {
    [SecureContext] readonly attribute boolean isExtended;
    [SecureContext] attribute EventHandler onchange;
};

// https://w3c.github.io/window-management/#api-extensions-to-window
partial interface Window {
    [SecureContext] Promise<ScreenDetails> getScreenDetails();
};
