// The page without a network. `cargo xtask page` writes the two lines below: the files of this
// build, and a version that changes with any of them.
const VERSION = "";
const FILES = [];

// All files of a build are in one cache, so that parts of different builds never meet. A new build
// waits until the page asks for it: nobody's lab changes under their hands. Embeds come from the
// network: they stand in pages of others, which know no version.

const CACHE = `pushpull-${VERSION}`;
const root = new URL("./", self.location.href);
const known = new Set(FILES.map((file) => new URL(file, root).href));

self.addEventListener("install", (event) => {
  // What the browser has already is only asked for again, not sent again.
  const requests = FILES.map((file) => new Request(new URL(file, root), { cache: "no-cache" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  const others = (names) => names.filter((name) => name.startsWith("pushpull-") && name !== CACHE);
  const forget = (names) => Promise.all(others(names).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(forget));
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  [address.search, address.hash] = ["", ""];
  if (event.request.mode === "navigate" && address.href === root.href) address.pathname += "index.html";
  if (event.request.method !== "GET" || !known.has(address.href)) return;
  event.respondWith(answer(event, address.href));
});

async function answer(event, address) {
  const asker = event.request.mode !== "navigate" && (await self.clients.get(event.clientId));
  if (asker && isEmbed(new URL(asker.url))) return fetch(event.request);
  const cache = await caches.open(CACHE);
  return (await cache.match(address)) ?? fetch(event.request);
}

/** An embed's page, or its worker, which says so in its address. */
function isEmbed(address) {
  return address.href.startsWith(`${root.href}embed/`) || address.search === "?embed";
}
