#!/usr/bin/env python3
"""The headless Chromium on a page, by its DevTools protocol. Prints the JSON of a JavaScript expression evaluated there.

The page is --width pixels wide; below 600 as on a phone.
"""
import argparse
import base64
import json
import os
import subprocess
import sys

HEIGHT = 1180


class Browser:
    def __init__(self, profile):
        theirs_in, self.to = os.pipe()
        from_descriptor, theirs_out = os.pipe()
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "sh", "timeout", "120", "chromium", "--headless",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
             "--user-data-dir=" + profile],
            pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.messages = self.read(os.fdopen(from_descriptor, "rb"))
        self.count = 0
        self.session = {}

    @staticmethod
    def read(stream):
        rest = b""
        while chunk := stream.read1(65536):
            *messages, rest = (rest + chunk).split(b"\0")
            yield from map(json.loads, messages)

    def until(self, wanted):
        for message in self.messages:
            if wanted(message):
                return message
        sys.exit("the browser has ended")

    def ask(self, method, **params):
        self.count += 1
        request = {"id": self.count, "method": method, "params": params, **self.session}
        os.write(self.to, json.dumps(request).encode() + b"\0")
        answer = self.until(lambda message: message.get("id") == self.count)
        if "error" in answer:
            sys.exit(f"{method}: {answer['error']}")
        return answer["result"]


    def loaded(self):
        self.until(lambda message: message.get("method") == "Page.loadEventFired")

    def value(self, expression):
        evaluated = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return json.dumps(evaluated["result"].get("value", evaluated))

    def tree(self):
        """Role and name of all that a screen reader meets."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [f"{node['role']['value']}: {node['name']['value'].strip()}" for node in nodes
                if not node["ignored"] and node.get("name", {}).get("value")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile")
    parser.add_argument("url")
    parser.add_argument("expression", nargs="?", default="''")
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    parser.add_argument("--picture", metavar="FILE", help="take a picture of the page, from its top")
    parser.add_argument("--tree", action="store_true", help="print roles and names, of the accessibility tree, instead")
    parser.add_argument("--until", metavar="JSON",
                        help="leave the page to itself: print what the expression is worth each time that the page has "
                             "loaded itself again, until it is this")
    return parser.parse_args()


def main():
    wanted = arguments()
    browser = Browser(wanted.profile)
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    browser.session = {"sessionId": browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
    browser.ask("Emulation.setDeviceMetricsOverride", width=wanted.width, height=HEIGHT, deviceScaleFactor=1,
                mobile=wanted.width < 600)
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": wanted.scheme}])
    browser.ask("Page.enable")
    browser.ask("Page.navigate", url=wanted.url)
    browser.loaded()
    value = browser.value(wanted.expression)
    print("\n".join(browser.tree()) if wanted.tree else value, flush=True)
    while wanted.until and value != wanted.until:
        browser.loaded()
        value = browser.value(wanted.expression)
        print(value, flush=True)
    if wanted.picture:
        with open(wanted.picture, "wb") as file:
            file.write(base64.b64decode(browser.ask("Page.captureScreenshot")["data"]))
    browser.session = {}
    browser.ask("Browser.close")
    browser.process.wait()


main()
