//! Messages to JSON and back. The first byte chooses the message, the second the direction.
#![no_main]

use std::sync::LazyLock;

use leasehold::grpc::dynamic::{from_json, to_json};
use leasehold_fuzz::choose;
use leasehold_proto::DESCRIPTORS;
use libfuzzer_sys::fuzz_target;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

static MESSAGES: LazyLock<Vec<MessageDescriptor>> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
    pool.all_messages().filter(|message| message.package_name() == "leasehold.v1").collect()
});

fuzz_target!(|data: &[u8]| {
    let Some((chosen, rest)) = choose(data, MESSAGES.len()) else { return };
    let Some((direction, rest)) = choose(rest, 2) else { return };
    let descriptor = MESSAGES[chosen].clone();
    if direction == 0 {
        let Ok(message) = DynamicMessage::decode(descriptor.clone(), rest) else { return };
        let json = to_json(&message);
        // Numbers of enumerations that nobody knows, and times beyond a calendar, don't come back; what does is the same.
        if let Ok(again) = from_json(&json, descriptor) {
            assert_eq!(to_json(&again), json);
        }
        return;
    }
    let Ok(json) = serde_json::from_slice(rest) else { return };
    let Ok(message) = from_json(&json, descriptor.clone()) else { return };
    let bytes = prost_reflect::prost::Message::encode_to_vec(&message);
    let again = DynamicMessage::decode(descriptor, bytes.as_slice()).expect("what was written reads");
    assert_eq!(to_json(&again), to_json(&message));
});
