"""Run as a script: starts PostgreSQL, and stops it once nobody uses it, however they went.

Standard library only and nothing of `backend`: it runs isolated, so that it starts in milliseconds.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import threading
import time

ENDINGS = ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
"""Each with the seconds it gets: disconnect everybody and write down; drop everything; die."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alive", type=int, help="descriptor of the lock that the server holds")
    parser.add_argument("--users", help="file on which everyone who uses the server has a lock")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    users = os.open(options.users, os.O_RDWR)
    server = subprocess.Popen(
        options.command,
        stdin=subprocess.DEVNULL,
        pass_fds=[options.alive],
        user=options.uid,
        group=options.gid,
        extra_groups=None if options.uid is None else [],
    )
    for ending in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)
    threading.Thread(target=end_with, args=[server], daemon=True).start()

    fcntl.flock(users, fcntl.LOCK_EX)
    for ending, patience in ENDINGS:
        server.send_signal(ending)
        time.sleep(patience)


def end_with(server: subprocess.Popen[bytes]) -> None:
    server.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
