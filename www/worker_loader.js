// The engine's first lines in a worker. It says at once that it is there: to load the engine can
// take long, and the page waits for it. A failure is thrown where the page hears of it: then it
// loads the engine into itself.
postMessage("here");
importScripts("worker.js");
wasm_bindgen({ module_or_path: "worker_bg.wasm" }).catch((error) => {
  setTimeout(() => {
    throw error;
  });
});
