"""Every operation of /openapi.json is asked for what it describes, and for what it does not; every answer must be one
that the description knows. Schemathesis makes the requests and compares; this file tells it who asks and what is there.

A run repeats itself: it starts from the same seed on a fresh database. LEASEHOLD_TEST_FUZZ_EXAMPLES (per operation and
phase) and LEASEHOLD_TEST_FUZZ_SEED make a longer or another one.
"""

import json
import os
import re
import subprocess
import sys

import httpx
import pytest
from conftest import DATABASES, running

LEASE = "/api/mcp/credentials/lease"
EXAMPLES = int(os.environ.get("LEASEHOLD_TEST_FUZZ_EXAMPLES", "5"))
SEED = int(os.environ.get("LEASEHOLD_TEST_FUZZ_SEED", "1"))
CALLERS = ["nobody", "person", "operator"]
TIMEOUT_SECONDS = 600 + 60 * EXAMPLES

# Operations that would end the token that the run shows, by caller; the other callers do call them.
EXCLUDED = {
    "nobody": [],
    "person": ["revoke_own_token", "rotate_own_token", "update_own_token"],
    "operator": ["revoke_mcp_token", "rotate_token", "update_token"],
}

# A rule that JSON Schema cannot say (a name is taken, a service has no credential, a row changed) may refuse what the
# schema allows, with 409, 412 or 422; what can be read is never "malformed". At /oauth/* made-up clients are refused with
# 401 whatever they ask (RFC 6749).
SETTINGS = """
rate-limit = "auto"
continue-on-failure = true
[cache]
enabled = false
[generation]
database = "none"
max-examples = {examples}
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "412", "422", "429"]
[[operations]]
include-path-regex = "^/oauth/"
[operations.checks.positive_data_acceptance]
enabled = false
[phases.coverage]
unexpected-methods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"]
"""


# What at least one caller must have been granted, else the run shows little. The rest is printed.
GRANTED = {
    f"POST {LEASE}",
    f"GET {LEASE}",
    f"GET {LEASE}/{{id}}",
    f"GET {LEASE}/{{id}}/credentials",
    f"POST {LEASE}/{{id}}/renew",
    f"DELETE {LEASE}/{{id}}",
    "GET /api/mcp/me",
    "POST /api/admin/users",
    "GET /api/admin/users",
    "POST /oauth/token",
    "POST /oauth/introspect",
}


# The operations that answered with success, by database and caller.
granted: dict[str, dict[str, set[str]]] = {}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("database", DATABASES)
def test_every_answer_is_described(database, caller, tmp_path):
    # A broker for each: what one caller changes is what another counts on.
    with running(database, tmp_path / "data") as broker:
        rates = fuzz(broker, caller, tmp_path)
        if caller != "nobody":
            answer = httpx.get(f"{broker.url}/api/mcp/me", headers=bearer(broker, caller))
            assert answer.status_code == 200, "the run ended the token that it ran with: add what did so to EXCLUDED"
    accepted = {name for name, phases in rates if any(phase["accepted"] for phase in phases.values())}
    granted.setdefault(database, {})[caller] = accepted


def fuzz(broker, caller, folder):
    """How many requests of each operation were accepted, by phase; fails when an answer is not as described."""
    settings, report = folder / "schemathesis.toml", folder / "report.json"
    settings.write_text(SETTINGS.format(examples=EXAMPLES) + credentials(broker, caller) + known_values(broker))
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    command += ["--config-file", str(settings), "run", f"{broker.url}/openapi.json", "--no-color", "--warnings", "off"]
    command += ["--seed", str(SEED), "--report-json-path", str(report)]
    command += [word for name in EXCLUDED[caller] for word in ("--exclude-operation-id", name)]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    print(run.stdout)
    assert run.returncode == 0, f"an answer is not as described, see below\n{run.stderr}"
    return json.loads(report.read_text())["valid_rates"].items()


@pytest.mark.parametrize("database", DATABASES)
def test_the_callers_got_somewhere(database, http):
    reached_by = granted.get(database, {})
    if reached_by.keys() != set(CALLERS):
        # Only when tests were picked by name: a whole run has every caller, or failed above.
        pytest.skip("needs the runs of every caller")
    paths = http.get("/openapi.json").json()["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    reached = set.union(*reached_by.values())
    print("never granted:", *sorted(described - reached), sep="\n  ")
    assert GRANTED <= reached
    assert not any("/api/" in name for name in reached_by["nobody"])


def test_every_path_answers_every_method(broker, http):
    """HEAD as GET without the body (RFC 9110, section 9.3.2), anything unknown with 405 and `Allow` (section 15.5.6)."""
    for path, methods in http.get("/openapi.json").json()["paths"].items():
        known = {method.upper() for method in methods}
        known |= {"HEAD"} & {"HEAD" for method in known if method == "GET"}
        path = re.sub(r"\{[a-z_]+\}", "nobody", path)
        for method in ("HEAD", "OPTIONS", "TRACE", "PUT", "PROPFIND", "BREW"):
            answer = http.request(method, path)
            if method in known:
                shown = http.get(path)
                assert (answer.status_code, answer.content) == (shown.status_code, b""), (method, path)
                assert answer.headers.get("Content-Type") == shown.headers.get("Content-Type"), (method, path)
                continue
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["Allow"].split(",")) == known, (method, path)


def credentials(broker, caller):
    """What Schemathesis shows where the description asks for it: a client's secret, a token."""
    if caller == "nobody":
        return ""
    client, secret = broker.client
    token = bearer(broker, caller)["Authorization"].removeprefix("Bearer ")
    return f"""
[auth.openapi.client]
username = {json.dumps(client)}
password = {json.dumps(secret)}
[auth.openapi.bearer]
bearer = {json.dumps(token)}
"""


def bearer(broker, caller):
    token = broker.mcp_token if caller == "person" else broker.env["ADMIN_TOKEN"]
    return {"Authorization": f"Bearer {token}"}


def known_values(broker):
    """Half of the ids and services asked for are there: else most answers would be 404. Fields go by their names."""
    person = httpx.Client(base_url=broker.url, headers=bearer(broker, "person"))
    leases = [
        person.post(LEASE, json={"services": ["todoist"], "server_id": "fuzzing"}).json()["lease_id"] for _ in range(8)
    ]
    me = person.get("/api/mcp/me").json()
    organizations = [organization["id"] for organization in me["organizations"]]
    paths = person.get("/openapi.json").json()["paths"]
    in_paths = {name for path in paths for name in re.findall(r"\{([a-z_]+)\}", path)}
    places = {f"path.{name}": "ids" for name in sorted(in_paths)} | {
        "path.organization": "organizations",
        "path.user": "users",
        "body.organization_id": "organizations",
        "body.owner": "owners",
        "body.services[*]": "services",
    }
    values = {
        "ids": [*leases, me["user_id"], *organizations],
        "organizations": organizations,
        "owners": [me["user_id"], *organizations, "system"],
        "services": me["available_services"],
        "users": [me["user_id"]],
    }
    dictionaries = [f"{name} = {{ values = {json.dumps(known)} }}" for name, known in values.items()]
    bound = [f'"{place}" = {{ dictionary = "{name}", probability = 0.5 }}' for place, name in places.items()]
    return "\n".join(["[dictionaries]", *dictionaries, "[parameters]", *bound])
