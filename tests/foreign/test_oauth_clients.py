"""OAuth libraries that know nothing of Leasehold: Authlib fetches, introspects and revokes tokens, PyJWT checks them."""

import time

import httpx
import jwt
import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session


@pytest.fixture
def metadata(http):
    answer = http.get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def authlib(broker):
    client_id, client_secret = broker.client
    with OAuth2Client(client_id, client_secret, token_endpoint_auth_method="client_secret_basic") as client:
        yield client


def test_metadata_names_what_works(broker, metadata):
    assert metadata["issuer"] == broker.url
    assert metadata["token_endpoint"] == broker.env["OAUTH_TOKEN_URL"] == f"{broker.url}/oauth/token"
    assert metadata["jwks_uri"] == f"{broker.url}/oauth/jwks"
    assert metadata["introspection_endpoint"] == f"{broker.url}/oauth/introspect"
    assert metadata["revocation_endpoint"] == f"{broker.url}/oauth/revoke"
    assert "client_credentials" in metadata["grant_types_supported"]
    assert {"client_secret_basic", "client_secret_post"} <= set(metadata["token_endpoint_auth_methods_supported"])
    assert "lease:create" in metadata["scopes_supported"]
    # RFC 8414, section 2: a required field, empty where there is no authorization endpoint.
    assert metadata["response_types_supported"] == []
    assert "authorization_endpoint" not in metadata


@pytest.mark.parametrize("library", [OAuth2Client, OAuth2Session], ids=["httpx", "requests"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_fetches_a_token_and_uses_it(broker, metadata, library, method):
    client_id, client_secret = broker.client
    with library(client_id, client_secret, scope="lease:read", token_endpoint_auth_method=method) as client:
        token = client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert token["token_type"] == "Bearer"
        assert token["scope"] == "lease:read"
        assert token["expires_at"] == pytest.approx(time.time() + 3600, abs=30)
        me = client.get(f"{broker.url}/api/mcp/me")
        assert me.status_code == 200, me.text
        assert me.json()["token_scopes"] == ["lease:read"]


def test_pyjwt_validates_a_token_by_the_published_keys(broker, metadata, access_token):
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(access_token)
    claims = jwt.decode(
        access_token,
        key,
        algorithms=["ES256"],
        audience=broker.url,
        issuer=metadata["issuer"],
        options={"require": ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]},
    )
    # RFC 9068, sections 2.1 and 2.2.
    assert jwt.get_unverified_header(access_token)["typ"] == "at+jwt"
    assert claims["client_id"] == broker.client[0]
    assert claims["exp"] - claims["iat"] == 3600
    assert "lease:create" in claims["scope"].split()


def test_the_published_keys_are_public_keys_only(http):
    answer = http.get("/oauth/jwks")
    assert answer.status_code == 200, answer.text
    keys = answer.json()["keys"]
    assert keys
    for key in keys:
        assert key["kty"] == "EC"
        assert key["crv"] == "P-256"
        assert key["kid"]
        assert "d" not in key


def test_a_changed_token_is_refused(http, access_token):
    head, claims, signature = access_token.split(".")
    changed = ".".join([head, claims, ("B" if signature[0] == "A" else "A") + signature[1:]])
    answer = http.get("/api/mcp/me", headers={"Authorization": f"Bearer {changed}"})
    assert answer.status_code == 401


def test_introspection_describes_a_live_token(broker, metadata, authlib, access_token):
    answer = authlib.introspect_token(metadata["introspection_endpoint"], access_token)
    assert answer.status_code == 200, answer.text
    described = answer.json()
    assert described["active"] is True
    assert described["client_id"] == broker.client[0]
    assert described["exp"] > time.time()
    assert "lease:create" in described["scope"].split()


def test_introspection_says_nothing_of_what_is_no_token(metadata, authlib):
    answer = authlib.introspect_token(metadata["introspection_endpoint"], "no-token-at-all")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"active": False}


def test_introspection_wants_to_know_the_client(metadata, access_token):
    answer = httpx.post(metadata["introspection_endpoint"], data={"token": access_token})
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


def test_a_revoked_token_is_dead_at_once(http, metadata, authlib, access_token):
    headers = {"Authorization": f"Bearer {access_token}"}
    assert http.get("/api/mcp/me", headers=headers).status_code == 200

    revoked = authlib.revoke_token(metadata["revocation_endpoint"], access_token)
    assert revoked.status_code == 200, revoked.text

    described = authlib.introspect_token(metadata["introspection_endpoint"], access_token)
    assert described.json() == {"active": False}
    assert http.get("/api/mcp/me", headers=headers).status_code == 401


def test_revoking_what_is_no_token_succeeds(metadata, authlib):
    """RFC 7009, section 2.2: the client's purpose is reached already."""
    assert authlib.revoke_token(metadata["revocation_endpoint"], "no-token-at-all").status_code == 200
