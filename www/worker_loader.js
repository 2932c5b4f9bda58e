// The engine's first lines in a worker. A failure is thrown where the page hears of it: then it
// loads the engine into itself.
importScripts("worker.js");
wasm_bindgen({ module_or_path: "worker_bg.wasm" }).catch((error) => {
  setTimeout(() => {
    throw error;
  });
});
