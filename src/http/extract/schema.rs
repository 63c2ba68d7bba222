//! The document is the validator: what a caller sends is checked against the very schema that the OpenAPI document
//! shows, and every error is reported at once, each with its place.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Value, json};
use serde_path_to_error::Segment;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::services::refusal::{MAX_VIOLATIONS, Place, Violation};

/// A time as it may be written.
const TIME: &str = "2026-11-25T09:00:00+08:00";
/// The rule that a field breaks which no schema names.
const UNKNOWN_FIELD: &str = "unknown_field";

static VALIDATORS: LazyLock<RwLock<HashMap<TypeId, Arc<Validator>>>> = LazyLock::new(RwLock::default);

/// The validator of a type's documented schema, made once.
pub fn validator<T: ToSchema + PartialSchema + 'static>() -> Result<Arc<Validator>, String> {
    let key = TypeId::of::<T>();
    if let Some(found) = VALIDATORS.read().ok().and_then(|known| known.get(&key).cloned()) {
        return Ok(found);
    }
    let mut schemas = Vec::new();
    T::schemas(&mut schemas);
    let made = Arc::new(compile(&T::schema(), schemas)?);
    if let Ok(mut known) = VALIDATORS.write() {
        known.insert(key, Arc::clone(&made));
    }
    Ok(made)
}

/// A validator for one schema and the components that it refers to.
pub fn compile(schema: &RefOr<Schema>, components: Vec<(String, RefOr<Schema>)>) -> Result<Validator, String> {
    let mut document = serde_json::to_value(schema).map_err(|error| error.to_string())?;
    let components =
        serde_json::to_value(components.into_iter().collect::<HashMap<_, _>>()).map_err(|error| error.to_string())?;
    if let Some(document) = document.as_object_mut() {
        document.insert("components".to_owned(), json!({ "schemas": components }));
    }
    jsonschema::options().should_validate_formats(true).build(&document).map_err(|error| error.to_string())
}

/// Everything that is wrong with a value, up to [`MAX_VIOLATIONS`].
pub fn violations(validator: &Validator, value: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    // Saying that nothing is wrong takes a fraction of looking for all that is.
    let errors = (!validator.is_valid(value)).then(|| validator.iter_errors(value));
    for error in errors.into_iter().flatten() {
        collect(error.instance_path().as_str(), error.kind(), &mut found);
        if found.len() >= MAX_VIOLATIONS {
            break;
        }
    }
    refuse_nul("", value, &mut found);
    found.truncate(MAX_VIOLATIONS);
    found.sort_by(|a, b| a.place.cmp(&b.place));
    found.dedup();
    found
}

/// Takes the fields that were found to be unknown out of a value, so that the rest of it can be read.
pub fn leave_out_unknown(value: &mut Value, found: &[Violation]) {
    for violation in found.iter().filter(|violation| violation.rule == UNKNOWN_FIELD) {
        let Place::Body(pointer) = &violation.place else { continue };
        let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
        if let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
    }
}

/// Where in a value a parser stopped.
pub fn pointer(path: &serde_path_to_error::Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escape(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

/// U+0000 is JSON, and no text that a database keeps.
fn refuse_nul(pointer: &str, value: &Value, found: &mut Vec<Violation>) {
    if found.len() >= MAX_VIOLATIONS {
        return;
    }
    match value {
        Value::String(text) if text.contains('\0') => {
            found.push(Violation::body(pointer, "nul", "不能包含 U+0000", "must not hold U+0000"));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| refuse_nul(&format!("{pointer}/{place}"), item, found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| refuse_nul(&format!("{pointer}/{}", escape(name)), field, found));
        }
        _ => {}
    }
}

fn collect(pointer: &str, kind: &ValidationErrorKind, found: &mut Vec<Violation>) {
    let mut say = |pointer: String, rule: &'static str, zh: String, en: String| {
        found.push(Violation::body(pointer, rule, zh, en));
    };
    let here = pointer.to_owned();
    match kind {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected.iter().take(MAX_VIOLATIONS) {
                let place = format!("{pointer}/{}", escape(name));
                say(place, UNKNOWN_FIELD, "没有这个字段".to_owned(), "there is no such field".to_owned());
            }
        }
        ValidationErrorKind::Required { property } => {
            let place = format!("{pointer}/{}", escape(property.as_str().unwrap_or_default()));
            say(place, "required", "缺少该字段".to_owned(), "this field is required".to_owned());
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = type_names(kind);
            say(here, "type", format!("类型应为 {wanted}"), format!("must be of type {wanted}"));
        }
        ValidationErrorKind::MaxLength { limit } => {
            say(here, "too_long", format!("最多 {limit} 个字符"), format!("at most {limit} characters"));
        }
        ValidationErrorKind::MinLength { limit } => {
            say(here, "too_short", format!("至少 {limit} 个字符"), format!("at least {limit} characters"));
        }
        ValidationErrorKind::MaxItems { limit } => {
            say(here, "too_many_items", format!("最多 {limit} 项"), format!("at most {limit} items"));
        }
        ValidationErrorKind::MinItems { limit } => {
            say(here, "too_few_items", format!("至少 {limit} 项"), format!("at least {limit} items"));
        }
        ValidationErrorKind::Maximum { limit } => {
            say(here, "too_large", format!("不能大于 {limit}"), format!("at most {limit}"));
        }
        ValidationErrorKind::Minimum { limit } => {
            say(here, "too_small", format!("不能小于 {limit}"), format!("at least {limit}"));
        }
        ValidationErrorKind::Enum { options } => {
            say(here, "not_an_option", format!("只能是 {options} 之一"), format!("must be one of {options}"));
        }
        ValidationErrorKind::Pattern { pattern } => {
            say(here, "pattern", format!("格式应符合 {pattern}"), format!("must match {pattern}"));
        }
        ValidationErrorKind::Format { format } if format == "date-time" => {
            let (zh, en) = ("应为 RFC 3339 时间，含秒与时区", "must be an RFC 3339 time with seconds and offset");
            say(here, "format", format!("{zh}，如 {TIME}"), format!("{en}, such as {TIME}"));
        }
        ValidationErrorKind::Format { format } => {
            say(here, "format", format!("应为 {format} 格式"), format!("must be in the format {format}"));
        }
        ValidationErrorKind::UniqueItems => {
            say(here, "not_unique", "各项不能重复".to_owned(), "items must differ".to_owned());
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            // An optional object is `oneOf: [null, object]`: the object's own errors are what the caller needs.
            let branch = context.iter().filter(|errors| !is_null_branch(errors)).max_by_key(|errors| depth(errors));
            for error in branch.into_iter().flatten() {
                collect(error.instance_path().as_str(), error.kind(), found);
            }
        }
        other => {
            let rule = other.keyword().to_owned();
            say(here, "schema", format!("不符合规则 {rule}"), format!("breaks the rule {rule}"));
        }
    }
}

fn is_null_branch(errors: &[jsonschema::ValidationError<'static>]) -> bool {
    errors.iter().all(|error| matches!(error.kind(), ValidationErrorKind::Type { kind } if type_names(kind) == "null"))
}

/// How deep the errors of a branch lie: the branch that fits best fails deepest.
fn depth(errors: &[jsonschema::ValidationError<'static>]) -> usize {
    errors.iter().map(|error| error.instance_path().as_str().matches('/').count()).max().unwrap_or(0)
}

fn type_names(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(name) => name.to_string(),
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" / "),
    }
}

/// RFC 6901: `~` and `/` inside a name.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
