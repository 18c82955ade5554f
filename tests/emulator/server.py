"""The emulator as a program, on a port of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tools.ports import free_port

KEY = {"Authorization": "Bearer sk_test_emulator"}
PROGRAM = Path(sys.executable).with_name("rollcall-emulator")


class Program:
    """Started on entering, ended by SIGTERM on leaving. Webhooks go where nobody listens."""

    def __init__(self, home: Path, *arguments: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            str(PROGRAM), "--port", str(self.port), "--home", str(home),
            "--webhook-url", "http://127.0.0.1:9/hook", *arguments,
        ]  # fmt: skip
        self.started_after = 0.0

    def __enter__(self) -> Self:
        begin = time.monotonic()
        environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        )
        self.http = httpx.Client(base_url=self.url, headers=KEY, timeout=30, trust_env=False)
        while self.process.poll() is None and time.monotonic() < begin + 30:
            try:
                self.http.get("/healthz").raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                self.started_after = time.monotonic() - begin
                return self
        raise RuntimeError(self.end())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self, how: signal.Signals = signal.SIGTERM) -> str:
        """What it printed; ends it if it runs."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            output, _ = self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            output, _ = self.process.communicate()
        except ValueError:
            return ""
        return output.decode()

    def scim_token(self) -> tuple[str, str]:
        """The URL of the first directory's SCIM endpoint, and its token."""
        page = self.http.get("/settings").text
        parts = page.split("<dt>SCIM endpoint</dt><dd><code>")[1].split("</code>", 1)
        token = parts[1].split("<dt>SCIM token</dt><dd><code>")[1].split("</code>")[0]
        return parts[0], token
