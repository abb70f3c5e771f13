"""Runs the broker as its users do, `leasehold dev`, on SQLite and on PostgreSQL.

Every test that asks for `broker` runs on both. The tests know what dev.env and the documents say, nothing of the code.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

# A proxy of the developer's network must not see, or answer, requests to the loopback address.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 30
DATABASES = ["sqlite", "postgres"]
DEV_ENV_NAMES = {
    "LEASEHOLD_URL",
    "LEASEHOLD_GRPC",
    "MCP_API_URL",
    "MCP_TOKEN",
    "OAUTH_CLIENT_ID",
    "OAUTH_CLIENT_SECRET",
    "OAUTH_TOKEN_URL",
    "ADMIN_TOKEN",
}


@dataclass(repr=False)
class Broker:
    """A running broker: where it is, and what dev.env hands to a developer."""

    env: dict[str, str]
    output: Path

    @property
    def url(self) -> str:
        return self.env["LEASEHOLD_URL"]

    @property
    def grpc_target(self) -> str:
        return self.env["LEASEHOLD_GRPC"]

    @property
    def mcp_token(self) -> str:
        return self.env["MCP_TOKEN"]

    @property
    def client(self) -> tuple[str, str]:
        """Id and secret of the development client."""
        return self.env["OAUTH_CLIENT_ID"], self.env["OAUTH_CLIENT_SECRET"]

    @property
    def secrets(self) -> list[str]:
        return [self.env[name] for name in ("MCP_TOKEN", "OAUTH_CLIENT_SECRET", "ADMIN_TOKEN")]


@pytest.fixture(scope="session", params=DATABASES)
def broker(request, tmp_path_factory):
    with running(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture
def http(broker):
    """Plain HTTP, nobody signed in."""
    with httpx.Client(base_url=broker.url, timeout=10) as client:
        yield client


@pytest.fixture
def worker(broker):
    """What a worker of seed 004 is: the address and the token from its environment."""
    headers = {"Authorization": f"Bearer {broker.mcp_token}"}
    with httpx.Client(base_url=broker.env["MCP_API_URL"], headers=headers, timeout=10) as client:
        yield client


@pytest.fixture
def access_token(broker):
    """A fresh access token of the development client."""
    answer = httpx.post(broker.env["OAUTH_TOKEN_URL"], data={"grant_type": "client_credentials"}, auth=broker.client)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


@contextmanager
def running(database, data_dir):
    """A broker of its own on a new database."""
    if database == "sqlite":
        yield from run_broker(data_dir, [])
        return
    server = os.environ.get("LEASEHOLD_TEST_POSTGRES")
    if not server:
        pytest.fail("LEASEHOLD_TEST_POSTGRES is not set, see tests/README.md")
    name = f"leasehold_foreign_{uuid.uuid4().hex[:12]}"
    psql(server, f"CREATE DATABASE {name}")
    try:
        yield from run_broker(data_dir, ["--database", f"{server.rsplit('/', 1)[0]}/{name}"])
    finally:
        psql(server, f"DROP DATABASE {name} WITH (FORCE)")


def run_broker(data_dir, arguments):
    output = data_dir.with_suffix(".log")
    command = [binary(), "dev", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data-dir", str(data_dir)]
    with output.open("wb") as log:
        process = subprocess.Popen(command + arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        started = Broker(wait_until_ready(process, data_dir / "dev.env", output), output)
        yield started
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_TIMEOUT_SECONDS)
        assert status == 0, f"SIGTERM ended the broker with status {status}:\n{tail(output)}"
    finally:
        process.kill()
        process.wait()


def binary():
    path = os.environ.get("LEASEHOLD_BIN", "target/debug/leasehold")
    assert Path(path).is_file(), f"{path} is missing: run `cargo test --no-run`, or set LEASEHOLD_BIN"
    return str(Path(path).resolve())


def wait_until_ready(process, dev_env, output):
    """Reads dev.env once it is complete, and returns it once the broker says that it is ready."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the broker ended with status {process.returncode}:\n{tail(output)}"
        env = parse_env(dev_env.read_text()) if dev_env.exists() else {}
        if DEV_ENV_NAMES <= env.keys() and answers_ready(env["LEASEHOLD_URL"]):
            return env
        # Another process tells nobody when it is so far: ask again until the deadline.
        time.sleep(0.05)
    raise AssertionError(f"not ready after {START_TIMEOUT_SECONDS} s:\n{tail(output)}")


def answers_ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def parse_env(text):
    """Reads NAME=value lines as a shell would: comments, quotes and `export` are understood."""
    words = (shlex.split(line, comments=True) for line in text.splitlines())
    return dict(line[-1].split("=", 1) for line in words if line and "=" in line[-1])


def psql(server, statement):
    path = os.pathsep.join([os.environ.get("LEASEHOLD_TEST_POSTGRES_BIN", ""), os.environ["PATH"]])
    program = shutil.which("psql", path=path)
    assert program, "psql is missing"
    subprocess.run([program, server, "--no-psqlrc", "--quiet", "--command", statement], check=True)


def tail(output):
    return output.read_text(errors="replace")[-4000:]
