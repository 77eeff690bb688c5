/** A page for components: React's own renderer, in a document without a browser. */
import { Window } from 'happy-dom';

const window = new Window({ url: 'http://app.test/' });
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator;

// They look for the page when they are loaded.
const { createElement } = await import('react');
const { createRoot, hydrateRoot } = await import('react-dom/client');

/** Shows `element`, and tells what is seen. */
export function show(element) {
  return page((container) => {
    const root = createRoot(container);
    root.render(element);
    return root;
  });
}

/** Shows what a server has made of `element`, and has it come to life. */
export function revive(html, element, options) {
  return page((container) => {
    container.innerHTML = html;
    return hydrateRoot(container, element, options);
  });
}

function page(start) {
  const container = document.createElement('div');
  document.body.append(container);
  const root = start(container);
  return {
    get text() {
      return container.textContent;
    },
    change: (element) => root.render(element),
    end: () => root.unmount(),
  };
}

export { createElement };
