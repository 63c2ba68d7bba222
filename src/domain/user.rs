//! Users: registered people and what they may do.

use crate::domain::words::words;

words! {
    /// What a user may do. Each may do what the ones before it may, except that publishing is done with API keys and
    /// not in a user's name.
    Role {
        /// Reads and subscribes.
        User = "user",
        /// Reserved for people who will look after a publisher; gives nothing of its own yet.
        Publisher = "publisher",
        /// Sees what is delivered and stuck, replays, answers questions.
        Operator = "operator",
        /// Also decides who may do what.
        Admin = "admin",
    }
}

/// The name that others see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// The text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {} characters and no control characters", DisplayName::MAX_CHARS)]
pub struct NameError;

impl DisplayName {
    /// The most characters that a name has.
    pub const MAX_CHARS: usize = 40;

    /// What stands in place of an erased user's name.
    pub fn blank() -> Self {
        Self(String::new())
    }

    /// The name as the database keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for DisplayName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let sane = (1..=Self::MAX_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if sane { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!("  张三 ".parse::<DisplayName>().expect("a name").as_str(), "张三");
        assert!(" ".parse::<DisplayName>().is_err());
        assert!("a\u{7}b".parse::<DisplayName>().is_err());
        assert!("长".repeat(DisplayName::MAX_CHARS + 1).parse::<DisplayName>().is_err());
    }

    #[test]
    fn an_admin_may_more_than_an_operator() {
        assert!(Role::Admin > Role::Operator && Role::Operator > Role::Publisher && Role::Publisher > Role::User);
    }
}
