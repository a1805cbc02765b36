import type { Ending } from "./end-reason.ts";

/** Languages that the library speaks; the page may speak others from the reasons themselves. */
export type Language = "en" | "ru";

/** The end of a call in one plain sentence. Russian keeps the name in the nominative: nobody can inflect every name. */
export function describeEnd(ending: Ending, language: Language = "en"): string {
  const words = sentences[language];
  const { reason, name, by, answered, direction } = ending;
  if (reason === "no-microphone") return words.noMicrophone;
  if (reason === "connection-lost") return words.lost(name);
  if (reason === "moved") return words.moved(name);
  if (reason === "parked") return words.parked(name);
  if (reason === "transferred") return words.transferred(name);
  if (reason === "merged") return words.merged(name);
  if (reason === "not-returned") return by === "me" ? words.lost(name) : words.notReturned(name);
  if (reason === "not-picked-up") return words.notPickedUp(name);
  if (reason === "removed") return words.removed;
  if (answered) return reason === "hung-up" || reason === "cancelled" ? words[by === "me" ? "hungUpByMe" : by === "peer" ? "hungUpByPeer" : "over"](name) : words.cutOff(name);
  return direction === "outgoing" ? outgoing(ending, words) : incoming(ending, words);
}

function outgoing({ reason, name, by }: Ending, words: Sentences): string {
  switch (reason) {
    case "declined": return words.declined(name);
    case "busy": return words.busy(name);
    case "no-answer": return words.noAnswer(name);
    case "hung-up": return by === "me" ? words.cancelled(name) : words.hungUpByPeer(name);
    case "cancelled": return words.cancelled(name);
    case "offline": return words.offline(name);
    case "unknown-person": return words.unknown(name);
    case "do-not-disturb": return words.quiet(name);
    case "refused": return words.refused(name);
    default: return words.failed(name);
  }
}

function incoming({ reason, name, by }: Ending, words: Sentences): string {
  if (reason === "answered-elsewhere") return words.elsewhere(name);
  if (reason === "declined" || by === "me") return words.declinedByMe(name);
  if (reason === "do-not-disturb") return words.missedQuiet(name);
  if (reason === "busy") return words.missedBusy(name);
  return words.missed(name);
}

const english = {
  noMicrophone: "No microphone: allow this page to use it, then call again.",
  removed: "You were taken out of the call.",
  lost: (name: string) => `The connection to ${name} was lost.`,
  moved: (name: string) => `The call with ${name} goes on at another device.`,
  parked: (name: string) => `You parked the call with ${name}.`,
  transferred: (name: string) => `The call with ${name} was transferred.`,
  merged: (name: string) => `The call with ${name} became part of another.`,
  notReturned: (name: string) => `${name} did not come back.`,
  notPickedUp: (name: string) => `Nobody picked up the call with ${name}.`,
  hungUpByMe: (name: string) => `You hung up. Call with ${name} ended.`,
  hungUpByPeer: (name: string) => `${name} hung up.`,
  over: (name: string) => `Call with ${name} ended.`,
  cutOff: (name: string) => `The call with ${name} was cut off.`,
  declined: (name: string) => `${name} declined the call.`,
  busy: (name: string) => `${name} is busy.`,
  noAnswer: (name: string) => `${name} did not answer.`,
  cancelled: (name: string) => `You cancelled the call to ${name}.`,
  offline: (name: string) => `${name} is offline.`,
  unknown: (name: string) => `Nobody here is called ${name}.`,
  quiet: (name: string) => `${name} does not want to be disturbed.`,
  refused: (name: string) => `The switch refused the call to ${name}.`,
  failed: (name: string) => `The call to ${name} failed.`,
  elsewhere: (name: string) => `The call from ${name} was answered on another device.`,
  declinedByMe: (name: string) => `You declined the call from ${name}.`,
  missedQuiet: (name: string) => `Missed call from ${name} while you were not to be disturbed.`,
  missedBusy: (name: string) => `Missed call from ${name} while you were busy.`,
  missed: (name: string) => `Missed call from ${name}.`,
};

type Sentences = typeof english;

const russian: Sentences = {
  noMicrophone: "Нет микрофона: разрешите этой странице доступ к нему и позвоните снова.",
  removed: "Вас отключили от разговора.",
  lost: (name) => `${name}: связь потеряна.`,
  moved: (name) => `${name}: разговор продолжается на другом устройстве.`,
  parked: (name) => `${name}: вы поставили звонок на парковку.`,
  transferred: (name) => `${name}: звонок переведён.`,
  merged: (name) => `${name}: звонок объединён с другим.`,
  notReturned: (name) => `${name}: связь не восстановилась.`,
  notPickedUp: (name) => `${name}: никто не забрал звонок.`,
  hungUpByMe: (name) => `Вы завершили разговор: ${name}.`,
  hungUpByPeer: (name) => `${name}: собеседник завершил разговор.`,
  over: (name) => `Разговор завершён: ${name}.`,
  cutOff: (name) => `${name}: разговор прервался.`,
  declined: (name) => `${name}: вызов отклонён.`,
  busy: (name) => `${name}: занято.`,
  noAnswer: (name) => `${name}: нет ответа.`,
  cancelled: (name) => `Вы отменили вызов: ${name}.`,
  offline: (name) => `${name}: не в сети.`,
  unknown: (name) => `Такого абонента нет: ${name}.`,
  quiet: (name) => `${name}: просьба не беспокоить.`,
  refused: (name) => `Коммутатор не принял вызов: ${name}.`,
  failed: (name) => `Вызов не удался: ${name}.`,
  elsewhere: (name) => `${name}: на звонок ответили на другом устройстве.`,
  declinedByMe: (name) => `Вы отклонили вызов: ${name}.`,
  missedQuiet: (name) => `Пропущенный вызов, пока вы просили не беспокоить: ${name}.`,
  missedBusy: (name) => `Пропущенный вызов, пока вы были заняты: ${name}.`,
  missed: (name) => `Пропущенный вызов: ${name}.`,
};

const sentences: Record<Language, Sentences> = { en: english, ru: russian };
