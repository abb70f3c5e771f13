//! Workloads: which operations, in which shares, and against which floor.

use clap::ValueEnum;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Issue an access token (HTTP).
    Token,
    /// Take a lease of two services (gRPC).
    Create,
    /// Renew a lease (gRPC).
    Renew,
    /// Show a lease (gRPC).
    Get,
    /// Read a lease's credentials again (gRPC).
    ReadCredentials,
    /// Revoke a lease (gRPC).
    Revoke,
    /// 43 % get, 42 % read-credentials, 5 % list, 4 % create, 4 % renew, 1 % token, 1 % revoke.
    Mix,
    /// A bare axum handler that gets what token sends, and answers as many bytes.
    FloorHttp,
    /// A bare tonic handler that gets what create sends, and answers as many bytes.
    FloorGrpc,
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Token,
    Create,
    Renew,
    Get,
    ReadCredentials,
    Revoke,
    List,
}

impl Workload {
    /// What runs when nothing is named.
    pub(crate) const DEFAULT: [Self; 4] = [Self::Token, Self::Create, Self::Renew, Self::Get];

    /// As it is written on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Create => "create",
            Self::Renew => "renew",
            Self::Get => "get",
            Self::ReadCredentials => "read-credentials",
            Self::Revoke => "revoke",
            Self::Mix => "mix",
            Self::FloorHttp => "floor-http",
            Self::FloorGrpc => "floor-grpc",
        }
    }

    /// The floor that it is compared with; none for a floor itself.
    pub(crate) const fn floor(self) -> Option<Self> {
        match self {
            Self::Token => Some(Self::FloorHttp),
            Self::FloorHttp | Self::FloorGrpc => None,
            _ => Some(Self::FloorGrpc),
        }
    }

    /// The operation of one turn; turns count up from 0.
    pub(crate) fn operation(self, turn: usize) -> Operation {
        match self {
            Self::Token | Self::FloorHttp => Operation::Token,
            Self::Create | Self::FloorGrpc => Operation::Create,
            Self::Renew => Operation::Renew,
            Self::Get => Operation::Get,
            Self::ReadCredentials => Operation::ReadCredentials,
            Self::Revoke => Operation::Revoke,
            Self::Mix => mixed(turn),
        }
    }

    /// Whether it takes one lease with each turn that nothing gives back.
    pub(crate) fn uses_up_leases(self) -> bool {
        self == Self::Revoke
    }
}

/// A hundred turns hold exactly the shares of the mix; stepping by 37 scatters them.
fn mixed(turn: usize) -> Operation {
    match turn.wrapping_mul(37) % 100 {
        0..43 => Operation::Get,
        43..85 => Operation::ReadCredentials,
        85..90 => Operation::List,
        90..94 => Operation::Create,
        94..98 => Operation::Renew,
        98 => Operation::Token,
        _ => Operation::Revoke,
    }
}

impl Operation {
    /// Every one.
    pub(crate) const ALL: [Self; 7] =
        [Self::Token, Self::Create, Self::Renew, Self::Get, Self::ReadCredentials, Self::Revoke, Self::List];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_hundred_turns_hold_the_shares_of_the_mix() {
        let mut counts: BTreeMap<Operation, u32> = BTreeMap::new();
        for turn in 300..400 {
            *counts.entry(Workload::Mix.operation(turn)).or_default() += 1;
        }
        let share = |operation| counts.get(&operation).copied().unwrap_or_default();
        assert_eq!(share(Operation::Get) + share(Operation::ReadCredentials), 85);
        let rest =
            [Operation::List, Operation::Create, Operation::Renew, Operation::Token, Operation::Revoke];
        assert_eq!(rest.map(share), [5, 4, 4, 1, 1]);
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for workload in Workload::value_variants() {
            let value = workload.to_possible_value().unwrap();
            assert_eq!(value.get_name(), workload.name());
        }
    }
}
