"""A gRPC client that has no .proto file: everything it knows of LeaseService, the server's reflection told it."""

import re

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

LEASE_SERVICE = "leasehold.v1.LeaseService"
TIMEOUT_SECONDS = 10


class LeaseClient:
    """Calls LeaseService by method name; messages go in and come out as dicts in protobuf's JSON form."""

    def __init__(self, channel, token):
        self.channel = channel
        self.metadata = [("authorization", f"Bearer {token}")]
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        self.service = pool.FindServiceByName(LEASE_SERVICE)

    def call(self, name, **request):
        method = self.service.methods_by_name[name]
        request_class = message_factory.GetMessageClass(method.input_type)
        answer_class = message_factory.GetMessageClass(method.output_type)
        send = self.channel.unary_unary(
            f"/{LEASE_SERVICE}/{name}",
            request_serializer=request_class.SerializeToString,
            response_deserializer=answer_class.FromString,
        )
        answer = send(ParseDict(request, request_class()), metadata=self.metadata, timeout=TIMEOUT_SECONDS)
        return MessageToDict(answer, preserving_proto_field_name=True)

    def create(self, *services):
        return self.call("CreateLease", services=services, ttl="3600s", server_id="foreign-grpc")


@pytest.fixture
def channel(broker):
    with grpc.insecure_channel(broker.grpc_target) as channel:
        yield channel


@pytest.fixture
def leases(broker, channel):
    return LeaseClient(channel, broker.mcp_token)


def lease_of(answer):
    """The lease, which an answer either is or holds."""
    return answer.get("lease", answer)


def refusal(call, *arguments, **request):
    """Makes a call that must fail, and returns its code and its google.rpc.ErrorInfo."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **request)
    status = rpc_status.from_call(caught.value)
    assert status is not None, f"no google.rpc.Status with {caught.value.code()}"
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details), f"no ErrorInfo with {caught.value.code()}"
    assert info.domain == "leasehold"
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", info.reason)
    return caught.value.code(), info


def test_reflection_lists_the_service(channel):
    assert LEASE_SERVICE in ProtoReflectionDescriptorDatabase(channel).get_services()


def test_reflection_tells_the_contract(leases):
    request = leases.service.methods_by_name["CreateLease"].input_type.fields_by_name
    assert {"services", "ttl", "server_id"} <= set(request.keys())
    assert request["services"].is_repeated
    assert request["ttl"].message_type.full_name == "google.protobuf.Duration"
    for name in ("RenewLease", "ReadCredentials", "GetLease", "RevokeLease"):
        assert "lease_id" in leases.service.methods_by_name[name].input_type.fields_by_name, name


def test_a_lease_from_create_to_revoke(leases):
    created = leases.create("todoist", "jira")
    lease_id = lease_of(created)["lease_id"]
    assert lease_id.startswith("lse_")
    assert created["credentials"]["todoist"]["access_token"]
    assert created["credentials"]["jira"]["cloud"] is True

    renewed = lease_of(leases.call("RenewLease", lease_id=lease_id))
    assert renewed["renewal_count"] == 1
    assert renewed["expires_at"] >= lease_of(created)["expires_at"]

    read = leases.call("ReadCredentials", lease_id=lease_id)
    assert read["credentials"] == created["credentials"]

    shown = leases.call("GetLease", lease_id=lease_id)
    assert lease_of(shown)["lease_id"] == lease_id
    assert lease_of(shown)["status"].endswith("ACTIVE")
    assert created["credentials"]["todoist"]["access_token"] not in str(shown)

    leases.call("RevokeLease", lease_id=lease_id)
    assert lease_of(leases.call("GetLease", lease_id=lease_id))["status"].endswith("REVOKED")


def test_a_revoked_lease_lends_nothing_more(leases):
    lease_id = lease_of(leases.create("todoist"))["lease_id"]
    leases.call("RevokeLease", lease_id=lease_id)
    for name in ("RenewLease", "ReadCredentials"):
        code, info = refusal(leases.call, name, lease_id=lease_id)
        assert code == grpc.StatusCode.FAILED_PRECONDITION, name
        assert info.reason == "LEASE_REVOKED", name


def test_missing_credentials_are_a_failed_precondition(leases):
    code, info = refusal(leases.create, "todoist", "nowhere")
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert info.reason == "MISSING_CREDENTIALS"


def test_an_unknown_lease_is_not_found(leases):
    code, _ = refusal(leases.call, "GetLease", lease_id="lse_nothing")
    assert code == grpc.StatusCode.NOT_FOUND


def test_a_wrong_request_names_its_field(leases):
    with pytest.raises(grpc.RpcError) as caught:
        leases.call("CreateLease", services=["todoist"], ttl="59s", server_id="foreign-grpc")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    bad_request = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad_request) for detail in rpc_status.from_call(caught.value).details)
    assert "ttl" in [violation.field for violation in bad_request.field_violations]


def test_a_wrong_token_is_unauthenticated(channel):
    code, _ = refusal(LeaseClient(channel, "mcp_dev_" + "0" * 64).create, "todoist")
    assert code == grpc.StatusCode.UNAUTHENTICATED


def test_an_access_token_works_as_over_http(channel, access_token):
    created = LeaseClient(channel, access_token).create("todoist")
    assert lease_of(created)["lease_id"].startswith("lse_")


def test_the_standard_health_check_serves(channel):
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
