"""Runs scenarios; ophyd takes one control layer for good, hence a process for each.

Run: runner.py LAYER PREFIX. Names of scenarios on stdin are run one after the other and answered with a line
of JSON: "" or the traceback.
"""

import contextlib
import json
import sys
import traceback

import breakages
import scenarios
from kit.patience import WAIT_S
from session import det, mode


def run_scenario(name):
    det.patience_s = 2 * WAIT_S
    mode.put("", use_complete=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where the RunEngine talks of pauses
            (getattr(scenarios, name, None) or getattr(breakages, name))()
    except BaseException:
        det.unstage()
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run_scenario(line.strip())), flush=True)
