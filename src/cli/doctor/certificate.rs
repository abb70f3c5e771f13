//! The certificate: whether it loads with its key, and how long it is good.

use std::fs;

use rustls::{client::verify_server_name, server::ParsedCertificate};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use url::Url;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::{
    config::{Config, TlsConfig},
    model::instant::Instant,
    server::tls::ReloadingCertificate,
};

use super::finding::Finding;

/// The certificate of both listeners, as of now.
pub(super) fn check(config: &Config, now: Instant) -> Vec<Finding> {
    let Some(files) = &config.tls else {
        return vec![Finding::ok(CHECK, "none is set: both listeners speak plain HTTP")];
    };
    if files.certificate.as_os_str().is_empty() || files.key.as_os_str().is_empty() {
        // Told with the settings.
        return Vec::new();
    }
    if let Err(error) = ReloadingCertificate::load(files) {
        let advice = "set tls.certificate and tls.key to a PEM chain and the key that belongs to it";
        return vec![Finding::problem(CHECK, error.to_string(), advice)];
    }
    let own = first_of(files);
    let dates = match own.as_ref().and_then(validity) {
        Some((from, until)) => judge(from, until, now),
        None => Finding::warning(
            CHECK,
            format!("{} loads, but its dates cannot be read", files.certificate.display()),
            "look at it: openssl x509 -noout -dates -in FILE",
        ),
    };
    let name = own.as_ref().and_then(|own| judge_name(own, config.public_url.as_str()));
    std::iter::once(dates).chain(name).collect()
}

/// The server's own certificate.
fn first_of(files: &TlsConfig) -> Option<CertificateDer<'static>> {
    let pem = fs::read(&files.certificate).ok()?;
    CertificateDer::pem_slice_iter(&pem).next()?.ok()
}

/// What is wrong with the name that callers know the broker by.
fn judge_name(own: &CertificateDer<'_>, public_url: &str) -> Option<Finding> {
    let url = Url::parse(public_url).ok().filter(|url| url.scheme() == "https")?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let name = ServerName::try_from(host).ok()?;
    let parsed = ParsedCertificate::try_from(own).ok()?;
    verify_server_name(&parsed, &name).is_err().then(|| {
        let what = format!("the certificate is not for {host}, the host of public_url");
        let advice = "get one for that name; nothing, if callers meet a proxy that has one";
        Finding::warning(CHECK, what, advice)
    })
}

/// From when until when it is good.
fn validity(own: &CertificateDer<'_>) -> Option<(Instant, Instant)> {
    let (_, certificate) = X509Certificate::from_der(own).ok()?;
    let at = |seconds: i64| Instant::from_micros(0).plus_seconds(seconds);
    let validity = certificate.validity();
    Some((at(validity.not_before.timestamp()), at(validity.not_after.timestamp())))
}

fn judge(from: Instant, until: Instant, now: Instant) -> Finding {
    let renew = "renew it; changed files are served within ten seconds, without a restart";
    if until <= now {
        return Finding::problem(CHECK, format!("the certificate expired at {until}"), renew);
    }
    if from > now {
        let advice = "wait, or check this machine's clock";
        return Finding::problem(CHECK, format!("the certificate is good only from {from} on"), advice);
    }
    let what = format!("the key belongs to the certificate, which is good until {until}");
    if until.micros_since(now) < SOON_SECONDS * 1_000_000 {
        return Finding::warning(CHECK, what, renew);
    }
    Finding::ok(CHECK, what)
}

const CHECK: &str = "tls";
const SOON_SECONDS: i64 = 14 * 86_400;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::finding::Level, *};

    const NOW: &str = "2026-06-01T00:00:00Z";

    /// A certificate good for a few days of June 2026, and its key.
    fn certificate(folder: &Path, name: &str, days: std::ops::Range<u8>) -> TlsConfig {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 5, days.start);
        parameters.not_after = rcgen::date_time_ymd(2026, 6, days.end);
        let made = parameters.self_signed(&key).unwrap();
        let files = TlsConfig {
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        };
        fs::write(&files.certificate, made.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    fn found(tls: TlsConfig, now: &str) -> Finding {
        check(&Config { tls: Some(tls), ..Config::default() }, now.parse().unwrap()).remove(0)
    }

    #[test]
    fn dates_are_judged() {
        let folder = tempfile::tempdir().unwrap();
        let long = certificate(folder.path(), "long", 1..28);
        let short = certificate(folder.path(), "short", 1..5);
        assert_eq!(found(long.clone(), NOW).level, Level::Ok);
        assert_eq!(found(short.clone(), NOW).level, Level::Warning);
        let expired = found(short, "2026-06-06T00:00:00Z");
        assert_eq!(expired.level, Level::Problem);
        assert!(expired.what.contains("expired at 2026-06-05T00:00:00"), "{expired:?}");
        assert_eq!(found(long, "2026-04-01T00:00:00Z").level, Level::Problem);
    }

    #[test]
    fn the_name_that_callers_know_is_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let tls = certificate(folder.path(), "long", 1..28);
        let found = |url: &str| {
            let config =
                Config { tls: Some(tls.clone()), public_url: url.parse().unwrap(), ..Config::default() };
            check(&config, NOW.parse().unwrap())
        };
        assert_eq!(found("https://localhost:3978").len(), 1);
        assert_eq!(found("http://127.0.0.1:3978").len(), 1, "callers meet something else");
        for other in ["https://broker.example", "https://127.0.0.1", "https://[::1]:8443"] {
            let found = found(other);
            assert_eq!(found.last().unwrap().level, Level::Warning, "{other}: {found:?}");
            assert!(found.last().unwrap().what.contains("is not for"), "{found:?}");
        }
        let half = Config { tls: Some(TlsConfig { key: "".into(), ..tls.clone() }), ..Config::default() };
        assert_eq!(check(&half, NOW.parse().unwrap()), Vec::new());
    }

    #[test]
    fn a_key_of_another_certificate_is_found_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) =
            (certificate(folder.path(), "one", 1..28), certificate(folder.path(), "other", 1..28));
        let wrong = found(TlsConfig { key: other.key.clone(), ..one.clone() }, NOW);
        assert_eq!(wrong.level, Level::Problem);
        assert!(wrong.what.contains("do not work together"), "{wrong:?}");
        let secret = fs::read_to_string(&other.key).unwrap();
        let line = secret.lines().nth(1).unwrap();
        assert!(!format!("{wrong:?}").contains(line));
        fs::write(&one.certificate, "nonsense").unwrap();
        assert_eq!(found(one.clone(), NOW).level, Level::Problem);
        fs::remove_file(&one.certificate).unwrap();
        assert_eq!(found(one, NOW).level, Level::Problem);
    }
}
