"""Runs docs/operators-day.md, block by block, as an operator would type it."""

import os
import re
import socket
import subprocess
import uuid
from pathlib import Path

import pytest

from conftest import binary, psql

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators-day.md"
END = "--- end of block"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_SECONDS = 300


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_every_block_does_what_the_page_says(engine, tmp_path):
    with database(engine, tmp_path) as url:
        blocks = commands(url)
        outputs = run([command for command, _ in blocks], tmp_path)
        for (command, expected), output in zip(blocks, outputs, strict=True):
            assert matches(expected, output), f"{command}\n--- expected\n{expected}\n--- got\n{output}"


def commands(database_url):
    """Each block of commands with the output that the page shows; ports and database are those of this run."""
    text = PAGE.read_text()
    for port, replacement in zip(("3978", "3979"), free_ports(2), strict=True):
        text = text.replace(port, str(replacement))
    text = text.replace("sqlite:leasehold.db", database_url)
    blocks = []
    for kind, body in BLOCK.findall(text):
        if kind == "sh":
            blocks.append([body, ""])
        else:
            blocks[-1][1] = body
    return blocks


def run(blocks, folder):
    """What each block printed; all run in one shell, which stops at the first failure."""
    script = "set -e\n" + "".join(f"{block}\necho '{END}'\n" for block in blocks)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEASEHOLD_")}
    environment["PATH"] = f"{Path(binary()).parent}:{environment['PATH']}"
    shell = subprocess.Popen(
        ["bash", "-c", script + "exit 0\n"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(folder / "stderr").open("wb"),
        start_new_session=True,
        text=True,
    )
    try:
        output, _ = shell.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        stop_session(shell)
    outputs = output.split(f"{END}\n")
    if shell.returncode != 0 or len(outputs) != len(blocks) + 1:
        failed = blocks[min(len(outputs), len(blocks)) - 1]
        stderr = (folder / "stderr").read_text()
        pytest.fail(f"this block failed:\n{failed}\n--- printed\n{outputs[-1]}\n--- stderr\n{stderr}")
    return outputs[:-1]


def stop_session(shell):
    """The broker that the page starts must not outlive a failure: it is of the shell's own session."""
    try:
        os.killpg(shell.pid, 15)
    except ProcessLookupError:
        pass
    shell.wait()


def matches(expected, output):
    """Whether the output is as shown; `…` is anything within a line, and a line of its own anything at all."""
    pattern = ""
    for line in expected.splitlines():
        if line == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += "[^\n]*?".join(re.escape(part) for part in line.split("…")) + r"[ ]*\n"
    return re.fullmatch(pattern, output) is not None


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


class database:
    """Where this run keeps its data."""

    def __init__(self, engine, folder):
        self.engine, self.folder = engine, folder

    def __enter__(self):
        if self.engine == "sqlite":
            return "sqlite:leasehold.db"
        self.server = os.environ.get("LEASEHOLD_TEST_POSTGRES")
        if not self.server:
            pytest.fail("LEASEHOLD_TEST_POSTGRES is not set, see tests/README.md")
        self.name = f"leasehold_day_{uuid.uuid4().hex[:12]}"
        psql(self.server, f"CREATE DATABASE {self.name}")
        return f"{self.server.rsplit('/', 1)[0]}/{self.name}"

    def __exit__(self, *_):
        if self.engine == "postgres":
            psql(self.server, f"DROP DATABASE {self.name} WITH (FORCE)")
