"""The token endpoint as seed 003 uses it: a JSON body, and the client's id and secret as HTTP Basic."""

import httpx
import pytest


@pytest.fixture
def ask(broker):
    """Posts a token request as the client of the seed would, the secret being right unless another is given."""

    def post(body, secret=None):
        client_id, right_secret = broker.client
        return httpx.post(broker.env["OAUTH_TOKEN_URL"], json=body, auth=(client_id, secret or right_secret))

    return post


def test_a_token_for_the_scope_asked_for(broker, ask):
    answer = ask({"grant_type": "client_credentials", "scope": "lease:create lease:read"})
    assert answer.status_code == 200, answer.text
    token = answer.json()
    assert token["access_token"]
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 3600
    assert sorted(token["scope"].split()) == ["lease:create", "lease:read"]
    assert answer.headers["Cache-Control"] == "no-store"

    me = httpx.get(f"{broker.url}/api/mcp/me", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert me.status_code == 200, me.text


def test_another_grant_type_is_unsupported(ask):
    answer = ask({"grant_type": "password", "scope": ""})
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_grant_type"


def test_a_wrong_secret_is_an_invalid_client(ask):
    answer = ask({"grant_type": "client_credentials", "scope": ""}, secret="not-the-secret")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.json()["error"] == "invalid_client"


def test_a_scope_the_client_does_not_have_is_invalid(ask):
    answer = ask({"grant_type": "client_credentials", "scope": "lease:create no:such"})
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_scope"


def test_an_earlier_token_outlives_a_later_one(broker, ask):
    """Seed 003's own server ended all earlier tokens of a client, so that two workers kept evicting each other."""
    body = {"grant_type": "client_credentials", "scope": "lease:read"}
    tokens = [ask(body).json()["access_token"] for _ in range(2)]
    for token in tokens:
        answer = httpx.get(f"{broker.url}/api/mcp/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
