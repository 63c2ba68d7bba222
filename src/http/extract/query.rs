//! The query: every parameter known, each of its documented form.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock, RwLock};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use jsonschema::Validator;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::IntoParams;

use crate::http::extract::schema;
use crate::http::problem::Failure;
use crate::services::refusal::{Error, Place, Violation};

/// The longest query that is looked at.
const MAX_BYTES: usize = 8 * 1024;

/// The names and values of a query that is not too long to be looked at.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>, Error> {
    let wrong = |rule, zh, en| Error::invalid(vec![Violation::query("", rule, zh, en)]);
    if query.len() > MAX_BYTES {
        return Err(wrong("too_long", format!("最多 {MAX_BYTES} 字节"), format!("at most {MAX_BYTES} bytes")));
    }
    serde_urlencoded::from_str(query).map_err(|error| wrong("form", error.to_string(), error.to_string()))
}

/// There is no such parameter.
pub fn unknown(name: &str) -> Violation {
    Violation::query(name, "unknown_parameter", "没有这个参数", "there is no such parameter")
}

/// The query of a request. `T` derives `IntoParams` and `Deserialize`; what its attributes say is enforced.
#[derive(Debug)]
pub struct Query<T>(pub T);

struct Parameter {
    required: bool,
    integer: bool,
    boolean: bool,
    validator: Validator,
}

type Parameters = Arc<HashMap<String, Parameter>>;

static PARAMETERS: LazyLock<RwLock<HashMap<TypeId, Parameters>>> = LazyLock::new(RwLock::default);

impl<T: DeserializeOwned + IntoParams + 'static> FromRequest for Query<T> {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse::<T>(request.query_string()).map(Self).map_err(Failure))
    }
}

fn parse<T: DeserializeOwned + IntoParams + 'static>(query: &str) -> Result<T, Error> {
    let known = parameters::<T>()?;
    let pairs = pairs(query)?;
    let mut violations = Vec::new();
    let mut seen = HashSet::new();
    for (name, text) in &pairs {
        match known.get(name) {
            None => violations.push(unknown(name)),
            Some(parameter) => violations.extend(check(name, text, parameter)),
        }
        if !seen.insert(name.as_str()) {
            violations.push(Violation::query(name, "repeated", "参数不能重复", "a parameter may stand once only"));
        }
    }
    for (name, parameter) in known.iter() {
        if parameter.required && !seen.contains(name.as_str()) {
            violations.push(Violation::query(name, "required", "缺少该参数", "this parameter is required"));
        }
    }
    violations.sort_by(|a, b| a.place.cmp(&b.place));
    violations.dedup();
    if !violations.is_empty() {
        return Err(Error::invalid(violations));
    }
    serde_urlencoded::from_str(query)
        .map_err(|error| Error::invalid(vec![Violation::query("", "value", error.to_string(), error.to_string())]))
}

fn check(name: &str, text: &str, parameter: &Parameter) -> Vec<Violation> {
    let value = if parameter.integer {
        text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
    } else if parameter.boolean {
        text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from)
    } else {
        Value::from(text)
    };
    let mut found = schema::violations(&parameter.validator, &value);
    for violation in &mut found {
        violation.place = Place::Query(name.to_owned());
    }
    found
}

fn parameters<T: IntoParams + 'static>() -> Result<Parameters, Error> {
    let key = TypeId::of::<T>();
    if let Some(found) = PARAMETERS.read().ok().and_then(|known| known.get(&key).cloned()) {
        return Ok(found);
    }
    let mut made = HashMap::new();
    for parameter in T::into_params(|| Some(utoipa::openapi::path::ParameterIn::Query)) {
        let Some(schema) = &parameter.schema else { continue };
        let text = serde_json::to_value(schema).map_err(|error| Error::broken(error.to_string()))?;
        let kinds = text.get("type").map(Value::to_string).unwrap_or_default();
        let entry = Parameter {
            required: matches!(parameter.required, utoipa::openapi::Required::True),
            integer: kinds.contains("integer"),
            boolean: kinds.contains("boolean"),
            validator: schema::compile(schema, Vec::new()).map_err(Error::broken)?,
        };
        made.insert(parameter.name.clone(), entry);
    }
    let made = Arc::new(made);
    if let Ok(mut known) = PARAMETERS.write() {
        known.insert(key, Arc::clone(&made));
    }
    Ok(made)
}
