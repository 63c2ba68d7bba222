//! Foreign forms: what becomes of OCDS releases and of the Hunan platform's answers, and of what only looks like them.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

use yizhan::domain::catalogue::{Catalogue, Documents};
use yizhan::services::import::forms::{Given, Item, hunan, ocds};
use yizhan::services::import::{Converted, Form};
use yizhan::services::refusal::Place;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(reference);

/// The catalogue that Yizhan comes with.
fn reference() -> Catalogue {
    let read = |name: &str| {
        let path = format!("{}/src/reference/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a document of the catalogue")
    };
    let documents = Documents {
        categories: serde_json::from_str(&read("categories")).expect("categories"),
        regions: serde_json::from_str(&read("regions")).expect("regions"),
        notice_types: serde_json::from_str(&read("notice_types")).expect("notice types"),
        stages: serde_json::from_str(&read("stages")).expect("stages"),
    };
    Catalogue::new(documents, "test").expect("a catalogue")
}

/// The schema that `POST /v1/notices` holds bodies against.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(yizhan::http::openapi::text()).expect("the document");
    let schema = json!({"$ref": "#/components/schemas/NoticeBody", "components": document["components"]});
    jsonschema::validator_for(&schema).expect("a schema")
});

fn given() -> Given {
    Given { region: Some("430100".to_owned()), ..Given::default() }
}

fn from_ocds(document: &Value) -> Vec<Item> {
    ocds::notices(document, &CATALOGUE, &given())
}

fn from_hunan(document: &Value) -> Vec<Item> {
    hunan::notices(document, &CATALOGUE, &given())
}

/// The only notice, held against the schema.
fn only(items: Vec<Item>) -> Value {
    assert_eq!(items.len(), 1, "{items:?}");
    let notice = items.into_iter().next().expect("an item").notice.expect("a notice");
    if let Err(error) = SCHEMA.validate(&notice) {
        panic!("{}: {error}", error.instance_path());
    }
    notice
}

/// What stops an item: pointers and rules.
fn refused(items: &[Item]) -> Vec<(String, &'static str)> {
    let faults = items.iter().filter_map(|item| item.notice.as_ref().err()).flatten();
    faults
        .map(|fault| match &fault.place {
            Place::Body(pointer) => (pointer.clone(), fault.rule),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn release(tag: &str, fields: Value) -> Value {
    let mut release = json!({
        "ocid": "ocds-a1b2c3-2026-017", "id": format!("2026-017-{tag}"), "date": "2026-03-02T09:30:00+08:00",
        "tag": [tag], "initiationType": "tender", "language": "zh",
        "parties": [
            {"id": "CN-1", "name": "星城市教育局", "roles": ["buyer"],
             "identifier": {"scheme": "CN-SCC", "id": "11430100006123456X"},
             "address": {"locality": "芙蓉区", "region": "长沙市", "countryName": "中国"}},
            {"id": "CN-2", "name": "云麓项目管理有限公司", "roles": ["procuringEntity"],
             "identifier": {"scheme": "CN-SAIC", "id": "77001"}},
            {"id": "CN-3", "name": "湘江家具厂", "roles": ["supplier"]}
        ],
        "buyer": {"id": "CN-1", "name": "星城市教育局"},
        "tender": {
            "id": "T1", "title": "校园家具采购", "description": "课桌 <400> 套\n交货期 30 天",
            "mainProcurementCategory": "goods", "procurementMethod": "open", "status": "active",
            "value": {"amount": 650000.5, "currency": "CNY"},
            "procuringEntity": {"id": "CN-2", "name": "云麓项目管理有限公司"},
            "tenderPeriod": {"endDate": "2026-03-20T01:00:00Z"}, "enquiryPeriod": {"endDate": "2026-03-10"},
            "items": [{"id": "1", "description": "课桌", "quantity": 400, "unit": {"name": "套"}}],
            "documents": [
                {"id": "1", "documentType": "tenderNotice", "title": "公告", "url": "https://example.org/n/17", "format": "text/html"},
                {"id": "2", "title": "图纸", "url": "/relative"}
            ]
        }
    });
    for (name, value) in fields.as_object().expect("fields") {
        release[name] = value.clone();
    }
    release
}

#[test]
fn a_release_is_a_notice_with_all_that_it_says() {
    let notice = only(from_ocds(&json!({"uri": "x", "releases": [release("tender", json!({}))]})));
    let expected = json!({
        "source": "ocds-a1b2c3", "source_id": "ocds-a1b2c3-2026-017/2026-017-tender", "title": "校园家具采购",
        "category": "gov-procurement.goods", "region": "430102", "notice_type": "G-OPEN",
        "published_at": "2026-03-02T01:30:00.000Z",
        "project": {"code": "ocds-a1b2c3-2026-017", "name": "校园家具采购"},
        "purchaser": {"name": "星城市教育局", "code": "11430100006123456X"},
        "agency": {"name": "云麓项目管理有限公司", "code": "CN-SAIC-77001"},
        "amounts": [{"kind": "control_price", "fen": 65_000_050, "currency": "CNY", "text": "650000.5 CNY"}],
        "deadlines": [
            {"kind": "bid", "at": "2026-03-20T01:00:00.000Z"}, {"kind": "enquiry", "at": "2026-03-10T15:59:59.000Z"}
        ],
        "source_url": "https://example.org/n/17",
        "body_html": "<p>课桌 &lt;400&gt; 套</p><p>交货期 30 天</p><ul><li>课桌 400 套</li></ul>",
        "attachments": [{"name": "公告", "url": "https://example.org/n/17", "media_type": "text/html"}],
    });
    assert_eq!(notice, expected);
    // A single release, and an array of packages, are the same.
    assert_eq!(only(from_ocds(&release("tender", json!({})))), expected);
    assert_eq!(only(from_ocds(&json!([{"releases": [release("tender", json!({}))]}]))), expected);
}

#[test]
fn a_tag_says_the_notice_type_and_states_and_methods_say_which_of_them() {
    let tender = |fields: Value| {
        let mut release = release("tender", json!({}));
        for (name, value) in fields.as_object().expect("fields") {
            release["tender"][name] = value.clone();
        }
        release["tender"].clone()
    };
    let awards = |status: &str| json!([{"id": "1", "status": status, "suppliers": [{"id": "CN-3"}]}]);
    let limited = tender(json!({"procurementMethod": "limited"}));
    let table = [
        ("gov-procurement", release("planning", json!({})), "G-INTENT"),
        ("gov-procurement", release("tender", json!({"tender": limited})), "G-NEGOTIATE"),
        (
            "gov-procurement",
            release("tender", json!({"tender": tender(json!({"procurementMethodDetails": "竞争性磋商"}))})),
            "G-CONSULT",
        ),
        (
            "gov-procurement",
            release("tender", json!({"tender": tender(json!({"title": "家具询价公告"}))})),
            "G-INQUIRY",
        ),
        ("gov-procurement", release("tenderUpdate", json!({})), "G-CORRECT"),
        (
            "gov-procurement",
            release("tenderCancellation", json!({"tender": tender(json!({"status": "unsuccessful"}))})),
            "G-VOID",
        ),
        (
            "gov-procurement",
            release("tenderCancellation", json!({"tender": tender(json!({"status": "withdrawn"}))})),
            "G-END",
        ),
        ("gov-procurement", release("award", json!({"awards": awards("active")})), "G-AWARD"),
        ("gov-procurement", release("awardUpdate", json!({"tender": limited, "awards": awards("active")})), "G-DEAL"),
        ("gov-procurement", release("contractAmendment", json!({})), "G-CONTRACT"),
        ("gov-procurement", release("contractTermination", json!({})), "G-ACCEPT"),
        ("construction", release("award", json!({"awards": awards("pending")})), "C-CANDIDATE"),
        ("construction", release("award", json!({"awards": awards("active")})), "C-RESULT"),
        ("construction", release("award", json!({})), "C-RESULT"),
        ("construction", release("tenderUpdate", json!({"bids": {"details": [{"id": "1"}]}})), "C-OPENING"),
        ("construction", release("implementation", json!({})), "C-CONTRACT"),
        // Of several tags the furthest, an end before everything; what nobody knows is passed over.
        ("construction", release("x", json!({"tag": ["planning", "tender", "award", "contract"]})), "C-CONTRACT"),
        ("construction", release("x", json!({"tag": ["award", "tenderCancellation", "x"]})), "C-SUSPEND"),
        // A compiled release, and one without tags, is what it came to.
        ("construction", release("compiled", json!({"awards": awards("active")})), "C-RESULT"),
        ("construction", release("x", json!({"tag": null})), "C-TENDER"),
        ("construction", release("tender", json!({"tag": "tender"})), "C-TENDER"),
    ];
    for (category, release, expected) in table {
        let given = Given { category: Some(category.to_owned()), ..given() };
        let notice = only(ocds::notices(&release, &CATALOGUE, &given));
        assert_eq!(notice["notice_type"], expected, "{}", release["tag"]);
    }
}

#[test]
fn what_a_release_does_not_say_is_given_or_refused_by_its_field() {
    let poor = json!({"ocid": "2026-1", "id": 7, "date": "2026-03-02", "tag": ["x"], "tender": {"title": "家具"}});
    let expected =
        [("/buyer", "no_region"), ("/ocid", "no_prefix"), ("/tender/mainProcurementCategory", "no_category")];
    let mut found = refused(&ocds::notices(&poor, &CATALOGUE, &Given::default()));
    found.sort();
    assert_eq!(found, expected.map(|(pointer, rule)| (pointer.to_owned(), rule)));
    let mut given = Given { source: Some("partner".to_owned()), category: Some("other".to_owned()), ..given() };
    assert_eq!(refused(&ocds::notices(&poor, &CATALOGUE, &given)), [("/tag".to_owned(), "no_notice_type")]);
    given.notice_type = Some("O-NOTICE".to_owned());
    let notice = only(ocds::notices(&poor, &CATALOGUE, &given));
    assert_eq!((&notice["source"], &notice["source_id"]), (&json!("partner"), &json!("2026-1/7")));
    assert_eq!(notice["published_at"], "2026-03-01T16:00:00.000Z", "a bare date is a day in China");
    // What is given stands in for what is missing; the record's own region holds, and its own kind of purchase refines.
    let rich = only(ocds::notices(&release("tender", json!({})), &CATALOGUE, &given));
    assert_eq!((&rich["region"], &rich["category"]), (&json!("430102"), &json!("other")));
    given.category = Some("gov-procurement".to_owned());
    let rich = only(ocds::notices(&release("tender", json!({})), &CATALOGUE, &given));
    assert_eq!((&rich["category"], &rich["notice_type"]), (&json!("gov-procurement.goods"), &json!("G-OPEN")));
}

#[test]
fn a_release_without_title_or_date_is_refused_unless_its_process_was_named_before() {
    let contract = release("contract", json!({"tender": null, "id": "c"}));
    assert_eq!(refused(&from_ocds(&contract))[0], ("/tender/mainProcurementCategory".to_owned(), "no_category"));
    let given = Given { category: Some("gov-procurement".to_owned()), ..given() };
    let alone = ocds::notices(&contract, &CATALOGUE, &given);
    assert_eq!(refused(&alone), [("/tender/title".to_owned(), "required")]);
    let package = json!({"releases": [release("tender", json!({})), contract, release("award", json!({"date": ""}))]});
    let items = ocds::notices(&package, &CATALOGUE, &given);
    assert_eq!(items[1].notice.as_ref().expect("a notice")["title"], "校园家具采购");
    assert_eq!(refused(&items), [("/releases/2/date".to_owned(), "required")], "it would be told as new");
}

#[test]
fn awards_name_winners_and_sums_and_lots_are_their_processes_own() {
    let mut award = release(
        "award",
        json!({"awards": [
            {"id": "1", "title": "一标段", "status": "active", "relatedLots": ["1"],
             "suppliers": [{"id": "CN-3", "name": "湘江家具厂"}, {"id": "CN-3"}], "value": {"amount": "75,464.96", "currency": "usd"}},
            {"id": "2", "status": "cancelled", "suppliers": [{"name": "无人"}], "value": {"amount": 1, "currency": "CNY"}},
            {"id": "3", "status": "active", "relatedLots": ["ocds-a1b2c3-2026-017-3", "1"], "value": {"amount": 0, "currency": null}},
            {"id": "4", "status": "active", "value": {"amount": 1.005, "currency": "JPY"}}
        ]}),
    );
    award["tender"]["lots"] = json!([{"id": "1"}, {"id": "2"}, {"id": "3"}]);
    award["tender"]["value"] = Value::Null;
    let notice = only(from_ocds(&award));
    assert_eq!(notice["winners"], json!([{"name": "湘江家具厂"}]));
    assert_eq!(notice["sections"], json!(["ocds-a1b2c3-2026-017-1", "ocds-a1b2c3-2026-017-3"]));
    assert_eq!(
        notice["amounts"],
        json!([
            {"kind": "award", "fen": 7_546_496, "currency": "USD", "text": "75,464.96 USD"},
            {"kind": "award", "fen": null, "currency": "JPY", "text": "1.005 JPY"},
        ])
    );
    award["tag"] = json!(["tender"]);
    award["awards"] = json!([]);
    assert_eq!(only(from_ocds(&award))["sections"].as_array().map(Vec::len), Some(3));
}

#[test]
fn an_amendment_names_the_release_that_it_amends_when_that_came_before_it() {
    let mut amendment = release("tenderAmendment", json!({}));
    amendment["tender"]["amendments"] =
        json!([{"id": "1", "amendsReleaseID": "2026-017-tender", "rationale": "延长投标期限"}]);
    let items = from_ocds(&json!({"releases": [release("tender", json!({})), amendment]}));
    let notice = items[1].notice.as_ref().expect("a notice");
    assert_eq!(notice["amends"], "ocds-a1b2c3-2026-017/2026-017-tender");
    assert!(notice["body_html"].as_str().is_some_and(|body| body.contains("延长投标期限")));
    // Else it is found by its project: a name that nobody knows would stop it.
    assert_eq!(only(from_ocds(&amendment)).get("amends"), None);
}

#[test]
fn of_a_record_its_releases_are_read_or_what_they_came_to() {
    let link = json!({"url": "https://example.org/r/1", "date": "2026-03-02T00:00:00Z", "tag": ["tender"]});
    let compiled = release("compiled", json!({}));
    let ids = |document: Value| -> Vec<Value> {
        from_ocds(&document).iter().filter_map(|item| Some(item.notice.as_ref().ok()?["source_id"].clone())).collect()
    };
    let record = json!({"ocid": "o", "releases": [release("tender", json!({})), link], "compiledRelease": compiled});
    assert_eq!(ids(json!({"records": [record]})), ["ocds-a1b2c3-2026-017/2026-017-tender"]);
    let linked = json!({"ocid": "o", "releases": [link], "compiledRelease": compiled});
    assert_eq!(ids(linked), ["ocds-a1b2c3-2026-017/2026-017-compiled"]);
    let lost = json!({"records": [{"ocid": "o", "releases": [link]}]});
    assert_eq!(refused(&from_ocds(&lost)), [("/records/0/releases".to_owned(), "only_links")]);
}

#[test]
fn wrong_types_are_told_all_at_once_by_their_places() {
    let mut bad = release("tender", json!({"date": "someday", "buyer": true}));
    bad["tender"]["tenderPeriod"] = json!({"endDate": 20_260_399});
    bad["tender"]["value"] = json!([1]);
    bad["tender"]["title"] = json!({"zh": "家具"});
    let mut found = refused(&from_ocds(&json!({"releases": [bad, release("tender", json!({}))]})));
    found.sort();
    let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/releases/0/buyer",
            "/releases/0/date",
            "/releases/0/tender/tenderPeriod/endDate",
            "/releases/0/tender/title",
            "/releases/0/tender/value"
        ]
    );
    for document in [json!(null), json!({}), json!([]), json!({"releases": []}), json!({"records": {}}), json!("x")] {
        assert!(!refused(&from_ocds(&document)).is_empty(), "{document}");
        assert!(!refused(&from_hunan(&document)).is_empty(), "{document}");
    }
}

fn construction(fields: Value) -> Value {
    let mut notice = json!({
        "id": "n-1", "noticeName": "云麓中学运动场改造工程施工招标公告", "noticeContent": "<p>招标条件</p>",
        "bulletinType": "ZHAOBIAO_NOTICE", "bulletinName": "招标公告", "constructionTenderId": "t-1",
        "constructionSectionId": "s-1", "noticeSendTime": "2026-05-27 17:20:48", "bulletinDuty": "云麓咨询有限公司",
        "docGetEndTime": "2026-06-16 23:59:00", "bidDocReferEndTime": "2026-06-17 09:00:00", "bidOpenTime": null,
        "bidOpeningTimeStart": "2026-06-17 09:00:00"
    });
    for (name, value) in fields.as_object().expect("fields") {
        notice[name] = value.clone();
    }
    json!({"code": 200, "msg": "操作成功", "success": true, "data": {"noticeList": [notice]}})
}

#[test]
fn a_notice_of_the_platform_is_read_with_its_times_in_china() {
    let expected = json!({
        "source": "hnsggzy", "source_id": "n-1", "title": "云麓中学运动场改造工程施工招标公告", "category": "construction",
        "region": "430100", "notice_type": "C-TENDER", "published_at": "2026-05-27T09:20:48.000Z",
        "project": {"code": "t-1"}, "agency": {"name": "云麓咨询有限公司"},
        "deadlines": [
            {"kind": "document", "at": "2026-06-16T15:59:00.000Z"}, {"kind": "bid", "at": "2026-06-17T01:00:00.000Z"},
            {"kind": "opening", "at": "2026-06-17T01:00:00.000Z"}
        ],
        "body_html": "<p>招标条件</p>"
    });
    let answer = construction(json!({}));
    assert_eq!(only(from_hunan(&answer)), expected);
    // A line of a file may be the notice alone.
    assert_eq!(only(from_hunan(&answer["data"]["noticeList"][0])), expected);
    assert_eq!(only(from_hunan(&answer["data"]["noticeList"])), expected);
}

#[test]
fn a_title_says_more_than_the_tab_that_a_notice_stood_under() {
    let table = [
        (json!({"noticeName": "云麓中学运动场改造工程中标候选人公示"}), "C-CANDIDATE"),
        (json!({"noticeName": "云麓中学运动场改造工程（第二次）", "bulletinType": "CHENGQING_NOTICE"}), "C-CLARIFY"),
        (json!({"noticeName": "云麓中学运动场改造工程", "bulletinType": "ZANTING_NOTICE"}), "C-SUSPEND"),
        (
            json!({"noticeName": "云麓中学运动场改造工程", "bulletinType": null, "bulletinName": "中标结果公示"}),
            "C-RESULT",
        ),
        (json!({"noticeName": "云麓中学运动场改造工程", "bulletinType": "中标候选人公示"}), "C-CANDIDATE"),
    ];
    for (fields, expected) in table {
        assert_eq!(only(from_hunan(&construction(fields)))["notice_type"], expected);
    }
    let procurement = |code: &str, mode: &str| {
        let notice = json!({
            "id": "n-2", "noticeName": "云麓中学家具采购", "noticeContent": "", "noticeSendTime": "2026-05-27",
            "noticeType": code, "purchaserMode": mode, "tenderProjectType": "GOVERNMENT_PURCHASE", "regionName": "株洲市"
        });
        only(from_hunan(&json!({"data": {"records": [notice]}})))
    };
    for (code, mode, expected) in [
        ("prcmNotices", "竞争性磋商", "G-CONSULT"),
        ("prcmNotices", "", "G-OPEN"),
        ("modfiyNotices", "", "G-CORRECT"),
        ("dealNotices", "", "G-AWARD"),
        ("invalidNotices", "", "G-VOID"),
        ("endNotices", "", "G-END"),
        ("contractNotices", "", "G-CONTRACT"),
        ("otherNotices", "", "G-OTHER"),
    ] {
        let notice = procurement(code, mode);
        assert_eq!((&notice["notice_type"], &notice["region"]), (&json!(expected), &json!("430200")), "{code}");
        assert_eq!(notice["body_html"], "<p>云麓中学家具采购</p>");
    }
}

#[test]
fn answers_that_belong_together_are_read_together() {
    let announcement = json!({"code": 200, "data": {"governmentProcureAnnouncementInformation": [{
        "id": "n-3", "bulletinType": "招标公告", "noticeName": "云麓中学家具采购项目招标公告",
        "noticeSendTime": "2026-06-16T15:08:24.000+08:00", "bulletinDuty": "云麓咨询有限公司",
        "governmentPurchaseSectionInformationId": "s-3", "noticeContent": "<div>采购需求</div>"
    }]}});
    let list = json!({"code": 200, "data": {"records": [
        {"noticeName": "云麓中学家具采购项目招标公告", "bidSectionId": "s-3", "regionCode": "430102", "noticeSendTime": null,
         "noticeType": "ZHAOBIAO_NOTICE", "tenderProjectType": "GOVERNMENT_PURCHASE"},
        {"noticeName": "别处的公告", "bidSectionId": "s-4", "regionCode": "430103", "noticeSendTime": null}
    ]}});
    let project = json!({"code": 200, "data": {
        "governmentProcurementProjectInformation": {
            "id": "p-3", "purchaseProjectName": "云麓中学家具采购项目", "purchaseProjectCode": "云麓中学家具采购项目",
            "regionCode": "430100", "purchaserName": "云麓中学", "purchaserCode": "12430100444999999M",
            "purchaserAgencyName": "云麓咨询有限公司", "purchaserAgencyCode": "12430100444999999M",
            "programBudget": "1233095.0", "purchaserMode": "公开招标", "tenderProjectType": "货物类"
        },
        "GovernmentProcureSectionInformationList": [{
            "id": "s-3", "unifiedDealCode": "D01-12430100448804672D-20260616-000009-3", "purchaseSectionCode": "XC2026-09",
            "purchaseSectionName": "家具", "sectionBudget": "123.3095万元", "controlPrice": 0,
            "governmentPurchasementProjectInformationId": "p-3"
        }]
    }});
    let items = from_hunan(&json!([list, project, announcement]));
    assert_eq!(refused(&items), [("/0/data/records/1".to_owned(), "row_alone")]);
    let notice = only(items.into_iter().filter(|item| item.notice.is_ok()).collect());
    let expected = json!({
        "source": "hnsggzy", "source_id": "n-3", "title": "云麓中学家具采购项目招标公告",
        "category": "gov-procurement.goods", "region": "430102", "notice_type": "G-OPEN",
        "published_at": "2026-06-16T07:08:24.000Z", "project": {"code": "p-3", "name": "云麓中学家具采购项目"},
        "sections": ["XC2026-09"], "purchaser": {"name": "云麓中学", "code": "12430100444999999M"},
        "agency": {"name": "云麓咨询有限公司"}, "amounts": [{"kind": "budget", "text": "123.3095万元"}],
        "body_html": "<div>采购需求</div>"
    });
    assert_eq!(notice, expected);
    // Alone it says less, and nothing wrong.
    let alone = only(from_hunan(&announcement));
    assert_eq!((&alone["category"], &alone["sections"]), (&json!("gov-procurement"), &json!(["s-3"])));
    assert_eq!(refused(&from_hunan(&project)), [(String::new(), "no_notice")]);
    let nothing = Given::default();
    assert_eq!(refused(&hunan::notices(&announcement, &CATALOGUE, &nothing))[0].1, "no_region");
    let failed = json!({"code": 500, "msg": "系统繁忙", "data": null});
    assert_eq!(refused(&from_hunan(&failed)), [("/data".to_owned(), "failed_answer")]);
}

#[test]
fn a_sum_without_a_known_unit_stays_unknown() {
    let texts = |fields: Value| only(from_hunan(&construction(fields)))["amounts"].clone();
    let award = |text: &str| json!([{"kind": "award", "text": text}]);
    assert_eq!(texts(json!({"bidAmount": 12.5, "priceUnit": "万元", "winBidderName": "甲公司"})), award("12.5万元"));
    assert_eq!(texts(json!({"bidAmount": "12.5"})), award("12.5（单位不详）"));
    assert_eq!(texts(json!({"bidAmount": "下浮率12.5%"})), award("下浮率12.5%"));
    assert_eq!(texts(json!({"controlPrice": "0.00"})), Value::Null);
}

/// JSON of bounded depth, of what feeds write and of what they do not.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof![Just("tender"), Just("compiled"), Just("CNY"), Just("2026-03-02"), Just("24:00"), Just("\0")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = prop_oneof![
            "[a-z~/]{0,5}",
            prop_oneof![
                Just("releases"),
                Just("records"),
                Just("compiledRelease"),
                Just("ocid"),
                Just("id"),
                Just("tender"),
                Just("title"),
                Just("date"),
                Just("tag"),
                Just("awards"),
                Just("suppliers"),
                Just("value"),
                Just("amount"),
                Just("data"),
                Just("noticeList"),
                Just("noticeName"),
                Just("noticeContent"),
                Just("noticeSendTime"),
                Just("regionCode"),
                Just("constructionSectionId"),
                Just("purchaseSectionCode"),
                Just("url"),
            ]
            .prop_map(str::to_owned),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every place in a document.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| places(item, &format!("{at}/{place}"), found));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            places(field, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        _ => {}
    }
}

/// Whatever comes out keeps the schema but for its limits, or says which fields stop it.
fn check(items: &[Item]) {
    assert!(!items.is_empty());
    for item in items {
        match &item.notice {
            Ok(notice) => {
                for error in SCHEMA.iter_errors(notice) {
                    let what = format!("{:?}", error.kind());
                    let limit =
                        ["MaxLength", "MaxItems", "Pattern", "Maximum"].iter().any(|kind| what.starts_with(kind));
                    assert!(limit, "{}: {what}", error.instance_path());
                }
            }
            Err(faults) => {
                assert!(!faults.is_empty());
                assert!(faults.iter().all(|fault| matches!(&fault.place, Place::Body(at) if at.starts_with(&item.at))));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_json_breaks_a_form(document in any_json()) {
        check(&from_ocds(&document));
        check(&from_hunan(&document));
    }

    #[test]
    fn no_broken_field_breaks_a_form(part in any_json(), at in any::<prop::sample::Index>(), second in any::<prop::sample::Index>()) {
        let mut package = json!({"releases": [release("award", json!({"awards": [
            {"id": "1", "status": "active", "suppliers": [{"id": "CN-3"}], "value": {"amount": 5, "currency": "CNY"}, "relatedLots": ["1"]}
        ]}))]});
        let mut answer = construction(json!({"regionName": "长沙市", "bidAmount": 1, "unifiedDealCode": "A02-1"}));
        for index in [at, second] {
            for document in [&mut package, &mut answer] {
                let mut found = Vec::new();
                places(document, "", &mut found);
                let place = &found[index.index(found.len())];
                *document.pointer_mut(place).expect("a place") = part.clone();
            }
        }
        check(&from_ocds(&package));
        check(&from_hunan(&answer));
    }
}

#[test]
fn large_documents_cost_no_more_than_their_size() {
    let mut huge = release("award", json!({}));
    huge["awards"] =
        (0..20_000).map(|number| json!({"status": "active", "suppliers": [{"name": format!("n{number}")}]})).collect();
    huge["tender"]["lots"] = (0..20_000).map(|number| json!({"id": number})).collect();
    huge["tender"]["documents"] =
        (0..20_000).map(|number| json!({"url": format!("https://example.org/{number}")})).collect();
    let items = from_ocds(&huge);
    assert_eq!(items.len(), 1);
    let releases: Vec<Value> = (0..5_000).map(|number| release("tender", json!({"id": number}))).collect();
    assert_eq!(from_ocds(&json!({"releases": releases})).len(), 5_000);
    let rows: Vec<Value> =
        (0..50_000).map(|number| json!({"noticeName": "n", "bidSectionId": format!("{number}")})).collect();
    assert_eq!(from_hunan(&json!({"data": {"records": rows}})).len(), 50_000);
}

#[test]
fn a_form_is_asked_for_by_its_name() {
    let catalogue = std::sync::Arc::new(reference());
    let bodies = |form: &str, input: Value| -> Vec<Converted> {
        let form: Form = form.parse().expect("a form");
        form.converter(std::sync::Arc::clone(&catalogue), given()).convert(input).collect()
    };
    assert_eq!(bodies("yizhan", json!({"any": "thing"})), [Ok(json!({"any": "thing"}))]);
    assert_eq!(bodies("ocds", release("tender", json!({})))[0].as_ref().expect("a notice")["notice_type"], "G-OPEN");
    assert_eq!(bodies("hunan", construction(json!({})))[0].as_ref().expect("a notice")["source"], "hnsggzy");
    // A document that holds nothing says so.
    assert!(bodies("ocds", json!({}))[0].is_err() && bodies("hunan", json!({}))[0].is_err());
}
