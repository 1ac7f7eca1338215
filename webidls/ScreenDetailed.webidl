/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://w3c.github.io/window-management/#api-screendetailed-interface

[Exposed=Window, SecureContext]
interface ScreenDetailed : Screen {
    readonly attribute long availLeft;
    readonly attribute long availTop;
    readonly attribute long left;
    readonly attribute long top;
    readonly attribute boolean isPrimary;
    readonly attribute boolean isInternal;
    readonly attribute float devicePixelRatio;
    readonly attribute DOMString label;
};
