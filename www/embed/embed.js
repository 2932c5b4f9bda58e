// The embed: a still picture until somebody asks for more, then the program, and the conversation
// with the page around it. It reads no cookies, takes no focus, opens nothing and sends nothing but
// its height to a page that has not said hello.
//
// Between this script and the program there are two events of the document: `pushpull:do` carries
// lines of text to the program, `pushpull:tell` an array of plain values from it.

const root = document.documentElement;
const VERSION = 1;

/** Limits on what the page around may ask. */
const COMMANDS_A_SECOND_MAX = 60;
const COMMAND_LENGTH_MAX = 64 * 1024;
const EVENTS_A_SECOND_MAX = 100;
const STATE_EVERY_MS = 250;
const HEIGHT_EVERY_MS = 100;
const VISIBLE_PART_MIN = 0.25;

/** The parameters: what each may be; the first is its default. */
const framed = window.parent !== window;
const NAMES = {
  ui: framed ? ["compact", "full", "player", "static"] : ["full", "compact", "player", "static"],
  load: framed ? ["click", "visible", "eager"] : ["eager", "click", "visible"],
  terminal: framed ? ["0", "1"] : ["1", "0"],
  side: ["both", "kafka", "rabbit"],
  autoplay: ["0", "1"],
  motion: ["auto", "none"],
  lang: ["auto", "ko", "en"],
  theme: ["auto", "light", "dark"],
  background: ["page", "transparent"],
  predict: ["1", "0"],
  v: ["1"],
};
/** The least, the most, the default, and whether it is a whole number. */
const NUMBERS = { step: [0, 99, 0, true], speed: [0.25, 8, 1, false], seed: [0, 2 ** 32 - 1, "", true] };
/** Names of knobs: `rate,prefetch,linger.ms`. */
const CONTROLS = /^[a-z0-9._-]+( *, *[a-z0-9._-]+)*$/;
const CONTROLS_LENGTH_MAX = 300;

const asked = new Map();
for (const [name, value] of new URLSearchParams(location.search)) {
  asked.set(name.toLowerCase(), value.toLowerCase());
}

function parameter(name) {
  const value = asked.get(name);
  if (name in NUMBERS) {
    const [least, most, standard, whole] = NUMBERS[name];
    if (value === undefined) return standard;
    const number = Number(value);
    const fits = number >= least && number <= most && (!whole || Number.isInteger(number));
    if (value !== "" && fits) return number;
    const usual = standard === "" ? "that of the lesson" : standard;
    warn(name, value, `${whole ? "a whole number, " : ""}${least} to ${most}`, usual);
    return standard;
  }
  const values = NAMES[name];
  if (value === undefined || values.includes(value)) return value ?? values[0];
  return warn(name, value, values.join(", "), values[0]);
}

function warn(name, value, expected, standard) {
  console.warn(`pushpull: ${name}=${value} is not known (${expected}); ${standard} is taken`);
  return standard;
}

const chosen = {};
for (const name of [...Object.keys(NAMES), ...Object.keys(NUMBERS)]) chosen[name] = parameter(name);

function controls() {
  const names = asked.get("controls") ?? "";
  if (names === "" || (names.length <= CONTROLS_LENGTH_MAX && CONTROLS.test(names))) return names;
  warn("controls", names.slice(0, 80), `names with commas between, at most ${CONTROLS_LENGTH_MAX} characters`, "every knob");
  return "";
}

const lesson = asked.get("lesson") ?? root.dataset.lesson ?? "lab";
Object.assign(root.dataset, {
  embed: "waits",
  ui: chosen.ui,
  terminal: chosen.terminal,
  side: chosen.side,
  step: String(chosen.step),
  speed: String(chosen.speed),
  seed: String(chosen.seed),
  predict: chosen.predict,
  controls: controls(),
  lesson,
});
if (chosen.motion === "none") root.dataset.motion = "none";
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || chosen.motion === "none";

// ---- from the picture to the program ----

const start = document.getElementById("embed-start");
let begun = false;

function begin() {
  if (begun || chosen.ui === "static") return;
  begun = true;
  root.dataset.embed = "runs";
  import(new URL(root.dataset.program, document.baseURI));
}

start?.addEventListener("click", begin);
const full = document.getElementById("embed-full");
if (full) {
  const address = new URL(".", document.baseURI);
  if (lesson !== "lab") address.searchParams.set("lesson", lesson);
  full.href = address.href + (location.hash.startsWith("#x=") ? location.hash : "");
}
if (chosen.load === "eager") begin();

/** Out of sight nothing runs. */
new IntersectionObserver(
  ([seen]) => {
    if (seen.isIntersecting && chosen.load === "visible") begin();
    if (begun) tellProgram("hidden", seen.intersectionRatio < VISIBLE_PART_MIN && seen.intersectionRect.height < 200 ? "1" : "0");
  },
  { threshold: [0, VISIBLE_PART_MIN] },
).observe(document.getElementById("app"));

/** What the program is told before it listens waits for it. */
let early = [];

function tellProgram(...words) {
  const detail = words.join("\n");
  if (early) early.push(detail);
  else document.dispatchEvent(new CustomEvent("pushpull:do", { detail }));
}

// ---- the conversation ----

let port = null;
let ready = null;
let hello = null;
const waiting = new Map();
let kinds = [];
const state = { step: 0, t_us: 0, playing: false };

addEventListener("message", (event) => {
  const said = event.data;
  if (event.source !== window.parent || !framed || port) return;
  if (said?.type !== "pushpull:hello" || said.v !== VERSION) return;
  hello = { id: said.id, origin: event.origin };
  answerHello();
});

/** The embed answers once there is something to talk to: before the click it can only begin. */
function answerHello() {
  const channel = new MessageChannel();
  port = channel.port1;
  port.onmessage = ({ data }) => hear(data);
  const message = {
    type: "pushpull:ready",
    id: hello.id,
    v: VERSION,
    engine: ready?.engine ?? null,
    lesson,
    lang: root.lang,
    capabilities: ["load", "play", "pause", "reset", "step", "seek", "run", "get", "set", "link", "subscribe"],
  };
  // An opaque origin is named "null" and cannot be aimed at; the message tells nothing private.
  window.parent.postMessage(message, hello.origin === "null" ? "*" : hello.origin, [channel.port2]);
  // What was told before somebody listened is told again.
  const open = TELLS.last;
  if (open) tell("progress", { lesson: open.id, status: open.status || "opened" });
}

const heard = { since: 0, count: 0 };

function hear(said) {
  if (typeof said !== "object" || said === null || typeof said.type !== "string") return;
  const request = said.request;
  const now = performance.now();
  if (now - heard.since > 1000) Object.assign(heard, { since: now, count: 0 });
  heard.count += 1;
  if (heard.count > COMMANDS_A_SECOND_MAX) return refuse(request, "rate", `at most ${COMMANDS_A_SECOND_MAX} commands a second`);
  let length;
  try {
    length = JSON.stringify(said).length;
  } catch {
    return refuse(request, "shape", "a command is plain data");
  }
  if (length > COMMAND_LENGTH_MAX) return refuse(request, "length", `at most ${COMMAND_LENGTH_MAX} characters a command`);
  const act = ACTS[said.type.replace(/^pushpull:/, "")];
  if (!act || !said.type.startsWith("pushpull:")) return refuse(request, "unknown", `no command is named ${said.type.slice(0, 80)}`);
  act(said, request);
}

function answer(request, result) {
  port?.postMessage({ type: "pushpull:answer", v: VERSION, request, ok: true, result });
}

function refuse(request, code, sentence) {
  port?.postMessage({ type: "pushpull:answer", v: VERSION, request, ok: false, error: { code, sentence } });
}

function shape(request, expected) {
  refuse(request, "shape", `expected ${expected}`);
}

/** Only for acts that the program answers itself. */
function waitFor(request, words, result) {
  if (!begun) return asleep(request);
  const id = ++waitFor.last;
  waiting.set(id, { request, result, output: [] });
  tellProgram(words[0], String(id), ...words.slice(1));
}
waitFor.last = 0;

/** Requests that wait for a link. */
const links = [];

function asleep(request) {
  refuse(request, "asleep", "the embed shows a picture; pushpull:load or a click starts it");
}

const simple = (word) => (said, request) => {
  begin();
  tellProgram(word);
  answer(request, null);
};

const ACTS = {
  play: simple("play"),
  pause: simple("pause"),
  reset: simple("reset"),
  load(said, request) {
    if (said.lesson !== undefined && !/^[a-z0-9-]{1,64}$/.test(said.lesson)) return shape(request, "the id of a lesson");
    begin();
    if (said.lesson !== undefined) tellProgram("lesson", said.lesson);
    if (Number.isInteger(said.step)) tellProgram("go", String(said.step));
    answer(request, null);
  },
  step(said, request) {
    const { n = 1, grain = "event" } = said;
    if (!Number.isInteger(n) || Math.abs(n) > 1000 || n === 0) return shape(request, "n from -1000 to 1000, not 0");
    if (!["event", "message", "tick"].includes(grain)) return shape(request, "grain event, message or tick");
    tellProgram("step", String(n), grain);
    answer(request, null);
  },
  seek(said, request) {
    if (Number.isInteger(said.step)) tellProgram("go", String(said.step));
    else if (Number.isSafeInteger(said.t_us) && said.t_us >= 0) tellProgram("seek", String(said.t_us));
    else return shape(request, "step or t_us");
    answer(request, null);
  },
  run(said, request) {
    const lines = Array.isArray(said.lines) ? said.lines.join("\n") : said.lines;
    if (typeof lines !== "string") return shape(request, "lines of text");
    waitFor(request, ["run", lines], (done) => ({ output: done.output }));
  },
  get(said, request) {
    if (typeof said.path !== "string" || /[\n\r]/.test(said.path)) return shape(request, "a path of state");
    waitFor(request, ["run", `state ${said.path}`], (done) => parsed(done.output.join("\n")));
  },
  link(said, request) {
    if (!begun) return asleep(request);
    links.push(request);
    tellProgram("share");
  },
  set(said, request) {
    if (["auto", "light", "dark"].includes(said.theme)) tellProgram("theme", said.theme);
    if (["ko", "en"].includes(said.lang)) tellProgram("lang", said.lang);
    if (Number.isFinite(said.speed) && said.speed >= 0.25 && said.speed <= 8) tellProgram("speed", String(said.speed));
    if (NAMES.side.includes(said.side)) tellProgram("side", said.side);
    answer(request, null);
  },
  subscribe(said, request) {
    if (!Array.isArray(said.kinds) || said.kinds.length > 100) return shape(request, "a list of at most 100 kinds");
    kinds = said.kinds.filter((kind) => typeof kind === "string");
    answer(request, kinds);
  },
};

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function tell(type, content) {
  port?.postMessage({ type: `pushpull:${type}`, v: VERSION, ...content });
}

// ---- what the program tells ----

document.addEventListener("pushpull:tell", ({ detail: [what, ...values] }) => TELLS[what]?.(...values));

const TELLS = {
  loaded(engine) {
    ready = { engine };
    const details = early ?? [];
    early = null;
    for (const detail of details) document.dispatchEvent(new CustomEvent("pushpull:do", { detail }));
    if (chosen.autoplay === "1" && !calm) tellProgram("play");
  },
  ran(id, output, error, last) {
    const done = waiting.get(id);
    if (!done) return;
    if (output) done.output.push(...output.split("\n"));
    if (error === null && !last) return;
    waiting.delete(id);
    if (error !== null) refuse(done.request, "refused", error);
    else answer(done.request, done.result(done));
  },
  shared(text) {
    const address = new URL(".", document.baseURI);
    for (const request of links.splice(0)) answer(request, `${address.href}#x=${text}`);
  },
  failed(sentence) {
    tell("error", { code: "failed", sentence });
  },
  state(t_us, playing) {
    Object.assign(state, { t_us, playing });
    later("state", STATE_EVERY_MS, () => tell("state", { ...state }));
  },
  lesson(id, step, status, goals, question) {
    const opened = TELLS.last?.id !== id;
    const before = TELLS.last ?? {};
    TELLS.last = { id, step, status, goals: JSON.stringify(goals), question: JSON.stringify(question) };
    state.step = step;
    if (opened) tell("progress", { lesson: id, status: "opened" });
    if (status && status !== before.status) tell("progress", { lesson: id, status });
    if (goals.length > 0 && TELLS.last.goals !== before.goals) {
      const clauses = goals.map(([text, holds, value]) => ({ text, holds, value }));
      tell("goal", { lesson: id, clauses, passed: clauses.every(({ holds }) => holds) });
    }
    const [chose, right] = question;
    if (right !== null && chose !== null && TELLS.last.question !== before.question) {
      tell("prediction", { lesson: id, step, option: chose, correct: chose === right });
    }
  },
  event(kind, t_us, fields) {
    if (!kinds.includes(kind)) return;
    const now = performance.now();
    const told = TELLS.told;
    if (now - told.since > 1000) {
      if (told.skipped > 0) tell("event", { kind: "skipped", t_us, data: { count: told.skipped } });
      Object.assign(told, { since: now, count: 0, skipped: 0 });
    }
    if (++told.count > EVENTS_A_SECOND_MAX) told.skipped += 1;
    else tell("event", { kind, t_us, data: Object.fromEntries(fields) });
  },
  told: { since: 0, count: 0, skipped: 0 },
};

// ---- height ----

const timers = new Map();

/** At most once in so long, and then with the newest. */
function later(name, everyMs, act) {
  const timer = timers.get(name);
  if (timer) {
    timer.act = act;
    return;
  }
  act();
  const entry = { act: null };
  timers.set(name, entry);
  setTimeout(() => {
    timers.delete(name);
    if (entry.act) later(name, everyMs, entry.act);
  }, everyMs);
}

let height = 0;

function measure() {
  const found = Math.ceil(document.getElementById("app").getBoundingClientRect().height);
  if (Math.abs(found - height) < 1) return;
  height = found;
  later("height", HEIGHT_EVERY_MS, tellHeight);
}

function tellHeight() {
  if (!framed) return;
  if (port) tell("height", { height });
  window.parent.postMessage({ type: "pushpull:height", v: VERSION, height }, "*");
  window.parent.postMessage(JSON.stringify({ src: location.href, context: "iframe.resize", height }), "*");
}

if (framed) new ResizeObserver(measure).observe(document.getElementById("app"));
