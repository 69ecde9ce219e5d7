// The emulator's page. It talks to the emulator that serves it and to nothing else.
// Every value is shown as text: nodes are made by `element`, never from markup.

const API = "_emulator/api";
const STATUSES = ["pending", "running", "completed", "failed", "cancelled"];
const MOST_ROWS = 500;
const PAGE_SIZE = 100;
const MOST_LINES = 2000;
const LONGEST_COLOURED = 60_000;
const LONGEST_SHOWN = 400_000;
const HIDDEN_PAGE_MS = 30_000;
const RETRY_MS = 1_500;
const GATHER_MS = 100;
const MOST_MARKED = 20;

const lessMotion = matchMedia("(prefers-reduced-motion: reduce)");

const byId = (id) => document.getElementById(id);
const state = {
  view: "jobs",
  filters: { status: "", function: "", contains: "" },
  jobs: new Map(), // by id, those in the list
  limit: PAGE_SIZE, // of the list, without the older jobs
  more: false,
  counts: {},
  selected: null,
  detail: null,
  log: null,
  overview: null,
  payloads: new Map(), // the last payload of each function
};

// ---------- elements ----------

function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter(isShown));
  return node;
}

/** What `condition && child` leaves behind is no child. */
function isShown(child) {
  return child !== null && child !== undefined && child !== false;
}

function button(text, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, text);
}

function badge(status) {
  return element("span", { class: "badge", "data-status": status }, status);
}

function toast(text, kind = "info") {
  const node = element("p", { class: "toast", "data-kind": kind }, text);
  byId("toasts").append(node);
  setTimeout(() => node.remove(), kind === "error" ? 8_000 : 3_500);
}

// ---------- numbers and times ----------

const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const shortFormat = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

function duration(ms) {
  if (ms < 1_000) return `${Math.max(Math.round(ms), 0)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.floor(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} days`;
}

function relative(ms) {
  const distance = Date.now() - ms;
  if (Math.abs(distance) < 1_000) return "now";
  const text = duration(Math.floor(Math.abs(distance) / 1_000) * 1_000);
  return distance < 0 ? `in ${text}` : `${text} ago`;
}

function time(ms) {
  return element("time", { datetime: new Date(ms).toISOString(), title: dateFormat.format(ms), "data-at": ms }, relative(ms));
}

function elapsed(job) {
  if (!job.started_at) return "";
  return duration((job.completed_at ?? Date.now()) - job.started_at);
}

function tick() {
  for (const node of document.querySelectorAll("time[data-at]")) {
    const text = relative(Number(node.dataset.at));
    if (node.textContent !== text) node.textContent = text;
  }
  for (const node of document.querySelectorAll("[data-since]")) node.textContent = duration(Date.now() - Number(node.dataset.since));
}

// ---------- requests ----------

async function request(path, { method = "GET", body } = {}) {
  const headers = method === "GET" ? {} : { "content-type": "application/json", "x-emulator-dashboard": "1" };
  const response = await fetch(`${API}${path}`, { method, headers, body });
  let answer;
  try {
    answer = await response.json();
  } catch {
    answer = { error: `the emulator answered ${response.status}` };
  }
  if (!response.ok) throw new Error(answer.error ?? `the emulator answered ${response.status}`);
  return answer;
}

/** Carry out what the user asks for; a refusal is shown. */
async function act(work, done) {
  try {
    const answer = await work();
    if (done) toast(typeof done === "function" ? done(answer) : done);
    return answer;
  } catch (error) {
    toast(error.message, "error");
    return null;
  }
}

/** Read again what is shown; the connection's state tells of what fails. */
async function quietly(work) {
  try {
    return await work();
  } catch {
    return null;
  }
}

/** Make a function that does not run twice at a time: calls while it runs make it run once more. */
function singly(work) {
  let running = null;
  let again = false;
  const run = async () => {
    do {
      again = false;
      await work();
    } while (again);
  };
  return () => {
    again = true;
    running ??= run().finally(() => (running = null));
    return running;
  };
}

// ---------- the address: #/view/id?filters ----------

function address({ view = state.view, selected = state.selected, filters = state.filters } = {}) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
  const path = view === "jobs" && selected ? `#/jobs/${selected}` : `#/${view}`;
  return view === "jobs" && [...query].length ? `${path}?${query}` : path;
}

function readAddress() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = path.split("/");
  const known = ["jobs", "functions", "faults", "server"].includes(view) ? view : "jobs";
  const given = new URLSearchParams(query);
  if (known === "jobs") {
    state.filters = Object.fromEntries(Object.keys(state.filters).map((name) => [name, given.get(name) ?? ""]));
    byId("filter-text").value = state.filters.contains;
  }
  return { view: known, id: known === "jobs" && id ? id : null };
}

async function navigate() {
  const before = JSON.stringify(state.filters);
  const { view, id } = readAddress();
  state.view = view;
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.dataset.view !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${view[0].toUpperCase()}${view.slice(1)} – Fluxbase emulator`;
  if (before !== JSON.stringify(state.filters)) await readJobs();
  renderFilters();
  if (id !== state.selected) await select(id);
}

function go(where) {
  location.hash = address(where);
}

// ---------- the list of jobs ----------

function jobsQuery() {
  const query = new URLSearchParams({ limit: state.limit });
  const { status, contains } = state.filters;
  if (status) query.set("status", status);
  if (contains) query.set("contains", contains);
  if (state.filters.function) {
    const [namespace, name] = splitFunction(state.filters.function);
    query.set("namespace", namespace);
    query.set("name", name);
  }
  return `/jobs?${query}`;
}

/** A function as the value of a select and of a filter: both names may contain slashes, so that these are escaped. */
function functionKey({ namespace, name }) {
  return [namespace, name].map((each) => each.replaceAll("%", "%25").replaceAll("/", "%2F")).join("/");
}

/** The namespace and the name in a key. */
function splitFunction(key) {
  const [namespace, name = ""] = key.split("/").map((each) => each.replaceAll("%2F", "/").replaceAll("%25", "%"));
  return [namespace, name];
}

function functionOption(key) {
  const [namespace, name] = splitFunction(key);
  return [key, namespace === "default" ? name : `${namespace}/${name}`];
}

const readJobs = singly(async () => {
  const answer = await quietly(() => request(jobsQuery()));
  if (!answer) return;
  state.jobs = new Map(answer.jobs.map((job) => [job.id, job]));
  state.more = answer.more;
  state.counts = answer.counts;
  renderList();
});

function readOlderJobs() {
  state.limit = Math.min(state.limit + PAGE_SIZE, MOST_ROWS);
  return readJobs();
}

function isListed(job) {
  const { status, function: wanted } = state.filters;
  return (!status || job.status === status) && (!wanted || functionKey(job) === wanted);
}

let readAgain = null;

function readJobsSoon() {
  readAgain ??= setTimeout(() => {
    readAgain = null;
    readJobs();
  }, 500);
}

/** Take changed jobs over into the list. Where a text is searched for, only the emulator knows whether a new job has it. */
function applyChanges(jobs) {
  const changed = new Set();
  const oldest = Math.min(...[...state.jobs.values()].map((job) => job.created_at));
  for (const job of jobs) {
    const known = state.jobs.get(job.id);
    if (!isListed(job)) state.jobs.delete(job.id);
    else if (!known && state.filters.contains) readJobsSoon();
    else if (known || !state.more || job.created_at >= oldest) {
      state.jobs.set(job.id, job);
      if (known?.status !== job.status) changed.add(job.id);
    }
  }
  renderList(changed);
}

const rowNodes = new Map();

function renderList(changed = new Set()) {
  const jobs = [...state.jobs.values()].sort((one, other) => other.created_at - one.created_at);
  for (const job of jobs.splice(state.limit)) {
    state.jobs.delete(job.id);
    state.more = true;
  }
  const list = byId("rows");
  const focused = rowOfFocus();
  const place = focused ? [...list.children].indexOf(focused) : -1;
  for (const [id, node] of rowNodes) {
    if (!state.jobs.has(id)) {
      node.remove();
      rowNodes.delete(id);
    }
  }
  jobs.forEach((job, index) => {
    const node = rowNodes.get(job.id) ?? newRow(job.id);
    fillRow(node, job);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
    if (changed.has(job.id) && changed.size <= MOST_MARKED) mark(node.firstElementChild);
  });
  if (focused && !focused.isConnected) list.children[Math.min(place, list.children.length - 1)]?.firstElementChild.focus();
  markTabStop();
  byId("more").hidden = !state.more || jobs.length >= MOST_ROWS;
  renderEmpty(jobs.length);
  renderFilters();
}

function rowOfFocus() {
  return document.activeElement?.closest?.("#rows > li") ?? null;
}

function newRow(id) {
  const link = element("a", { class: "row", href: `#/jobs/${id}`, "data-id": id, tabindex: -1, onclick: (event) => openRow(event, id) });
  const node = element("li", {}, link);
  rowNodes.set(id, node);
  return node;
}

function openRow(event, id) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab
  event.preventDefault();
  go({ view: "jobs", selected: id });
}

function fillRow(node, job) {
  const link = node.firstElementChild;
  if (job.id === state.selected) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  const drawn = JSON.stringify(job);
  if (node.drawn === drawn) return;
  node.drawn = drawn;
  link.dataset.status = job.status;
  const parts = [
    badge(job.status),
    element(
      "span",
      { class: "row-name" },
      element("strong", {}, job.name),
      job.namespace !== "default" && element("span", { class: "quiet" }, job.namespace || "no namespace"),
      job.priority !== 0 && element("span", { class: "tag" }, `priority ${job.priority}`),
      job.retry_count > 0 && element("span", { class: "tag" }, `attempt ${job.retry_count + 1}`),
    ),
    element("span", { class: "row-what" }, rowText(job)),
    element("span", { class: "row-when" }, time(job.created_at)),
    element("code", { class: "row-id", title: job.id }, job.id.slice(0, 8)),
    job.status === "running" && job.percent !== null && progressBar(job, "row-progress"),
  ];
  link.replaceChildren(...parts.filter(isShown));
}

function rowText(job) {
  if (job.status === "failed") return job.error || "failed";
  if (job.status === "running") return [job.percent !== null && `${job.percent} %`, job.message].filter(Boolean).join(" · ") || "running";
  if (job.status === "pending" && job.scheduled_at > Date.now()) return element("span", {}, "due ", time(job.scheduled_at));
  if (job.status === "pending") return "waiting for a worker";
  return job.started_at ? `after ${elapsed(job)}` : "before it started";
}

function progressBar(job, name) {
  const percent = Math.min(Math.max(Number(job.percent) || 0, 0), 100);
  return element("progress", { class: name, max: 100, value: percent, "aria-label": `${percent} percent` });
}

function mark(node) {
  if (!lessMotion.matches) node.animate([{ backgroundColor: "var(--accent-ground)" }, {}], 1_000);
}

/** One row of the list can be reached by Tab, the others by the arrows. */
function markTabStop() {
  const links = [...document.querySelectorAll("#rows .row")];
  const stop = links.find((link) => link === document.activeElement) ?? links.find((link) => link.dataset.id === state.selected) ?? links[0];
  for (const link of links) link.tabIndex = link === stop ? 0 : -1;
}

function moveFocus(step) {
  const links = [...document.querySelectorAll("#rows .row")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement?.closest?.(".row"));
  const from = at >= 0 ? at : links.findIndex((link) => link.dataset.id === state.selected);
  const link = links[from < 0 ? 0 : Math.min(Math.max(from + step, 0), links.length - 1)];
  link.focus();
  link.scrollIntoView({ block: "nearest" });
  markTabStop();
}

function renderEmpty(count) {
  const empty = byId("rows-empty");
  empty.hidden = count > 0;
  if (count) return;
  const isFiltered = Object.values(state.filters).some(Boolean);
  empty.replaceChildren(
    element("p", {}, isFiltered ? "No job matches." : "No jobs yet."),
    isFiltered
      ? button("Show all jobs", () => go({ filters: { status: "", function: "", contains: "" } }))
      : element("p", { class: "quiet" }, "Submit one here, or from your program: they appear as they come."),
  );
}

// ---------- the filters ----------

function setFilter(changes) {
  const filters = { ...state.filters, ...changes };
  history.replaceState(null, "", address({ filters }));
  state.filters = filters;
  renderFilters();
  readJobs();
}

function renderFilters() {
  const total = Object.values(state.counts).reduce((sum, count) => sum + count, 0);
  const group = byId("filter-status");
  if (!group.children.length) {
    for (const status of ["", ...STATUSES]) {
      group.append(button("", () => setFilter({ status }), { class: "status", "data-status": status || "all" }));
    }
  }
  ["", ...STATUSES].forEach((status, index) => {
    const node = group.children[index];
    node.setAttribute("aria-pressed", String(state.filters.status === status));
    const count = status ? (state.counts[status] ?? 0) : total;
    node.replaceChildren(status || "all", element("b", {}, count.toLocaleString()));
  });
  const select = byId("filter-function");
  const keys = functionKeys();
  if (state.filters.function && !keys.includes(state.filters.function)) keys.push(state.filters.function);
  fillSelect(select, [["", "all functions"], ...keys.map(functionOption)], state.filters.function);
}

function functionKeys() {
  return (state.overview?.functions ?? []).map(functionKey);
}

function fillSelect(select, options, value) {
  const drawn = JSON.stringify(options);
  if (select.drawn !== drawn) {
    select.drawn = drawn;
    select.replaceChildren(...options.map(([key, text]) => element("option", { value: key }, text)));
  }
  select.value = value;
}

// ---------- one job ----------

async function select(id) {
  const before = state.selected;
  state.selected = id;
  state.detail = null;
  state.log = null;
  byId("jobs-view").classList.toggle("has-detail", Boolean(id));
  const pane = byId("detail");
  pane.hidden = !id;
  pane.replaceChildren();
  renderList();
  if (id) {
    await readDetail();
    pane.scrollTop = 0;
  } else if (before) {
    rowNodes.get(before)?.firstElementChild.focus();
  }
}

const readDetail = singly(async () => {
  const id = state.selected;
  if (!id) return;
  try {
    const detail = await request(`/jobs/${encodeURIComponent(id)}`);
    if (id !== state.selected) return;
    state.detail = detail;
    renderDetail();
    await readLog();
  } catch (error) {
    if (id === state.selected && !state.detail) renderMissing(error);
  }
});

function renderMissing(error) {
  byId("detail").replaceChildren(
    element("div", { class: "empty" }, element("p", {}, error.message), button("Back to the list", closeDetail)),
  );
}

function closeDetail() {
  go({ selected: null });
}

function renderDetail() {
  const pane = byId("detail");
  if (!pane.querySelector(".detail-head")) {
    pane.replaceChildren(
      element("div", { class: "detail-head" }),
      element("div", { class: "detail-progress" }),
      element("div", { class: "detail-error" }),
      element("div", { class: "detail-facts" }),
      element("div", { class: "detail-pair" }, element("div", { class: "detail-payload" }), element("div", { class: "detail-result" })),
      logView(),
      element("div", { class: "detail-pair" }, element("div", { class: "detail-attempts" }), element("div", { class: "detail-data" })),
    );
  }
  const job = state.detail;
  const parts = { head, progress, error: problem, facts, payload, result, data, attempts };
  for (const [name, make] of Object.entries(parts)) renderPart(pane.querySelector(`.detail-${name}`), job, make);
}

/** Draw a part of the page where what it shows has changed: what the user has focused or selected elsewhere stays. */
function renderPart(node, job, make) {
  const made = make(job);
  const drawn = made.key;
  if (node.drawn === drawn) return;
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.action : null;
  node.drawn = drawn;
  node.replaceChildren(...made.nodes().filter(isShown));
  if (focused) (node.querySelector(`[data-action="${focused}"]:not(:disabled)`) ?? byId("detail")).focus();
}

function head(job) {
  return {
    key: JSON.stringify([job.id, job.status, job.retry_count, job.max_retries, job.name, job.has_function]),
    nodes: () => [
      element(
        "div",
        { class: "heading-row" },
        button("← Jobs", closeDetail, { class: "back small", "data-action": "back" }),
        element("h2", {}, element("span", { class: "quiet" }, job.namespace === "default" ? "" : `${job.namespace}/`), job.name),
        badge(job.status),
        button("×", closeDetail, { class: "icon close", "aria-label": "Close the job", title: "Esc", "data-action": "close" }),
      ),
      element("p", { class: "job-id" }, element("code", {}, job.id), copyButton("Copy the id", job.id)),
      element("div", { class: "actions" }, actionButtons(job)),
    ],
  };
}

function actionButtons(job) {
  const isOpen = ["pending", "running"].includes(job.status);
  const left = job.max_retries - job.retry_count;
  return [
    button("Cancel", () => cancel(job), { disabled: !isOpen, class: isOpen ? "danger" : "", "data-action": "cancel", title: "Shortcut: c" }),
    button(job.status === "failed" ? `Retry (${Math.max(left, 0)} left)` : "Retry", () => retry(job), {
      disabled: job.status !== "failed" || left <= 0,
      "data-action": "retry",
      title: job.status === "failed" && left <= 0 ? `its function has max_retries=${job.max_retries}` : "Shortcut: r",
    }),
    button("Resubmit", () => resubmit(job), { "data-action": "resubmit", title: "The same job again. Shortcut: s" }),
    button("Edit and submit…", () => openSubmit(job), { "data-action": "edit", disabled: !job.has_function }),
  ];
}

const cancel = (job) => act(() => request(`/jobs/${job.id}/cancel`, { method: "POST" }), "Cancelled.");
const retry = (job) => act(() => request(`/jobs/${job.id}/retry`, { method: "POST" }), "Waiting to run again.");

async function resubmit(job) {
  const answer = await act(() => request(`/jobs/${job.id}/resubmit`, { method: "POST" }), "Submitted again.");
  if (answer) go({ view: "jobs", selected: answer.id });
}

function copyButton(label, text) {
  return button("Copy", () => act(() => navigator.clipboard.writeText(text), "Copied."), { class: "small", "aria-label": label });
}

function progress(job) {
  const shows = job.percent !== null || (job.status === "running" && job.started_at);
  return {
    key: JSON.stringify([job.id, job.percent, job.message, job.seconds_left, job.status]),
    nodes: () =>
      shows
        ? [
            element("progress", { max: 100, value: job.percent === null ? null : Math.min(Math.max(job.percent, 0), 100), "aria-label": "Progress", "data-status": job.status }),
            element(
              "p",
              { class: "progress-text" },
              element("b", {}, job.percent === null ? "" : `${job.percent} %`),
              element("span", {}, job.message ?? ""),
              job.seconds_left !== null && element("span", { class: "quiet" }, job.seconds_left < 1 ? "less than 1 s left" : `${duration(job.seconds_left * 1_000)} left`),
            ),
          ]
        : [],
  };
}

function problem(job) {
  return {
    key: JSON.stringify([job.id, job.error, job.cause]),
    nodes: () =>
      job.error || job.cause
        ? [
            element(
              "div",
              { class: "callout", "data-kind": "error" },
              element("p", { class: "cause" }, job.cause ?? job.error),
              job.cause && element("p", { class: "quiet" }, `Clients read the error “${job.error}”; this text is in the log only.`),
            ),
          ]
        : [],
  };
}

function facts(job) {
  const shown = [
    ["created", time(job.created_at)],
    job.scheduled_at && ["not before", time(job.scheduled_at)],
    job.started_at && ["started", time(job.started_at)],
    job.completed_at && ["ended", time(job.completed_at)],
    job.started_at && ["duration", job.completed_at ? elapsed(job) : element("span", { "data-since": job.started_at }, elapsed(job))],
    ["attempt", `${job.retry_count + 1} of ${job.max_retries + 1}`],
    ["priority", job.priority],
    ["for", job.user_email || job.user_role || "nobody", "broad"],
    ["time limit", `${job.timeout_seconds} s`],
    job.worker_id && ["worker", element("code", {}, job.worker_id.slice(0, 8))],
  ].filter(Boolean);
  const { created_at, scheduled_at, started_at, completed_at, retry_count, worker_id } = job;
  return {
    key: JSON.stringify([job.id, created_at, scheduled_at, started_at, completed_at, retry_count, worker_id]),
    nodes: () => [element("dl", { class: "facts" }, shown.map(([name, value, kind]) => element("div", { class: kind }, element("dt", {}, name), element("dd", {}, value))))],
  };
}

const payload = (job) => jsonPart(job, "Payload", job.payload, "It was submitted without a payload.");
const result = (job) => jsonPart(job, "Result", job.result, null);

function data(job) {
  const shown = job.progress && /"data":/.test(job.progress) ? job.progress : null;
  return jsonPart(job, "Progress report", shown, null);
}

function jsonPart(job, title, text, otherwise) {
  return {
    key: JSON.stringify([job.id, text]),
    nodes: () => {
      if (text === null) return otherwise ? [element("h3", {}, title), element("p", { class: "quiet" }, otherwise)] : [];
      const heading = element("div", { class: "heading-row" }, element("h3", {}, title), copyButton(`Copy: ${title}`, indented(text)));
      return [heading, jsonView(text)];
    },
  };
}

function attempts(job) {
  return {
    key: JSON.stringify([job.id, job.attempts]),
    nodes: () => {
      if (!job.attempts.length) return [];
      const lines = job.attempts.map((attempt, index) =>
        element(
          "li",
          {},
          element("span", { class: "number" }, index + 1),
          badge(attempt.outcome),
          element("span", { class: "quiet" }, attempt.started_at ? clockFormat.format(attempt.started_at) : ""),
          element("span", {}, attempt.ended_at && attempt.started_at ? duration(attempt.ended_at - attempt.started_at) : ""),
          element("span", { class: "attempt-error" }, attempt.error),
        ),
      );
      return [element("h3", {}, "Attempts"), element("ol", { class: "attempts" }, lines)];
    },
  };
}

// ---------- JSON, as the database has it: no digit of a number is lost ----------

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The tokens of a JSON text with the line breaks and spaces to show before each. */
function* tokens(text) {
  let depth = 0;
  let before = "";
  for (const [token] of text.matchAll(TOKEN)) {
    const closes = token === "}" || token === "]";
    const opened = before === "{" || before === "[";
    if (closes) depth -= 1;
    let space = "";
    if (closes && !opened) space = `\n${"  ".repeat(depth)}`;
    else if ((opened && !closes) || before === ",") space = `\n${"  ".repeat(depth)}`;
    else if (before === ":") space = " ";
    yield [space, token];
    if (token === "{" || token === "[") depth += 1;
    before = token;
  }
}

function indented(text) {
  let shown = "";
  for (const [space, token] of tokens(text)) shown += space + token;
  return shown;
}

function jsonView(text) {
  const shown = indented(text);
  const view = element("pre", { class: "json", tabindex: 0 });
  if (text.length > LONGEST_COLOURED) {
    view.append(shown.slice(0, LONGEST_SHOWN));
    if (shown.length > LONGEST_SHOWN) view.append(element("span", { class: "quiet" }, `\n… ${(shown.length - LONGEST_SHOWN).toLocaleString()} characters more: Copy has them all`));
    return view;
  }
  const found = [...tokens(text)];
  found.forEach(([space, token], index) => {
    const isKey = token.startsWith('"') && found[index + 1]?.[1] === ":";
    const kind = isKey ? "key" : token.startsWith('"') ? "text" : /^[{}[\],:]$/.test(token) ? "" : /^[-\d]/.test(token) ? "number" : "word";
    view.append(space, kind ? element("span", { class: `json-${kind}` }, token) : token);
  });
  return view;
}

// ---------- the log ----------

function logView() {
  const follow = element("input", { type: "checkbox", id: "follow", onchange: () => setFollowing(follow.checked) });
  follow.checked = true;
  const lines = element("ol", { class: "log", id: "log", tabindex: 0, "aria-label": "Log lines", onscroll: noticeScroll });
  state.log = { last: 0, following: true, shown: 0, total: 0, hasHidden: false, lines };
  return element(
    "section",
    { class: "detail-log", "aria-label": "Log" },
    element(
      "div",
      { class: "heading-row" },
      element("h3", {}, "Log ", element("span", { class: "quiet", id: "log-count" })),
      element("label", { class: "check" }, follow, "Follow"),
    ),
    element("p", { class: "callout", "data-kind": "hidden", id: "log-hidden", hidden: true }),
    lines,
  );
}

/** Read the lines after the last one shown. */
const readLog = singly(async () => {
  const log = state.log;
  if (!log) return;
  const answer = await quietly(() => request(`/jobs/${encodeURIComponent(state.selected)}/log?after=${log.last}`));
  if (state.log !== log || !answer) return; // another job is shown meanwhile
  log.total = answer.total;
  appendLines(log, answer.lines);
});

function appendLines(log, lines) {
  const nodes = lines.map((line) => {
    const startsRun = line.line_of_run === 0 && log.last > 0 && !line.message.startsWith("Created execution log");
    log.last = line.number;
    const isResult = line.message.startsWith("__RESULT__::");
    return element(
      "li",
      { "data-level": line.level, class: [isResult && "internal", startsRun && "next-run"].filter(Boolean).join(" "), title: isResult ? "the server's own line" : null },
      element("time", { datetime: new Date(line.at).toISOString() }, clockFormat.format(line.at)),
      element("span", { class: "level" }, line.level),
      element("span", { class: "message" }, line.message.replaceAll("\0", "␀")),
    );
  });
  log.lines.append(...nodes);
  while (log.lines.children.length > MOST_LINES) log.lines.firstElementChild.remove();
  log.shown = log.lines.children.length;
  byId("log-count").textContent = log.total > log.shown ? `the last ${log.shown.toLocaleString()} of ${log.total.toLocaleString()} lines` : log.total ? `${log.total.toLocaleString()}` : "";
  log.lines.dataset.empty = log.shown ? "" : "No lines yet.";
  log.hasHidden ||= lines.some((line) => line.hidden);
  renderHiddenNote();
  if (log.following) scrollToEnd(log);
}

function renderHiddenNote() {
  const note = byId("log-hidden");
  if (!note || !state.overview) return;
  note.hidden = !state.log?.hasHidden;
  note.textContent = `Clients of ${state.overview.profile.name} cannot read these lines over HTTP before the server's next start.`;
}

function scrollToEnd(log) {
  log.lines.scrollTop = log.lines.scrollHeight;
}

function noticeScroll() {
  const { lines } = state.log ?? {};
  if (!lines) return;
  const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
  if (isAtEnd !== state.log.following) setFollowing(isAtEnd, false);
}

function setFollowing(isOn, scrolls = true) {
  if (!state.log) return;
  state.log.following = isOn;
  byId("follow").checked = isOn;
  if (isOn && scrolls) scrollToEnd(state.log);
}

// ---------- submit ----------

function openSubmit(job = null, key = null) {
  const form = byId("submit-form");
  const keys = functionKeys();
  if (!keys.length) return toast("This server has no functions: start the emulator with --functions FILE.py", "error");
  const wanted = job ? functionKey(job) : key;
  const current = wanted ?? (form.elements.function.value || keys[0]);
  fillSelect(form.elements.function, keys.map(functionOption), keys.includes(current) ? current : keys[0]);
  form.elements.priority.value = job ? job.priority : 0;
  form.elements.scheduled.value = "";
  form.elements.payload.value = job ? indented(job.payload ?? "{}") : (state.payloads.get(form.elements.function.value) ?? "{}");
  byId("submit-problem").hidden = true;
  checkPayload();
  byId("submit-dialog").showModal();
  (job || key ? form.elements.payload : form.elements.function).focus();
}

/** Whether the payload is a JSON object; says what is wrong with it. */
function checkPayload() {
  const text = byId("payload").value.trim();
  const note = byId("payload-note");
  const say = (words, isWrong) => {
    note.textContent = words;
    note.dataset.kind = isWrong ? "error" : "";
    byId("payload").setAttribute("aria-invalid", String(isWrong));
    return !isWrong;
  };
  if (!text) return say("No payload.", false);
  try {
    const value = JSON.parse(text);
    if (value === null || typeof value !== "object" || Array.isArray(value)) return say("The payload must be a JSON object: { … }", true);
    return say("", false);
  } catch (error) {
    return say(error.message, true);
  }
}

async function submit(event) {
  event.preventDefault();
  const { elements } = byId("submit-form");
  const text = elements.payload.value.trim();
  if (!checkPayload()) return elements.payload.focus();
  const [namespace, name] = splitFunction(elements.function.value);
  const fields = { job_name: name, namespace, priority: Number(elements.priority.value) || 0 };
  if (elements.scheduled.value) fields.scheduled_at = new Date(elements.scheduled.value).toISOString();
  // The payload is sent as it was typed: a number may have more digits than JavaScript keeps.
  const body = text ? `${JSON.stringify(fields).slice(0, -1)},"payload":${text}}` : JSON.stringify(fields);
  try {
    const answer = await request(`/jobs?as=${elements.as.value}`, { method: "POST", body });
    state.payloads.set(elements.function.value, elements.payload.value);
    byId("submit-dialog").close();
    toast("Submitted.");
    go({ view: "jobs", selected: answer.id });
  } catch (error) {
    byId("submit-problem").hidden = false;
    byId("submit-problem").textContent = error.message;
  }
}

function changeFunction() {
  const { elements } = byId("submit-form");
  elements.payload.value = state.payloads.get(elements.function.value) ?? elements.payload.value;
  checkPayload();
}

// ---------- functions ----------

const readFunctions = singly(async () => {
  const answer = await quietly(() => request("/functions"));
  if (!answer || !state.overview) return;
  state.overview.functions = answer.functions;
  renderFunctions();
  renderFilters();
});

function renderFunctions() {
  const functions = state.overview?.functions ?? [];
  const cards = functions.map((each) => {
    const key = functionKey(each);
    return element(
      "li",
      { class: "card function" },
      element(
        "div",
        { class: "heading-row" },
        element("h3", {}, each.namespace !== "default" && element("span", { class: "quiet" }, `${each.namespace}/`), each.name),
        !each.enabled && element("span", { class: "tag", "data-kind": "warning" }, "disabled"),
        !each.has_handler && element("span", { class: "tag", "data-kind": "warning" }, "no handler"),
        button("Jobs", () => go({ view: "jobs", selected: null, filters: { ...state.filters, function: key } }), { class: "small", "aria-label": `Jobs of ${each.name}` }),
        button("Submit…", () => openSubmit(null, key), { class: "small", "aria-label": `Submit a job of ${each.name}` }),
      ),
      each.description && element("p", {}, each.description),
      element(
        "p",
        { class: "quiet function-facts" },
        element("span", {}, `up to ${each.timeout_seconds} s`),
        element("span", {}, each.max_retries === 1 ? "1 retry" : `${each.max_retries || "no"} retries`),
        each.require_roles.length > 0 && element("span", {}, `for ${each.require_roles.join(", ")}`),
      ),
      each.schedule && scheduleView(each),
    );
  });
  byId("functions").replaceChildren(
    cards.length
      ? element("ul", { class: "cards functions" }, cards)
      : element("div", { class: "empty" }, element("p", {}, "No functions."), element("p", { class: "quiet" }, "Start the emulator with --functions FILE.py, or sync some.")),
  );
}

function scheduleView(definition) {
  const runs = definition.next_runs;
  return element(
    "div",
    { class: "schedule" },
    element("code", {}, definition.schedule),
    runs?.length
      ? element("ol", { "aria-label": "Next runs" }, runs.map((at) => element("li", {}, time(at), element("span", { class: "quiet" }, shortFormat.format(at)))))
      : element("p", { class: "quiet" }, definition.enabled && runs ? "never due: the schedule cannot be followed" : "not followed"),
  );
}

// ---------- faults ----------

const readFaults = singly(async () => {
  const answer = await quietly(() => request("/faults"));
  if (answer) renderFaults(answer);
});

function renderFaults(faults) {
  if (state.overview) state.overview.faults = faults;
  const count = faults.active.length;
  byId("faults-count").hidden = !count;
  byId("faults-count").textContent = count;
  byId("faults-count").setAttribute("aria-label", `${count} on`);
  renderPresets(faults);
  byId("all-off").disabled = !count;
  byId("active-faults").replaceChildren(
    ...(count
      ? faults.active.map((fault) =>
          element(
            "li",
            { class: "card" },
            element("span", {}, fault.label),
            element("b", { class: "hits" }, fault.hits === 1 ? "1 hit" : `${fault.hits.toLocaleString()} hits`),
            button("Off", () => switchOff(fault.number), { class: "small", "aria-label": `Switch off: ${fault.label}` }),
          ),
        )
      : [element("li", { class: "quiet" }, "None: all requests are answered as on the real server.")]),
  );
}

function renderPresets({ presets, active }) {
  const list = byId("presets");
  const on = new Map(active.filter((fault) => fault.preset).map((fault) => [fault.preset, fault.number]));
  if (list.children.length !== presets.length) {
    list.replaceChildren(
      ...presets.map((preset) =>
        element(
          "li",
          {},
          element(
            "button",
            { type: "button", role: "switch", class: "switch", "data-preset": preset.name, onclick: (event) => togglePreset(event.currentTarget) },
            element("i", { "aria-hidden": "true" }),
            element("span", {}, element("strong", {}, preset.label), element("small", {}, preset.explanation)),
          ),
        ),
      ),
    );
  }
  for (const node of list.querySelectorAll(".switch")) {
    const number = on.get(node.dataset.preset);
    node.setAttribute("aria-checked", String(number !== undefined));
    node.dataset.number = number ?? "";
  }
}

async function togglePreset(node) {
  if (node.dataset.number) return switchOff(node.dataset.number);
  const answer = await act(() => request("/faults", { method: "POST", body: JSON.stringify({ preset: node.dataset.preset }) }));
  if (answer) renderFaults(answer);
}

async function switchOff(number) {
  await act(() => request(`/faults/${number}`, { method: "DELETE" }));
  await readFaults();
}

async function addFault(event) {
  event.preventDefault();
  const { elements } = event.currentTarget;
  const effect = elements.effect.value;
  const fields = { route: elements.route.value, times: elements.times.value ? Number(elements.times.value) : null };
  if (effect === "status") fields.status = Number(elements.status.value);
  else if (effect === "delay") fields.delay = Number(elements.delay.value);
  else if (effect === "half_body") fields.half_body = true;
  else fields.drop = effect;
  const answer = await act(() => request("/faults", { method: "POST", body: JSON.stringify(fields) }), "Switched on.");
  if (answer) renderFaults(answer);
}

function showFaultFields() {
  const form = byId("fault-form");
  for (const label of form.querySelectorAll("[data-for]")) label.hidden = label.dataset.for !== form.elements.effect.value;
}

// ---------- the server ----------

function renderServer() {
  const { profile } = state.overview;
  byId("profile-chip").textContent = profile.name;
  byId("server-lead").textContent = `This emulator answers as the Fluxbase server of ${profile.name} does.`;
  const list = (title, texts, kind) =>
    element("section", { class: "card", "data-kind": kind }, element("h3", {}, title), element("ul", { class: "plain" }, texts.map((text) => element("li", {}, text))));
  byId("server").replaceChildren(
    list("Hidden from clients", profile.hidden, "hidden"),
    list("Also different from other versions", profile.behaviour),
    element(
      "section",
      { class: "card" },
      element("h3", {}, "Settings"),
      element("dl", { class: "facts" }, Object.entries(profile.settings).map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
      element("p", { class: "quiet" }, "They are options of the emulator's start."),
    ),
  );
}

async function readOverview() {
  const overview = await quietly(() => request("/overview"));
  if (!overview) return;
  state.overview = overview;
  state.counts = overview.counts;
  byId("submit-form").elements.as.options[0].textContent = overview.developer;
  renderServer();
  renderHiddenNote();
  renderFunctions();
  renderFaults(overview.faults);
  renderFilters();
}

// ---------- the stream of changes ----------

let stream = null;
let hiddenSince = null;

function setConnection(name, text) {
  const node = byId("connection");
  node.dataset.state = name;
  if (node.lastElementChild.textContent !== text) node.lastElementChild.textContent = text;
}

function connect() {
  stream?.close();
  const opened = (stream = new EventSource(`${API}/events`));
  opened.addEventListener("ready", async () => {
    await Promise.all([readOverview(), readJobs(), readDetail()]);
    setConnection("live", "Live");
  });
  opened.addEventListener("changes", (event) => takeChanges(JSON.parse(event.data)));
  opened.addEventListener("faults", readFaults);
  opened.addEventListener("error", () => {
    setConnection("lost", "Not connected: is the emulator running?");
    opened.close();
    if (stream === opened) setTimeout(() => stream === opened && connect(), RETRY_MS);
  });
}

let gathered = null;

/** Gather changes, so that the page is drawn a few times a second however fast they come. */
function takeChanges({ jobs, many, logs, functions, counts }) {
  if (!gathered) {
    gathered = { jobs: new Map(), many: false, logs: new Set(), functions: false };
    setTimeout(applyGathered, GATHER_MS);
  }
  for (const job of jobs) gathered.jobs.set(job.id, job);
  for (const id of logs) gathered.logs.add(id);
  gathered.many ||= many;
  gathered.functions ||= functions;
  if (counts) state.counts = counts;
}

function applyGathered() {
  const { jobs, many, logs, functions } = gathered;
  gathered = null;
  if (functions) readFunctions();
  if (many) readJobsSoon();
  else if (jobs.size) applyChanges(jobs.values());
  const { selected } = state;
  if (selected && (many || jobs.has(selected))) readDetail();
  else if (selected && logs.has(selected)) readLog();
}

/** A page that nobody sees gives its connection back: browsers open only six to one server. */
function noticeVisibility() {
  clearTimeout(hiddenSince);
  if (document.hidden) {
    hiddenSince = setTimeout(() => {
      stream?.close();
      stream = null;
    }, HIDDEN_PAGE_MS);
  } else if (!stream) connect();
}

// ---------- keyboard ----------

const VIEWS = ["jobs", "functions", "faults", "server"];

function press(name) {
  const target = byId("detail").querySelector(`[data-action="${name}"]`);
  if (target && !target.disabled) target.click();
}

function onKey(event) {
  const isTyping = event.target.closest?.("input:not([type=checkbox]), select, textarea");
  if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (isTyping) event.target.blur();
    else if (state.view === "jobs" && state.selected) closeDetail();
    return;
  }
  if (isTyping) {
    if (event.key === "ArrowDown" && event.target.id === "filter-text") moveFocusFromSearch(event);
    return;
  }
  const isOnRow = Boolean(rowOfFocus());
  const keys = {
    "/": () => go({ view: "jobs" }) ?? setTimeout(() => byId("filter-text").focus()),
    n: () => openSubmit(),
    "?": () => byId("help-dialog").showModal(),
    j: () => moveFocus(1),
    k: () => moveFocus(-1),
    c: () => press("cancel"),
    r: () => press("retry"),
    s: () => press("resubmit"),
    f: () => setFollowing(!state.log?.following),
    ...(isOnRow ? { ArrowDown: () => moveFocus(1), ArrowUp: () => moveFocus(-1) } : {}),
    ...Object.fromEntries(VIEWS.map((view, index) => [String(index + 1), () => go({ view })])),
  };
  const work = keys[event.key];
  if (!work) return;
  event.preventDefault();
  work();
}

function moveFocusFromSearch(event) {
  event.preventDefault();
  document.querySelector("#rows .row")?.focus();
  markTabStop();
}

// ---------- start ----------

let typing = null;

function start() {
  byId("filter-text").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => setFilter({ contains: event.target.value.trim() }), 200);
  });
  byId("filter-function").addEventListener("change", (event) => setFilter({ function: event.target.value }));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", readOlderJobs);
  byId("open-submit").addEventListener("click", () => openSubmit());
  byId("open-help").addEventListener("click", () => byId("help-dialog").showModal());
  byId("submit-form").addEventListener("submit", submit);
  byId("submit-form").elements.function.addEventListener("change", changeFunction);
  byId("payload").addEventListener("input", checkPayload);
  byId("payload").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("submit-form").requestSubmit();
  });
  byId("format-payload").addEventListener("click", () => {
    if (checkPayload()) byId("payload").value = indented(byId("payload").value);
  });
  byId("fault-form").addEventListener("submit", addFault);
  byId("fault-form").elements.effect.addEventListener("change", showFaultFields);
  byId("all-off").addEventListener("click", async () => {
    await act(() => request("/faults", { method: "DELETE" }));
    await readFaults();
  });
  byId("cut-sockets").addEventListener("click", () =>
    act(() => request("/sockets", { method: "DELETE" }), ({ cut }) => (cut === 1 ? "1 WebSocket is cut." : `${cut} WebSockets are cut.`)),
  );
  for (const close of document.querySelectorAll("dialog [data-close]")) close.addEventListener("click", () => close.closest("dialog").close());
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // its backdrop
  }
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", noticeVisibility);
  window.addEventListener("hashchange", navigate);
  setInterval(tick, 1_000);
  renderFilters();
  navigate();
  connect();
}

start();
