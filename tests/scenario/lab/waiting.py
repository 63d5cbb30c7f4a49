"""Waiting for events: by asking again, never by sleeping and hoping."""

import time

PATIENCE = 90.0  # seconds after which an event that has not come never will, on a busy machine too
PAUSE = 0.02


class TooLate(AssertionError):
    """What was waited for did not come."""


def until(happened, what, seconds=PATIENCE, pause=PAUSE):
    """Call `happened` until it returns something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        result = happened()
        if result:
            return result
        if time.monotonic() > end:
            raise TooLate(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(pause)
