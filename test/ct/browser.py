#!/usr/bin/env python3
"""The headless Chromium on a page, by its DevTools protocol. Prints the JSON of a JavaScript expression evaluated there.

  browser.py PROFILE URL WIDTH light|dark EXPRESSION [PICTURE]

The page is WIDTH pixels wide; below 600 as on a phone. PICTURE is a file for a picture of it from its top.
"""
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
            ["sh", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "sh", "timeout", "60", "chromium", "--headless",
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


def main():
    profile, url, width, scheme, expression, *picture = sys.argv[1:]
    browser = Browser(profile)
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    browser.session = {"sessionId": browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
    browser.ask("Emulation.setDeviceMetricsOverride", width=int(width), height=HEIGHT, deviceScaleFactor=1,
                mobile=int(width) < 600)
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.ask("Page.enable")
    browser.ask("Page.navigate", url=url)
    browser.until(lambda message: message.get("method") == "Page.loadEventFired")
    evaluated = browser.ask("Runtime.evaluate", expression=expression, returnByValue=True)
    print(json.dumps(evaluated["result"].get("value", evaluated)))
    if picture:
        with open(picture[0], "wb") as file:
            file.write(base64.b64decode(browser.ask("Page.captureScreenshot")["data"]))
    browser.session = {}
    browser.ask("Browser.close")
    browser.process.wait()


main()
