"""What every answer has in common, and the routes for operators and for people who read."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

LEASE = "/api/mcp/credentials/lease"


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz"])
def test_health_is_open_to_anyone(http, path):
    assert http.get(path).status_code == 200


def test_metrics_are_prometheus_text_without_secrets(broker, http, worker):
    lent = worker.post(LEASE, json={"services": ["todoist"], "ttl": 60, "server_id": "surface"}).json()
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    sample = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [-+0-9.eE]+( \d+)?$|^[a-zA-Z_:].* (NaN|[+-]Inf)$")
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not sample.match(line)] == []
    for secret in [*broker.secrets, lent["credentials"]["todoist"]["access_token"], lent["lease_id"]]:
        assert secret not in answer.text


def test_openapi_is_valid_and_complete(http):
    answer = http.get("/openapi.json")
    assert answer.status_code == 200
    description = answer.json()
    assert description["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(description).validate()

    described = {(path, method) for path, item in description["paths"].items() for method in item}
    parameter = re.compile(r"\{[a-z_]+\}")
    described = {(parameter.sub("{}", path), method) for path, method in described}
    assert {
        ("/oauth/token", "post"),
        ("/api/mcp/me", "get"),
        (LEASE, "post"),
        (LEASE, "get"),
        (f"{LEASE}/{{}}", "get"),
        (f"{LEASE}/{{}}", "delete"),
        (f"{LEASE}/{{}}/renew", "post"),
        (f"{LEASE}/{{}}/credentials", "get"),
    } <= described


def test_docs_fetch_nothing_from_elsewhere(http):
    answer = http.get("/docs", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    fetched = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", answer.text)
    assert fetched, "a page without script or style sheet is not the browsable description"
    assert [url for url in fetched if re.match(r"(?:[a-z]+:)?//", url)] == []
    for url in fetched:
        assert http.get(str(answer.url.join(url)), follow_redirects=True).status_code == 200, url


@pytest.mark.parametrize("path", ["/health", "/api/mcp/me", "/nowhere"])
def test_every_answer_has_a_request_id(http, path):
    first, second = (http.get(path).headers["X-Request-Id"] for _ in range(2))
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", first)
    assert first != second


@pytest.mark.parametrize("given", ["a", "Trace_7.of-9", "x" * 64])
def test_a_proper_request_id_is_kept(http, given):
    assert http.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", "a/b", "<script>"])
def test_an_improper_request_id_is_replaced(http, given):
    kept = http.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert kept != given
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", kept)


def test_answers_with_secrets_are_not_stored(broker, worker):
    token = worker.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=broker.client)
    lease = worker.post(LEASE, json={"services": ["todoist"], "ttl": 60, "server_id": "surface"})
    path = f"{LEASE}/{lease.json()['lease_id']}"
    renewed = worker.post(f"{path}/renew", params={"include": "credentials"})
    read = worker.get(f"{path}/credentials")
    assert read.json()["credentials"] == renewed.json()["credentials"] == lease.json()["credentials"]
    for answer in (token, lease, renewed, read):
        assert answer.is_success, answer.text
        assert answer.headers["Cache-Control"] == "no-store", answer.url


def test_errors_are_problem_documents(http, worker):
    answers = {
        400: worker.post(LEASE, content=b"{", headers={"Content-Type": "application/json"}),
        401: http.get("/api/mcp/me"),
        404: worker.get("/nowhere"),
        405: worker.put("/api/mcp/me"),
        415: worker.post(LEASE, content=b"services", headers={"Content-Type": "text/plain"}),
        422: worker.post(LEASE, json={"services": ["todoist"], "server_id": "surface", "surprise": 1}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json", status
        problem = answer.json()
        assert problem["status"] == status
        assert {"type", "title", "code"} <= problem.keys()
        assert re.fullmatch(r"[a-z][a-z0-9_]*", problem["code"])


def test_a_body_beyond_the_limit_is_refused(worker):
    body = b'{"services":["' + b"x" * (1024 * 1024) + b'"]}'
    answer = worker.post(LEASE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_the_output_of_the_process_holds_no_secret(broker, worker):
    """Standard output is no terminal here, so even the tokens for the developer must not be printed."""
    worker.get("/api/mcp/me")
    output = broker.output.read_text(errors="replace")
    for secret in broker.secrets:
        assert secret not in output
