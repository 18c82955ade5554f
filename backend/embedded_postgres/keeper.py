"""Run as a script: starts PostgreSQL, again if it is killed, and stops it once nobody uses it.

Standard library only and nothing of `backend`: it runs isolated, so that it starts in milliseconds.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

ENDINGS = ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
"""Each with the seconds it gets: disconnect everybody and write down; drop everything; die."""


ATTEMPTS = 30
"""To start it again, a second apart: what is left of the killed one ends first."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alive", type=int, help="descriptor of the lock that the server holds")
    parser.add_argument("--users", help="file on which everyone who uses the server has a lock")
    parser.add_argument("--data", type=Path, help="the server's folder")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    users = os.open(options.users, os.O_RDWR)
    server = Server(options)
    for ending in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)
    threading.Thread(target=server.keep, daemon=True).start()

    fcntl.flock(users, fcntl.LOCK_EX)
    for ending, patience in ENDINGS:
        server.process.send_signal(ending)
        time.sleep(patience)


class Server:
    """The server's process; another one when that was killed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.pid_file: Path = options.data / "postmaster.pid"
        self.process = self.launch()

    def launch(self) -> "subprocess.Popen[bytes]":
        options = self.options
        return subprocess.Popen(
            options.command,
            stdin=subprocess.DEVNULL,
            pass_fds=[options.alive],
            user=options.uid,
            group=options.gid,
            extra_groups=None if options.uid is None else [],
        )

    def keep(self) -> None:
        """Wait for its end, and start it again; this program ends when that is not wanted."""
        self.process.wait()
        attempts = ATTEMPTS if self.was_killed() else 0
        while attempts and self.is_used():
            self.pid_file.unlink(missing_ok=True)
            self.process = self.launch()
            self.process.wait()
            attempts = ATTEMPTS if self.was_killed() else attempts - 1
            time.sleep(1)
        os._exit(0)

    def was_killed(self) -> bool:
        """Whether it was ready and did not shut down: then it would have removed the file."""
        try:
            return self.pid_file.read_text(encoding="utf-8").split()[-1:] == ["ready"]
        except OSError:
            return False

    def is_used(self) -> bool:
        """Whether programs use it, and none of them is stopping it."""
        users = os.open(self.options.users, os.O_RDWR)
        try:
            fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False
        finally:
            os.close(users)


if __name__ == "__main__":
    main()
