// Embeds what its address asks for: ?frame=ADDRESS[&sandbox=TOKENS], or ?element=ATTRIBUTES&script=ADDRESS.
// Everything that is heard from the embed stands in window.heard.
window.heard = [];
const asked = new URLSearchParams(location.search);
const place = document.getElementById("place");
addEventListener("message", (event) => {
  window.heard.push(event.data);
  if (event.data?.type === "pushpull:ready") {
    window.port = event.ports[0];
    window.port.onmessage = ({ data }) => {
      window.heard.push(data);
      window.answers?.get(data.request)?.(data);
    };
  }
});
window.hello = (id = "x", v = 1) => frames[0].postMessage({ type: "pushpull:hello", v, id }, "*");
window.answers = new Map();
let last = 0;
window.ask = (type, content = {}) =>
  new Promise((resolve) => {
    const request = ++last;
    window.answers.set(request, resolve);
    window.port.postMessage({ type: `pushpull:${type}`, v: 1, request, ...content });
  });
if (asked.has("frame")) {
  const frame = document.createElement("iframe");
  frame.title = "embed";
  if (asked.has("sandbox")) frame.setAttribute("sandbox", asked.get("sandbox"));
  frame.style = "width: 800px; height: 520px; border: 0";
  frame.src = asked.get("frame");
  place.append(frame);
} else if (asked.has("element")) {
  const element = document.createElement("pushpull-lab");
  for (const [name, value] of new URLSearchParams(asked.get("element"))) element.setAttribute(name, value);
  for (const name of ["ready", "goal", "progress", "prediction", "error"]) {
    element.addEventListener(`pushpull-${name}`, ({ detail }) => window.heard.push(detail));
  }
  place.append(element);
  import(asked.get("script"));
}
