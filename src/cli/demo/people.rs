//! Who takes part in the demo: a publisher with a key, and people with subscriptions and devices.

use secrecy::{ExposeSecret as _, SecretString};

use super::data::{self, Person};
use crate::app::StartError;
use crate::cli::admin::{made_up, plain};
use crate::domain::channel::Channel;
use crate::domain::id::{SessionId, UserId};
use crate::domain::identity::{self, IdentityKind};
use crate::domain::message::Address;
use crate::domain::publisher::Scope;
use crate::domain::subscription::Frequency;
use crate::domain::user::{DisplayName, Role};
use crate::services::device::{self, Registration};
use crate::services::idempotency::Call;
use crate::services::subscription::{self, Wish};
use crate::services::{Deps, Error, account, publisher, session, user as users};
use crate::storage::user;

/// Who the user to try things out with signs in as.
pub const SHOWCASE: &str = "demo@example.org";
/// Who the one who may see everything signs in as.
pub const ADMIN: &str = "admin@example.org";

/// What came of it.
#[derive(Debug)]
pub struct Cast {
    /// The publisher's key.
    pub key: SecretString,
    /// The password of [`SHOWCASE`] and of [`ADMIN`].
    pub password: SecretString,
    /// How many people there are, without the admin.
    pub people: usize,
    /// How many subscriptions they have.
    pub subscriptions: usize,
    /// How many devices they have.
    pub devices: usize,
}

/// Makes them all. Only two have a password: hashing one takes a good part of a second on purpose.
pub async fn gather(deps: &Deps) -> Result<Cast, StartError> {
    let call = Call { caller: "demo".to_owned(), key: None, digest: [0; 32] };
    let owner = publisher::create(deps, &call, "演示发布方 Demo publisher").await.map_err(plain)?;
    let scope = Scope { sources: Vec::new(), categories: Vec::new(), regions: Vec::new() };
    let key = publisher::create_key(deps, &call, owner, "demo", &scope).await.map_err(plain)?;
    let password = made_up();
    sign_up(deps, ADMIN, &password, Role::Admin).await?;
    let people = data::people()?;
    let mut cast = Cast { key: key.secret.into(), password, people: people.len(), subscriptions: 0, devices: 0 };
    for (person, (user, session)) in people.iter().zip(arrive(deps, &people, &cast.password).await?) {
        cast.subscriptions += person.subscriptions.len();
        cast.devices += person.devices.len();
        settle(deps, &call, person, user, session).await.map_err(plain)?;
    }
    Ok(cast)
}

async fn sign_up(deps: &Deps, address: &str, password: &SecretString, role: Role) -> Result<UserId, StartError> {
    let address = identity::Address::parse(IdentityKind::Email, address)?;
    users::create(deps, &address, password, role).await.map_err(plain)
}

/// Users with a session each, in one transaction; the first is the one to try things out with.
async fn arrive(
    deps: &Deps,
    people: &[Person],
    password: &SecretString,
) -> Result<Vec<(UserId, SessionId)>, StartError> {
    let names: Vec<DisplayName> = people.iter().map(|person| person.display_name.parse()).collect::<Result<_, _>>()?;
    let showcase = sign_up(deps, SHOWCASE, password, Role::User).await?;
    if let Some(name) = names.first() {
        account::rename(deps, showcase, name).await.map_err(plain)?;
    }
    let now = deps.clock.now();
    let arrived = deps
        .db
        .write(async |tx| -> Result<_, Error> {
            let mut arrived = Vec::with_capacity(names.len());
            for (number, name) in names.iter().enumerate() {
                let id = if number == 0 { showcase } else { UserId::new() };
                if number > 0 {
                    user::insert(tx, id, name, Role::User, now).await?;
                }
                arrived.push((id, session::begin(tx, id, Role::User, "demo", now).await?.session()));
            }
            Ok(arrived)
        })
        .await;
    arrived.map_err(plain)
}

async fn settle(deps: &Deps, call: &Call, person: &Person, user: UserId, session: SessionId) -> Result<(), Error> {
    for phone in &person.devices {
        let token = Address::parse(&phone.token).map_err(|error| Error::broken(error.to_string()))?;
        let (platform, name) = (phone.platform, phone.name.clone());
        let asked = Registration { platform, name, channel: Channel::Sandbox, token };
        device::register(deps, user, session, call, &asked).await?;
    }
    for wanted in &person.subscriptions {
        let (name, filter) = (wanted.name.clone(), wanted.filter.clone());
        let wish = Wish { name, filter, frequency: Frequency::Immediate };
        subscription::subscribe(deps, user, call, &wish).await?;
    }
    Ok(())
}

impl Cast {
    /// The publisher's key in clear: it opens nothing but the demo.
    pub fn key(&self) -> &str {
        self.key.expose_secret()
    }

    /// The password in clear, likewise.
    pub fn password(&self) -> &str {
        self.password.expose_secret()
    }
}
