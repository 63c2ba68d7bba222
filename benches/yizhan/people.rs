//! People who are signed in.

use secrecy::ExposeSecret as _;
use uuid::Uuid;
use yizhan::app;
use yizhan::config::Config;
use yizhan::config::env::Env;
use yizhan::domain::id::UserId;
use yizhan::domain::user::Role;
use yizhan::services::refusal::Error;
use yizhan::services::session;

use crate::world::World;

/// Access tokens of these users, good for a quarter of an hour. Do it while no server runs: on SQLite there is one writer.
pub async fn tokens(world: &World, users: &[Uuid]) -> Vec<String> {
    let config = Config::read(Env::of(world.pair.environment())).expect("a configuration");
    let deps = app::build(&config).await.expect("the parts");
    let now = deps.clock.now();
    let begun = deps.db.write(async |tx| {
        let mut begun = Vec::new();
        for user in users {
            begun.push(session::begin(tx, UserId::from_uuid(*user), Role::User, "bench", now).await?);
        }
        Ok::<_, Error>(begun)
    });
    let mut tokens = Vec::new();
    for begun in begun.await.expect("sessions") {
        let signed = session::sign(&deps, &begun).await.expect("tokens");
        tokens.push(signed.access_token.expose_secret().to_owned());
    }
    tokens
}
