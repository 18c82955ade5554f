"""Run as a script: becomes the given program, which Linux then ends together with its parent."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, *command: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):  # it was gone before we asked
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the programs are our own


if __name__ == "__main__":
    main(*sys.argv[1:])
