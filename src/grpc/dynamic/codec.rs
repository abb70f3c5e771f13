//! Reads and writes messages by their descriptors.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// Reads messages of one kind, writes any.
#[derive(Debug, Clone)]
pub struct DynamicCodec {
    input: MessageDescriptor,
}

impl DynamicCodec {
    /// A codec that reads messages of this kind.
    #[must_use]
    pub const fn new(input: MessageDescriptor) -> Self {
        Self { input }
    }
}

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Writer;
    type Decoder = Reader;

    fn encoder(&mut self) -> Writer {
        Writer
    }

    fn decoder(&mut self) -> Reader {
        Reader(self.input.clone())
    }
}

/// Writes a message.
#[derive(Debug)]
pub struct Writer;

impl Encoder for Writer {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Reads a message.
#[derive(Debug)]
pub struct Reader(MessageDescriptor);

impl Decoder for Reader {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        // What cannot be read may hold a secret: the edge answers in words of its own.
        let read = DynamicMessage::decode(self.0.clone(), from);
        read.map(Some).map_err(|_| Status::internal("the message cannot be read"))
    }
}
