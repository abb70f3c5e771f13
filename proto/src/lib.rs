//! The gRPC interface of Leasehold: messages, clients and servers generated from `leasehold/v1/*.proto`.
