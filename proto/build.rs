//! Compiles `leasehold/v1/*.proto` with protox, so that no system protoc is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir("leasehold/v1")?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == "proto"));
    files.sort();
    println!("cargo:rerun-if-changed=leasehold");

    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // These carry secrets: they get a hand-written Debug that shows none.
        .skip_debug(SECRET_MESSAGES)
        .compile_fds(descriptors)?;
    Ok(())
}

/// Messages that hold a secret, wholly qualified.
const SECRET_MESSAGES: &[&str] = &[
    "leasehold.v1.CreateLeaseResponse",
    "leasehold.v1.IntrospectTokenRequest",
    "leasehold.v1.IssueTokenRequest",
    "leasehold.v1.IssueTokenResponse",
    "leasehold.v1.ReadCredentialsResponse",
    "leasehold.v1.RenewLeaseResponse",
    "leasehold.v1.RevokeTokenRequest",
];
