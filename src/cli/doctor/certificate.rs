//! The certificate: whether it loads with its key, and how long it is good.

use std::fs;

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
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
    if let Err(error) = ReloadingCertificate::load(files) {
        let advice = "set tls.certificate and tls.key to a PEM chain and the key that belongs to it";
        return vec![Finding::problem(CHECK, error.to_string(), advice)];
    }
    vec![match validity(files) {
        Some((from, until)) => judge(from, until, now),
        None => Finding::warning(
            CHECK,
            format!("{} loads, but its dates cannot be read", files.certificate.display()),
            "look at it: openssl x509 -noout -dates -in FILE",
        ),
    }]
}

/// From when until when the server's own certificate is good.
fn validity(files: &TlsConfig) -> Option<(Instant, Instant)> {
    let pem = fs::read(&files.certificate).ok()?;
    let first = CertificateDer::pem_slice_iter(&pem).next()?.ok()?;
    let (_, certificate) = X509Certificate::from_der(&first).ok()?;
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
