//! Services that limit calls: what is due at once comes one after the other, and requests are served meanwhile.

use leasehold_backends::oauth;
use serde_json::json;

use super::upstreams::{Upstreams, deposit, scene};
use crate::harness::{ask, on_each_database};

on_each_database! {
    async fn many_that_are_due_keep_to_the_limit_and_starve_nobody(installation) {
        const MANY: u64 = 80;
        let upstreams = Upstreams::start().await;
        upstreams.oauth.switches().change(|switches| switches.minute_limit = Some(60));
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        for _ in 0..MANY {
            let person = scene.person().await;
            let tokens = upstreams.oauth.grant("alice");
            let fields = json!({
                "access_token": tokens.access_token, "refresh_token": tokens.refresh_token,
                "client_id": oauth::CLIENT_ID, "client_secret": oauth::CLIENT_SECRET,
            });
            deposit(&person, "limited", fields).await;
            // Somebody borrows each, so that none is idle.
            let _ = person.create(&ask(["limited"])).await;
            upstreams.passes(&scene, 5);
        }
        let (issued, patient) = (upstreams.oauth.counts().refreshes, scene.person().await);
        upstreams.connects_limited(&patient).await;
        upstreams.passes(&scene, 2_900 - 5 * i64::try_from(MANY).expect("a number"));

        let (mut steps, mut served) = (0, false);
        while upstreams.oauth.counts().refreshes < issued + MANY / 2 {
            scene.broker().refresh_due_tokens().await.unwrap();
            // A request comes in the midst of it.
            served = served || (steps == 3 && patient.create(&ask(["limited"])).await.is_ok());
            upstreams.passes(&scene, 5);
            steps += 1;
            assert!(steps < 400, "{:?}", upstreams.oauth.counts());
        }

        let counts = upstreams.oauth.counts();
        assert_eq!((counts.rate_limited, counts.refresh_reuses), (0, 0), "{counts:?}");
        assert!(served, "a request waits for no chore");
        world.end().await;
    }
}
