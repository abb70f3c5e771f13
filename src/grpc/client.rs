//! How an OAuth client proves itself to the token service: in the message, or by `authorization: Basic` (RFC 6749,
//! section 2.3.1).

use tonic::metadata::MetadataMap;

use crate::{
    broker::tokens::types::{ClientCredentials, TokenError, TokenErrorCode},
    model::secret::SecretText,
};

use super::call::authorization;

/// What the client shows, if anything. A bearer token is left alone: clients send theirs with every call.
///
/// # Errors
/// [`TokenErrorCode::InvalidRequest`] when it shows two things, [`TokenErrorCode::InvalidClient`] when the metadata
/// cannot be read.
pub(super) fn credentials(
    metadata: &MetadataMap,
    client_id: String,
    client_secret: String,
) -> Result<Option<ClientCredentials>, TokenError> {
    let in_message = !client_id.is_empty() || !client_secret.is_empty();
    let Some(encoded) = authorization(metadata).and_then(basic) else {
        let client_secret = SecretText::new(client_secret);
        return Ok(in_message.then_some(ClientCredentials { client_id, client_secret, basic: false }));
    };
    if in_message {
        let description = "the client must prove itself in one way: in the message or in the metadata";
        return Err(TokenError::new(TokenErrorCode::InvalidRequest, description));
    }
    ClientCredentials::from_basic(encoded).map(Some).ok_or_else(|| TokenError {
        basic: true,
        ..TokenError::new(TokenErrorCode::InvalidClient, "the `authorization` entry is not valid HTTP Basic")
    })
}

fn basic(authorization: &str) -> Option<&str> {
    let (scheme, rest) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    fn metadata(authorization: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", authorization.parse().expect("a value"));
        metadata
    }

    fn shown(authorization: &str) -> Result<Option<(String, String, bool)>, TokenErrorCode> {
        let found = credentials(&metadata(authorization), String::new(), String::new());
        found
            .map(|client| client.map(|c| (c.client_id, c.client_secret.expose().to_owned(), c.basic)))
            .map_err(|error| error.code)
    }

    #[test]
    fn basic_is_read_with_its_form_encoding() {
        let pair = |id: &str, secret: &str| Ok(Some((id.to_owned(), secret.to_owned(), true)));
        assert_eq!(shown(&format!("Basic {}", STANDARD.encode("cli_1:s3cret"))), pair("cli_1", "s3cret"));
        assert_eq!(shown(&format!("bAsIc {}", STANDARD.encode("a%3Ab:c+d:%C3%BC"))), pair("a:b", "c d:ü"));
    }

    #[test]
    fn what_cannot_be_read_is_an_invalid_client() {
        let no_colon = format!("Basic {}", STANDARD.encode("nocolon"));
        let no_text = format!("Basic {}", STANDARD.encode(b"a:\xff"));
        for text in ["Basic ", "Basic !", &no_colon, &no_text] {
            assert_eq!(shown(text), Err(TokenErrorCode::InvalidClient), "{text}");
        }
    }

    #[test]
    fn two_ways_at_once_are_refused_and_a_bearer_token_is_no_way() {
        let basic = metadata(&format!("Basic {}", STANDARD.encode("a:b")));
        let both = credentials(&basic, "a".to_owned(), "b".to_owned());
        assert_eq!(both.map(|_| ()).map_err(|error| error.code), Err(TokenErrorCode::InvalidRequest));
        assert_eq!(shown("Bearer abc"), Ok(None));
        let in_message = credentials(&metadata("Bearer abc"), "a".to_owned(), String::new());
        assert!(in_message.is_ok_and(|client| client.is_some_and(|client| !client.basic)));
    }
}
