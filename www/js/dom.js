/** Small helpers around the DOM. */

const SVG = 'http://www.w3.org/2000/svg';

/** The element with this id, which the page must have. */
export const byId = (id) => document.getElementById(id);

/** An HTML element with attributes and children; a child is a node or text, `null` is left out. */
export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Sets attributes that differ; `null` and `undefined` remove one. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
  return node;
}

/** Sets the text if it differs, so that a live region speaks only of what changed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
  return node;
}

/** Replaces the children, leaving out `null`. */
export function setChildren(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function fill(node, attributes, children) {
  set(node, attributes);
  return setChildren(node, ...children);
}
