//! Users as those who look after them see them: found, made from the command line, given roles.

use secrecy::SecretString;

use crate::domain::id::UserId;
use crate::domain::identity::Address;
use crate::domain::page::{Cursor, Page};
use crate::domain::user::{DisplayName, Role};
use crate::services::account::{self, Profile};
use crate::services::refusal::{Error, OnConflict as _, Refusal, Result, Violation};
use crate::services::session::Caller;
use crate::services::{Deps, password};
use crate::storage::user::User;
use crate::storage::{identity, user};

/// The list's name in cursors.
const LIST: &str = "users";

/// Living users whose name or address contains a text, the newest first.
pub async fn list(deps: &Deps, containing: &str, limit: u16, cursor: Option<&Cursor>) -> Result<Page<User>> {
    let before = cursor.map(read).transpose()?;
    let rows = user::list(deps.db.reader(), containing, before, i64::from(limit) + 1).await?;
    Ok(Page::cut(rows, limit, |user| Cursor::new(LIST, [user.id])))
}

fn read(cursor: &Cursor) -> Result<UserId> {
    let id = cursor.parts::<1>(LIST).ok().and_then(|[id]| id.parse().ok());
    id.ok_or_else(|| {
        Error::invalid(vec![Violation::query("cursor", "cursor", "游标无效", "not a cursor of this list")])
    })
}

/// Says what a user may do. Nobody changes their own role, and the last admin stays one.
pub async fn set_role(deps: &Deps, by: &Caller, id: UserId, role: Role) -> Result<Profile> {
    if by.user == id {
        return Err(Error::refused(Refusal::Forbidden, "nobody changes their own role"));
    }
    let changed = deps.db.write(async |tx| -> Result<_> {
        if role != Role::Admin {
            account::keep_an_admin(tx, id).await?;
        }
        Ok(user::set_role(tx, id, role).await?)
    });
    if !changed.await? {
        return Err(Refusal::NotFound.into());
    }
    tracing::info!(user.id = %id, user.role = %role, by.id = %by.user, "a role was changed");
    account::get_profile(deps, id).await
}

/// Says what the user with an address may do; for the command line, where nobody is signed in, and whoever has it can
/// name an admin at any time: the last one may go.
pub async fn set_role_of(deps: &Deps, address: &Address, role: Role) -> Result<UserId> {
    let login = identity::find_login(deps.db.reader(), address).await?.ok_or(Refusal::NotFound)?;
    let changed = deps.db.write(async |tx| -> Result<_> { Ok(user::set_role(tx, login.user, role).await?) }).await?;
    if changed { Ok(login.user) } else { Err(Refusal::NotFound.into()) }
}

/// Makes an account without a code; for the command line, whose user has the machine.
pub async fn create(deps: &Deps, address: &Address, text: &SecretString, role: Role) -> Result<UserId> {
    let hash = password::hash(account::choose(text, address, "/password")?).await?;
    let name: DisplayName = role.as_str().parse().map_err(|_| Error::broken("a role's word is no name"))?;
    let (id, now) = (UserId::new(), deps.clock.now());
    deps.db
        .write(async |tx| -> Result<()> {
            user::insert(tx, id, &name, role, now).await?;
            let taken = || Error::refused(Refusal::NameTaken, "the address has an account");
            identity::insert(tx, id, address, &hash, now).await.on_conflict("identities", taken)
        })
        .await?;
    Ok(id)
}
