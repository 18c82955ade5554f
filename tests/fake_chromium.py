"""Run as a script by test_browser: a Chromium that starts for Playwright and shows nothing."""

import json
import os
from typing import Any

ANSWERS: dict[str, dict[str, Any]] = {
    "Browser.getVersion": {
        "protocolVersion": "1.3",
        "product": "HeadlessChrome/150.0.0.0",
        "revision": "",
        "userAgent": "",
        "jsVersion": "",
    }
}


def main() -> None:
    """Messages come by descriptor 3 and go by 4, each ended by a zero byte."""
    received = b""
    while chunk := os.read(3, 65536):
        *messages, received = (received + chunk).split(b"\0")
        for message in map(json.loads, messages):
            answer = {"id": message["id"], "result": ANSWERS.get(message["method"], {})}
            os.write(4, json.dumps(answer).encode() + b"\0")
            if message["method"] == "Browser.close":
                return


if __name__ == "__main__":
    main()
