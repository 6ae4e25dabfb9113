// @googleapis/androidmanagement with google-auth-library, set up as their documentation does.
import { readFileSync } from "node:fs";
import { androidmanagement, auth as bundled } from "@googleapis/androidmanagement";
import { GoogleAuth, OAuth2Client } from "google-auth-library";

const SCOPE = "https://www.googleapis.com/auth/androidmanagement";
const { CLIENT_ROOT: root, CLIENT_TOKEN: token, CLIENT_CREDENTIALS: file } = process.env;
const { CLIENT_OPERATION: name } = process.env;

// The API's package brings an older google-auth-library of its own; the documentation uses the newest.
async function authorization() {
  if (file) {
    const credentials = JSON.parse(readFileSync(file, "utf8"));
    return new GoogleAuth({ credentials, scopes: [SCOPE] }).getClient();
  }
  const client = new OAuth2Client();
  client.setCredentials({ access_token: token });
  return client;
}

async function headers() {
  const client = await authorization();
  const given = await client.getRequestHeaders();
  return given instanceof Headers ? Object.fromEntries(given) : given;
}

async function main() {
  const { authorization: value, Authorization: older } = await headers();
  const credentials = new bundled.OAuth2();
  credentials.setCredentials({ access_token: (value ?? older).replace(/^Bearer /i, "") });
  const api = androidmanagement({ version: "v1", auth: credentials, rootUrl: `${root}/` });
  const operations = api.enterprises.devices.operations;
  const parent = name.slice(0, name.lastIndexOf("/"));
  const cancel = (await operations.cancel({ name })).data;
  const get = (await operations.get({ name })).data;
  const list = (await operations.list({ name: parent })).data.operations.map((each) => each.name);
  const unknown = await operations.cancel({ name: `${name}0` }).then(
    () => ({ status: 200 }),
    (error) => ({ status: Number(error.code ?? error.status), message: error.message }),
  );
  console.log(JSON.stringify({ cancel, get, list, unknown, batch: null }));
}

main().catch((error) => {
  console.error(String(error?.message ?? error));
  process.exit(1);
});
