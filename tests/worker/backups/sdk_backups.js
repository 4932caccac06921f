// The official SDK's service of backups, all of it: one run, one JSON object on stdout.
//
//   node sdk_backups.js URL FOLDER EMAIL PASSWORD      FOLDER: the one with node_modules

import { createRequire } from "node:module";
import { join } from "node:path";

const [url, folder, email, password] = process.argv.slice(2);
const PocketBase = createRequire(join(folder, "package.json"))("pocketbase/cjs");
const pb = new PocketBase(url);
pb.autoCancellation(false);
const status = (promise) => promise.then(() => 200, (error) => error.status);
const said = (promise) => promise.then(() => null, (error) => [error.status, error.response]);

const out = { guest: await status(pb.backups.getFullList()) };
await pb.collection("_superusers").authWithPassword(email, password);
out.created = await pb.backups.create("sdk.zip");
out.unnamed = await pb.backups.create("");
out.again = await said(pb.backups.create("sdk.zip"));
out.wrong = await said(pb.backups.create("../Evil.zip"));
out.list = await pb.backups.getFullList();

const token = await pb.files.getToken();
const reply = await fetch(pb.backups.getDownloadURL(token, "sdk.zip"));
const zip = await reply.arrayBuffer();
out.download = [reply.status, zip.byteLength, reply.headers.get("content-type")];
out.badToken = (await fetch(pb.backups.getDownloadURL(pb.authStore.token, "sdk.zip"))).status;
out.noToken = (await fetch(pb.backups.getDownloadURL("", "sdk.zip"))).status;

out.uploaded = await pb.backups.upload({ file: new File([zip], "uploaded.zip") });
out.taken = await said(pb.backups.upload({ file: new File([zip], "uploaded.zip") }));
out.noZip = await said(pb.backups.upload({ file: new File(["text"], "text.zip") }));
out.after = (await pb.backups.getFullList()).map((one) => one.key);
out.deleted = await pb.backups.delete("sdk.zip");
out.gone = await status(pb.backups.delete("sdk.zip"));
out.restored = await pb.backups.restore("uploaded.zip");
console.log(JSON.stringify(out));
process.exit(0);
