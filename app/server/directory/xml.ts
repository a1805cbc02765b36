/** Answers of `mod_xml_curl`'s directory binding. (FreeSWITCH, "mod_xml_curl") */

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
const escape = (text: string) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "").replace(/[&<>"']/g, (sign) => entities[sign]!);

export const notFound = `<document type="freeswitch/xml"><section name="result"><result status="not found"/></section></document>`;

export interface DirectoryUser {
  id: string;
  numberAlias?: string;
  params: Record<string, string>;
  variables: Record<string, string>;
}

/** One user, to be kept by the switch until it is told otherwise. */
export function userDocument(domain: string, { id, numberAlias, params, variables }: DirectoryUser): string {
  const list = (tag: string, values: Record<string, string>) =>
    Object.entries(values).map(([name, value]) => `<${tag} name="${escape(name)}" value="${escape(value)}"/>`).join("");
  return `<document type="freeswitch/xml"><section name="directory"><domain name="${escape(domain)}">`
    + `<user id="${escape(id)}"${numberAlias === undefined ? "" : ` number-alias="${escape(numberAlias)}"`} cacheable="true">`
    // FreeSWITCH lets in whoever names a user that has no password, whatever they answer to its challenge: a dialled person has none.
    + `<params>${list("param", { "allow-empty-password": "false", ...params })}</params><variables>${list("variable", variables)}</variables>`
    + `</user></domain></section></document>`;
}
