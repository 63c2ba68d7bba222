//! The catalogue: seeded at the first start, replaced by command, the same in every copy within [`REFRESH_EVERY`].
//!
//! Promise: readers always see one whole, checked catalogue; a new one takes its place at once. Not promised: that
//! notices published before are resolved again, for their paths belong to the record.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::domain::catalogue::{Catalogue, CatalogueErrors, CatalogueKind, Documents};
use crate::domain::time::Timestamp;
use crate::services::refusal::{Error, Result};
use crate::services::{CanFail as _, Deps};
use crate::storage::catalogue::{self, Stored};
use crate::storage::{Db, DbError};

/// How often a running copy asks whether the catalogue was replaced.
pub const REFRESH_EVERY: Duration = Duration::from_secs(3);

/// What Yizhan comes with.
const REFERENCE: [(CatalogueKind, &str); 4] = [
    (CatalogueKind::Categories, include_str!("../reference/categories.json")),
    (CatalogueKind::Regions, include_str!("../reference/regions.json")),
    (CatalogueKind::NoticeTypes, include_str!("../reference/notice_types.json")),
    (CatalogueKind::Stages, include_str!("../reference/stages.json")),
];

/// Why a catalogue was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The documents do not make a catalogue.
    #[error(transparent)]
    Invalid(#[from] CatalogueErrors),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The catalogue that this process goes by.
#[derive(Debug)]
pub struct Current(RwLock<Arc<Catalogue>>);

impl Current {
    /// Reads the catalogue; puts the one that Yizhan comes with where there is none.
    pub async fn open(db: &Db, now: Timestamp) -> std::result::Result<Self, LoadError> {
        if catalogue::versions(db.reader()).await?.len() < CatalogueKind::ALL.len() {
            let reference: Vec<Stored> = REFERENCE.iter().map(|(kind, text)| stored(*kind, text)).collect();
            db.write(async |tx| {
                for document in &reference {
                    catalogue::seed(tx, document, now).await?;
                }
                Ok::<_, DbError>(())
            })
            .await?;
        }
        Ok(Self(RwLock::new(Arc::new(read(db).await?))))
    }

    /// The catalogue as it is now.
    pub fn get(&self) -> Arc<Catalogue> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, catalogue: Catalogue) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
    }
}

/// Takes over a catalogue that another process has stored; says whether there was a new one.
pub async fn refresh(deps: &Deps) -> Result<bool> {
    let versions = catalogue::versions(deps.db.reader()).await?;
    if digest(versions.iter().map(|version| version.digest.as_str())) == deps.catalogue().digest() {
        return Ok(false);
    }
    let new = read(&deps.db).await.map_err(|error| Error::broken(error.to_string()))?;
    tracing::info!(catalogue.digest = new.digest(), "a new catalogue is in force");
    deps.catalogue.set(new);
    Ok(true)
}

/// Goes on refreshing for as long as the process lives.
pub async fn follow(deps: Deps) {
    loop {
        tokio::time::sleep(REFRESH_EVERY).await;
        refresh(&deps).await.can_fail("the old catalogue stays in force and the next round tries again");
    }
}

/// Replaces the stored catalogue by the four files of a folder, when they make one; a file that is not there stays as
/// it is stored.
pub async fn load(db: &Db, folder: &Path, now: Timestamp) -> std::result::Result<Catalogue, LoadError> {
    let mut documents = catalogue::documents(db.reader()).await?;
    let mut found = 0;
    for kind in CatalogueKind::ALL {
        let file = folder.join(format!("{kind}.json"));
        let text = match tokio::fs::read_to_string(&file).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(CatalogueErrors(vec![format!("{}: {error}", file.display())]).into()),
        };
        found += 1;
        documents.retain(|document| document.kind != kind.as_str());
        documents.push(stored(*kind, &text));
    }
    if found == 0 {
        return Err(CatalogueErrors(vec![format!("{}: none of the four files is there", folder.display())]).into());
    }
    let new = parse(&documents)?;
    db.write(async |tx| {
        for document in &documents {
            catalogue::put(tx, document, now).await?;
        }
        Ok::<_, DbError>(())
    })
    .await?;
    Ok(new)
}

async fn read(db: &Db) -> std::result::Result<Catalogue, LoadError> {
    Ok(parse(&catalogue::documents(db.reader()).await?)?)
}

fn parse(documents: &[Stored]) -> std::result::Result<Catalogue, CatalogueErrors> {
    let mut errors = Vec::new();
    let parsed = Documents {
        categories: part(documents, CatalogueKind::Categories, &mut errors),
        regions: part(documents, CatalogueKind::Regions, &mut errors),
        notice_types: part(documents, CatalogueKind::NoticeTypes, &mut errors),
        stages: part(documents, CatalogueKind::Stages, &mut errors),
    };
    if !errors.is_empty() {
        return Err(CatalogueErrors(errors));
    }
    let mut versions: Vec<(&str, &str)> =
        documents.iter().map(|document| (document.kind.as_str(), document.digest.as_str())).collect();
    versions.sort_unstable();
    Catalogue::new(parsed, digest(versions.iter().map(|(_, digest)| *digest)))
}

fn part<T: DeserializeOwned>(documents: &[Stored], kind: CatalogueKind, errors: &mut Vec<String>) -> Vec<T> {
    let Some(document) = documents.iter().find(|document| document.kind == kind.as_str()) else {
        errors.push(format!("{kind}: there is no such document"));
        return Vec::new();
    };
    serde_json::from_str(&document.document).unwrap_or_else(|error| {
        errors.push(format!("{kind}: {error}"));
        Vec::new()
    })
}

fn stored(kind: CatalogueKind, text: &str) -> Stored {
    let digest = digest([text]);
    Stored { kind: kind.as_str().to_owned(), digest, document: text.to_owned() }
}

/// 32 hex digits of a SHA-256: enough to tell versions apart, short enough for a header.
fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
