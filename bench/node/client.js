// @googleapis/androidmanagement, set up as its documentation does; a token that is known already.
import { androidmanagement, auth } from "@googleapis/androidmanagement";

const [kind, text] = process.argv.slice(2);
const count = Number(text);
const credentials = new auth.OAuth2();
credentials.setCredentials({ access_token: process.env.BENCH_TOKEN });
const api = androidmanagement({ version: "v1", auth: credentials, rootUrl: `${process.env.BENCH_ROOT}/` });
const operations = api.enterprises.devices.operations;
const fields = "name,done,error,metadata(@type,type,createTime,duration,errorCode)";

async function one(index) {
  const name = `enterprises/LC01abcd89/devices/${index.toString(16).padStart(16, "0")}/operations/1786048723669`;
  try {
    const answer = await operations.cancel({ name });
    let fine = answer.status === 200 && JSON.stringify(answer.data) === "{}";
    if (kind.startsWith("confirm")) {
      const told = (await operations.get({ name, fields })).data;
      fine = fine && told.done && told.error.code === 1;
    }
    return Number(fine);
  } catch (error) {
    if (!error.response) throw error;
    return 0;
  }
}

let next = 0;
async function worker() {
  let good = 0;
  while (next < count) good += await one(next++);
  return good;
}

const workers = kind.endsWith("serial") ? 1 : Number(process.env.BENCH_IN_FLIGHT ?? 100);
const all = await Promise.all(Array.from({ length: workers }, worker));
const good = all.reduce((sum, each) => sum + each, 0);
console.log(JSON.stringify({ good, refused: count - good }));
