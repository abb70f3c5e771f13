//! The grammar of services and accounts: what is read is written the same again, and keeps the design's alphabet.
#![no_main]

use leasehold::model::service::{AccountName, ServiceName, ServiceRef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    if let Ok(read) = data.parse::<ServiceRef>() {
        assert_eq!(read.to_string(), data);
        assert_eq!(data.parse::<ServiceRef>().as_ref(), Ok(&read));
        let (service, account) = data.split_once('/').map_or((data, None), |(s, a)| (s, Some(a)));
        assert!(is_service(service) && account.is_none_or(is_account), "{data}");
        assert_eq!(service.parse::<ServiceName>().as_ref(), Ok(&read.service));
        assert_eq!(account.map(|account| account.parse::<AccountName>().expect("an account")), read.account);
    } else {
        let (service, account) = data.split_once('/').map_or((data, None), |(s, a)| (s, Some(a)));
        assert!(!(is_service(service) && account.is_none_or(is_account)), "{data}");
    }
});

fn is_service(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_account(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(allowed)
}
