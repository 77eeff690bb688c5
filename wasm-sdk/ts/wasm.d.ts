/** A module that the bundler or the runtime has compiled. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
