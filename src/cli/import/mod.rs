//! `yizhan import`: notices from a file, into the database or through a server's door.
//!
//! Promise: the same command again goes on where it was cut off, however it was, and ends with the figures and the report
//! that it would have had; nothing is stored twice. The file is read up to the size that it has at the start. Not
//! promised: a resume without the state file beside the input, or from standard input: then all is sent again, and what
//! is there already counts as unchanged.

mod bar;
mod heard;
mod looks;
mod remote;
mod source;
mod state;

use std::cell::RefCell;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::{self, StartError};
use crate::cli::admin::plain;
use crate::cli::signal;
use crate::config::Config;
use crate::domain::fanout::Announce;
use crate::domain::notice::Existing;
use crate::http::language::Language;
use crate::http::notice::import::{ImportEventView, Listener, place};
use crate::http::notice::read_notice;
use crate::services::import::forms::Given;
use crate::services::import::map::{self, Map};
use crate::services::import::{self, Convert, Form, Settings};
use crate::services::{CanFail as _, publisher};
use heard::Listening;
use source::Source;
use state::State;

/// What is imported, and how.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The file, a notice a line (NDJSON) or as --form says; - reads standard input.
    file: PathBuf,
    /// As far as notices are announced: none, inbox or push.
    #[arg(long, default_value = "none")]
    announce: Announce,
    /// What is done with a notice that is known and says something else now: refuse it, or make it the next revision.
    #[arg(long, default_value = "refuse")]
    existing: Existing,
    /// The form in which notices come in.
    #[arg(long, default_value = "yizhan")]
    form: Form,
    /// A map from foreign field names to ours, as the readme shows.
    #[arg(long, conflicts_with = "form")]
    map: Option<PathBuf>,
    /// The source, where a foreign form names none.
    #[arg(long)]
    source: Option<String>,
    /// The category, where a foreign form names none.
    #[arg(long)]
    category: Option<String>,
    /// The region, where a foreign form names none.
    #[arg(long)]
    region: Option<String>,
    /// The notice type, where a foreign form names none.
    #[arg(long)]
    notice_type: Option<String>,
    /// Says what would become of each notice, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where refused lines are written, a JSON object each; standard error gets the first few when this is not given.
    #[arg(long)]
    report: Option<PathBuf>,
    /// A running server, such as http://127.0.0.1:8080. Without it the command writes into the database by itself, and
    /// refuses while a server holds the folder of the embedded default.
    #[arg(long)]
    server: Option<String>,
    /// Begins from the start, whatever an earlier run left.
    #[arg(long)]
    afresh: bool,
}

impl Options {
    fn given(&self) -> Given {
        let Self { source, category, region, notice_type, .. } = self.clone();
        Given { source, category, region, notice_type }
    }
}

/// Does it.
pub async fn run(options: Options) -> Result<(), StartError> {
    let config = Config::from_env()?;
    let key = config.publisher_key.clone().ok_or("YIZHAN_PUBLISHER_KEY is not set: whose notices are these?")?;
    let map = options.map.as_ref().map(|path| read_map(path)).transpose()?;
    let mut source = Source::open(&options.file).await?;
    looks::check(&options.file, &source.head, options.form.unit())?;
    let _turn = turn(&options)?;
    let state = State::open(&options, &source, key.expose_secret(), map.as_ref().map(|(text, _)| text.as_str()))?;
    state.announce_itself();
    source.bound(state.bytes);
    source.skip(state.done.lines, options.form.unit()).await?;
    let mut listening = Listening::new(&options, state, source.progress())?;
    let stop = signal::stop()?;
    let map = map.map(|(_, map)| map);
    let importing = async {
        match &options.server {
            Some(server) => remote::run(server, &key, &options, (source, map), &mut listening).await,
            None => local(&config, &key, &options, (source, map), &mut listening).await,
        }
    };
    let ended = tokio::select! {
        done = importing => done.map(|()| true),
        () = stop => Ok(false),
    };
    listening.end(ended)
}

async fn local(
    config: &Config,
    key: &SecretString,
    options: &Options,
    (source, map): (Source, Option<Map>),
    listening: &mut Listening,
) -> Result<(), StartError> {
    let _lock = app::lock(config)?;
    let deps = app::build(config).await?;
    let caller = publisher::caller(&deps, key.expose_secret()).await.map_err(plain)?;
    let after = listening.resume().map(place).transpose().map_err(plain)?;
    let Options { announce, existing, form, dry_run, .. } = *options;
    let settings = Settings { announce, existing, dry_run, after };
    let listener = Listener { language: Language::Zh, request_id: String::new() };
    let convert: Arc<dyn Convert> = match map {
        Some(map) => Arc::new(map),
        None => Arc::from(form.converter(deps.catalogue(), options.given())),
    };
    let (listening, unheard) = (RefCell::new(listening), RefCell::new(None));
    let hear = |view: ImportEventView| {
        let heard = serde_json::to_value(view).map_err(StartError::from);
        heard.and_then(|event| listening.borrow_mut().hear(event))
    };
    let tell = async |event| hear(listener.view(event)).map_err(|error| unheard.replace(Some(error))).is_ok();
    let parse: import::Parse = read_notice;
    let how = (settings, convert, parse);
    let ended = import::run(&deps, &caller, how, source.stream(), tell).await;
    match unheard.take() {
        Some(error) => Err(error),
        None => hear(listener.end(ended)),
    }
}

/// Two imports of one file would write into one state file and one report.
fn turn(options: &Options) -> Result<Option<File>, StartError> {
    if options.dry_run || !options.file.is_file() {
        return Ok(None);
    }
    let file = File::open(&options.file)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let name = options.file.display();
            Err(format!("{name}: 正在被另一个导入使用 another import of it is under way").into())
        }
        Err(TryLockError::Error(error)) => {
            Err::<(), _>(error).can_fail("some file systems know no locks, and one import alone needs none");
            Ok(None)
        }
        Ok(()) => Ok(Some(file)),
    }
}

fn read_map(path: &Path) -> Result<(String, Map), StartError> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let size = std::fs::metadata(path).map_err(|error| named(&error))?.len();
    if size > map::MAX_BYTES {
        return Err(named(&format!("larger than {} bytes", map::MAX_BYTES)).into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    let map = Map::parse(&text).map_err(|error| named(&error))?;
    Ok((text, map))
}
