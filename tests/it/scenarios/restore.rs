//! A database that was set back is noticed at the start, and taken only when somebody says so; then nothing that was lent
//! before is honoured.

use std::{fs, sync::Arc};

use leasehold::server::StartError;

use crate::harness::{Installation, Scene, Transport, World, on_each_database};

/// What was lent before the database was set back, all of it revoked or good.
struct Lent {
    lease: String,
    mcp: String,
    access: String,
    client: crate::harness::people::OAuthClient,
}

on_each_database! {
    async fn a_database_that_was_set_back_is_refused_until_it_is_accepted(installation) {
        let folder = tempfile::tempdir().expect("a folder");
        let witness = folder.path().join("witness");
        let installation = Installation { witness: Some(witness.clone()), ..installation };
        let world = installation.opens().await;
        let lent = lend(&world).await;
        let world = world.closes().await.opens().await;
        let scene = Scene::new(Arc::clone(&world), Transport::InProcess);
        let ann = scene.stranger(Some(&lent.mcp));
        ann.revoke(&lent.lease).await.unwrap();
        ann.renew(&lent.lease).await.unwrap_err();
        drop((ann, scene));
        let mut installation = world.closes().await;
        set_back(&installation, &lent.lease).await;

        let refused = installation.start().await.err().expect("a refusal");
        let text = refused.to_string();
        assert!(matches!(refused, StartError::Restored { .. }), "{text}");
        assert!(text.contains("--accept-restore") && text.contains(&witness.display().to_string()), "{text}");
        assert!(text.contains("not there; it had"), "{text}");

        installation.accept_restore = true;
        let world = installation.opens().await;
        let scene = Scene::new(Arc::clone(&world), Transport::InProcess);
        assert_eq!(scene.stranger(Some(&lent.mcp)).me().await.unwrap_err().code, "unauthenticated");
        assert_eq!(scene.bearer(&lent.access).me().await.unwrap_err().code, "unauthenticated");
        let token = client_of(&scene, &lent).token(None).await.unwrap().access_token;
        let again = scene.bearer(&token);
        again.me().await.unwrap();
        let states = scene.with_database(async |database| database.texts(STANDING, &lent.lease).await).await;
        assert_eq!(states, ["over"], "the fence holds");
        let records = scene.with_database(async |database| database.texts(RESTORED, "database_restored").await).await;
        assert_eq!(records.len(), 1);
        assert!(records[0].contains("not there; it had"), "{records:?}");
        assert_eq!(world.broker().verify_audit().await.unwrap().faults, Vec::<String>::new());

        // Once is enough: the witness knows the new state.
        drop((again, scene));
        let mut installation = world.closes().await;
        installation.accept_restore = false;
        let world = installation.opens().await;
        let records = world.with_database(async |database| database.texts(RESTORED, "database_restored").await).await;
        assert_eq!(records.len(), 1);
        world.end().await;
    }

    async fn a_database_that_went_on_is_taken(installation) {
        let folder = tempfile::tempdir().expect("a folder");
        let witness = folder.path().join("witness");
        let installation = Installation { witness: Some(witness.clone()), ..installation };
        let world = installation.opens().await;
        let lent = lend(&world).await;
        let installation = world.closes().await;
        let kept = fs::read_to_string(&witness).expect("a witness");
        assert_eq!(kept.lines().count(), 1, "{kept}");
        // The witness of an earlier start is one of a state that the database went on from.
        let installation = installation.opens().await.closes().await;
        fs::write(&witness, kept).expect("a file");
        let world = installation.opens().await;
        let scene = Scene::new(Arc::clone(&world), Transport::InProcess);
        scene.stranger(Some(&lent.mcp)).renew(&lent.lease).await.unwrap();
        drop(scene);
        world.end().await;
    }

    async fn a_witness_that_was_changed_is_refused(installation) {
        let folder = tempfile::tempdir().expect("a folder");
        let witness = folder.path().join("witness");
        let installation = Installation { witness: Some(witness.clone()), ..installation };
        let installation = installation.opens().await.closes().await;
        let kept = fs::read_to_string(&witness).expect("a witness");
        let changed = kept.replace("\"previous\":", "\"previous\":1");
        assert_ne!(changed, kept);
        for text in [changed.as_str(), "", "nonsense\n"] {
            fs::write(&witness, text).expect("a file");
            let refused = installation.start().await.err().expect("a refusal");
            assert!(matches!(refused, StartError::Witness { .. }), "{refused}");
        }
        fs::write(&witness, kept).expect("a file");
        let world = installation.opens().await;
        world.end().await;
    }
}

async fn lend(world: &Arc<World>) -> Lent {
    let scene = Scene::new(Arc::clone(world), Transport::InProcess);
    let ann = scene.person().await;
    ann.deposits("jira", "hers").await;
    let lease = ann.borrows(["jira"]).await.lease_id;
    let client = ann.client().await;
    let access = client.token(None).await.unwrap().access_token;
    scene.passes(60);
    Lent { lease, mcp: ann.authorization.clone().expect("a token"), access, client }
}

fn client_of(scene: &Scene, lent: &Lent) -> crate::harness::people::OAuthClient {
    let (id, secret) = (lent.client.id, lent.client.secret.clone());
    crate::harness::people::OAuthClient { id, secret, scene: scene.clone() }
}

/// What a backup from between the two runs would hold.
async fn set_back(installation: &Installation, lease: &str) {
    let newest = installation.database.texts(NEWEST, "aud_%").await.remove(0);
    for table in ["audit_chains", "audit_records", "audit_checkpoints"] {
        installation.database.tamper(&format!("DELETE FROM {table} WHERE chain_id = '{newest}'")).await;
    }
    installation
        .database
        .tamper(&format!(
            "UPDATE leases SET state = 'active', revoked_at = NULL, revocation_reason = NULL, revoked_by = NULL
             WHERE id = '{lease}'"
        ))
        .await;
}

const NEWEST: &str =
    "SELECT chain_id FROM audit_chains WHERE chain_id LIKE $1 ORDER BY started_at DESC, chain_id DESC";
const RESTORED: &str = "SELECT body FROM audit_records WHERE event = $1";
const STANDING: &str = "SELECT CASE WHEN l.state = 'active' AND NOT h.fenced THEN 'lent' ELSE 'over' END
    FROM leases l JOIN lease_holds h ON h.lease_id = l.id WHERE l.id = $1";
