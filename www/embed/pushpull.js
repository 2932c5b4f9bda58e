// <pushpull-lab lesson="overload" lang="ko">fallback</pushpull-lab>
//
// Makes a frame with an embed of pushpull, passes its attributes on, keeps its height, and lets one
// embed of a page play at a time. Importing it where there is no window does nothing.

const SITE = new URL(".", import.meta.url);
const NAMES = ["lesson", "step", "seed", "side", "lang", "theme", "background", "ui", "load", "autoplay", "speed", "controls", "predict", "motion", "terminal", "height", "v"];
const LIVE = ["theme", "lang", "speed", "side"];
const EVENTS = ["ready", "prediction", "goal", "progress", "error", "state", "event"];
const HELLO_EVERY_MS = 500;
const HELLOS_MAX = 20;
const all = new Set();
let number = 0;

function define() {
  class PushpullLab extends HTMLElement {
    static observedAttributes = [...LIVE, "title"];
    #frame = null;
    #port = null;
    #id = `pushpull-${++number}`;
    #requests = new Map();
    #request = 0;
    #hello = 0;
    #settle = null;

    constructor() {
      super();
      this.ready = new Promise((resolve) => (this.#settle = resolve));
      const shadow = this.attachShadow({ mode: "open" });
      const style = document.createElement("style");
      style.textContent =
        ":host{display:block;container-type:inline-size}iframe{display:block;width:100%;border:0;min-height:360px;aspect-ratio:16/10}" +
        "@container(max-width:480px){iframe{min-height:560px;aspect-ratio:auto}}";
      shadow.append(style);
    }

    connectedCallback() {
      if (this.#frame) return;
      const frame = document.createElement("iframe");
      const lesson = this.getAttribute("lesson") ?? "lab";
      const address = new URL(/^[a-z0-9-]+$/.test(lesson) && lesson !== "lab" ? `${lesson}/` : "./", SITE);
      for (const name of NAMES) {
        const value = this.getAttribute(name);
        if (value !== null && name !== "lesson") address.searchParams.set(name, value);
      }
      const language = this.closest("[lang]")?.lang ?? document.documentElement.lang;
      if (!this.hasAttribute("lang") || this.getAttribute("lang") === "auto") {
        if (/^(ko|en)\b/.test(language)) address.searchParams.set("lang", language.slice(0, 2));
      }
      frame.src = address.href + (this.getAttribute("link") ?? "");
      frame.title = this.getAttribute("title") ?? "pushpull";
      frame.loading = "lazy";
      frame.allow = "fullscreen; clipboard-write";
      const own = address.origin === location.origin;
      frame.setAttribute("sandbox", `allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads${own ? "" : " allow-same-origin"}`);
      const height = Number(this.getAttribute("height"));
      if (height > 0) Object.assign(frame.style, { height: `${height}px`, aspectRatio: "auto" });
      this.#frame = frame;
      all.add(this);
      addEventListener("message", this.#hear);
      frame.addEventListener("load", () => this.#greet());
      this.shadowRoot.append(frame);
    }

    disconnectedCallback() {
      removeEventListener("message", this.#hear);
      clearInterval(this.#hello);
      all.delete(this);
      this.#port?.close();
      this.#port = null;
      this.#frame?.remove();
      this.#frame = null;
    }

    attributeChangedCallback(name, before, value) {
      if (!this.#frame || before === value) return;
      if (name === "title") this.#frame.title = value ?? "pushpull";
      else if (this.#port) this.#ask("set", { [name]: name === "speed" ? Number(value) : value }).catch(() => {});
    }

    #greet() {
      clearInterval(this.#hello);
      this.#port?.close();
      this.#port = null;
      let left = HELLOS_MAX;
      const hello = () => {
        if (this.#port || left-- === 0) return clearInterval(this.#hello);
        this.#frame?.contentWindow?.postMessage({ type: "pushpull:hello", v: 1, id: this.#id }, "*");
      };
      this.#hello = setInterval(hello, HELLO_EVERY_MS);
      hello();
    }

    #hear = (event) => {
      if (event.source !== this.#frame?.contentWindow) return;
      const said = event.data;
      if (said?.type === "pushpull:height") this.#resize(said.height);
      if (said?.type !== "pushpull:ready" || said.id !== this.#id || this.#port || !event.ports[0]) return;
      this.#port = event.ports[0];
      this.#port.onmessage = ({ data }) => this.#told(data);
      this.#settle(this);
      this.#tell("ready", said);
    };

    #told(said) {
      if (said.type === "pushpull:answer") {
        const asked = this.#requests.get(said.request);
        this.#requests.delete(said.request);
        if (said.ok) asked?.resolve(said.result);
        else asked?.reject(Object.assign(new Error(said.error?.sentence), { code: said.error?.code }));
        return;
      }
      const name = said.type?.replace("pushpull:", "");
      if (name === "height") return this.#resize(said.height);
      if (name === "state" && said.playing) for (const other of all) if (other !== this) other.#silence();
      if (EVENTS.includes(name)) this.#tell(name, said);
    }

    #tell(name, detail) {
      this.dispatchEvent(new CustomEvent(`pushpull-${name}`, { detail, bubbles: true }));
    }

    #silence() {
      if (this.#port) this.#ask("pause").catch(() => {});
    }

    #resize(height) {
      if (!(height > 0) || this.hasAttribute("height")) return;
      Object.assign(this.#frame.style, { height: `${Math.min(height, 4000)}px`, aspectRatio: "auto", minHeight: "0" });
    }

    async #ask(name, content = {}) {
      await this.ready;
      return new Promise((resolve, reject) => {
        const request = ++this.#request;
        this.#requests.set(request, { resolve, reject });
        this.#port.postMessage({ type: `pushpull:${name}`, v: 1, request, ...content });
      });
    }

    load(content) {
      return this.#ask("load", content);
    }
    play() {
      return this.#ask("play");
    }
    pause() {
      return this.#ask("pause");
    }
    step(n = 1, grain = "event") {
      return this.#ask("step", { n, grain });
    }
    seek(x) {
      return this.#ask("seek", typeof x === "number" ? { t_us: x } : x);
    }
    run(lines) {
      return this.#ask("run", { lines });
    }
    get(path) {
      return this.#ask("get", { path });
    }
    link() {
      return this.#ask("link");
    }
    subscribe(kinds) {
      return this.#ask("subscribe", { kinds });
    }
  }
  if (!customElements.get("pushpull-lab")) customElements.define("pushpull-lab", PushpullLab);
}

if (typeof window !== "undefined" && "customElements" in window) define();
