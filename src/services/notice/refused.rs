//! Why a draft that is of the right form is refused, each with the place in the body that it is about.

use super::draft::Ready;
use crate::services::publisher::Caller;
use crate::services::refusal::{Error, Refusal, Violation};
use crate::storage::notice::Notice;

impl Ready {
    /// The natural key is taken by this notice. Only its own publisher is told which it is.
    pub(super) fn source_id_taken(&self, caller: &Caller, by: &Notice) -> Error {
        if by.publisher_id != caller.publisher {
            return self.key_of_another();
        }
        Error::refused(Refusal::SourceIdTaken, by.id.to_string()).at(self.taken())
    }

    /// The natural key is taken by another publisher: by what is published and by what waits for its time alike, so that
    /// nobody learns of what waits.
    pub(super) fn key_of_another(&self) -> Error {
        Error::from(Refusal::SourceIdTaken).at(self.taken())
    }

    fn taken(&self) -> Violation {
        let (zh, en) = (
            "该来源编号已有公告，内容不同或属于其他发布方",
            "is that of a notice with other content, or of another publisher",
        );
        Violation::body(format!("{}/source_id", self.at), "source_id_taken", zh, en)
    }

    /// The amended notice is not there, or not for this key.
    pub(super) fn amended_unknown(&self, named: &str) -> Error {
        let (zh, en) = ("密钥的授权范围内没有这份公告", "there is no such notice within the key's reach");
        let place = Violation::body(format!("{}/amends", self.at), "amended_notice_unknown", zh, en);
        Error::refused(Refusal::AmendedNoticeUnknown, named).at(place)
    }
}
