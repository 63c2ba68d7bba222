//! Importing: many notices from a file or a stream, in whatever form they come.
//!
//! What comes in is cut into *units*, a line or a whole document; a [`Convert`] turns a unit into bodies of
//! `POST /v1/notices`, which are held against the same schema and rules as single calls.

mod foreign;
pub mod form;
pub mod forms;
pub mod map;

pub use form::{Convert, Converted, Form, Unit};
