// The site's engine in a worker, without a page: messages in, replies out, each as a string of
// bytes, with the milliseconds at which it went or came.

const worker = new Worker("../worker_loader.js");
const replies = [];
let wake = () => {};

worker.onmessage = ({ data }) => {
  if (data === "here") return;
  replies.push([performance.now(), Array.from(data, (byte) => String.fromCharCode(byte)).join("")]);
  document.documentElement.dataset.ready = "true";
  wake();
};
worker.onerror = ({ message }) => console.error(`the engine failed: ${message}`);

// Gives the engine messages; says when.
globalThis.post = (messages) => {
  const began = performance.now();
  for (const message of messages) {
    const bytes = Uint8Array.from(message, (letter) => letter.charCodeAt(0));
    worker.postMessage(bytes, [bytes.buffer]);
  }
  return began;
};

// What it has answered since the last time, once there is anything.
globalThis.heard = async () => {
  if (replies.length === 0) await new Promise((resolve) => (wake = resolve));
  return replies.splice(0);
};
