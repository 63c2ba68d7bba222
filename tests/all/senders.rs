//! Codes on their way to people, by the protocols that carry them: SMTP, and whatever HTTP the text-message provider has.
//! The servers here speak the wire and know nothing of the application.

use base64::Engine as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use yizhan::providers::code_sender::{sms, smtp};

use super::support::{PATIENCE, TestApp};

/// A server of one test: what it is told by each caller, and where it listens.
struct Told {
    address: String,
    received: mpsc::UnboundedReceiver<String>,
}

impl Told {
    async fn by<F: Future<Output = Option<String>> + Send + 'static>(serve: fn(TcpStream) -> F) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (sender, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    if let Some(told) = serve(stream).await {
                        sender.send(told).expect("the test waits for it");
                    }
                });
            }
        });
        Self { address, received }
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("in time").expect("the server runs")
    }
}

async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).await.expect("a line");
    (read > 0).then(|| line.trim_end().to_owned())
}

/// A mail server, RFC 5321: takes one mail and tells its envelope and all of its lines.
async fn mail_server(stream: TcpStream) -> Option<String> {
    let mut stream = BufReader::new(stream);
    let mut told = String::new();
    stream.write_all(b"220 test ESMTP\r\n").await.expect("a greeting");
    while let Some(command) = line(&mut stream).await {
        let verb = command.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-test\r\n250 8BITMIME\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.expect("an answer");
                while let Some(line) = line(&mut stream).await.filter(|line| line != ".") {
                    told.push_str(&line);
                    told.push('\n');
                }
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.expect("an answer");
                break;
            }
            _ => {
                told.push_str(&command);
                told.push('\n');
                b"250 ok\r\n"
            }
        };
        stream.write_all(answer).await.expect("an answer");
        if verb == "DATA" {
            break;
        }
    }
    (!told.is_empty()).then_some(told)
}

/// A provider's HTTP interface: takes one request, answers what such a provider says, and tells it whole.
async fn message_server(stream: TcpStream) -> Option<String> {
    let mut stream = BufReader::new(stream);
    let (mut told, mut length) = (String::new(), 0);
    while let Some(line) = line(&mut stream).await.filter(|line| !line.is_empty()) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        told.push_str(&line);
        told.push('\n');
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("the body");
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"Code\":\"OK\"}";
    stream.write_all(answer).await.expect("an answer");
    told.push_str(&String::from_utf8(body).expect("a text"));
    Some(told)
}

/// The text of a mail, whichever way it was encoded.
fn text_of(mail: &str) -> String {
    let (head, body) = mail.split_once("\n\n").expect("a mail has a head and a body");
    if !head.to_ascii_lowercase().contains("content-transfer-encoding: base64") {
        return body.to_owned();
    }
    let body: String = body.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(body).expect("base64");
    String::from_utf8(bytes).expect("a text")
}

fn code_in(text: &str) -> String {
    let mut digits = text.split(|letter: char| !letter.is_ascii_digit());
    digits.rfind(|digits| digits.len() == 6).expect("six digits").to_owned()
}

async fn opens_an_account(app: &TestApp, kind: &str, address: &str, code: &str) {
    let body = json!({
        "kind": kind, "address": address, "code": code, "password": "correct horse", "display_name": "李雷"
    });
    app.anonymous().post("/v1/users", body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_comes_by_mail_and_opens_an_account() {
    let mut server = Told::by(mail_server).await;
    let url = SecretString::from(format!("smtp://{}", server.address));
    let app = TestApp::with(|config| {
        config.sandbox = false;
        config.accounts.codes.smtp = Some(smtp::Settings { url, from: "驿站 <no-reply@example.org>".to_owned() });
    })
    .await;
    let options = app.anonymous().get("/v1/registrations/options").await.expect(200);
    assert_eq!(options.at("/kinds"), &json!(["email"]));
    let asked = json!({ "kind": "email", "address": "li.lei@example.org" });
    app.anonymous().post("/v1/registrations", asked.clone()).await.expect(202);
    let mail = server.next().await;
    assert!(mail.contains("MAIL FROM:<no-reply@example.org>"), "{mail}");
    assert!(mail.contains("RCPT TO:<li.lei@example.org>"), "{mail}");
    opens_an_account(&app, "email", "li.lei@example.org", &code_in(&text_of(&mail))).await;
    // Whoever asks again learns by mail alone that there is an account.
    app.anonymous().post("/v1/registrations", asked).await.expect(202);
    assert!(text_of(&server.next().await).contains("您已有账号"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_comes_by_text_message_as_the_template_says() {
    let mut server = Told::by(message_server).await;
    let url = SecretString::from(format!("http://{}/send?to={{phone}}", server.address));
    let app = TestApp::with(|config| {
        config.sandbox = false;
        config.accounts.codes.sms = Some(sms::Settings {
            url,
            post: true,
            body: SecretString::from(r#"{"PhoneNumber":"{phone}","Param":"{\"code\":\"{code}\"}"}"#),
            known_body: None,
            form: sms::Form::Json,
            authorization: Some(SecretString::from("Bearer test")),
            accepted: Some(r#""Code":"OK""#.to_owned()),
        });
    })
    .await;
    let asked = json!({ "kind": "phone", "address": "138 0013 8000" });
    app.anonymous().post("/v1/registrations", asked).await.expect(202);
    let request = server.next().await;
    assert!(request.starts_with("POST /send?to=%2B8613800138000 HTTP/1.1\n"), "{request}");
    assert!(request.to_ascii_lowercase().contains("authorization: bearer test\n"), "{request}");
    let body: Value = serde_json::from_str(request.lines().last().expect("a body")).expect("JSON");
    assert_eq!(body["PhoneNumber"], "+8613800138000");
    let code = code_in(body["Param"].as_str().expect("a text"));
    opens_an_account(&app, "phone", "13800138000", &code).await;
}
