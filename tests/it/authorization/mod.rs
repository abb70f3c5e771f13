//! Who may do what, computed from the table of operations: each is called over each way in as nobody, as somebody else,
//! without the scope, and with it.
//!
//! `requests` knows how to call every operation; one that it does not know fails the test.

mod clients;
mod requests;

use leasehold::{
    api::{Operation, Relation, operations},
    model::{
        organization::{Role, SharingEntry},
        scope::ScopeSet,
    },
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Borrower, Person, Scene, Team, Transport, scenarios};

use requests::request;

scenarios! {
    async fn nobody_may_do_anything_but_what_is_for_everybody(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene) {
            if operation.is_anonymous() {
                continue;
            }
            // An address that fails all the time waits.
            scene.passes(1);
            let expected = if operation.relation == Relation::Client { "invalid_client" } else { "unauthenticated" };
            let mut asked = request(&stage, operation.name).await;
            // A client shows itself in the request.
            if let Some(secret) = asked.get_mut("client_secret") {
                *secret = Value::from("wrong");
            }
            stage.refuses(&scene.stranger(None), operation, asked, &[expected]).await;
        }
    }

    async fn whoever_lacks_the_scope_may_not(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene) {
            let Some(scope) = operation.scope else { continue };
            let asked = request(&stage, operation.name).await;
            let others: Vec<String> = ScopeSet::everything()
                .iter()
                .map(|known| known.to_string())
                .filter(|known| known != scope.as_str())
                .collect();
            let scopes = others.join(" ");
            let callers = match operation.relation {
                Relation::Operator => vec![scene.operator(&scopes).await],
                Relation::Organization => vec![scene.operator(&scopes).await, stage.admin.with_scopes(&scopes).await.borrower],
                _ => vec![stage.person.with_scopes(&scopes).await.borrower],
            };
            for caller in callers {
                stage.refuses(&caller, operation, asked.clone(), &["insufficient_scope"]).await;
            }
        }
    }

    async fn what_belongs_to_others_is_not_there(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Own) {
            // Without a scope, it is about what everybody may see.
            if operation.path_parameters().count() == 0 || operation.scope.is_none() {
                continue;
            }
            let asked = request(&stage, operation.name).await;
            for caller in [&stage.stranger, &stage.admin] {
                stage.refuses(caller, operation, asked.clone(), &["not_found"]).await;
            }
        }
    }

    async fn lists_of_ones_own_show_nothing_of_others(scene) {
        let stage = Stage::new(&scene).await;
        let ids = stage.belongings().await;
        let own = callable(&scene).filter(|operation| operation.relation == Relation::Own);
        for operation in own.filter(|operation| operation.method == Method::GET) {
            if operation.path_parameters().count() > 0 || operation.name == "list_services" {
                continue;
            }
            let asked = request(&stage, operation.name).await;
            let shown = stage.person.does(operation.name, asked.clone()).await;
            assert!(mentions(&shown, &ids).is_some(), "{} shows the person nothing: {shown}", operation.name);
            for caller in [&stage.stranger, &stage.neighbour] {
                let shown = caller.does(operation.name, asked.clone()).await;
                assert_eq!(mentions(&shown, &ids), None, "{}", operation.name);
            }
        }
    }

    async fn lists_of_an_organization_show_nothing_of_another(scene) {
        let stage = Stage::new(&scene).await;
        let ids = stage.belongings().await;
        let (team, other) = (stage.team.id.to_string(), stage.other_team.id.to_string());
        let organizations = callable(&scene).filter(|operation| operation.relation == Relation::Organization);
        for operation in organizations.filter(|operation| operation.method == Method::GET) {
            let asked = request(&stage, operation.name).await;
            let about_the_other: Value =
                serde_json::from_str(&asked.to_string().replace(&team, &other)).expect("JSON");
            if shows_one(operation) {
                continue;
            }
            let shown = stage.admin.does(operation.name, asked).await;
            assert!(mentions(&shown, &ids).is_some(), "{} shows the admin nothing: {shown}", operation.name);
            let shown = stage.neighbour.does(operation.name, about_the_other).await;
            assert_eq!(mentions(&shown, &ids), None, "{}", operation.name);
        }
    }

    async fn only_operators_do_what_is_for_operators(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Operator) {
            let asked = request(&stage, operation.name).await;
            for caller in [&stage.stranger, &stage.member, &stage.admin] {
                stage.refuses(caller, operation, asked.clone(), &["forbidden"]).await;
            }
        }
    }

    async fn only_its_administrators_do_what_is_for_an_organization(scene) {
        let stage = Stage::new(&scene).await;
        for operation in callable(&scene).filter(|operation| operation.relation == Relation::Organization) {
            let asked = request(&stage, operation.name).await;
            if names_the_organization(operation, &asked) {
                stage.refuses(&stage.stranger, operation, asked.clone(), &["not_found"]).await;
                stage.refuses(&stage.neighbour, operation, asked.clone(), &["not_found"]).await;
                stage.refuses(&stage.member, operation, asked, &["forbidden", "not_found"]).await;
            }
        }
    }

    async fn whoever_may_does(scene) {
        for operation in callable(&scene) {
            let stage = Stage::new(&scene).await;
            let callers: &[&Borrower] = match operation.relation {
                Relation::Anonymous | Relation::Client => &[],
                Relation::Own => &[&stage.person],
                Relation::Organization => &[&stage.operator, &stage.admin],
                Relation::Operator => &[&stage.operator],
            };
            for caller in callers {
                let asked = request(&stage, operation.name).await;
                caller.does(operation.name, asked).await;
            }
        }
    }
}

/// What can be called over this way in by its name alone.
fn callable(scene: &Scene) -> impl Iterator<Item = &'static Operation> {
    let via = scene.via;
    operations().filter(move |operation| match via {
        Transport::InProcess => operation.generic.is_some(),
        Transport::Http => !operation.is_anonymous(),
        Transport::Grpc => operation.rpc.is_some(),
    })
}

/// The first of the ids that an answer mentions, wherever.
fn mentions<'a>(answer: &Value, ids: &'a [String]) -> Option<&'a String> {
    let text = answer.to_string();
    ids.iter().find(|id| text.contains(id.as_str()))
}

/// Whether its path ends with the name of what is shown.
fn shows_one(operation: &Operation) -> bool {
    operation.path.ends_with('}')
}

/// Whether the request is about things of the organization, so that others must not even see that they exist.
fn names_the_organization(operation: &Operation, asked: &Value) -> bool {
    operation.path_parameters().count() > 0
        || asked.get("organization_id").is_some()
        || asked.get("owner").is_some()
}

/// Everybody who plays a part, with tokens of every scope.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) team: Team,
    /// An owner of the team.
    pub(crate) admin: Person,
    /// A member of the team.
    pub(crate) member: Person,
    /// Whose things the own operations are about; a member too.
    pub(crate) person: Person,
    /// An owner of another team.
    pub(crate) neighbour: Person,
    /// The neighbour's.
    pub(crate) other_team: Team,
    /// Of no team.
    pub(crate) stranger: Person,
    pub(crate) operator: Borrower,
}

impl Stage {
    async fn new(scene: &Scene) -> Self {
        let (team, other_team) = (scene.team().await, scene.team().await);
        let everything = ScopeSet::everything().to_string();
        let somebody = async || scene.person().await.with_scopes(&everything).await;
        let stage = Self {
            scene: scene.clone(),
            team,
            other_team,
            admin: somebody().await,
            member: somebody().await,
            person: somebody().await,
            neighbour: somebody().await,
            stranger: somebody().await,
            operator: scene.operator(&everything).await,
        };
        stage.team.admits(&stage.admin, Role::Owner).await;
        stage.team.admits(&stage.member, Role::Member).await;
        stage.team.admits(&stage.person, Role::Member).await;
        stage.other_team.admits(&stage.neighbour, Role::Owner).await;
        stage
    }

    /// Things of the team, and of the person in it, that nobody else must see; answers their ids.
    async fn belongings(&self) -> Vec<String> {
        let shared = self.team.shares("notion", "the team's", &[SharingEntry::AllMembers]).await;
        let personal = self.person.deposits("todoist", "hers").await;
        let lease = self.person.borrows(["notion", "todoist"]).await.lease_id;
        let client = self.team.client(Role::Member).await.id;
        let email = self.scene.person().await.email;
        let invite = json!({ "organization_id": self.team.id.to_string(), "email": email, "role": "guest" });
        let invited = self.operator.does("create_invitation", invite).await;
        let invitation = invited["invitation"]["id"].as_str().expect("an id").to_owned();
        let people = [&self.admin, &self.member, &self.person].map(|person| person.id.to_string());
        let things = [
            self.team.id.to_string(),
            self.person.token_id.to_string(),
            shared.to_string(),
            personal.to_string(),
            client.to_string(),
        ];
        people.into_iter().chain(things).chain([lease, invitation]).collect()
    }

    async fn refuses(&self, caller: &Borrower, operation: &Operation, asked: Value, codes: &[&str]) {
        match caller.run(operation.name, asked.clone()).await {
            Err(failure) => {
                let (name, via) = (operation.name, self.scene.via);
                assert!(codes.contains(&failure.code.as_str()), "{name} {asked} over {via:?}: {failure:?}");
            }
            Ok(answer) => panic!("{} {asked} was allowed: {answer}", operation.name),
        }
    }
}
