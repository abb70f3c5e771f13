//! Keys, rotated while everything runs: signing keys with overlap, data keys, root keys.

use std::sync::Arc;

use leasehold::model::{audit::Actor, owner::Owner};
use serde_json::{Value, json};

use crate::harness::api::{Refused as _, part};
use crate::harness::{
    OAuthClient, Person, Scene, Transport, World, eventually, new_root_key, on_each_database, scenarios,
};

scenarios! {
    async fn a_new_signing_key_signs_once_it_was_published_for_a_while(scene) {
        let client = scene.person().await.client().await;
        let old = signed_by(&client).await;

        let new = scene.broker().rotate_signing_key(&Actor::system()).await.unwrap().to_string();

        assert!(published(&scene).await.contains(&new), "published before it is used");
        assert_eq!(signed_by(&client).await, old);
        scene.passes(61);
        assert_eq!(signed_by(&client).await, new);
        assert!(published(&scene).await.contains(&old));
    }

    async fn tokens_of_the_old_signing_key_are_good_to_their_end(scene) {
        let client = scene.person().await.client().await;
        scene.broker().rotate_signing_key(&Actor::system()).await.unwrap();
        scene.passes(55);
        let token = client.token(None).await.unwrap().access_token;
        let (last_of_old, old) = (scene.bearer(&token), part(&token, 0)["kid"].clone());
        scene.passes(3_599);

        assert!(last_of_old.me().await.is_ok());
        assert!(published(&scene).await.iter().any(|kid| old == *kid));
        scene.passes(3_600);
        assert!(!published(&scene).await.iter().any(|kid| old == *kid), "and then it goes");
        assert!(client.enters().await.me().await.is_ok());
    }

    async fn a_signing_key_ended_early_takes_its_tokens_along(scene) {
        let client = scene.person().await.client().await;
        let operator = scene.operator("admin:read admin:keys").await;
        let of_old = client.enters().await;
        assert!(of_old.me().await.is_ok(), "read, and kept as read");
        let keys = operator.does("list_signing_keys", json!({})).await;
        let old = id_in_state(&keys, "signing");
        let early = operator.run("retire_signing_key", json!({ "id": old })).await;
        assert_eq!(early.refusal(), "conflict", "another must sign first");

        scene.passes(1);
        let new = operator.does("rotate_signing_key", json!({ "at_once": true })).await["key_id"].clone();
        let of_new = client.enters().await;
        assert!(of_old.me().await.is_ok() && of_new.me().await.is_ok());
        let retired = operator.does("retire_signing_key", json!({ "id": old })).await;

        assert_eq!(retired["state"], "retired");
        assert_eq!(of_old.me().await.refusal(), "unauthenticated");
        assert!(of_new.me().await.is_ok(), "of a key that stands");
        assert_eq!(signed_by(&client).await, new.as_str().unwrap());
        assert!(!published(&scene).await.contains(&old));
        assert_eq!(operator.run("retire_signing_key", json!({ "id": old })).await.refusal(), "not_found");
        let keys = operator.does("list_signing_keys", json!({})).await;
        assert_eq!(id_in_state(&keys, "signing"), new);
    }

    async fn one_key_signs_on_whatever_is_retired(scene) {
        let client = scene.person().await.client().await;
        let operator = scene.operator("admin:read admin:keys").await;
        let keys = operator.does("list_signing_keys", json!({})).await;
        let old = id_in_state(&keys, "signing");
        scene.passes(1);
        let new = operator.does("rotate_signing_key", json!({ "at_once": true })).await["key_id"].clone();
        let early = operator.run("retire_signing_key", json!({ "id": new })).await;
        assert_eq!(early.refusal(), "conflict", "the old one ends in an hour");
        scene.passes(1);
        let newest = operator.does("rotate_signing_key", json!({ "at_once": true })).await["key_id"].clone();
        for gone in [json!(old), new] {
            operator.does("retire_signing_key", json!({ "id": gone })).await;
        }
        let last = operator.run("retire_signing_key", json!({ "id": newest })).await;
        assert_eq!(last.refusal(), "conflict");
        assert_eq!(signed_by(&client).await, newest.as_str().unwrap());
        assert!(scene.broker().is_ready().await.is_ok());
    }

    async fn keys_are_listed_never_shown(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let operator = scene.operator("admin:read admin:keys").await;
        let owner = json!(ann.id.to_string());
        operator.does("rotate_data_key", json!({ "owner": owner })).await;

        let keys = operator.does("list_data_keys", json!({ "owner": owner })).await;

        let versions: Vec<&Value> = keys["data_keys"].as_array().unwrap().iter().map(|key| &key["version"]).collect();
        assert_eq!(versions, [&json!(2), &json!(1)]);
        let root = operator.does("list_root_keys", json!({})).await;
        assert_eq!(keys["data_keys"][0]["root_key_id"], root["root_key_ids"][0]);
        let (mut walked, mut token) = (0, Value::Null);
        loop {
            let mut request = json!({ "page_size": 2 });
            if !token.is_null() {
                request["page_token"] = token.clone();
            }
            let page = operator.does("list_data_keys", request).await;
            walked += page["data_keys"].as_array().unwrap().len();
            token = page["next_page_token"].clone();
            if token.is_null() {
                break;
            }
        }
        let all = operator.does("list_data_keys", json!({ "page_size": 1000 })).await;
        assert_eq!(walked, all["data_keys"].as_array().unwrap().len());
        let wrong = operator.run("rotate_data_key", json!({ "owner": "cli_1" })).await.failure();
        assert_eq!(wrong.fields, vec!["owner"]);
        let ann = ann.with_scopes("admin:keys admin:read").await;
        assert_eq!(ann.run("rotate_signing_key", json!({})).await.refusal(), "forbidden");
    }

    async fn a_rotated_data_key_moves_everything_under_the_new_one(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her jira").await;
        ann.deposits("todoist", "her todoist").await;
        let lease = ann.borrows(["jira", "todoist"]).await.lease_id;
        let before = sealing_keys(&scene, &ann).await;

        let moved = scene.broker().rotate_data_key(Owner::User(ann.id), &Actor::system()).await.unwrap();

        assert_eq!(moved.resealed, 2);
        let after = sealing_keys(&scene, &ann).await;
        assert!(after.len() == 2 && after[0] == after[1] && after[0] != before[0], "{before:?} {after:?}");
        let renewed = ann.renew(&lease).await.unwrap();
        assert_eq!(renewed.credentials, None, "the values are the same");
        assert_eq!(ann.read(&lease).await.unwrap().value("jira"), "her jira");
        ann.deposits("notion", "her notion").await;
        assert_eq!(ann.borrows(["notion", "todoist"]).await.value("todoist"), "her todoist");
    }
}

on_each_database! {
    async fn values_open_after_a_data_key_was_rotated_and_the_server_restarted(installation) {
        let world = installation.opens().await;
        let (ann, lease) = a_borrower(&world).await;
        world.broker().rotate_data_key(Owner::User(ann.id), &Actor::system()).await.unwrap();
        world.broker().rotate_data_key(Owner::System, &Actor::system()).await.unwrap();

        let world = world.closes().await.opens().await;

        assert_eq!(reads(&world, &ann, &lease).await, "her own");
        world.end().await;
    }

    async fn a_new_root_key_takes_over(installation) {
        let world = installation.opens().await;
        let (ann, lease) = a_borrower(&world).await;
        let installation = world.closes().await;
        let (old, new) = (installation.root_keys.clone(), new_root_key("new"));

        let both = installation.with_root_keys(&format!("{new},{old}")).opens().await;
        assert_eq!(reads(&both, &ann, &lease).await, "her own", "all open");
        both.broker().rewrap_data_keys(&Actor::system()).await.unwrap();
        assert_eq!(both.broker().rewrap_data_keys(&Actor::system()).await.unwrap(), 0, "the old one may go");
        let alone = both.closes().await.with_root_keys(&new).opens().await;

        assert_eq!(reads(&alone, &ann, &lease).await, "her own");
        let installation = alone.closes().await.with_root_keys(&old);
        assert!(installation.start().await.is_err(), "the old one opens nothing any more");
        installation.remove().await;
    }

    async fn the_root_key_in_use_cannot_be_left_out(installation) {
        let world = installation.opens().await;
        let (ann, lease) = a_borrower(&world).await;
        let installation = world.closes().await;
        let right = installation.root_keys.clone();

        let installation = installation.with_root_keys(&new_root_key("other"));
        let refused = installation.start().await.err().expect("it must not start").to_string();
        assert!(refused.contains("the root keys given do not open this database"), "{refused}");
        assert!(refused.contains("LEASEHOLD_ROOT_KEYS"), "{refused}");

        let installation = installation.with_root_keys(&right);
        eventually("the refused start has let go of the database", async || {
            match installation.start().await {
                Ok(site) => { site.stop().await; true }
                Err(_) => false,
            }
        })
        .await;
        let world = installation.opens().await;
        assert_eq!(reads(&world, &ann, &lease).await, "her own", "nothing was harmed");
        world.end().await;
    }

    async fn another_key_of_the_same_name_is_found_out(installation) {
        let installation = installation.opens().await.closes().await.with_root_keys(&new_root_key("it"));

        let refused = installation.start().await.err().expect("it must not start").to_string();

        assert!(refused.contains("the root keys given do not open this database"), "{refused}");
        installation.remove().await;
    }
}

fn id_in_state(keys: &Value, state: &str) -> String {
    let found = keys["signing_keys"].as_array().expect("keys").iter().find(|key| key["state"] == state);
    found.expect("a key")["id"].as_str().expect("an id").to_owned()
}

async fn signed_by(client: &OAuthClient) -> String {
    let token = client.token(None).await.expect("a token").access_token;
    part(&token, 0)["kid"].as_str().expect("a key's id").to_owned()
}

async fn published(scene: &Scene) -> Vec<String> {
    let set = scene.broker().jwks().await.expect("keys");
    let keys = set["keys"].as_array().expect("a list");
    keys.iter().map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
}

async fn sealing_keys(scene: &Scene, person: &Person) -> Vec<String> {
    let owner = person.id.to_string();
    scene.with_database(async |database| database.texts(SEALING_KEYS, &owner).await).await
}

/// Somebody with a live lease.
async fn a_borrower(world: &Arc<World>) -> (Person, String) {
    let ann = Scene::new(Arc::clone(world), Transport::Http).person().await;
    ann.deposits("jira", "her own").await;
    let lease = ann.borrows(["jira"]).await.lease_id;
    (ann, lease)
}

/// What the lease reads as in this world, which may be a later one.
async fn reads(world: &Arc<World>, person: &Person, lease: &str) -> String {
    let scene = Scene::new(Arc::clone(world), Transport::Http);
    let read = scene.stranger(person.authorization.as_deref()).read(lease).await;
    read.expect("values").value("jira").to_owned()
}

const SEALING_KEYS: &str = "SELECT data_key_id FROM credentials WHERE owner = $1 ORDER BY id";
