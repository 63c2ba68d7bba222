//! Where webhooks may lead, and how long anybody waits for them: addresses in disguise, names that change their minds,
//! servers that hang, drip and never end; and that nothing which opens is written down.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use yizhan::domain::webhook::Reach;
use yizhan::sandbox::{Fault, Mode};
use yizhan::storage::value;

use super::operator::phone;
use super::support::{Database, Receiver, Reply, TestApp, eventually, notice, prepare, subscription};
use super::webhook::{PATH, app, hook, logged, path, reader, register};

#[tokio::test]
async fn no_disguise_of_an_inner_address_is_registered() {
    let app = TestApp::spawn().await;
    let me = app.user().await;
    let kept = app.user().await;
    let good = register(&kept, "https://hooks.example.com/in").await;
    for (host, rule) in [
        ("127.0.0.1", "private"),
        ("127.1", "private"),
        ("2130706433", "private"),
        ("0x7f000001", "private"),
        ("0177.0.0.1", "private"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "private"),
        ("100.100.100.200", "private"),
        ("0.0.0.0", "private"),
        ("[::1]", "private"),
        ("[::ffff:10.0.0.1]", "private"),
        ("[::7f00:1]", "private"),
        ("[64:ff9b::7f00:1]", "private"),
        ("[2002:7f00:1::]", "private"),
        ("[fd12::1]", "private"),
        ("[fe80::1]", "private"),
        ("localhost", "private"),
        ("localhost.", "private"),
        ("LocalHost", "private"),
        ("ⓛocalhost", "private"),
        ("１２７.0.0.1", "private"),
        ("127。0。0。1", "private"),
        ("%6c%6fcalhost", "private"),
        ("db", "private"),
        ("metadata.google.internal", "private"),
        ("user:secret@hooks.example.com", "credentials"),
        ("hooks.example.com@127.0.0.1", "credentials"),
        ("hooks.example.com:22", "port"),
        ("hooks.example.com:99999", "url"),
    ] {
        let url = format!("https://{host}/hook");
        let answer = me.post(PATH, hook(&url)).await.expect(422).problem("invalid");
        assert_eq!(answer.violations(), [("/url".to_owned(), rule.to_owned())], "{url}");
        let answer = kept.patch(&path(&good), json!({ "url": url })).await.expect(422).problem("invalid");
        assert_eq!(answer.violations(), [("/url".to_owned(), rule.to_owned())], "{url}");
    }
    for (url, rule) in
        [("http://hooks.example.com/", "scheme"), ("gopher://hooks.example.com/", "scheme"), ("x", "url")]
    {
        let answer = me.post(PATH, hook(url)).await.expect(422).problem("invalid");
        assert_eq!(answer.violations(), [("/url".to_owned(), rule.to_owned())], "{url}");
    }
    assert_eq!(me.get(PATH).await.expect(200).items().len(), 0);
}

#[tokio::test]
async fn a_name_is_judged_by_the_address_that_it_has_when_it_is_called() {
    // Everything but the name's answer would let the call through.
    let app = TestApp::with(|config| config.webhooks.settings.reach = Reach { http: true, ..Reach::default() }).await;
    let (me, receiver) = (app.user().await, Receiver::start().await);
    let url = |name: &str| format!("http://{name}:{}/hook", receiver.port());
    let inner: [&[&[&str]]; 5] = [
        &[&["127.0.0.1"]],
        &[&["8.8.8.8", "127.0.0.1"]],
        &[&["::ffff:127.0.0.1"]],
        &[&["64:ff9b::7f00:1"]],
        &[&["0.0.0.0"]],
    ];
    for (number, answers) in inner.iter().enumerate() {
        let name = format!("inner{number}.example.org");
        app.world().name(&name, answers);
        let made = register(&me, &url(&name)).await;
        let tried = me.post(&format!("{}/test", path(&made)), json!({})).await.expect(200);
        assert_eq!((tried.at("/outcome"), tried.at("/answer")), (&json!("failed"), &json!("address_not_allowed")));
        assert!(tried.at("/status").is_null(), "{answers:?}: {}", tried.text);
        me.delete(&path(&made)).await.expect(204);
    }
    assert_eq!(receiver.so_far().len(), 0, "no connection was made");
}

#[tokio::test]
async fn a_name_that_turns_inside_between_two_calls_is_not_followed() {
    let outside: Reach = Reach { http: true, allowed: "127.0.0.1/32".parse().expect("a network") };
    let app = TestApp::with(|config| config.webhooks.settings.reach = outside).await;
    let (me, receiver) = (app.user().await, Receiver::at("127.0.0.1").await);
    let inside = Receiver::at("127.0.0.2").await;
    // What is allowed stands for the outside here, and its neighbour for the inside. The server closes after each answer,
    // so that a second call needs a second connection.
    receiver.always(Reply::Plain(200, "connection: close\r\n", String::new()));
    app.world().name("turning.example.org", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let made = register(&me, &format!("http://turning.example.org:{}/hook", receiver.port())).await;
    let test = format!("{}/test", path(&made));
    assert_eq!(me.post(&test, json!({})).await.expect(200).at("/outcome"), "accepted");
    let again = me.post(&test, json!({})).await.expect(200);
    assert_eq!((again.at("/outcome"), again.at("/answer")), (&json!("failed"), &json!("address_not_allowed")));
    assert_eq!((receiver.so_far().len(), inside.so_far().len()), (1, 0));
}

/// A certificate for 127.0.0.1 that nobody vouches for, and its key, which opens nothing else.
const CERTIFICATE: &str = "\
    MIIBiDCCAS6gAwIBAgIUUOSdgbaXsONcM82gyXm2gCETGfIwCgYIKoZIzj0EAwIwEDEOMAwGA1UEAwwFdGVzdHMwIBcNMjYxMTI0MTQ0NjQ2WhgPMjEy\
    NjEwMzExNDQ2NDZaMBAxDjAMBgNVBAMMBXRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMkL/j9vhscxajFc6yxVwE5U+P6XZ7xWzHVX0e5El\
    lBZgeH3HKiSAvLSLZu4ACEXZ3MuRhmXCxMJEPQunYO4J76NkMGIwHQYDVR0OBBYEFBBBZmWPoYCK3cdaxryrS6CoKrOcMB8GA1UdIwQYMBaAFBBBZmWP\
    oYCK3cdaxryrS6CoKrOcMA8GA1UdEwEB/wQFMAMBAf8wDwYDVR0RBAgwBocEfwAAATAKBggqhkjOPQQDAgNIADBFAiAiQ7WxVCsD0LYy9zFN00l91ir7\
    pf90NqEsiPBymjV7QwIhANRXhGgGWD8DnVIfr150w7qNuxPTqAzZwHztg5HcYtrk";
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgK/0YQIa1FlpyQHLl1Dg7J/RVJxhnkTCG9AFK1vKILlGhRANCAAQyQv+P2+GxzFqMVzrL\
    FXATlT4/pdnvFbMdVfR7kSWUFmB4fccqJIC8tItm7gAIRdncy5GGZcLEwkQ9C6dg7gnv";

/// Serves TLS with that certificate to whoever comes; says where, and sends what it was told inside.
fn tls_server() -> (u16, std::sync::mpsc::Receiver<Vec<u8>>) {
    use base64::Engine as _;
    use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    use std::io::Read as _;
    let decoded = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    let (certificate, key) = (CertificateDer::from(decoded(CERTIFICATE)), PrivatePkcs8KeyDer::from(decoded(KEY)));
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key.into());
    let config = std::sync::Arc::new(config.expect("a configuration"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (told, tells) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut tls = rustls::ServerConnection::new(config.clone()).expect("a connection");
            let mut inside = vec![0; 64];
            if let Ok(read) = rustls::Stream::new(&mut tls, &mut stream).read(&mut inside) {
                inside.truncate(read);
                if told.send(inside).is_err() {
                    return;
                }
            }
        }
    });
    (port, tells)
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let app = app().await;
    let me = app.user().await;
    let (port, tells) = tls_server();
    let made = register(&me, &format!("https://127.0.0.1:{port}/hook")).await;
    let tried = me.post(&format!("{}/test", path(&made)), json!({})).await.expect(200);
    assert_eq!((tried.at("/outcome"), tried.at("/status")), (&json!("failed"), &json!(null)), "{}", tried.text);
    assert!(tried.string("/answer").contains("certificate"), "its user sees why: {}", tried.text);
    assert!(tells.try_recv().is_err(), "nothing was sent inside");
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    for status in [301, 302, 303, 307, 308] {
        receiver.then(Reply::Plain(status, "location: /elsewhere\r\n", String::new()));
        let tried = me.post(&format!("{}/test", path(&made)), json!({})).await.expect(200);
        assert_eq!((tried.at("/outcome"), tried.at("/status")), (&json!("failed"), &json!(status)));
    }
    assert!(receiver.so_far().iter().all(|received| received.path != "/elsewhere"));
}

#[tokio::test]
async fn an_endless_answer_is_read_so_far_and_a_slow_one_is_waited_for_so_long() {
    let app = TestApp::with(|config| {
        config.webhooks.settings.reach = super::webhook::near();
        config.notifier.send_budget = Duration::from_millis(400);
    })
    .await;
    let (me, receiver, made) = reader(&app).await;
    let test = format!("{}/test", path(&made));
    receiver.then(Reply::Endless);
    let tried = me.post(&test, json!({})).await.expect(200);
    assert_eq!((tried.at("/outcome"), tried.at("/status")), (&json!("accepted"), &json!(200)), "{}", tried.text);
    assert!(tried.string("/answer").chars().count() <= 300);
    for reply in [Reply::Silent, Reply::Dripping] {
        receiver.then(reply);
        let tried = me.post(&test, json!({})).await.expect(200);
        assert_eq!((tried.at("/outcome"), tried.at("/status")), (&json!("no_answer"), &json!(null)), "{}", tried.text);
        assert_eq!(tried.at("/answer"), "too_slow", "the call itself has an end, and not only the wait for it");
    }
    // What a bot means stands in its answer: that is read so far and no further, however long it goes on.
    let bot = json!({ "preset": "wecom", "url": receiver.url("/bot/0123456789"), "label": "群" });
    let bot = me.post(PATH, bot).await.expect(201);
    receiver.then(Reply::Endless);
    let tried = me.post(&format!("{}/test", path(&bot)), json!({})).await.expect(200);
    assert_eq!(tried.at("/outcome"), "unknown_answer", "{}", tried.text);
}

#[tokio::test]
async fn who_hangs_delays_nobody_else() {
    let app = app().await;
    let (me, receiver, made) = reader(&app).await;
    let hangs = Receiver::at("127.0.0.3").await;
    hangs.always(Reply::Silent);
    for number in 0..4 {
        let other = app.user().await;
        subscription().subscribe(&other).await;
        register(&other, &hangs.url(&format!("/{number}"))).await;
    }
    let publisher = app.publisher().await;
    for _ in 0..12 {
        notice().publish(&publisher).await;
    }
    receiver.received(12).await;
    let log = me.get(&format!("{}/deliveries", path(&made))).await.expect(200);
    let once = |delivery: &serde_json::Value| delivery["attempts"].as_array().is_none_or(|tries| tries.len() <= 1);
    assert!(log.items().iter().all(once), "none of them was postponed for a failure of others: {}", log.text);
    assert!(hangs.so_far().len() < 24, "who hangs is left alone for a while");
}

/// Within one chunk: the same user has a phone whose provider hangs and a webhook that does not.
#[tokio::test]
async fn one_sick_provider_slows_no_other_within_a_chunk() {
    let app = TestApp::with(|config| {
        config.webhooks.settings.reach = super::webhook::near();
        // The provider hangs for as long as anything is waited for here.
        config.notifier.send_budget = Duration::from_secs(8);
    })
    .await;
    let (me, receiver, made) = reader(&app).await;
    phone(&me, "sandbox", "plain-0123456789").await;
    app.sandbox().set_fault(Fault::of(Mode::Hang));
    notice().publish(&app.publisher().await).await;
    receiver.received(1).await;
    logged(&me, &made, |delivery| delivery["state"] == "accepted").await;
    let open = "SELECT count(*) AS value FROM chunks WHERE state = 'open' AND users = 1";
    let hanging = "SELECT count(*) AS value FROM deliveries WHERE channel = 'sandbox'";
    let (open, hanging) = app
        .inside(async move |deps| {
            let count = async |text| value::<i64>(deps.db.reader(), text, []).await.expect("a count");
            (count(open).await, count(hanging).await)
        })
        .await;
    assert_eq!((open, hanging), (1, 0), "what was taken is written down while the other is waited for");
}

#[tokio::test]
async fn one_server_has_so_many_calls_at_a_time_under_however_many_names_and_ports() {
    const MOST: usize = 16;
    let app = TestApp::with(|config| {
        config.webhooks.settings.reach = super::webhook::near();
        // Nobody's call ends while others are counted.
        config.notifier.send_budget = Duration::from_secs(10);
    })
    .await;
    let (hangs, other_port) = (Receiver::at("127.0.0.3").await, Receiver::at("127.0.0.3").await);
    hangs.always(Reply::Silent);
    other_port.always(Reply::Silent);
    for number in 0..MOST + 4 {
        let (me, name) = (app.user().await, format!("name{number}.example.org"));
        app.world().name(&name, &[&["127.0.0.3"]]);
        subscription().subscribe(&me).await;
        let port = if number % 2 == 0 { hangs.port() } else { other_port.port() };
        register(&me, &format!("http://{name}:{port}/hook")).await;
    }
    let id = notice().publish(&app.publisher().await).await;
    let operator = app.operator().await;
    let turned_away = eventually("some are told that we are busy", async || {
        let log = operator.get(&format!("/v1/operator/deliveries?notice={id}&limit=100")).await.expect(200);
        let busy = log.items().iter().filter(|one| one["attempts"][0]["detail"] == "busy").count();
        (busy >= 4).then_some(busy)
    })
    .await;
    assert_eq!(turned_away, 4);
    assert!(hangs.so_far().len() + other_port.so_far().len() <= MOST);
}

/// The server as a process of its own, with all that it says in a file; stopped when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().expect("the server ran");
        self.0.wait().expect("the server ended");
    }
}

#[tokio::test]
async fn neither_an_address_nor_a_secret_stands_in_any_log_line_and_no_proxy_is_asked() {
    prepare();
    let database = Database::fresh().await;
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
        command
            .env_clear()
            .env("DATABASE_URL", &database.url)
            .env("YIZHAN_DATA_DIR", database.folder.path())
            .envs(database.redis_url.as_ref().map(|url| ("REDIS_URL", url)));
        command
    };
    let said = |arguments: &[&str]| {
        let done = command().args(arguments).output().expect("a command");
        String::from_utf8(done.stdout).expect("text")
    };
    let made = said(&["admin", "create", "--email", "ops@example.com"]);
    let key = said(&["publisher", "create", "--name", "示范交易中心"]);
    let key = key.split_whitespace().find(|word| word.starts_with("yzk_")).expect("a key").to_owned();
    let lines = database.folder.path().join("said.log");
    let file = std::fs::File::create(&lines).expect("a file");
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let mut server = command();
    server
        .env("YIZHAN_LISTEN", address.to_string())
        .env("YIZHAN_LOG", "trace")
        .env("YIZHAN_WEBHOOK_HTTP", "on")
        .env("YIZHAN_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
        // Nobody listens there: a call that asked a proxy of the environment would not arrive.
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("ALL_PROXY", "http://127.0.0.1:9")
        .stdout(Stdio::null())
        .stderr(file);
    let _server = Server(server.spawn().expect("the server starts"));
    let base = format!("http://{address}");
    let anonymous = super::support::Caller::new(base.clone());
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ready = format!("{base}/readyz");
    eventually("the server is there", async || http.get(&ready).send().await.ok()).await;
    let password = made.split_whitespace().last().expect("a password");
    let who = json!({ "kind": "email", "address": "ops@example.com", "password": password });
    let me = anonymous.post("/v1/sessions", who).await.expect(201).string("/access_token");
    let (me, publisher) = (anonymous.bearing(me), anonymous.bearing(key));

    subscription().subscribe(&me).await;
    let (receiver, chat) = (Receiver::start().await, Receiver::start().await);
    let secret = "SEC-bots-own-secret-0123456789";
    let plain = register(&me, &receiver.url("/in/path-that-opens?key=query-that-opens")).await;
    let url = chat.url("/robot/send?access_token=token-that-opens");
    let bot = json!({ "preset": "dingtalk", "url": url, "label": "群", "secret": secret });
    let bot = me.post(PATH, bot).await.expect(201);
    // They say what they were sent, and fail.
    let echo = format!("no /in/path-that-opens?key=query-that-opens with {}", plain.string("/secret"));
    receiver.then(Reply::Plain(500, "", echo));
    chat.then(Reply::Echo(500, format!("no /robot/send?access_token=token-that-opens with {secret} at ")));
    chat.always(Reply::said(r#"{"errcode":0}"#));
    notice().publish(&publisher).await;
    receiver.received(2).await;
    // DingTalk's signature stands in the path that the chat told again.
    let signed = chat.received(2).await.remove(0).path;
    let pairs: Vec<&str> = signed.split(['?', '&']).collect();
    let value = |name: &str| {
        let value = pairs.iter().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).expect("a value");
        value.to_owned()
    };
    let (stamp, sign) = (value("timestamp"), value("sign"));
    let mut log = String::new();
    for webhook in [&plain, &bot] {
        log += &logged(&me, webhook, |delivery| delivery["state"] == "accepted").await.to_string();
    }
    assert!(log.matches("no /…").count() >= 2, "what they said is kept: {log}");
    let rotated = me.post(&format!("{}/secret", path(&plain)), json!({})).await.expect(200);
    let refused = hook("https://10.0.0.1/path-that-opens");
    me.post(PATH, refused).await.expect(422);
    let said = std::fs::read_to_string(&lines).expect("lines");
    assert!(said.contains("webhook") || said.len() > 1_000, "the log was on");
    let mut secrets = vec![plain.string("/secret"), rotated.string("/secret"), secret.to_owned()];
    secrets.extend(["path-that-opens", "query-that-opens", "token-that-opens"].map(ToOwned::to_owned));
    secrets.extend([stamp, sign]);
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is told to the user again: {log}");
        let line = said.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} stands in the log: {line:?}");
    }
}
