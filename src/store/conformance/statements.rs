//! Every statement is one that the database understands.

use super::ground::Ground;
use crate::store::sql;

pub(super) async fn every_statement_prepares(ground: &Ground) {
    for statement in sql::all() {
        if let Err(error) = ground.prepare(statement).await {
            panic!("{error}: {statement:?}");
        }
    }
}
