/**
 * Draws at once, and what follows within `milliseconds` together at their end: in a large company somebody's presence changes many times a
 * second, and nobody reads that fast.
 */
export function atMostEvery(milliseconds: number, draw: () => void): () => void {
  let drawn = -Infinity;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const now = () => {
    waiting = undefined;
    drawn = Date.now();
    draw();
  };
  return () => {
    if (waiting !== undefined) return;
    const left = drawn + milliseconds - Date.now();
    if (left <= 0) now();
    else waiting = setTimeout(now, left);
  };
}
