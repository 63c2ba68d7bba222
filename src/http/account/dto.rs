//! Accounts as callers see them.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::UserId;
use crate::domain::identity::{Address, IdentityKind};
use crate::domain::time::Timestamp;
use crate::domain::user::{DisplayName, Role};
use crate::http::extract::body::Rules;
use crate::services::Deps;
use crate::services::account::{self, Profile, Registration};
use crate::services::refusal::{Error, Result, Violation, violations};

/// Which kinds of address are switched on.
#[derive(Serialize, ToSchema)]
pub struct RegistrationOptionsView {
    /// The kinds of address that an account can be opened with.
    pub kinds: Vec<IdentityKind>,
}

/// An address that somebody signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressBody {
    /// What kind of address.
    kind: IdentityKind,
    /// A mobile number of mainland China (with or without +86), or a mailbox.
    #[schema(min_length = 1, max_length = 254, example = "13800138000")]
    address: String,
}

impl AddressBody {
    /// The address.
    pub fn parse(&self) -> Result<Address> {
        parse(self.kind, &self.address).map_err(|violation| Error::invalid(vec![violation]))
    }
}

impl Rules for AddressBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        violations(self.parse())
    }
}

/// Reads an address; says where it is wrong.
pub fn parse(kind: IdentityKind, text: &str) -> std::result::Result<Address, Violation> {
    Address::parse(kind, text).map_err(|_| match kind {
        IdentityKind::Phone => Violation::body("/address", "phone", "不是有效的手机号", "not a mobile number"),
        IdentityKind::Email => Violation::body("/address", "email", "不是有效的邮箱地址", "not a mailbox"),
    })
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    /// What kind of address.
    kind: IdentityKind,
    /// The address that the code was sent to.
    #[schema(min_length = 1, max_length = 254, example = "13800138000")]
    address: String,
    /// The code.
    #[schema(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "385201")]
    code: String,
    /// At least eight characters, and not the address.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
    /// The name that others see.
    #[schema(min_length = 1, max_length = 40, example = "李雷")]
    display_name: String,
    /// What the client calls itself; shown in the list of sessions.
    #[serde(default)]
    #[schema(max_length = 60, example = "驿站 Android 3.1")]
    client: String,
}

impl UserBody {
    /// What it says, or everything that is wrong with it.
    pub fn parse(self) -> Result<Registration> {
        let address = parse(self.kind, &self.address);
        let name = name(&self.display_name);
        match (address, name) {
            (Ok(address), Ok(name)) => Ok(Registration {
                address,
                code: SecretString::from(self.code),
                password: SecretString::from(self.password),
                name,
                client: self.client,
            }),
            (address, name) => Err(Error::invalid(address.err().into_iter().chain(name.err()).collect())),
        }
    }
}

impl Rules for UserBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        let mut found = secret(self.kind, &self.address, &self.password);
        found.extend(name(&self.display_name).err());
        found
    }
}

/// What is wrong with an address and the password that is to go with it.
fn secret(kind: IdentityKind, address: &str, password: &str) -> Vec<Violation> {
    match parse(kind, address) {
        Ok(address) => violations(account::choose(&password.into(), &address, "/password")),
        Err(violation) => vec![violation],
    }
}

fn name(text: &str) -> std::result::Result<DisplayName, Violation> {
    text.parse().map_err(|_| {
        let zh = format!("应为 1 至 {} 个字符，不含控制字符", DisplayName::MAX_CHARS);
        let en = format!("1 to {} characters, none of them control characters", DisplayName::MAX_CHARS);
        Violation::body("/display_name", "display_name", zh, en)
    })
}

/// A new password for an address that is proven by a code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetBody {
    /// What kind of address.
    kind: IdentityKind,
    /// The address that the code was sent to.
    #[schema(min_length = 1, max_length = 254, example = "13800138000")]
    address: String,
    /// The code.
    #[schema(min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "385201")]
    code: String,
    /// At least eight characters, and not the address.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
}

impl PasswordResetBody {
    /// Address, code and password.
    pub fn parse(self) -> Result<(Address, SecretString, SecretString)> {
        let address = parse(self.kind, &self.address).map_err(|violation| Error::invalid(vec![violation]))?;
        Ok((address, self.code.into(), self.password.into()))
    }
}

impl Rules for PasswordResetBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        secret(self.kind, &self.address, &self.password)
    }
}

/// What a user changes of the own profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    /// The name that others see.
    #[schema(min_length = 1, max_length = 40, example = "李雷")]
    display_name: String,
}

impl ProfileBody {
    /// The name.
    pub fn parse(&self) -> Result<DisplayName> {
        name(&self.display_name).map_err(|violation| Error::invalid(vec![violation]))
    }
}

impl Rules for ProfileBody {
    fn broken(&self, _: &Deps) -> Vec<Violation> {
        violations(self.parse())
    }
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// The present one.
    #[schema(min_length = 1, max_length = 128, format = Password)]
    password: String,
    /// At least eight characters, and not the address.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    new_password: String,
}

impl PasswordBody {
    /// The present password and the new one.
    pub fn parse(self) -> (SecretString, SecretString) {
        (self.password.into(), self.new_password.into())
    }
}

/// Whether the new one will do depends on the user's address, which the service knows.
impl Rules for PasswordBody {}

/// A user.
#[derive(Serialize, ToSchema)]
pub struct ProfileView {
    /// The user's id.
    pub id: UserId,
    /// The name that others see.
    #[schema(example = "李雷")]
    pub display_name: String,
    /// What the user may do.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// How the user signs in.
    pub identities: Vec<IdentityView>,
}

/// One way in which a user signs in.
#[derive(Serialize, ToSchema)]
pub struct IdentityView {
    /// What kind of address.
    kind: IdentityKind,
    /// A number in the form of E.164, or a mailbox.
    #[schema(example = "+8613800138000")]
    address: String,
    /// When it was proven.
    created_at: Timestamp,
}

impl From<Profile> for ProfileView {
    fn from(profile: Profile) -> Self {
        let Profile { user, identities } = profile;
        let identities = identities.into_iter().map(|identity| IdentityView {
            kind: identity.kind,
            address: identity.address,
            created_at: identity.created_at,
        });
        Self {
            id: user.id,
            display_name: user.display_name,
            role: user.role,
            created_at: user.created_at,
            identities: identities.collect(),
        }
    }
}
