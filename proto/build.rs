//! Compiles `leasehold/v1/*.proto` with protox, so that no system protoc is needed.
//!
//! A field that carries a secret is marked `[debug_redact = true]` in its proto file, and nowhere else: the messages
//! that have one lose prost's `Debug` and get one from here, which shows that the field is there and nothing of it.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

use protox::{
    Compiler,
    prost_reflect::{FieldDescriptor, MessageDescriptor},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir("leasehold/v1")?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();
    println!("cargo:rerun-if-changed=leasehold");

    let mut compiler = Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // Encoded by protox: prost's own types would drop the options that they don't know, `debug_redact` among them.
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let pool = compiler.descriptor_pool();
    let secret: Vec<MessageDescriptor> = pool.all_messages().filter(holds_secret).collect();
    fs::write(out.join("redacted.rs"), redacted(&secret)?)?;

    tonic_prost_build::configure()
        .build_client(env::var_os("CARGO_FEATURE_CLIENT").is_some())
        .build_server(env::var_os("CARGO_FEATURE_SERVER").is_some())
        .btree_map(".leasehold")
        .skip_debug(secret.iter().map(|message| format!(".{}", message.full_name())))
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

fn holds_secret(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| is_secret(&field))
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let options = field.options();
    options.get_field_by_name("debug_redact").and_then(|value| value.as_bool()).unwrap_or(false)
}

/// The `Debug` of every message that holds a secret, and the list of them for the test.
fn redacted(messages: &[MessageDescriptor]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for message in messages {
        let name = message.name();
        if message.oneofs().len() > 0 || message.parent_message().is_some() {
            return Err(format!("{name}: no redacted Debug is written for oneofs and nested messages").into());
        }
        writeln!(text, "impl ::core::fmt::Debug for {name} {{")?;
        writeln!(text, "    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{")?;
        write!(text, "        f.debug_struct(\"{name}\")")?;
        for field in message.fields() {
            let field_name = field.name();
            let shown =
                if is_secret(&field) { "&Redacted".to_owned() } else { format!("&self.{field_name}") };
            write!(text, ".field(\"{field_name}\", {shown})")?;
        }
        writeln!(text, ".finish()\n    }}\n}}")?;
    }
    Ok(text)
}
