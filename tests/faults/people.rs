//! People who are signed in at real processes, without the cost of a password's hash for each.

use yizhan::app;
use yizhan::config::Config;
use yizhan::config::env::Env;
use yizhan::domain::id::UserId;
use yizhan::domain::user::Role;
use yizhan::services::{Result, session};

use super::process::Process;
use super::world::World;
use crate::all::support::Caller;
use secrecy::ExposeSecret as _;

/// Somebody with a session.
#[derive(Debug, Clone)]
pub struct Person {
    token: String,
}

impl Person {
    /// Calls this process.
    pub fn at(&self, process: &Process) -> Caller {
        Caller::new(process.url.clone()).bearing(self.token.clone())
    }
}

impl World {
    /// Signs in so many of the seeded people of this name. Before a process starts, where the database is embedded.
    pub async fn sign_in(&self, name: &str, count: u32) -> Vec<Person> {
        let env = [
            ("DATABASE_URL".to_owned(), self.database_url().to_owned()),
            ("YIZHAN_DATA_DIR".to_owned(), self.folder().display().to_string()),
        ];
        let config = Config::read(Env::of(env)).expect("a configuration");
        let deps = app::build(&config).await.expect("the services");
        let text = format!("SELECT id FROM users WHERE display_name = '{name}' ORDER BY id LIMIT {count}");
        let statement = sea_orm::Statement::from_string(deps.db.engine(), text);
        let rows = sea_orm::ConnectionTrait::query_all_raw(&self.conn, statement).await.expect("people");
        let users: Vec<UserId> = rows.iter().map(|row| row.try_get("", "id").expect("an id")).collect();
        let now = deps.clock.now();
        let begun = deps.db.write(async |tx| -> Result<_> {
            let mut begun = Vec::new();
            for user in &users {
                begun.push(session::begin(tx, *user, Role::User, "faults", now).await?);
            }
            Ok(begun)
        });
        let mut people = Vec::new();
        for begun in begun.await.expect("sessions") {
            let tokens = session::sign(&deps, &begun).await.expect("tokens");
            people.push(Person { token: tokens.access_token.expose_secret().to_owned() });
        }
        people
    }
}
