/** Drawn for a box of 24 by 24, as lines. */
const paths = {
  call: "M6.5 4h3l1.5 4-2 1.5a12 12 0 0 0 5.5 5.5l1.500-2 4 1.500v3a1.500 1.500 0 0 1-1.600 1.500A16 16 0 0 1 5 5.600 1.500 1.500 0 0 1 6.500 4z",
  hangUp: "M3 14.500c5-5 13-5 18 0l-2.200 2.600-3.600-1.500v-2.400a10 10 0 0 0-6.400 0v2.400l-3.600 1.500z",
  message: "M4 5h16v11H9l-5 4z",
  star: "m12 4 2.400 5 5.600.700-4.100 3.800 1.100 5.500-5-2.700-5 2.700 1.100-5.500L4 9.700 9.600 9z",
  mute: "M9 9v3a3 3 0 0 0 5 2.200M15 11V6a3 3 0 0 0-5.700-1.300M6 11v1a6 6 0 0 0 10 4.500M18 12v-1M12 18v3M4 4l16 16",
  microphone: "M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11v1a6 6 0 0 0 12 0v-1M12 18v3",
  hold: "M9 6v12M15 6v12",
  resume: "M8 5v14l11-7z",
  keypad: "M6 6h.01M12 6h.01M18 6h.01M6 12h.01M12 12h.01M18 12h.01M6 18h.01M12 18h.01M18 18h.01",
  transfer: "M4 8h13l-4-4M20 16H7l4 4",
  add: "M12 5v14M5 12h14",
  park: "M8 20V4h5a4.500 4.500 0 0 1 0 9H8",
  move: "M3 6h12v9H3zM7 19h4M18 9h3v10h-5v-2",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c.500-4 3-6 6.500-6s6 2 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6M18 14.300c2 .700 3.200 2.700 3.500 5.700",
  history: "M4 12a8 8 0 1 0 2.500-5.800L4 8.500M4 4v4.500h4.500M12 8v4.500l3 2",
  rooms: "M4 20V9l8-5 8 5v11M9 20v-6h6v6",
  supervise: "M2.500 12c2-4 5.500-6.500 9.500-6.500s7.500 2.500 9.500 6.500c-2 4-5.500 6.500-9.500 6.500S4.500 16 2.500 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  settings: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h11M19 17h1M15 5v4M9 10v4M17 15v4",
  close: "m6 6 12 12M18 6 6 18",
  back: "m14 5-7 7 7 7",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  incoming: "M18 6 7 17M7 9v8h8",
  outgoing: "M6 18 17 7M17 15V7H9",
  missed: "m4 8 6 6 9-9M19 10V5h-5",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
} as const;

export type IconName = keyof typeof paths;

/** A small drawing beside a word, or alone in a button that has a name: never read aloud. */
export function icon(name: IconName): SVGSVGElement {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", `icon icon-${name}`);
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name]);
  drawing.append(path);
  return drawing;
}
