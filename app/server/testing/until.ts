/** Waits for a condition, for as long as a loaded machine may need. */
export async function until(ask: () => Promise<boolean> | boolean, explain = () => ""): Promise<void> {
  for (const end = Date.now() + 45_000; !await ask();) {
    if (Date.now() > end) throw new Error(`not within 45 s ${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
