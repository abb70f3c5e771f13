"""The calls of the MCP API usage guide (seed 004), in its order, as a client written from that guide makes them."""

import re
from datetime import datetime

import pytest

LEASE = "/api/mcp/credentials/lease"
TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


@pytest.fixture
def lease(worker):
    """A lease of the guide's three services."""
    request = {"services": ["todoist", "jira", "notion"], "ttl": 3600, "server_id": "mcp-server-1"}
    answer = worker.post(LEASE, json=request)
    assert answer.status_code == 201, answer.text
    return answer.json()


def seconds_between(earlier, later):
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_me_tells_who_i_am_and_what_i_may_borrow(worker):
    answer = worker.get("/api/mcp/me")
    assert answer.status_code == 200, answer.text
    me = answer.json()
    assert me["user_id"].startswith("usr_")
    assert me["email"] == "test@mcp-manager.local"
    assert me["name"]
    roles = {organization["name"]: organization["role"] for organization in me["organizations"]}
    assert roles == {"Development Team": "owner", "Client Projects": "admin"}
    assert {"todoist", "openai", "gmail", "jira", "notion", "sentry"} <= set(me["available_services"])


def test_create_lends_personal_and_organization_credentials(worker, lease):
    assert lease["lease_id"].startswith("lse_")
    assert TIMESTAMP.match(lease["expires_at"])
    assert lease["renewable"] is True
    assert lease["max_renewals"] == 24
    assert lease["credential_scope"] == "mixed"

    credentials = lease["credentials"]
    assert credentials.keys() == {"todoist", "jira", "notion"}
    assert credentials["todoist"]["access_token"]
    assert {"url", "email", "api_token", "cloud"} <= credentials["jira"].keys()
    assert credentials["jira"]["cloud"] is True
    assert {"access_token", "database_id"} <= credentials["notion"].keys()

    organizations = {o["name"]: o["id"] for o in worker.get("/api/mcp/me").json()["organizations"]}
    [included] = lease["included_org_credentials"]
    assert included["organization_id"] == organizations["Development Team"]
    assert sorted(included["services"]) == ["jira", "notion"]


def test_renew_without_a_body_extends_by_the_original_ttl(worker, lease):
    answer = worker.post(f"{LEASE}/{lease['lease_id']}/renew")
    assert answer.status_code == 200, answer.text
    renewed = answer.json()
    assert renewed["lease_id"] == lease["lease_id"]
    assert renewed["renewal_count"] == 1
    assert renewed["renewals_remaining"] == 23
    assert TIMESTAMP.match(renewed["last_renewed_at"])
    assert TIMESTAMP.match(renewed["expires_at"])
    assert renewed["expires_at"] > lease["expires_at"]
    assert seconds_between(renewed["last_renewed_at"], renewed["expires_at"]) == pytest.approx(3600, abs=1)


def test_get_shows_the_lease_and_no_secret(worker, lease):
    answer = worker.get(f"{LEASE}/{lease['lease_id']}")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["lease_id"] == lease["lease_id"]
    assert shown["status"] == "active"
    assert sorted(shown["services"]) == ["jira", "notion", "todoist"]
    assert shown["renewable"] is True
    assert shown["renewal_count"] == 0
    assert shown["credential_scope"] == "mixed"
    assert TIMESTAMP.match(shown["expires_at"])
    assert "credentials" not in shown
    assert lease["credentials"]["todoist"]["access_token"] not in answer.text
    assert lease["credentials"]["jira"]["api_token"] not in answer.text


def test_revoke_is_immediate_and_may_be_repeated(worker, lease):
    path = f"{LEASE}/{lease['lease_id']}"
    first = worker.request("DELETE", path, json={"reason": "Server shutdown"})
    assert first.status_code == 200, first.text
    assert first.json()["message"] == "Lease revoked successfully"
    assert first.json()["lease_id"] == lease["lease_id"]
    assert TIMESTAMP.match(first.json()["revoked_at"])

    second = worker.request("DELETE", path, json={"reason": "Once more"})
    assert second.status_code == 200, second.text
    assert second.json()["revoked_at"] == first.json()["revoked_at"]

    assert worker.get(path).json()["status"] == "revoked"
    refused = worker.post(f"{path}/renew")
    assert refused.status_code == 403
    assert refused.json()["code"] == "lease_revoked"


def test_revoke_needs_no_body(worker, lease):
    answer = worker.delete(f"{LEASE}/{lease['lease_id']}")
    assert answer.status_code == 200, answer.text


def test_a_service_that_is_not_there_fails_the_whole_request(worker):
    answer = worker.post(LEASE, json={"services": ["todoist", "nowhere"], "ttl": 3600, "server_id": "mcp-server-1"})
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["code"] == "missing_credentials"
    assert problem["missing_services"] == ["nowhere"]
    assert "todoist" in problem["available_services"]
    assert "credentials" not in problem


@pytest.mark.parametrize(
    ("field", "request_body"),
    [
        ("server_id", {"services": ["todoist"], "ttl": 3600}),
        ("services", {"services": [], "ttl": 3600, "server_id": "mcp-server-1"}),
        ("ttl", {"services": ["todoist"], "ttl": 59, "server_id": "mcp-server-1"}),
        ("user_id", {"services": ["todoist"], "server_id": "mcp-server-1", "user_id": 1}),
    ],
)
def test_a_wrong_request_is_told_which_field(worker, field, request_body):
    answer = worker.post(LEASE, json=request_body)
    assert answer.status_code == 422, answer.text
    assert field in str(answer.json()["errors"])


def test_the_ttl_may_be_left_out(worker):
    answer = worker.post(LEASE, json={"services": ["todoist"], "server_id": "mcp-server-1"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["credential_scope"] == "personal"
    assert answer.json()["included_org_credentials"] == []


@pytest.mark.parametrize("kind", ["none", "no prefix", "unknown token"])
def test_a_caller_without_a_valid_token_is_unauthenticated(broker, http, kind):
    headers = {
        "none": {},
        "no prefix": {"Authorization": broker.mcp_token},
        "unknown token": {"Authorization": "Bearer mcp_dev_" + "0" * 64},
    }[kind]
    answer = http.get("/api/mcp/me", headers=headers)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["title"] == "Unauthenticated"


def test_an_unknown_lease_is_not_found(worker):
    assert worker.get(f"{LEASE}/lse_nothing").status_code == 404
    assert worker.post(f"{LEASE}/lse_nothing/renew").status_code == 404
    assert worker.delete(f"{LEASE}/lse_nothing").status_code == 404
