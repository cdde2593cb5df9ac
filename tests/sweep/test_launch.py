"""When a sweep is over."""

import subprocess
import sys

import psutil

from bnrepro.sweep.launch import _group_lives


def test_ended_process_that_nobody_asked_about_is_not_waited_for() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        assert _group_lives(process.pid)
        process.kill()
        watched = psutil.Process(process.pid)
        while watched.status() != psutil.STATUS_ZOMBIE:
            pass
        assert not _group_lives(process.pid), "it would be waited for until its parent asks"
    finally:
        process.kill()
        process.communicate()
