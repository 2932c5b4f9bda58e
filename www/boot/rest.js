// A program in two parts: the first is what the first minute needs, the rest comes behind it.
// `cargo xtask page` puts this in front of the program's glue, which asks for `load` when the
// first part comes to a function of the rest.

/**
 * What the first part imports.
 * @param first gives the exports of the first part once it stands
 * @param file the rest, beside the document
 */
function restOfProgram(first, file) {
  // In a worker an address is relative to its script.
  const address = self.document ? new URL(file, document.baseURI).href : file;
  const coming = new AbortController();
  let isThere = false;

  /** The rest puts its functions into the table of the first part by itself. */
  const join = (module) => {
    if (!isThere) new WebAssembly.Instance(module, { first: first() });
    isThere = true;
  };

  /** At once: something waits for it. */
  const load = () => {
    if (isThere) return;
    coming.abort();
    if (self.pushpullRest) return join(self.pushpullRest);
    const request = new XMLHttpRequest();
    // Another address than below: Chromium lets a second request for one address wait for the
    // first, which cannot be read while this one waits; it gives up after twenty seconds.
    request.open("GET", `${address}?now`, false);
    request.overrideMimeType("text/plain; charset=x-user-defined");
    request.send();
    if (request.status !== 200) throw new Error(`${file}: ${request.status} ${request.statusText}`);
    join(new WebAssembly.Module(Uint8Array.from(request.response, (byte) => byte.charCodeAt(0))));
  };

  /** A page that stands without its engine needs that next. */
  const isBehindEngine = () => self.pushpullOpening && !self.document.documentElement.dataset.ready;

  /** In its own time, when the first part stands. What fails here, `load` tries again. */
  const standing = setInterval(() => {
    if (!first() || isBehindEngine()) return;
    clearInterval(standing);
    if (isThere) return;
    fetch(address, { signal: coming.signal })
      .then((response) => response.arrayBuffer())
      .then(WebAssembly.compile)
      .then(join)
      .catch(() => {});
  }, 20);

  return { load };
}
