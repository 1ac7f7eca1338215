/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

// https://w3c.github.io/webappsec-permissions-policy/#the-policy-object
[Exposed=Window]
interface PermissionsPolicy {
  boolean allowsFeature(DOMString feature, optional DOMString origin);
  sequence<DOMString> features();
  sequence<DOMString> allowedFeatures();
  sequence<DOMString> getAllowlistForFeature(DOMString feature);
};

partial interface Document {
  [SameObject] readonly attribute PermissionsPolicy permissionsPolicy;
  // Not in the specification any more: the name under which it is shipped.
  [SameObject] readonly attribute PermissionsPolicy featurePolicy;
};

// https://html.spec.whatwg.org/multipage/#dom-iframe-allow
partial interface HTMLIFrameElement {
  [CEReactions] attribute DOMString allow;
};

partial interface HTMLIFrameElement {
  [SameObject] readonly attribute PermissionsPolicy permissionsPolicy;
  // See Document.
  [SameObject] readonly attribute PermissionsPolicy featurePolicy;
};
