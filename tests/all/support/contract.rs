//! The OpenAPI document as tests read it: what is said of each operation, and values of a documented form.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::app::TestApp;
use super::callers::Caller;

/// The document that the code makes.
pub struct Contract {
    json: Value,
}

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// Its method.
    pub method: Method,
    /// Its path, with names in braces.
    pub path: String,
    /// Who may call it.
    pub guard: Guard,
    /// All that is said of it.
    pub node: Value,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Everybody.
    Open,
    /// Whoever is signed in.
    User,
    /// An operator or an admin.
    Operator,
    /// An admin.
    Admin,
    /// Whoever has a publisher's key.
    Publisher,
}

/// One caller of each kind.
pub struct Cast {
    /// Shows nothing.
    pub anonymous: Caller,
    /// A user.
    pub user: Caller,
    /// A user with the role `publisher`.
    pub keeper: Caller,
    /// An operator.
    pub operator: Caller,
    /// An admin.
    pub admin: Caller,
    /// A publisher whose key reaches everything.
    pub publisher: Caller,
}

impl Cast {
    /// One caller of each kind, all new.
    pub async fn assemble(app: &TestApp) -> Self {
        Self {
            anonymous: app.anonymous(),
            user: (*app.user().await).clone(),
            keeper: (*app.keeper().await).clone(),
            operator: (*app.operator().await).clone(),
            admin: (*app.admin().await).clone(),
            publisher: app.publisher().await,
        }
    }

    /// Who may just call what is guarded so.
    pub fn of(&self, guard: Guard) -> &Caller {
        match guard {
            Guard::Open => &self.anonymous,
            Guard::User => &self.user,
            Guard::Operator => &self.operator,
            Guard::Admin => &self.admin,
            Guard::Publisher => &self.publisher,
        }
    }
}

impl Operation {
    /// The parameters that stand in this place: `path`, `query` or `header`.
    pub fn parameters(&self, place: &str) -> Vec<(String, Value)> {
        let all = self.node["parameters"].as_array().cloned().unwrap_or_default();
        let here = all.into_iter().filter(|parameter| parameter["in"] == place);
        here.map(|parameter| (parameter["name"].as_str().expect("a name").to_owned(), parameter)).collect()
    }

    /// The schema of its body, when it takes one.
    pub fn body(&self) -> Option<&Value> {
        self.node.pointer("/requestBody/content/application~1json/schema")
    }

    /// Its method and path, with values in place of the names.
    pub fn at(&self, value: impl Fn(&str) -> String) -> String {
        let mut path = self.path.clone();
        for (name, _) in self.parameters("path") {
            path = path.replace(&format!("{{{name}}}"), &value(&name));
        }
        path
    }
}

impl Contract {
    /// The document of this build.
    pub fn read() -> Self {
        Self { json: serde_json::to_value(yizhan::http::document()).expect("the document is JSON") }
    }

    /// The whole of it.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Every operation.
    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.json["paths"].as_object().expect("paths");
        let all = paths.iter().flat_map(|(path, item)| {
            item.as_object().expect("an item").iter().map(move |(method, node)| Operation {
                id: node["operationId"].as_str().unwrap_or_default().to_owned(),
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                guard: guard(node),
                node: node.clone(),
            })
        });
        all.collect()
    }

    /// A schema without references, and whether null is of its form.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> (&'a Value, bool) {
        if let Some(path) = schema["$ref"].as_str() {
            return self.resolve(self.json.pointer(path.trim_start_matches('#')).expect("a component"));
        }
        let Some(forms) = schema.get("oneOf").or(schema.get("anyOf")).and_then(Value::as_array) else {
            let null = schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
            return (schema, null);
        };
        let (null, others): (Vec<_>, Vec<_>) = forms.iter().partition(|form| form["type"] == "null");
        assert_eq!(others.len(), 1, "these tests know no choice of forms but with null: {schema}");
        (self.resolve(others[0]).0, !null.is_empty())
    }

    /// What tells whether a value is of this form.
    pub fn validator(&self, schema: &Value) -> jsonschema::Validator {
        let mut root = schema.clone();
        root["components"] = self.json["components"].clone();
        jsonschema::options().should_validate_formats(true).build(&root).expect("a schema")
    }

    /// A value of this form in which everything that may be there is there.
    pub fn sample(&self, schema: &Value) -> Value {
        let (schema, _) = self.resolve(schema);
        match kind(schema) {
            "object" => {
                let fields = schema["properties"].as_object().cloned().unwrap_or_default();
                Value::Object(
                    fields.iter().map(|(name, field)| (name.clone(), self.sample(field))).collect::<Map<_, _>>(),
                )
            }
            "array" => json!([self.sample(&schema["items"])]),
            "boolean" => json!(false),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            _ => self.text(schema),
        }
    }

    fn text(&self, schema: &Value) -> Value {
        if let Some(options) = schema["enum"].as_array() {
            return options[0].clone();
        }
        let validator = self.validator(schema);
        let shown = schema["examples"].as_array().into_iter().flatten().chain(schema.get("example"));
        let usual = ["市政工程", "2026-11-23T09:30:00.000Z", "430100", "CNY", "https://example.org/a", "construction"];
        let found = shown.cloned().chain(usual.map(Value::from)).find(|text| validator.is_valid(text));
        found.unwrap_or_else(|| panic!("give this text an example: {schema}"))
    }
}

/// The type of a schema, null aside.
pub fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    }
}

fn guard(node: &Value) -> Guard {
    let Some(way) = node["security"].as_array().and_then(|ways| ways.first()) else { return Guard::Open };
    if way.get("publisher").is_some() {
        return Guard::Publisher;
    }
    match way["user"].as_array().and_then(|roles| roles.first()).and_then(Value::as_str) {
        None => Guard::User,
        Some("operator") => Guard::Operator,
        Some("admin") => Guard::Admin,
        Some(other) => panic!("no test knows the role {other}"),
    }
}
