//! `yizhan admin`: the first admin, before there is one who could give roles over HTTP.

use clap::{Args, Subcommand};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::{self, StartError};
use crate::config::Config;
use crate::domain::identity::{Address, IdentityKind};
use crate::domain::user::Role;
use crate::services::Error;
use crate::services::user;

/// What to do with those who look after users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes an account that is an admin. Without --password-stdin it makes a password up and prints it once.
    Create {
        #[command(flatten)]
        who: Who,
        /// Reads the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Gives the user with an address a role.
    Role {
        #[command(flatten)]
        who: Who,
        /// user, publisher, operator or admin.
        #[arg(long)]
        role: Role,
    },
}

/// Whose account it is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Who {
    /// The mailbox to sign in with.
    #[arg(long)]
    email: Option<String>,
    /// The mobile number to sign in with.
    #[arg(long)]
    phone: Option<String>,
}

impl Who {
    fn address(&self) -> Result<Address, StartError> {
        let (kind, text) = match (&self.email, &self.phone) {
            (Some(email), _) => (IdentityKind::Email, email),
            (None, Some(phone)) => (IdentityKind::Phone, phone),
            (None, None) => return Err("one of --email and --phone is needed".into()),
        };
        Ok(Address::parse(kind, text)?)
    }
}

/// Characters of a password that is made up: some 119 bits.
const PASSWORD_CHARS: usize = 20;

/// Does it.
pub async fn run(command: Command) -> Result<(), StartError> {
    let config = Config::from_env()?;
    let _lock = app::lock(&config)?;
    let deps = app::build(&config).await?;
    match command {
        Command::Create { who, password_stdin } => {
            let password = if password_stdin { read_password()? } else { made_up() };
            let id = user::create(&deps, &who.address()?, &password, Role::Admin).await.map_err(plain)?;
            println!("{id}");
            if !password_stdin {
                println!("{}", password.expose_secret());
            }
        }
        Command::Role { who, role } => {
            println!("{}", user::set_role_of(&deps, &who.address()?, role).await.map_err(plain)?);
        }
    }
    Ok(())
}

fn read_password() -> Result<SecretString, StartError> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])))
}

pub(super) fn made_up() -> SecretString {
    let letters = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_CHARS).map(char::from);
    SecretString::from(letters.collect::<String>())
}

/// A refusal in words, for somebody at a terminal.
pub(super) fn plain(error: Error) -> StartError {
    let Error::Refused { refusal, violations, detail, .. } = &error else { return error.into() };
    let reasons: Vec<&str> =
        violations.iter().map(|violation| violation.en.as_str()).chain(detail.as_deref()).collect();
    match reasons.as_slice() {
        [] => refusal.titles().1.into(),
        reasons => reasons.join("; ").into(),
    }
}
