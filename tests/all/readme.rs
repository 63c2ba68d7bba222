//! What the readmes tell a newcomer to type is typed here, as it stands there.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::support::{Database, eventually, prepare};

const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];
/// Where the readmes say that the server listens.
const ADDRESS: &str = "127.0.0.1:8080";

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a readme")
}

/// A program with nothing of this process' environment but where programs are found.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).env("NO_PROXY", "*");
    command
}

/// The server of a database, stopped when it is dropped.
struct Server(Child);

impl Server {
    fn start(database: &Database, address: &str) -> Self {
        let mut command = yizhan(database);
        command.env("YIZHAN_SANDBOX", "on").env("YIZHAN_LISTEN", address).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("the server starts"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().expect("the server ran");
        self.0.wait().expect("the server ended");
    }
}

fn yizhan(database: &Database) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_yizhan"));
    command
        .env("DATABASE_URL", &database.url)
        .env("YIZHAN_DATA_DIR", database.folder.path())
        .envs(database.redis_url.as_ref().map(|url| ("REDIS_URL", url)));
    command
}

#[tokio::test]
async fn the_tour_of_each_readme_ends_where_it_says_as_often_as_it_is_taken() {
    program("curl").arg("--version").output().expect("curl is missing; the tour is taken with it");
    prepare();
    let database = Database::fresh().await;
    let made = yizhan(&database).args(["publisher", "create", "--name", "示范交易中心"]).output().expect("a command");
    let made = String::from_utf8(made.stdout).expect("text");
    let key = made.split_whitespace().find(|word| word.starts_with("yzk_")).expect("the key is printed");
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
    let _server = Server::start(&database, &address);
    let ready = format!("http://{address}/readyz");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    eventually("the server is there", async || client.get(&ready).send().await.ok()).await;
    for readme in READMES.iter().chain(&READMES) {
        let text = read(readme);
        let tour = text.split("<!-- tour: begin -->").nth(1).and_then(|rest| rest.split("<!-- tour: end -->").next());
        let tour = tour.expect("a tour").replace("```sh", "").replace("```", "");
        let tour = tour.replace(ADDRESS, &address).replace("yzk_…", key);
        let taken = program("bash").args(["-euo", "pipefail", "-c", &tour]).output().expect("bash");
        let (said, wrong) = (String::from_utf8_lossy(&taken.stdout), String::from_utf8_lossy(&taken.stderr));
        assert!(taken.status.success(), "{readme}: {said}\n{wrong}");
        let answers: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let [.., published, inbox, phone] = answers.as_slice() else { panic!("{readme}: {said}") };
        let id = published["id"].as_str().unwrap_or_else(|| panic!("{readme}: {said}"));
        let item = &inbox["items"][0];
        assert_eq!((item["notice"]["id"].as_str(), &item["why"][0]["name"]), (Some(id), &"长沙的市政工程".into()));
        assert_eq!(phone["notifications"][0]["notice"], id, "{readme}: {said}");
    }
}

#[test]
fn the_tests_that_a_readme_names_exist() {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all");
    let files = std::fs::read_dir(all).expect("tests").map(|entry| entry.expect("an entry").path());
    let sources: String = files.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    for readme in READMES {
        let text = read(readme);
        let named = text.lines().filter_map(|line| line.strip_prefix("cargo test --test all "));
        let named: Vec<_> = named.filter_map(|rest| rest.split_whitespace().next()).collect();
        assert!(!named.is_empty(), "{readme} names no test");
        for name in named {
            assert!(sources.contains(&format!("fn {name}")), "{readme}: no test's name begins with {name}");
        }
    }
}
