// The picture as a file: the shapes that are seen, with the colours that they have now, under a
// line that says what it is. Comes when somebody asks for it.

/** What a style sheet gives the shapes, and a file has to say by itself. */
const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity",
  "stroke-linecap", "stroke-linejoin", "opacity", "visibility", "display", "font-family",
  "font-size", "font-weight", "text-anchor", "dominant-baseline",
];

/** Room for the line above the shapes and around all, and how much finer the pixels of a PNG are. */
const HEAD_PX = 44;
const EDGE_PX = 12;
const FINER = 2;

const SVG = "http://www.w3.org/2000/svg";

export async function save({ kind, name, title, about }) {
  const svg = drawn(title, about);
  if (!svg) return;
  const file = new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  download(kind === "png" ? await painted(file, svg) : file, `${name}.${kind}`);
}

function drawn(title, about) {
  const seen = document.querySelector(".picture-shapes");
  if (!seen) return null;
  const copy = seen.cloneNode(true);
  const pairs = (from, to) => {
    dress(from, to);
    [...from.children].forEach((child, place) => pairs(child, to.children[place]));
  };
  pairs(seen, copy);
  const [, , width, height] = copy.getAttribute("viewBox").split(" ").map(Number);
  for (const word of ["class", "style", "aria-hidden"]) copy.removeAttribute(word);
  copy.setAttribute("xmlns", SVG);
  const size = { width: width + 2 * EDGE_PX, height: height + HEAD_PX + EDGE_PX };
  copy.setAttribute("viewBox", `${-EDGE_PX} ${-HEAD_PX} ${size.width} ${size.height}`);
  copy.setAttribute("width", size.width);
  copy.setAttribute("height", size.height);
  const page = getComputedStyle(document.body);
  const ground = made("rect", { x: -EDGE_PX, y: -HEAD_PX, ...size, fill: page.backgroundColor });
  const head = made("text", { x: 0, y: 20 - HEAD_PX, fill: page.color, "font-family": page.fontFamily, "font-size": 12 });
  head.textContent = title;
  const [name, text] = [made("title", {}), made("desc", {})];
  [name.textContent, text.textContent] = [title, about];
  copy.prepend(name, text, ground, head);
  return copy;
}

/** Gives a copy the looks of what it was copied from. */
function dress(from, to) {
  const style = getComputedStyle(from);
  for (const word of STYLES) {
    const value = style.getPropertyValue(word);
    if (value) to.setAttribute(word, value);
  }
  const [x, y = "0"] = style.translate.split(" ").map((length) => parseFloat(length) || 0);
  if (style.translate !== "none") to.setAttribute("transform", `translate(${x} ${y})`);
  for (const word of ["class", "style"]) to.removeAttribute(word);
}

function made(element, attributes) {
  const node = document.createElementNS(SVG, element);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

async function painted(file, svg) {
  const address = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = svg.getAttribute("width") * FINER;
    canvas.height = svg.getAttribute("height") * FINER;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    URL.revokeObjectURL(address);
  }
}

function download(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // After the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
