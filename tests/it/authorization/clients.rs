//! The same for programs: a client acts for whom it belongs to, within its role when that is an organization, and its leases
//! are its own.

use leasehold::{
    api::{Operation, Relation},
    model::{organization::Role, owner::Owner, scope::ScopeSet},
};

use crate::harness::{Borrower, Scene, scenarios};

use super::{Stage, callable, names_the_organization, request};

scenarios! {
    async fn a_client_of_the_broker_is_an_operator(scene) {
        for operation in callable(&scene).filter(|operation| administers(operation)) {
            let stage = Stage::new(&scene).await;
            let program = program(&scene, Owner::System, None).await;
            let asked = request(&stage, operation.name).await;
            program.does(operation.name, asked).await;
        }
    }

    async fn no_other_client_is_an_operator(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Operator) {
            let team = Owner::Organization(stage.team.id);
            let asked = request(&stage, operation.name).await;
            for program in [
                program(&scene, team, Some(Role::Owner)).await,
                program(&scene, team, Some(Role::Member)).await,
                program(&scene, Owner::User(stage.admin.id), None).await,
            ] {
                stage.refuses(&program, operation, asked.clone(), &["forbidden"]).await;
            }
        }
    }

    async fn clients_of_an_organization_and_its_administrators_administer_it(scene) {
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Organization) {
            let stage = Stage::new(&scene).await;
            for program in [
                program(&scene, Owner::Organization(stage.team.id), Some(Role::Owner)).await,
                program(&scene, Owner::User(stage.admin.id), None).await,
            ] {
                let asked = request(&stage, operation.name).await;
                program.does(operation.name, asked).await;
            }
        }
    }

    async fn clients_of_others_do_not_administer_an_organization(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Organization) {
            let asked = request(&stage, operation.name).await;
            if !names_the_organization(operation, &asked) {
                continue;
            }
            for program in [
                program(&scene, Owner::Organization(stage.other_team.id), Some(Role::Owner)).await,
                program(&scene, Owner::User(stage.neighbour.id), None).await,
                program(&scene, Owner::User(stage.stranger.id), None).await,
            ] {
                stage.refuses(&program, operation, asked.clone(), &["not_found"]).await;
            }
            for program in [
                program(&scene, Owner::Organization(stage.team.id), Some(Role::Member)).await,
                program(&scene, Owner::User(stage.person.id), None).await,
            ] {
                stage.refuses(&program, operation, asked.clone(), &["forbidden", "not_found"]).await;
            }
        }
    }

    async fn what_is_a_persons_own_is_no_other_clients(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Own) {
            if operation.path_parameters().count() == 0 || operation.scope.is_none() {
                continue;
            }
            let asked = request(&stage, operation.name).await;
            for program in [
                program(&scene, Owner::Organization(stage.team.id), Some(Role::Owner)).await,
                program(&scene, Owner::User(stage.stranger.id), None).await,
                program(&scene, Owner::System, None).await,
            ] {
                stage.refuses(&program, operation, asked.clone(), &["not_found", "forbidden"]).await;
            }
        }
    }

    async fn a_persons_client_does_what_the_person_may_but_has_leases_of_its_own(scene) {
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Own) {
            let stage = Stage::new(&scene).await;
            let program = program(&scene, Owner::User(stage.person.id), None).await;
            let asked = request(&stage, operation.name).await;
            if OF_THE_HOLDER.contains(&operation.name) {
                stage.refuses(&program, operation, asked, &["not_found"]).await;
            } else if OF_THE_PERSON.contains(&operation.name) {
                stage.refuses(&program, operation, asked, &["forbidden"]).await;
            } else {
                program.does(operation.name, asked).await;
            }
        }
    }
}

fn administers(operation: &Operation) -> bool {
    matches!(operation.relation, Relation::Organization | Relation::Operator)
}

/// A program with a token of every scope.
async fn program(scene: &Scene, owner: Owner, role: Option<Role>) -> Borrower {
    scene.client(owner, role, ScopeSet::everything()).await.enters().await
}

/// About leases that the person took.
const OF_THE_HOLDER: &[&str] =
    &["show_lease", "read_credentials", "renew_lease", "revoke_lease", "report_unauthorized"];
/// A program mints no tokens that outlive it.
const OF_THE_PERSON: &[&str] = &[
    "list_own_tokens",
    "show_own_token",
    "create_own_token",
    "update_own_token",
    "rotate_own_token",
    "revoke_own_token",
];
