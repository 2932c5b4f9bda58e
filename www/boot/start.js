// Loads the program of the page, shows how far it is, and says what is wrong when it does not come.
// The program mounts itself into #app, in the place of the first picture.

/** After so long without a byte the page says that it is slow, and goes on waiting. */
const QUIET_MS_MAX = 8000;

const root = document.documentElement;

/** What went wrong, as one of the causes that the page has words for. */
class Trouble extends Error {
  constructor(cause, detail) {
    super(detail);
    this.name = cause;
  }
}

async function start() {
  const program = document.querySelector('meta[name="program"]');
  const progress = new Progress(Number(program.dataset.bytes));
  // They come side by side, and the engine behind them.
  const [glue, wasm, rest, opening] = await Promise.all([
    import(new URL(program.content, document.baseURI)).catch((error) => {
      throw new Trouble(error instanceof SyntaxError ? "old" : "network", String(error));
    }),
    download(new URL(program.dataset.wasm, document.baseURI), progress),
    keptRest(program.dataset.wasm),
    isFirstVisit() ? sceneOfOpening() : null,
    allStyles(),
  ]);
  // The page shows it until the engine has come to it.
  self.pushpullOpening = opening;
  // `rest.js` looks here before it asks the network.
  self.pushpullRest = rest;
  try {
    await glue.default({ module_or_path: wasm });
  } catch (error) {
    throw new Trouble(causeOf(error, progress), String(error));
  }
}

/** Whether the program will open the lab of a first visit. If it finds another one, that is shown. */
function isFirstVisit() {
  const { embed, lesson } = root.dataset;
  if (embed || lesson || location.hash.startsWith("#x=") || /[?&]lesson=/.test(location.search)) return false;
  try {
    return !["been", "lesson"].some((name) => localStorage.getItem(`pushpull.${name}`));
  } catch {
    return true;
  }
}

/** The whole style sheet: the page has inside it what the first picture needs. */
function allStyles() {
  const named = document.querySelector('meta[name="styles"]');
  if (!named) return null;
  const href = new URL(named.content, document.baseURI).href;
  return new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
    link.onload = resolve;
    link.onerror = () => reject(new Trouble("network", href));
    document.head.append(link);
  });
}

/** What the engine will show first, as it was when the site was built. It may be missing. */
async function sceneOfOpening() {
  try {
    const response = await fetch(new URL("opening.scene", document.baseURI));
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

/**
 * The rest of the program, where a service worker has it. Requests that a page waits for do not go
 * through the service worker: without a network `rest.js` would ask in vain.
 */
async function keptRest(wasm) {
  if (root.dataset.embed || !navigator.serviceWorker?.controller) return null;
  try {
    const response = await fetch(new URL(wasm.replace("_bg.wasm", "_rest.wasm"), document.baseURI));
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch {
    return null;
  }
}

/** The program as a response that counts itself while it is compiled. */
async function download(address, progress) {
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin" });
  } catch (error) {
    throw new Trouble("network", String(error));
  }
  if (!response.ok) {
    throw new Trouble("network", `${address.pathname}: ${response.status} ${response.statusText}`);
  }
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, out) {
        progress.add(chunk.byteLength);
        out.enqueue(chunk);
      },
      flush: () => {
        progress.end();
        prefetchEngine();
      },
    }),
  );
  // Whatever the server calls it, it is compiled while it comes.
  return new Response(counted, { headers: { "content-type": "application/wasm" } });
}

/** The bar, its numbers, and the word that it takes long. */
class Progress {
  constructor(bytes) {
    this.bar = document.getElementById("loading-bar");
    this.numbers = document.getElementById("loading-bytes");
    this.bytes = bytes;
    this.received = 0;
    this.listen();
  }

  add(count) {
    this.received += count;
    const received = Math.round(this.received / 1000);
    if (this.bytes > 0) {
      const total = Math.round(this.bytes / 1000);
      this.bar.max = this.bytes;
      this.bar.value = Math.min(this.received, this.bytes);
      this.numbers.textContent = `${received} / ${total} kB`;
    } else {
      this.numbers.textContent = `${received} kB`;
    }
    this.listen();
  }

  listen() {
    clearTimeout(this.timer);
    root.removeAttribute("data-slow");
    this.timer = setTimeout(() => root.setAttribute("data-slow", ""), QUIET_MS_MAX);
  }

  /** Whether the connection broke before all of it had come. */
  isCutOff() {
    return this.received < this.bytes;
  }

  end() {
    clearTimeout(this.timer);
    root.removeAttribute("data-slow");
  }
}

function causeOf(error, progress) {
  const isForbidden = /content security policy|unsafe-eval|disallowed by embedder/i;
  if (isForbidden.test(error.message)) return "forbidden";
  if (error instanceof WebAssembly.CompileError) return "old";
  return progress.isCutOff() ? "network" : "broken";
}

function tell(trouble) {
  root.removeAttribute("data-slow");
  root.setAttribute("data-trouble", trouble instanceof Trouble ? trouble.name : "broken");
  const detail = document.getElementById("trouble-detail");
  if (detail) detail.textContent = trouble.message;
}

/** After so long the page is at rest, if its engine is there, and can be kept for a time without a
    network. */
const KEEP_MS = 6000;

/** The service worker that waits to take over, once there is one. */
let waiting = null;

/** Keeps the page for a time without a network, and says when a newer one is ready. */
async function keep() {
  const kept = await navigator.serviceWorker.register(new URL("service_worker.js", document.baseURI));
  const found = () => {
    const coming = kept.installing;
    coming?.addEventListener("statechange", () => {
      // The first one of all is no news.
      if (coming.state === "installed" && navigator.serviceWorker.controller) told(coming);
    });
  };
  const told = (worker) => {
    waiting = worker;
    document.dispatchEvent(new CustomEvent("pushpull-newer"));
  };
  if (kept.waiting && navigator.serviceWorker.controller) told(kept.waiting);
  found();
  kept.addEventListener("updatefound", found);
}

/** The page loads itself anew: with the newer one that waits, or with nothing that was kept. */
document.addEventListener("pushpull-reload", (event) => {
  if (event.detail === "erase" && navigator.serviceWorker) {
    event.preventDefault();
    const gone = (kept) => kept?.unregister();
    const names = caches.keys().then((all) => Promise.all(all.map((name) => caches.delete(name))));
    Promise.allSettled([navigator.serviceWorker.getRegistration().then(gone), names]).then(() =>
      location.reload(),
    );
  } else if (waiting) {
    event.preventDefault();
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    waiting.postMessage("take over");
  }
});

/** Somebody wants the picture as a file. */
document.addEventListener("pushpull-picture", ({ detail }) => {
  import(new URL("picture.js", document.baseURI)).then((picture) => picture.save(detail)).catch(console.error);
});

const isOwn = window.top === window && !root.hasAttribute("data-embed");
if (isOwn && window.isSecureContext && navigator.serviceWorker) {
  const resting = setInterval(() => {
    if (!root.dataset.ready) return;
    clearInterval(resting);
    // Where it is refused, the page is as it was.
    keep().catch(() => {});
  }, KEEP_MS);
}

document.getElementById("trouble-again")?.addEventListener("click", () => location.reload());
/** The engine, which the program asks for as soon as it stands: it comes when the program is here. */
const ENGINE = [["worker_loader.js", "script"], ["worker.js", "script"], ["worker_bg.wasm", "fetch"]];

function prefetchEngine() {
  // An embed's worker has another address.
  if (root.hasAttribute("data-embed")) return;
  for (const [file, as] of ENGINE) {
    const link = document.createElement("link");
    Object.assign(link, { rel: "prefetch", href: file, as });
    if (as === "fetch") link.crossOrigin = "anonymous";
    document.head.append(link);
  }
}

/** After so long nobody waits for the first picture any more. */
const PAINT_MS_MAX = 1000;

/** When the first picture is seen: to load the program would make it late. */
function painted() {
  return new Promise((resolve) => {
    const tells = self.PerformanceObserver?.supportedEntryTypes?.includes("paint");
    // Nothing is painted out of sight.
    if (document.hidden || !tells) return resolve();
    new PerformanceObserver((_, observer) => {
      observer.disconnect();
      resolve();
    }).observe({ type: "paint", buffered: true });
    setTimeout(resolve, PAINT_MS_MAX);
  });
}

async function begin() {
  await painted();
  await start();
}

if (!root.hasAttribute("data-trouble")) begin().catch(tell);
