/** A name that the browsers take for this machine, and for one that they do not trust without https. */
export const INSECURE_HOST = 'henge.test';
