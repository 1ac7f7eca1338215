# This Source Code Form is subject to the terms of the Mozilla Public
# License, v. 2.0. If a copy of the MPL was not distributed with this
# file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Serves web-platform-tests to the browser under test.

The server is `wptserve`; this script adds what a web-platform-tests checkout
would bring along: the routes of the harness files, the pages generated from
`.any.js`, `.window.js` and `.worker.js`, and several origins.

It prints one line of JSON with the origins it chose, then serves until its
standard input closes, so that it never outlives the runner that started it.

Hosts are loopback addresses, because they are secure contexts without a
certificate: `.https.` tests are served over plain HTTP. What a test asks for
by another scheme (`{{ports[https][0]}}`) is the port of the plain server.
"""

import argparse
import errno
import json
import logging
import os
import sys

from wptserve import handlers
from wptserve.config import Config
from wptserve.pipes import template
from wptserve.router import any_method
from wptserve.server import WebTestHttpd
from wptserve.utils import HTTPException

HOST = "127.0.0.1"
ALTERNATE_HOST = "localhost"
# The subdomains that tests of the suite use. A subdomain of an IP address
# does not exist; another loopback address is as cross-site as a name.
SUBDOMAINS = {"www": "127.0.0.2", "www1": "127.0.0.3", "www2": "127.0.0.4"}
ALTERNATE_SUBDOMAINS = {"www": "127.0.1.2", "www1": "127.0.1.3", "www2": "127.0.1.4"}
SCHEMES = [
    "http", "http-private", "http-public", "http-local",
    "https", "https-private", "https-public", "https-local",
    "ws", "wss", "h2", "webtransport-h3",
]
PORTS_PER_SCHEME = 2
BIND_ATTEMPTS = 10


def script_metadata(path):
    """Yields the key and value of each `// META:` line at a script's top."""
    with open(path, encoding="utf-8") as script:
        for line in script:
            line = line.strip()
            if not line.startswith("//"):
                return
            comment = line[2:].strip()
            if not comment.startswith("META:"):
                return
            key, _, value = comment[len("META:"):].partition("=")
            yield key.strip(), value.strip()


class WrapperHandler:
    """Makes the page (or worker script) around a test that is only a script."""

    def __init__(self, base_path, url_suffix, file_suffix, make_content,
                 content_type="text/html"):
        self.base_path = base_path
        self.url_suffix = url_suffix
        self.file_suffix = file_suffix
        self.make_content = make_content
        self.content_type = content_type

    def __call__(self, request, response):
        page = handlers.filesystem_path(self.base_path, request, "/")
        script = page[:-len(self.url_suffix)] + self.file_suffix
        if not os.path.isfile(script):
            raise HTTPException(404)
        for name, value in handlers.load_headers(request, script):
            response.headers.set(name, value)
        response.headers.set("Content-Type", self.content_type)
        url_path = request.url_parts.path
        script_url = url_path[:-len(self.url_suffix)] + self.file_suffix
        metadata = list(script_metadata(script))
        response.content = self.make_content(script_url, metadata,
                                             request.url_parts.query)
        handlers.wrap_pipeline(script, request, response)


def page_head(metadata):
    lines = ["<!doctype html>", "<meta charset=utf-8>"]
    for key, value in metadata:
        if key == "timeout" and value == "long":
            lines.append('<meta name="timeout" content="long">')
        elif key == "title":
            value = value.replace("&", "&amp;").replace("<", "&lt;")
            lines.append(f"<title>{value}</title>")
    lines.append("<script>self.GLOBAL = {isWindow: () => true, "
                 "isWorker: () => false, isShadowRealm: () => false};</script>")
    lines.append('<script src="/resources/testharness.js"></script>')
    lines.append('<script src="/resources/testharnessreport.js"></script>')
    return lines


def window_page(script_url, metadata, _query):
    lines = page_head(metadata)
    for key, value in metadata:
        if key == "script":
            attribute = value.replace("&", "&amp;").replace('"', "&quot;")
            lines.append(f'<script src="{attribute}"></script>')
    lines.append("<div id=log></div>")
    lines.append(f'<script src="{script_url}"></script>')
    return "\n".join(lines) + "\n"


def worker_page(worker_url):
    """A page that runs a worker's tests and shows their results as its own."""
    def make(script_url, metadata, query):
        url = worker_url(script_url) + (f"?{query}" if query else "")
        lines = page_head(metadata)
        lines.append("<div id=log></div>")
        lines.append(f"<script>fetch_tests_from_worker(new Worker({json.dumps(url)}));"
                     "</script>")
        return "\n".join(lines) + "\n"
    return make


def any_worker_script(script_url, metadata, _query):
    lines = ["self.GLOBAL = {isWindow: () => false, isWorker: () => true, "
             "isShadowRealm: () => false};",
             'importScripts("/resources/testharness.js");']
    for key, value in metadata:
        if key == "script":
            lines.append(f"importScripts({json.dumps(value)});")
    lines.append(f"importScripts({json.dumps(script_url)});")
    lines.append("done();")
    return "\n".join(lines) + "\n"


def wrapper_routes(root):
    def same(url):
        return url

    def any_worker(url):
        return url[:-len(".any.js")] + ".any.worker.js"

    return [
        ("GET", "*.any.worker.html",
         WrapperHandler(root, ".any.worker.html", ".any.js", worker_page(any_worker))),
        ("GET", "*.any.worker.js",
         WrapperHandler(root, ".any.worker.js", ".any.js", any_worker_script,
                        "text/javascript")),
        ("GET", "*.any.html",
         WrapperHandler(root, ".any.html", ".any.js", window_page)),
        ("GET", "*.window.html",
         WrapperHandler(root, ".window.html", ".window.js", window_page)),
        ("GET", "*.worker.html",
         WrapperHandler(root, ".worker.html", ".worker.js", worker_page(same))),
    ]


class OneFile:
    """Serves one file, wherever it lies, under one path."""

    def __init__(self, path):
        self.path = path
        # The report script is told the multiplier of all times.
        self.is_template = os.path.basename(path) == "testharnessreport.js"

    def __call__(self, request, response):
        try:
            with open(self.path, "rb") as file:
                content = file.read()
        except OSError as error:
            raise HTTPException(404, str(error)) from error
        if self.is_template:
            content = template(request, content, escape_type="none")
        response.content = content
        response.headers.set("Content-Type",
                             handlers.guess_content_type(self.path))
        response.headers.set("Cache-Control", "no-store")


class Interfaces:
    """Serves the interfaces of a spec, `/interfaces/NAME.idl`.

    Those that stand beside the tests win over those of npm's @webref/idl.
    """

    def __init__(self, directories):
        self.directories = directories

    def __call__(self, request, response):
        name = os.path.basename(request.url_parts.path)
        for directory in self.directories:
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                return OneFile(path)(request, response)
        raise HTTPException(404)


def harness_routes(arguments):
    """The files of the harness, and where each one comes from.

    A checkout has its own testharness.js and testdriver.js; the two files
    that it leaves to the vendor are ours in either case.
    """
    ours = arguments.harness
    files = {
        "/resources/testharnessreport.js": os.path.join(ours, "testharnessreport.js"),
        "/resources/testdriver-vendor.js": os.path.join(ours, "testdriver-vendor.js"),
    }
    if not arguments.checkout:
        npm = arguments.npm
        files |= {
            "/resources/testdriver.js": os.path.join(ours, "testdriver.js"),
            "/resources/testharness.js": os.path.join(npm, "testharness", "testharness.js"),
            "/resources/idlharness.js": os.path.join(npm, "testharness", "idlharness.js"),
            "/resources/webidl2.js": os.path.join(npm, "testharness", "webidl2.js"),
            "/resources/WebIDLParser.js": os.path.join(npm, "testharness", "webidl2.js"),
            "/common/gc.js": os.path.join(npm, "common", "gc.js"),
        }
    else:
        files["/resources/WebIDLParser.js"] = os.path.join(
            arguments.root, "resources", "webidl2", "lib", "webidl2.js")
    for url, path in files.items():
        if not os.path.isfile(path):
            sys.exit(f"serve.py: {url} should come from {path}, which does not exist")
    routes = [("GET", url, OneFile(path)) for url, path in files.items()]
    own = os.path.join(arguments.root, "interfaces")
    routes.append(("GET", "/interfaces/*.idl", Interfaces([own, arguments.idl])))
    return routes


def start_servers(all_routes, root, timeout_multiplier):
    """Binds the same two ports on every host; returns the servers and ports."""
    ports = {scheme: [] for scheme in SCHEMES}
    hosts = {"": {"": HOST, **SUBDOMAINS}, "alt": {"": ALTERNATE_HOST, **ALTERNATE_SUBDOMAINS}}
    missing = {name: {"nonexistent": "nonexistent.invalid"} for name in hosts}
    all_hosts = {name: {**hosts[name], **missing[name]} for name in hosts}
    config = Config({
        "browser_host": HOST,
        "server_host": HOST,
        "alternate_hosts": {"alt": ALTERNATE_HOST},
        "doc_root": root,
        "paths": {"doc_root": root},
        "ports": ports,
        "domains": hosts,
        "not_domains": missing,
        "all_domains": all_hosts,
        "subdomains": set(SUBDOMAINS),
        "domains_set": {host for group in hosts.values() for host in group.values()},
        "not_domains_set": {"nonexistent.invalid"},
        "all_domains_set": {host for group in all_hosts.values() for host in group.values()},
        "check_subdomains": False,
        "bind_address": True,
        "ssl_config": {"encrypt_after_connect": False},
        "aliases": [],
        "timeout_multiplier": str(timeout_multiplier),
        "logging": {"level": "WARNING", "suppress_handler_traceback": False},
    })

    def listen(host, port):
        return WebTestHttpd(host=host, port=port, doc_root=root,
                            routes=all_routes, config=config, bind_address=True)

    servers = []
    while len(ports["http"]) < PORTS_PER_SCHEME:
        for attempt in range(BIND_ATTEMPTS):
            group = [listen(HOST, 0)]
            port = group[0].port
            try:
                for address in [*SUBDOMAINS.values(), *ALTERNATE_SUBDOMAINS.values()]:
                    group.append(listen(address, port))
                break
            except OSError as error:
                for server in group:
                    server.httpd.server_close()
                # Somebody else has that port on another loopback address.
                if error.errno != errno.EADDRINUSE or attempt + 1 == BIND_ATTEMPTS:
                    raise
        servers += group
        for scheme in SCHEMES:
            ports[scheme].append(port)
    for server in servers:
        server.start()
    return ports["http"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True,
                        help="directory of the tests")
    parser.add_argument("--checkout", action="store_true",
                        help="ROOT is a full web-platform-tests checkout")
    parser.add_argument("--npm", required=True,
                        help="directory of the unpacked npm package wpt-runner")
    parser.add_argument("--idl", required=True,
                        help="directory of the unpacked npm package @webref/idl")
    parser.add_argument("--harness", default=os.path.dirname(os.path.abspath(__file__)),
                        help="directory of the report and testdriver shims")
    parser.add_argument("--timeout-multiplier", type=float, default=1.0,
                        help="factor for the times that tests ask for")
    arguments = parser.parse_args()
    arguments.root = os.path.abspath(arguments.root)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr,
                        format="serve.py: %(message)s")
    # Missing files are a test's affair and show in its result.
    logging.getLogger("wptserve").setLevel(logging.CRITICAL)

    all_routes = (harness_routes(arguments) + wrapper_routes(arguments.root)
                  + [(any_method, "*.py", handlers.python_script_handler),
                     ("GET", "*.asis", handlers.as_is_handler),
                     (any_method, "*", handlers.file_handler)])
    ports = start_servers(all_routes, arguments.root, arguments.timeout_multiplier)
    print(json.dumps({"host": HOST, "alternate_host": ALTERNATE_HOST, "ports": ports}),
          flush=True)
    # The runner holds the other end; its death closes it.
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
