//! How often notices were read.

use sea_orm::ConnectionTrait;

use super::sql::Binds;
use super::{DbResult, execute};
use crate::domain::id::NoticeId;

/// Adds reads to notices, each of which stands here once, in the order of their ids.
pub async fn add(conn: &impl ConnectionTrait, reads: &[(NoticeId, i64)]) -> DbResult<u64> {
    let mut binds = Binds::default();
    let row = |(notice, reads): &(NoticeId, i64)| format!("({}, {})", binds.add(*notice), binds.add(*reads));
    let rows = reads.iter().map(row).collect::<Vec<_>>().join(", ");
    let text = format!(
        "INSERT INTO notice_views (notice_id, views) VALUES {rows} \
         ON CONFLICT (notice_id) DO UPDATE SET views = notice_views.views + excluded.views"
    );
    execute(conn, &text, binds).await
}
