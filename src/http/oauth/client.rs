//! Client authentication (RFC 6749, section 2.3.1): by HTTP Basic, or in the body, never both.

use axum::http::{HeaderMap, header};

use crate::{
    broker::tokens::types::{ClientCredentials, TokenError, TokenErrorCode},
    http::parameters::Parameters,
    model::secret::SecretText,
};

use super::invalid_request;

/// The client that the request names, if it brought both an id and a secret; takes them out of `parameters`.
pub(super) fn client(
    headers: &HeaderMap,
    parameters: &mut Parameters,
) -> Result<Option<ClientCredentials>, TokenError> {
    let client_id = parameters.take("client_id");
    let client_secret = parameters.take("client_secret").map(SecretText::new);
    let Some(client) = basic(headers)? else {
        let both = client_id.zip(client_secret);
        return Ok(both.map(|(client_id, client_secret)| ClientCredentials {
            client_id,
            client_secret,
            basic: false,
        }));
    };
    if client_secret.is_some() {
        return Err(invalid_request(
            "the client authenticates by HTTP Basic and in the body: use one of them",
        ));
    }
    if client_id.is_some_and(|id| id != client.client_id) {
        return Err(invalid_request("client_id in the body differs from the one in HTTP Basic"));
    }
    Ok(Some(client))
}

fn basic(headers: &HeaderMap) -> Result<Option<ClientCredentials>, TokenError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid_request("more than one Authorization header"));
    }
    let text = value.to_str().map_err(|_| unreadable())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(unreadable)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(invalid_client("clients authenticate by HTTP Basic or in the body"));
    }
    ClientCredentials::from_basic(encoded).map(Some).ok_or_else(unreadable)
}

fn unreadable() -> TokenError {
    invalid_client("the Authorization header is not HTTP Basic with an id and a secret")
}

fn invalid_client(description: &str) -> TokenError {
    TokenError { basic: true, ..TokenError::new(TokenErrorCode::InvalidClient, description) }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    fn attempt(authorization: &[&str], body: &str) -> Result<Option<(String, String, bool)>, &'static str> {
        let headers =
            authorization.iter().map(|text| (header::AUTHORIZATION, text.parse().unwrap())).collect();
        let mut parameters = Parameters::parse(body.as_bytes()).unwrap();
        let client = client(&headers, &mut parameters).map_err(|error| error.code.as_str())?;
        Ok(client.map(|c| (c.client_id, c.client_secret.expose().to_owned(), c.basic)))
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn basic_is_decoded_twice() {
        for (sent, id, secret) in [
            ("user:pass", "user", "pass"),
            ("a%3Ab:c%20d+e%2B", "a:b", "c d e+"),
            ("id:with:colons", "id", "with:colons"),
            ("id:", "id", ""),
            ("id:100%", "id", "100%"),
        ] {
            let found = attempt(&[&basic_of(sent)], "").unwrap();
            assert_eq!(found, Some((id.to_owned(), secret.to_owned(), true)), "{sent}");
        }
        assert!(attempt(&["bAsIc dXNlcjpwYXNz"], "").unwrap().is_some());
    }

    #[test]
    fn the_body_will_do_when_it_has_both() {
        let found = attempt(&[], "client_id=a&client_secret=b%2Bc").unwrap();
        assert_eq!(found, Some(("a".to_owned(), "b+c".to_owned(), false)));
        assert_eq!(attempt(&[], "client_id=a"), Ok(None));
        assert_eq!(attempt(&[], ""), Ok(None));
    }

    #[test]
    fn one_way_at_a_time() {
        let basic = basic_of("a:b");
        assert_eq!(attempt(&[&basic], "client_id=a&client_secret=b"), Err("invalid_request"));
        assert_eq!(attempt(&[&basic], "client_secret=b"), Err("invalid_request"));
        assert_eq!(attempt(&[&basic], "client_id=other"), Err("invalid_request"));
        assert!(attempt(&[&basic], "client_id=a").unwrap().is_some());
        assert_eq!(attempt(&[&basic, &basic], ""), Err("invalid_request"));
    }

    #[test]
    fn what_is_no_basic_is_no_client() {
        for wrong in
            ["Basic", "Basic ", "Basic !!", &basic_of("no colon"), "Bearer dXNlcjpwYXNz", "Basic /zpw"]
        {
            assert_eq!(attempt(&[wrong], ""), Err("invalid_client"), "{wrong}");
        }
    }
}
