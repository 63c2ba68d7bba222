//! The examples under `openapi/examples`, one file an operation, in the order of a journey through the API.
//!
//! A file holds `path`, `query`, `headers` and `request` (what is asked), `response` with `status` and `body`, and
//! `capture`: names for values of the answer, which later files use as `{{name}}`. The document shows [`SAMPLES`] in
//! their place; a test walks the journey through a running server and puts the real values there. For a new operation,
//! write the file without `body`, list its name below, and record the rest: `tests/all/examples.rs` says how.

use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Content, RefOr};

use crate::http::notice::import::NDJSON;

macro_rules! journey {
    ($($operation:ident),* $(,)?) => {
        /// The name of each operation that has an example, and the example's text; in the order of the journey.
        pub const JOURNEY: &[(&str, &str)] = &[$((
            stringify!($operation),
            include_str!(concat!("../../../openapi/examples/", stringify!($operation), ".json")),
        )),*];
    };
}

journey! {
    get_health,
    get_readiness,
    get_metrics,
    list_categories,
    list_regions,
    get_region,
    list_notice_types,
    get_jwks,
    list_registration_options,
    start_registration,
    create_user,
    get_me,
    update_me,
    change_password,
    start_password_reset,
    confirm_password_reset,
    create_session,
    refresh_session,
    list_sessions,
    delete_session,
    list_users,
    set_user_role,
    create_publisher,
    list_publishers,
    get_publisher,
    create_publisher_key,
    list_publisher_keys,
    list_subscription_templates,
    create_subscription,
    list_subscriptions,
    get_subscription,
    change_subscription,
    list_subscription_editions,
    pause_subscription,
    resume_subscription,
    register_device,
    list_devices,
    get_device,
    change_device,
    create_webhook,
    list_webhooks,
    get_webhook,
    change_webhook,
    test_webhook,
    rotate_webhook_secret,
    pause_webhook,
    resume_webhook,
    publish_notice,
    put_notice,
    schedule_notice,
    list_scheduled_notices,
    get_scheduled_notice,
    replace_scheduled_notice,
    list_all_scheduled_notices,
    cancel_scheduled_notice,
    list_notices,
    search_notices,
    suggest_words,
    get_notice,
    get_notice_by_source,
    revise_notice,
    list_notice_revisions,
    get_notice_revision,
    get_project,
    get_feed,
    get_atom_feed,
    get_json_feed,
    preview_subscription,
    list_inbox,
    sync_inbox,
    count_unread,
    get_inbox_item,
    explain_inbox_item,
    explain_user_notice,
    mark_read,
    stream_inbox,
    mark_unread,
    archive_item,
    restore_item,
    read_all,
    remove_item,
    get_own_reach,
    get_reach,
    list_channels,
    list_fan_outs,
    get_fan_out,
    list_deliveries,
    list_webhook_deliveries,
    resend_webhook_delivery,
    list_dead_letters,
    replay_dead_letters,
    publish_notices,
    import_notices,
    withdraw_notice,
    end_publisher_key,
    end_publisher,
    end_webhook,
    remove_device,
    end_subscription,
    delete_current_session,
    delete_me,
}

/// What the document shows in the place of values that a journey makes up.
pub const SAMPLES: &[(&str, &str)] = &[
    ("user_id", "usr_01h455vb4pex5vsknk084sn02q"),
    ("session_id", "ses_01h455vb4pex5vsknk084sn02q"),
    ("other_session_id", "ses_01h455vb4pex5vsknk084sn02q"),
    ("publisher_id", "pub_01h455vb4pex5vsknk084sn02q"),
    ("publisher_key_id", "key_01h455vb4pex5vsknk084sn02q"),
    ("subscription_id", "sub_01h455vb4pex5vsknk084sn02q"),
    ("device_id", "dev_01h455vb4pex5vsknk084sn02q"),
    ("webhook_id", "whk_01h455vb4pex5vsknk084sn02q"),
    ("webhook_url", "https://hooks.example.com/in/0123456789abcdef"),
    ("webhook_url_hint", "https://hooks.example.com/…cdef"),
    ("webhook_secret", "whsec_c2hvd24tb25jZS1hbmQtbmV2ZXItYWdhaW4tMDAwMQ=="),
    ("webhook_secret_hint", "…MQ=="),
    ("new_webhook_secret", "whsec_c2hvd24tb25jZS1hbmQtbmV2ZXItYWdhaW4tMDAwMg=="),
    ("new_webhook_secret_hint", "…Mg=="),
    ("webhook_message_id", "dlv_01h455vb4pex5vsknk084sn02q"),
    ("notice_id", "ntc_01h455vb4pex5vsknk084sn02q"),
    ("scheduled_notice_id", "sch_01h455vb4pex5vsknk084sn02q"),
    ("fan_out_id", "fan_01h455vb4pex5vsknk084sn02q"),
    ("code", "385201"),
    ("access_token", "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMDFoNDU1In0.c2lnbmF0dXJl"),
    ("refresh_token", "cmVmcmVzaC10b2tlbi1vZi1vbmUtdXNl"),
    ("publisher_secret", "yzk_c2hvd24tb25jZS1hbmQtbmV2ZXItYWdhaW4"),
    ("publisher_secret_hint", "YWlu"),
    ("cursor", "aW5ib3gKMTA"),
    ("tomorrow", "2026-11-24T01:30:00.000Z"),
    ("in_two_weeks", "2026-12-07T01:30:00.000Z"),
];

/// Puts the example of an operation into its documentation.
pub fn add(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let Some((_, text)) = JOURNEY.iter().find(|(name, _)| *name == id) else { return };
    let text = SAMPLES
        .iter()
        .fold((*text).to_owned(), |text, (name, sample)| text.replace(&format!("{{{{{name}}}}}"), sample));
    // A file that is no JSON shows no example; the test of examples says which one.
    let example: Value = serde_json::from_str(&text).unwrap_or_default();
    if let (Some(RefOr::T(body)), Some(request)) = (&mut operation.request_body, example.get("request")) {
        body.content.iter_mut().for_each(|(kind, content)| show_as(kind, content, request));
    }
    let status = example.pointer("/response/status").map(Value::to_string).unwrap_or_default();
    if let (Some(RefOr::T(response)), Some(body)) =
        (operation.responses.responses.get_mut(&status), example.pointer("/response/body"))
    {
        response.content.iter_mut().for_each(|(kind, content)| show_as(kind, content, body));
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let given = ["path", "query", "headers"].iter().find_map(|part| example.get(part)?.get(&parameter.name));
        if let (Some(given), Some(RefOr::T(Schema::Object(schema)))) = (given, &mut parameter.schema) {
            schema.examples = vec![given.clone()];
        }
    }
}

/// Lists of a stream are shown as its lines.
fn show_as(kind: &str, content: &mut RefOr<Content>, example: &Value) {
    match example.as_array() {
        Some(lines) if kind == NDJSON => {
            show(content, &lines.iter().map(|line| format!("{line}\n")).collect::<String>().into());
        }
        _ => show(content, example),
    }
}

fn show(content: &mut RefOr<Content>, example: &Value) {
    if let RefOr::T(content) = content {
        content.example = Some(example.clone());
    }
}
