/**
 * What a full disk is called when it is met in the middle of something: by Node (ENOSPC), by the Docker daemon and by the
 * engine, each with a path in its message. Before that, `cli/disks.ts` looks.
 *
 * @returns a sentence that names the place, or nothing when the message is of something else
 */
export function fullDisk(message: string): string | undefined {
  if (!/no space left on device|ENOSPC|disk quota exceeded|EDQUOT/i.test(message)) return undefined;
  const path = /(\/[^\s:'"]+)['"]?: (?:no space left on device|disk quota exceeded)/i.exec(message)?.[1] ?? /(?:ENOSPC|EDQUOT).*?'(\/[^']+)'/.exec(message)?.[1];
  return `The disk ${path === undefined ? "that Docker or this stack's state is on" : `with ${path}`} is full. Free some of it ('df -h' shows which disk, 'docker system df' what Docker keeps there) and type this again.`;
}
