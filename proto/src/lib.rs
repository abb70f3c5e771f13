//! The gRPC interface of Leasehold: messages, clients and servers generated from `leasehold/v1/*.proto`.
//!
//! It must know nothing of the broker. A message with a field marked `debug_redact` never shows that field.

/// `leasehold.v1`: generated, and so excepted from the lints that its generators don't keep.
#[expect(
    clippy::doc_markdown,
    clippy::must_use_candidate,
    reason = "prost writes bare names and bare getters"
)]
#[cfg_attr(
    any(feature = "client", feature = "server"),
    expect(unused_qualifications, reason = "tonic writes full paths")
)]
#[cfg_attr(feature = "client", expect(clippy::missing_errors_doc, reason = "tonic documents no errors"))]
#[cfg_attr(
    feature = "server",
    expect(
        clippy::allow_attributes,
        clippy::default_trait_access,
        clippy::too_many_lines,
        reason = "tonic writes its own exceptions, and dispatches in one function"
    )
)]
pub mod v1 {
    use std::fmt;

    tonic::include_proto!("leasehold.v1");

    // One `Debug` for each message that holds a secret, written by build.rs.
    include!(concat!(env!("OUT_DIR"), "/redacted.rs"));

    /// What `Debug` shows in place of a secret.
    struct Redacted;

    impl fmt::Debug for Redacted {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("[redacted]")
        }
    }
}

/// Every file of the interface and what they import, as an encoded `FileDescriptorSet` with comments and options:
/// what server reflection serves.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt::Debug};

    use prost::Message as _;
    use prost_types::{FileDescriptorSet, Struct, Value, field_descriptor_proto::Type, value::Kind};

    use super::{DESCRIPTORS, v1::*};

    const CANARY: &str = "canary-7f3a";

    fn text() -> String {
        CANARY.to_owned()
    }

    fn value() -> Value {
        Value { kind: Some(Kind::StringValue(text())) }
    }

    fn credentials() -> BTreeMap<String, Struct> {
        let fields = BTreeMap::from([("token".to_owned(), value())]);
        BTreeMap::from([("todo".to_owned(), Struct { fields })])
    }

    /// Every message with a secret, its secrets set. The next test sees to it that none is forgotten here.
    fn messages_with_secrets() -> Vec<(&'static str, Box<dyn Debug>)> {
        let mut messages = first_messages_with_secrets();
        messages.extend(more_messages_with_secrets());
        messages
    }

    fn first_messages_with_secrets() -> Vec<(&'static str, Box<dyn Debug>)> {
        let fields = || Some(Struct { fields: BTreeMap::from([("token".to_owned(), value())]) });
        vec![
            ("AcceptInvitationRequest", Box::new(AcceptInvitationRequest { link: text() })),
            (
                "AuditRecord",
                Box::new(AuditRecord {
                    token: text(),
                    details: Some(Struct { fields: BTreeMap::from([("note".to_owned(), value())]) }),
                    ..Default::default()
                }),
            ),
            (
                "ClientSecretResponse",
                Box::new(ClientSecretResponse { client_secret: text(), ..Default::default() }),
            ),
            (
                "CreateConnectLinkRequest",
                Box::new(CreateConnectLinkRequest { fields: fields(), ..Default::default() }),
            ),
            (
                "CreateConnectLinkResponse",
                Box::new(CreateConnectLinkResponse { url: text(), ..Default::default() }),
            ),
            (
                "CreateCredentialRequest",
                Box::new(CreateCredentialRequest { fields: fields(), ..Default::default() }),
            ),
        ]
    }

    fn more_messages_with_secrets() -> Vec<(&'static str, Box<dyn Debug>)> {
        let client_id = || "cli_1".to_owned();
        let fields = || Some(Struct { fields: BTreeMap::from([("token".to_owned(), value())]) });
        vec![
            (
                "CreateLeaseResponse",
                Box::new(CreateLeaseResponse { credentials: credentials(), ..Default::default() }),
            ),
            (
                "CreateOwnCredentialRequest",
                Box::new(CreateOwnCredentialRequest { fields: fields(), ..Default::default() }),
            ),
            ("CreateTokenResponse", Box::new(CreateTokenResponse { token: text(), ..Default::default() })),
            (
                "GetOwnCredentialResponse",
                Box::new(GetOwnCredentialResponse { values: fields(), ..Default::default() }),
            ),
            (
                "IntrospectTokenRequest",
                Box::new(IntrospectTokenRequest {
                    token: text(),
                    client_id: client_id(),
                    client_secret: text(),
                }),
            ),
            (
                "IssueTokenRequest",
                Box::new(IssueTokenRequest { client_secret: text(), ..Default::default() }),
            ),
            (
                "IssueTokenResponse",
                Box::new(IssueTokenResponse { access_token: text(), ..Default::default() }),
            ),
            (
                "PutApplicationRequest",
                Box::new(PutApplicationRequest { client_secret: text(), ..Default::default() }),
            ),
            (
                "ReadCredentialsResponse",
                Box::new(ReadCredentialsResponse { credentials: credentials(), ..Default::default() }),
            ),
            (
                "RenewLeaseResponse",
                Box::new(RenewLeaseResponse { credentials: credentials(), ..Default::default() }),
            ),
            (
                "RevokeTokenRequest",
                Box::new(RevokeTokenRequest { token: text(), client_id: client_id(), client_secret: text() }),
            ),
            (
                "RotateCredentialRequest",
                Box::new(RotateCredentialRequest { fields: fields(), ..Default::default() }),
            ),
            (
                "RotateOwnCredentialRequest",
                Box::new(RotateOwnCredentialRequest { fields: fields(), ..Default::default() }),
            ),
            (
                "SentInvitationResponse",
                Box::new(SentInvitationResponse { link: text(), ..Default::default() }),
            ),
        ]
    }

    #[test]
    fn debug_shows_no_secret() {
        for (name, message) in messages_with_secrets() {
            for shown in [format!("{message:?}"), format!("{message:#?}")] {
                assert!(shown.starts_with(name) && shown.contains("[redacted]"), "{shown}");
                assert!(!shown.contains(CANARY), "{shown}");
            }
        }
    }

    #[test]
    fn every_field_that_may_hold_a_secret_is_marked() {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
        let messages =
            set.file.iter().filter(|file| file.package() == "leasehold.v1").flat_map(|f| &f.message_type);
        let secret = |message: &&prost_types::DescriptorProto| {
            let named = |field: &prost_types::FieldDescriptorProto| {
                // A list of credentials, or their number, tells about them, not what they are.
                let told = field.type_name() == ".leasehold.v1.Credential" || field.r#type() == Type::Int64;
                let secret = ["token", "access_token", "client_secret", "credentials", "link"];
                !told && secret.contains(&field.name()) || field.type_name() == ".google.protobuf.Struct"
            };
            message.field.iter().any(named)
        };
        let mut found: Vec<&str> = messages.filter(secret).map(prost_types::DescriptorProto::name).collect();
        found.sort_unstable();
        let tested: Vec<&str> = messages_with_secrets().into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, tested);
    }

    #[test]
    fn everything_is_documented() {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
        for file in set.file.iter().filter(|file| file.package() == "leasehold.v1") {
            let info = file.source_code_info.as_ref().expect("source info");
            // Paths of messages, fields, enums, values, services and methods, as descriptor.proto numbers them.
            let documents = |path: &[i32]| matches!(path, [4..=6, _] | [4..=6, _, 2, _]);
            for location in info.location.iter().filter(|location| documents(&location.path)) {
                assert!(!location.leading_comments().is_empty(), "{}: {:?}", file.name(), location.span);
            }
        }
    }
}
