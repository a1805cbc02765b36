declare module "modesl" {
  const modesl: unknown;
  export default modesl;
}
