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
  let compiled = null;
  let isThere = false;

  /** The rest puts its functions into the table of the first part by itself. */
  const join = (module) => {
    if (!isThere) new WebAssembly.Instance(module, { first: first() });
    isThere = true;
  };

  /** At once: something waits for it. */
  const load = () => {
    if (isThere) return;
    if (compiled) return join(compiled);
    const request = new XMLHttpRequest();
    request.open("GET", address, false);
    request.overrideMimeType("text/plain; charset=x-user-defined");
    request.send();
    if (request.status !== 200) throw new Error(`${file}: ${request.status} ${request.statusText}`);
    join(new WebAssembly.Module(Uint8Array.from(request.response, (byte) => byte.charCodeAt(0))));
  };

  /** In its own time. What fails here, `load` tries again. */
  const fetchIt = () =>
    fetch(address)
      .then((response) => response.arrayBuffer())
      .then(WebAssembly.compile)
      .then((module) => {
        compiled = module;
        if (first()) join(module);
      })
      .catch(() => {});

  // Who comes by a link to something needs it at once; others when the first part stands.
  const isLinked = self.document && (location.hash || new URLSearchParams(location.search).has("lesson"));
  if (isLinked) {
    fetchIt();
  } else {
    const standing = setInterval(() => {
      if (!first()) return;
      clearInterval(standing);
      if (!isThere) fetchIt();
    }, 20);
  }

  return { load };
}
