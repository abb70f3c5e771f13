//! Grants, applications, and the calls of services that limit them.

use super::run::{Connection, execute, find_model, load, load_readable, micros, query};
use crate::{
    model::{
        application::Application, grant::Grant, id::CredentialId, instant::Instant, owner::Owner,
        sealed::Sealed, service::ServiceName,
    },
    store::{
        admin::{GrantChange, GrantClaim, LeftGrant, RenewedGrant, UpstreamCall},
        error::StoreError,
        rows::{ApplicationRow, GrantRow},
        sql::grants as sql,
    },
};

use super::credentials::key_id;

pub(super) async fn apply(connection: &mut Connection, change: &GrantChange) -> Result<u64, StoreError> {
    match change {
        GrantChange::Put(grant) => put(connection, grant).await,
        GrantChange::Delete(id) => delete(connection, *id).await,
        GrantChange::Claim(claimed) => claim(connection, claimed).await,
        GrantChange::Renew(renewed) => renew(connection, renewed).await,
        GrantChange::Leave(left) => leave(connection, left).await,
        GrantChange::Postpone(id, due_at) => postpone(connection, *id, *due_at).await,
        GrantChange::Reseal { id, from, to } => reseal(connection, *id, from, to).await,
        GrantChange::PutApplication(application) => put_application(connection, application).await,
        GrantChange::DeleteApplication(owner, service) => {
            delete_application(connection, *owner, service).await
        }
        GrantChange::ResealApplication { owner, service, from, to } => {
            reseal_application(connection, (*owner, service), from, to).await
        }
        GrantChange::CountCall(call) => count_call(connection, call).await,
    }
}

pub(super) async fn find(connection: &mut Connection, id: CredentialId) -> Result<Option<Grant>, StoreError> {
    find_model::<GrantRow, _>(connection, query(&sql::FIND).bind(id.to_string())).await
}

pub(super) async fn list_due(
    connection: &mut Connection,
    now: Instant,
    per_service: u16,
) -> Result<Vec<Grant>, StoreError> {
    let statement = query(&sql::LIST_DUE).bind(now.micros()).bind(i64::from(per_service));
    load_readable::<GrantRow, _>(connection, statement).await
}

pub(super) async fn list_to_reseal(
    connection: &mut Connection,
    owner: Owner,
    after: Option<CredentialId>,
    limit: u16,
) -> Result<Vec<Grant>, StoreError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let statement = query(&sql::LIST_TO_RESEAL).bind(owner.to_string()).bind(after).bind(i64::from(limit));
    load_readable::<GrantRow, _>(connection, statement).await
}

/// [`StoreError::Conflict`] when another call changed it meanwhile.
async fn put(connection: &mut Connection, grant: &Grant) -> Result<u64, StoreError> {
    let statement = query(&sql::PUT)
        .bind(grant.credential_id.to_string())
        .bind(grant.version)
        .bind(grant.sealed.as_bytes().to_vec())
        .bind(key_id(&grant.sealed))
        .bind(micros(grant.refresh_expires_at))
        .bind(micros(grant.due_at))
        .bind(grant.refreshed_at.micros());
    unless_changed(execute(connection, statement).await?)
}

async fn delete(connection: &mut Connection, id: CredentialId) -> Result<u64, StoreError> {
    execute(connection, query(&sql::DELETE).bind(id.to_string())).await
}

/// 0 when somebody else holds it, or it changed.
async fn claim(connection: &mut Connection, claim: &GrantClaim) -> Result<u64, StoreError> {
    let statement = query(&sql::CLAIM)
        .bind(claim.id.to_string())
        .bind(claim.token.clone())
        .bind(claim.until.micros())
        .bind(claim.attempt.clone())
        .bind(claim.version)
        .bind(claim.at.micros());
    execute(connection, statement).await
}

/// [`StoreError::Conflict`] when the claim went to somebody else.
async fn renew(connection: &mut Connection, renewed: &RenewedGrant) -> Result<u64, StoreError> {
    let statement = query(&sql::RENEW)
        .bind(renewed.id.to_string())
        .bind(renewed.claim.clone())
        .bind(renewed.version)
        .bind(renewed.sealed.as_bytes().to_vec())
        .bind(key_id(&renewed.sealed))
        .bind(micros(renewed.refresh_expires_at))
        .bind(micros(renewed.due_at))
        .bind(micros(renewed.reported_at))
        .bind(renewed.at.micros());
    unless_changed(execute(connection, statement).await?)
}

/// [`StoreError::Conflict`] when the claim went to somebody else.
async fn leave(connection: &mut Connection, left: &LeftGrant) -> Result<u64, StoreError> {
    let statement = query(&sql::LEAVE)
        .bind(left.id.to_string())
        .bind(left.claim.clone())
        .bind(left.failures)
        .bind(left.failure.clone())
        .bind(micros(left.due_at))
        .bind(left.uncertain)
        .bind(micros(left.reported_at));
    unless_changed(execute(connection, statement).await?)
}

async fn postpone(
    connection: &mut Connection,
    id: CredentialId,
    due_at: Option<Instant>,
) -> Result<u64, StoreError> {
    execute(connection, query(&sql::POSTPONE).bind(id.to_string()).bind(micros(due_at))).await
}

async fn reseal(
    connection: &mut Connection,
    id: CredentialId,
    from: &Sealed,
    to: &Sealed,
) -> Result<u64, StoreError> {
    let statement = query(&sql::RESEAL)
        .bind(id.to_string())
        .bind(from.as_bytes().to_vec())
        .bind(to.as_bytes().to_vec())
        .bind(key_id(to));
    execute(connection, statement).await
}

pub(super) async fn find_application(
    connection: &mut Connection,
    owner: Owner,
    service: &ServiceName,
) -> Result<Option<Application>, StoreError> {
    let statement = query(&sql::FIND_APPLICATION).bind(owner.to_string()).bind(service.to_string());
    find_model::<ApplicationRow, _>(connection, statement).await
}

pub(super) async fn list_applications(
    connection: &mut Connection,
    owner: Option<Owner>,
) -> Result<Vec<Application>, StoreError> {
    let statement = query(&sql::LIST_APPLICATIONS).bind(owner.map(|owner| owner.to_string()));
    load::<ApplicationRow, _>(connection, statement).await
}

/// [`StoreError::Conflict`] when another call changed it meanwhile.
async fn put_application(connection: &mut Connection, application: &Application) -> Result<u64, StoreError> {
    let statement = query(&sql::PUT_APPLICATION)
        .bind(application.owner.to_string())
        .bind(application.service.to_string())
        .bind(application.client_id.clone())
        .bind(application.sealed.as_bytes().to_vec())
        .bind(key_id(&application.sealed))
        .bind(application.version)
        .bind(application.created_at.micros());
    unless_changed(execute(connection, statement).await?)
}

async fn delete_application(
    connection: &mut Connection,
    owner: Owner,
    service: &ServiceName,
) -> Result<u64, StoreError> {
    let statement = query(&sql::DELETE_APPLICATION).bind(owner.to_string()).bind(service.to_string());
    super::run::change(connection, statement, "the application").await
}

async fn reseal_application(
    connection: &mut Connection,
    (owner, service): (Owner, &ServiceName),
    from: &Sealed,
    to: &Sealed,
) -> Result<u64, StoreError> {
    let statement = query(&sql::RESEAL_APPLICATION)
        .bind(owner.to_string())
        .bind(service.to_string())
        .bind(from.as_bytes().to_vec())
        .bind(to.as_bytes().to_vec())
        .bind(key_id(to));
    execute(connection, statement).await
}

/// 0 when there were as many as there may be.
async fn count_call(connection: &mut Connection, call: &UpstreamCall) -> Result<u64, StoreError> {
    let statement = query(&sql::COUNT_CALL).bind(call.name.clone()).bind(call.slot).bind(call.most);
    execute(connection, statement).await
}

fn unless_changed(touched: u64) -> Result<u64, StoreError> {
    match touched {
        0 => Err(StoreError::Conflict { constraint: "version".to_owned() }),
        touched => Ok(touched),
    }
}
