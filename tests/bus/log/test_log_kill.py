"""Real processes killed (-9) at random instants: no block lost, none twice, results equal to the bit."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hitline.bus.log.block import Kind
from hitline.bus.log.cursor import load_state
from hitline.bus.log.reader import open_run
from hitline.bus.log.verify import Quality, verify
from kit.patience import WAIT_S
from log_child import WORDS

CHILD = Path(__file__).with_name("log_child.py")


class Child:
    """A process whose lines are kept."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), *map(str, arguments)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.lines: list[str] = []

    def line(self, start: str) -> str:
        """Wait for a line that begins so."""
        while line := self.process.stdout.readline():
            self.lines.append(line.strip())
            if line.startswith(start):
                return line.strip()
        raise AssertionError(f"ended without {start!r}: {self.lines}")

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> int:
        self.process.stdin.close()
        code = self.process.wait(WAIT_S)
        self.process.stdout.close()
        return code


@pytest.fixture
def child():
    children: list[Child] = []

    def start(*arguments: object) -> Child:
        children.append(Child(*arguments))
        return children[-1]

    yield start
    for one in children:
        if one.process.poll() is None:
            one.kill()


def reader_killed(child, tmp_path, free_port, kills, seed):
    rng = random.Random(seed)
    blocks = 600
    writer = child("write", tmp_path / "runs", "r1", blocks, free_port, 0.02)
    writer.line("port")
    address, state = f"tcp://127.0.0.1:{free_port}", tmp_path / "reader.state"
    wait = threading.Event()
    for _ in range(kills):
        reader = child("read", address, state, 1)
        reader.line("ready")
        wait.wait(rng.uniform(0.02, 0.3))
        reader.kill()
    last = child("read", address, state, 1)
    last.line("done")
    assert last.end() == 0
    writer.line("closed")
    assert writer.end() == 0
    (counts,) = load_state(state).arrays.values()
    assert np.array_equal(counts, np.ones(blocks * WORDS)), "every word once"


def test_a_killed_reader_resumes_to_the_same_result(child, tmp_path, free_port):
    reader_killed(child, tmp_path, free_port, 3, 1)


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(5))
def test_a_reader_killed_ten_times(child, tmp_path, free_port, seed):
    reader_killed(child, tmp_path, free_port, 10, seed)


def writer_killed(child, tmp_path, free_port, kills, seed):
    rng = random.Random(seed)
    root, state = tmp_path / "runs", tmp_path / "reader.state"
    root.mkdir()
    reader = child("read", f"tcp://127.0.0.1:{free_port}", state, kills + 1)
    reader.line("ready")
    told: dict[str, int] = {}
    wait = threading.Event()
    for number in range(kills):
        writer = child("write", root, f"r{number}", 100_000, free_port, 0.01)
        for _ in range(2 + rng.randrange(30)):
            told[f"r{number}"] = int(writer.line("written").split()[1])
        wait.wait(rng.uniform(0, 0.02))
        writer.kill()
    writer = child("write", root, "last", 50, free_port, 0.0)
    writer.line("closed")
    reader.line("done")
    assert reader.end() == 0
    assert writer.end() == 0
    assert sum(line.startswith("recovered") for line in writer.lines) <= 1
    result = load_state(state).arrays
    for run, words in told.items():
        folder = root / run / "det1"
        logged = sum(header.words for header, _ in open_run(folder) if header.kind == Kind.DATA)
        assert logged >= words, "all that was said to be written is there"
        assert np.array_equal(result[run], np.ones(logged)), "the reader has what the log has"
        verdict = verify(folder)
        assert verdict.quality is Quality.INCOMPLETE and verdict.lost is None
        assert open_run(folder).totals["recovered"] is True
    assert np.array_equal(result["last"], np.ones(50 * WORDS))
    assert verify(root / "last" / "det1").quality is Quality.GOOD


def test_a_killed_writer_leaves_what_it_had_written(child, tmp_path, free_port):
    writer_killed(child, tmp_path, free_port, 3, 2)


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(5))
def test_a_writer_killed_ten_times(child, tmp_path, free_port, seed):
    writer_killed(child, tmp_path, free_port, 10, seed)


PUSHED = """
import sys, zmq
socket = zmq.Context().socket(zmq.PULL)
socket.connect(sys.argv[1])
got = open(sys.argv[2], "ab", buffering=0)
print("ready", flush=True)
while True:
    block = socket.recv()
    got.write(block[:8])
    if block[8:]:
        continue
    break
print("done", flush=True)
"""


def test_the_same_kill_loses_blocks_on_plain_push_pull(tmp_path):
    """The pair to the tests above, and why there is a log: what was pushed to a dead reader is gone."""
    import zmq

    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        push.set(zmq.LINGER, 0)
        port = push.bind_to_random_port("tcp://127.0.0.1")
        command = [sys.executable, "-c", PUSHED, f"tcp://127.0.0.1:{port}", str(tmp_path / "got")]
        first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert first.stdout.readline() == "ready\n"
        block = os.urandom(65536)
        for number in range(1000):
            push.send(number.to_bytes(8, "little") + block)
            if number == 500:
                first.kill()
                first.wait(WAIT_S)
                first.stdout.close()
                second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                assert second.stdout.readline() == "ready\n"
        push.send((1000).to_bytes(8, "little"))
        assert second.stdout.readline() == "done\n"
        second.wait(WAIT_S)
        second.stdout.close()
    got = np.frombuffer((tmp_path / "got").read_bytes(), "<u8")
    assert len(set(got.tolist())) < 1001
