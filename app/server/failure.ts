/** Something whoever runs this server can mend: a sentence instead of a stack trace. */
export class Failure extends Error {
  override name = "Failure";
}
