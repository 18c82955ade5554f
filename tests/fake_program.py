"""Run as a script by test_run: stands for rollcall or rollcall-emulator, and tells how it went."""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ANSWERS = {"/healthz": {}, "/readyz": {}, "/organizations": {"data": [{"id": "org_1"}]}}
BEARER = "Bearer sk_test_emulator"


def main(path: str, *arguments: str) -> None:
    name = Path(path).name
    fate = os.environ.get("FATE_" + name.replace("-", "_"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == fate:
                sys.stderr.write(f"{name} is unwell\n")
                sys.stderr.flush()
                os._exit(3)
            known = self.path in ANSWERS and self.headers["Authorization"] in {None, BEARER}
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps(ANSWERS.get(self.path)).encode())

        def log_message(self, *_: object) -> None:
            pass

    def end(*_: object) -> None:
        with Path("endings").open("a") as endings:
            endings.write(f"{name} ")
        os._exit(0)

    signal.signal(signal.SIGINT, end)
    helper = subprocess.Popen(["sleep", "60"])
    story = {
        "arguments": arguments,
        "environment": dict(os.environ),
        "pids": [os.getpid(), helper.pid],
    }
    Path(f"{name}.json").write_text(json.dumps(story))
    if fate == "start":
        sys.exit(f"{name} cannot start")
    port = int(arguments[arguments.index("--port") + 1])
    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
