"use strict";
// Everything that came from outside is set as text. Nothing here makes markup out of strings.
const PHONES = 12, FEED = 80, REFRESH_MS = 400;
const KINDS = { notice: "公告", revision: "更新", amendment: "更正", withdrawal: "撤回" };
const CODES = {
  ok: "已收下", inactive: "设备不活跃", token_gone: "令牌失效", token_moved: "令牌已换", throttled: "限流",
  quota_exhausted: "配额用尽", payload_refused: "内容被拒", server_error: "错误 500", channel_throttled: "通道限流",
  bad_gateway: "网关 502",
};
const $ = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const time = (text) => clock.format(new Date(text));

function el(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function stamp(text) {
  const node = el("time", "", time(text));
  node.dateTime = text;
  return node;
}

// ---- the wall: a phone keeps its place for as long as it is among the newest ----

const phones = new Map();

function makePhone(token) {
  const root = el("li", "phone"), screen = el("div", "screen"), bar = el("div", "bar");
  const name = el("button", "token", token), total = el("span", "total"), cards = el("div", "cards");
  name.type = "button";
  name.title = token;
  name.setAttribute("aria-label", `只看 ${token} Filter by this device`);
  name.addEventListener("click", () => setFilter(token));
  cards.tabIndex = 0;
  cards.setAttribute("role", "region");
  cards.setAttribute("aria-label", `${token} 的通知 notifications`);
  bar.append(name, total);
  screen.append(bar, cards);
  root.append(screen);
  return { root, total, cards, newest: "", received: -1 };
}

function makeCard(shown, fresh) {
  const card = el("article", `card ${KINDS[shown.kind] ? shown.kind : ""}`), meta = el("div", "meta");
  if (shown.urgent) card.classList.add("urgent");
  if (shown.thread) card.classList.add("in-thread");
  if (fresh) card.classList.add("fresh");
  meta.append(el("span", `kind ${shown.kind}`, KINDS[shown.kind] || shown.kind));
  if (shown.urgent) meta.append(el("span", "", "紧急"));
  if (shown.replaced > 0) meta.append(el("span", "", `已替换 ${shown.replaced} 次`));
  meta.append(stamp(shown.at));
  const title = el("div", "title", shown.title);
  title.title = shown.title;
  card.append(meta, title);
  if (shown.body) card.append(el("div", "text", shown.body));
  return card;
}

function fillPhone(phone, data) {
  if (phone.received === data.received) return;
  const before = phone.newest;
  phone.total.textContent = `共 ${data.received} 条`;
  // Notifications of one thread stand together, where the newest of them stands.
  const groups = new Map();
  for (const shown of data.notifications) {
    const group = shown.thread ? `thread ${shown.thread}` : `key ${shown.replace_key}`;
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(shown);
  }
  const nodes = [];
  for (const group of groups.values()) {
    if (group[0].thread) nodes.push(el("div", "thread", `项目 ${group[0].thread}`));
    for (const shown of group) nodes.push(makeCard(shown, shown.at > before));
  }
  phone.cards.replaceChildren(...nodes);
  phone.newest = data.notifications.length ? data.notifications[0].at : "";
  phone.received = data.received;
}

function showPhones(items) {
  const wanted = new Map(items.map((item) => [item.token, item]));
  const free = [];
  for (const [token, phone] of phones) {
    if (!wanted.has(token)) { free.push(phone); phones.delete(token); }
  }
  for (const item of items) {
    let phone = phones.get(item.token);
    if (!phone) {
      phone = makePhone(item.token);
      phones.set(item.token, phone);
      const place = free.shift();
      if (place) place.root.replaceWith(phone.root); else $("wall").append(phone.root);
    }
    fillPhone(phone, item);
  }
  for (const phone of free) phone.root.remove();
  $("empty").hidden = phones.size > 0;
}

// ---- the feed ----

function makeRow(entry) {
  const row = el("li"), meta = el("div", "meta");
  let what = CODES[entry.outcome] || entry.outcome, tone = "";
  if (entry.repeat) { what = entry.shown ? "重复，又显示" : "重复，未显示"; tone = "warn"; }
  else if (entry.outcome !== "ok") tone = entry.outcome === "inactive" ? "warn" : "bad";
  if (entry.unanswered) { what += "，未应答"; tone = tone || "warn"; }
  const outcome = el("span", `what ${tone}`, what);
  outcome.title = entry.outcome;
  meta.append(outcome, el("span", "kind " + entry.kind, KINDS[entry.kind] || entry.kind));
  meta.append(el("span", "who", entry.token), stamp(entry.received_at));
  const open = el("button", "title", entry.title);
  open.type = "button";
  open.title = `只看这条公告 Filter by ${entry.notice}`;
  open.addEventListener("click", () => setFilter(entry.notice));
  row.append(meta, open);
  return row;
}

function addRows(entries) {
  const feed = $("feed"), keep = feed.scrollTop;
  const rows = entries.map(makeRow).reverse();
  feed.prepend(...rows);
  while (feed.childElementCount > FEED) feed.lastElementChild.remove();
  // Whoever reads further down stays at what they read.
  if (keep > 0) feed.scrollTop = keep + rows.reduce((sum, row) => sum + row.offsetHeight, 0);
}

function showSkipped(count) {
  $("skipped").hidden = count === 0;
  $("skipped").textContent = `来得太快，略过 ${count.toLocaleString("zh-CN")} 条 (${count.toLocaleString("en")} not listed)`;
}

// ---- counters and codes ----

let rateFrom = null;

function showStats(stats) {
  const codes = stats.by_code, taken = (codes.ok || 0) + (codes.inactive || 0), now = performance.now();
  const numbers = { ...stats, failed: stats.received - taken };
  if (rateFrom) {
    numbers.rate = Math.max(0, Math.round(((stats.received - rateFrom.received) * 1000) / Math.max(now - rateFrom.at, 200)));
  }
  rateFrom = { at: now, received: stats.received };
  for (const node of document.querySelectorAll("[data-count]")) {
    const value = numbers[node.dataset.count];
    if (typeof value === "number") node.textContent = value.toLocaleString("en");
  }
  document.querySelector("[data-count=shown_again]").classList.toggle("alarm", stats.shown_again > 0);
  clearTimeout(showStats.idle);
  showStats.idle = setTimeout(() => { document.querySelector("[data-count=rate]").textContent = "0"; }, 2000);
}

function showCodes(codes) {
  if (!codes.length) return;
  $("codes-section").hidden = false;
  for (const noted of [...codes].reverse()) {
    const row = el("li"), left = el("span"), right = el("b", "", noted.code);
    left.append(el("span", "", noted.address), " ", stamp(noted.at));
    row.append(left, right);
    $("codes").prepend(row);
  }
  while ($("codes").childElementCount > 20) $("codes").lastElementChild.remove();
}

// ---- what is watched ----

let paused = false, refreshing = false, again = false, skipped = 0;

function query(extra) {
  const text = $("filter").value.trim(), params = new URLSearchParams(extra);
  if (/^ntc_[0-9a-z]{26}$/.test(text)) params.set("notice", text);
  else if (text) params.set("token_like", text);
  return { filtered: text !== "", params };
}

async function read(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function refresh() {
  if (refreshing) { again = true; return; }
  refreshing = true;
  do {
    again = false;
    try {
      const wall = query({ limit: PHONES });
      showPhones((await read(`/sandbox/v1/devices?${wall.params}`)).items);
      if (wall.filtered) {
        const page = await read(`/sandbox/v1/log?${query({ limit: FEED, newest: "true" }).params}`);
        $("feed").replaceChildren();
        addRows(page.items);
      }
      if ($("fault").value !== "ok") showFault((await read("/sandbox/v1/faults")).mode);
    } catch { /* The stream says when the sandbox is gone, and comes back by itself. */ }
    await new Promise((done) => setTimeout(done, REFRESH_MS));
  } while (again && !paused);
  refreshing = false;
}

async function setFilter(text) {
  $("filter").value = text;
  skipped = 0;
  showSkipped(0);
  if (!text) {
    try {
      const page = await read(`/sandbox/v1/log?limit=${FEED}&newest=true`);
      $("feed").replaceChildren();
      addRows(page.items);
    } catch { /* as above */ }
  }
  refresh();
}

function showFault(mode) {
  $("fault").value = mode;
  $("fault").classList.toggle("alarm", mode !== "ok");
}

let typing;
$("filter").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => setFilter(event.target.value), 250);
});
$("tools").addEventListener("submit", (event) => event.preventDefault());
$("fault").addEventListener("change", async (event) => {
  const body = JSON.stringify({ mode: event.target.value });
  const answer = await fetch("/sandbox/v1/faults", { method: "PUT", headers: { "content-type": "application/json" }, body });
  showFault((await answer.json()).mode);
});
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  if (!paused) setFilter($("filter").value);
});
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

function showLink(state, chinese, english) {
  const node = $("link"), note = el("span", "", english);
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  note.lang = "en";
  node.replaceChildren(`${chinese} `, note);
}

const stream = new EventSource("/sandbox/events");
stream.addEventListener("open", () => showLink("live", "已连接", "live"));
stream.addEventListener("error", () => showLink("lost", "连接断开，正在重连", "reconnecting"));
stream.addEventListener("message", (event) => {
  const news = JSON.parse(event.data);
  showStats(news.stats);
  showCodes(news.codes);
  if (paused) return;
  if (!query().filtered) {
    addRows(news.items);
    if (event.lastEventId && stream.seen) skipped += news.skipped;
    showSkipped(skipped);
  }
  stream.seen = true;
  if (news.items.length) refresh();
});
read("/sandbox/v1/faults").then((fault) => showFault(fault.mode), () => {});
