//! Why a draft that is of the right form is refused, each with the place in the body that it is about.

use super::draft::Ready;
use crate::domain::id::NoticeId;
use crate::services::refusal::{Error, Refusal, Violation};

impl Ready {
    /// The natural key is taken by this notice.
    pub(super) fn source_id_taken(&self, by: NoticeId) -> Error {
        let (zh, en) = (
            "该来源编号已有公告，内容不同或属于其他发布方",
            "is that of a notice with other content, or of another publisher",
        );
        let place = Violation::body(format!("{}/source_id", self.at), "source_id_taken", zh, en);
        Error::refused(Refusal::SourceIdTaken, by.to_string()).at(place)
    }

    /// The amended notice is not there, or not for this key.
    pub(super) fn amended_unknown(&self, named: &str) -> Error {
        let (zh, en) = ("密钥的授权范围内没有这份公告", "there is no such notice within the key's reach");
        let place = Violation::body(format!("{}/amends", self.at), "amended_notice_unknown", zh, en);
        Error::refused(Refusal::AmendedNoticeUnknown, named).at(place)
    }
}
