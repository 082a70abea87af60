/* A conference from start to end, by the TypeScript client that openapi-typescript generates. */
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const client = createClient<paths>({
  baseUrl: process.env.API_URL,
  headers: { Authorization: `Bearer ${process.env.API_TOKEN}` },
});

/** Return the data of an answer that is a success. */
async function done<T extends { success: number }>(
  call: Promise<{ data?: T; error?: unknown }>,
): Promise<Extract<T, { success: 1 }>> {
  const { data, error } = await call;
  if (data === undefined || data.success !== 1) {
    throw new Error(JSON.stringify(data ?? error));
  }
  return data as Extract<T, { success: 1 }>;
}

/** Return the ids of the terminals once there are so many. */
async function terminals(conf_id: string, count: number): Promise<string[]> {
  for (let round = 0; round < 100; round++) {
    const path = { conf_id };
    const { mts } = await done(client.GET("/api/v1/vc/confs/{conf_id}/mts", { params: { path } }));
    if (mts.length === count) return mts.map((terminal) => terminal.mt_id);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${count} terminals expected`);
}

const invite_members = ["7001", "7002"].map((account) => ({ account, account_type: 5 }));
const body = { name: "By a TypeScript client", duration: 60, invite_members };
const { conf_id } = await done(client.POST("/api/v1/mc/confs", { body }));
const params = { path: { conf_id } };
const { confs } = await done(client.GET("/api/v1/vc/confs", {}));
if (!confs.some((conference) => conference.conf_id === conf_id)) throw new Error("not listed");
const [first, second] = await terminals(conf_id, 2);
await done(client.PUT("/api/v1/vc/confs/{conf_id}/chairman", { params, body: { mt_id: first } }));
await done(client.PUT("/api/v1/vc/confs/{conf_id}/speaker", { params, body: { mt_id: second } }));
const of_first = { path: { conf_id, mt_id: first } };
await done(
  client.PUT("/api/v1/vc/confs/{conf_id}/mts/{mt_id}/mute", {
    params: of_first,
    body: { value: 1 },
  }),
);
await done(
  client.POST("/api/v1/vc/confs/{conf_id}/vmps", {
    params,
    body: { mode: 1, layout: 2, members: [{ chn_idx: 0, member_type: 1, mt_id: first }] },
  }),
);
const of_picture = { path: { conf_id, vmp_id: "1" } };
await done(client.DELETE("/api/v1/vc/confs/{conf_id}/vmps/{vmp_id}", { params: of_picture }));
const called = await done(
  client.POST("/api/v1/vc/confs/{conf_id}/mts", {
    params,
    body: { mts: [{ account: "7003", account_type: 5 }] },
  }),
);
await done(
  client.DELETE("/api/v1/vc/confs/{conf_id}/mts", {
    params,
    body: { mts: called.mts.map(({ mt_id }) => ({ mt_id })) },
  }),
);
await terminals(conf_id, 2);
await done(client.POST("/api/v1/vc/confs/{conf_id}/delay", { params, body: { delay_time: 15 } }));
await done(client.POST("/api/v1/vc/confs/{conf_id}/name", { params, body: { value: "Renamed" } }));
const detail = await done(client.GET("/api/v1/vc/confs/{conf_id}", { params }));
if (detail.duration !== 75) throw new Error(`a duration of ${detail.duration} minutes`);
await done(client.DELETE("/api/v1/mc/confs/{conf_id}", { params }));
const gone = await client.GET("/api/v1/vc/confs/{conf_id}", { params });
if (gone.response.status !== 404 || gone.error?.error_code !== 12103) {
  throw new Error(`it is still there: ${gone.response.status}`);
}
console.log("held a conference from start to end");
