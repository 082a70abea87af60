"""Scripts that tests run in the join page: before its own (DEVICES, LOSSES), or to see what it shows."""

from __future__ import annotations

DEVICES = """
const { mediaDevices } = navigator;
const capture = mediaDevices.getUserMedia.bind(mediaDevices);
const list = mediaDevices.enumerateDevices.bind(mediaDevices);
const gone = new Set(["Fake Default Audio Input"]);
const tell = () => mediaDevices.dispatchEvent(new Event("devicechange"));
window.refused = true;
window.unplug = (label) => { gone.add(label); tell(); };
window.plugIn = (label) => { gone.delete(label); tell(); };
mediaDevices.enumerateDevices = async () => (await list()).filter(({ label }) => !gone.has(label));
mediaDevices.getUserMedia = async (choice) => {
  if (window.refused) throw new DOMException("no", "NotAllowedError");
  const there = (await mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "audioinput");
  const { deviceId } = there.find((device) => device.deviceId === choice.audio?.deviceId) ?? there[0];
  return capture(choice.audio ? { ...choice, audio: { deviceId: { exact: deviceId } } } : choice);
};
"""
"""A script before those of the page: microphones can be unplugged, and at first the person refuses all devices."""
USED = "() => document.getElementById('microphone').selectedOptions[0].label"
"""A script of the page that returns the name of the microphone in use."""
LOSSES = """
window.lossy = false;
let lost = 0;
const count = RTCPeerConnection.prototype.getStats;
RTCPeerConnection.prototype.getStats = async function () {
  const reports = [...(await count.call(this)).values()];
  if (window.lossy) lost += 1000;
  return new Map(reports.map((one) => [one.id, one.type === "inbound-rtp" ? { ...one, packetsLost: lost } : one]));
};
"""
"""A script before those of the page: the browser counts lost packets while the test says so."""
JUDGED = """async () => {
  const start = document.querySelector("script[type=module]").src;
  const { LineJudge, levelOf } = await import(start.replace("join.js", "quality.js"));
  const [good, bad] = [{ loss: 0, roundTrip: 0.1 }, { loss: 0.2, roundTrip: 0.1 }];
  const judge = new LineJudge();
  const said = [levelOf(good)];
  const hear = (sample, second) => judge.judge(sample, second * 1000);
  hear(bad, 1); hear(bad, 3);
  said.push(judge.level);
  hear(bad, 6);
  said.push(judge.level);
  hear(bad, 11);
  said.push(judge.isSoundOnly ? "only" : "all");
  hear(good, 13); hear(good, 30);
  said.push(judge.isSoundOnly ? "only" : "all");
  hear(good, 33);
  return [...said, judge.isSoundOnly ? "only" : "back"];
}"""
"""A script of the page that returns how a line is judged which is bad for ten seconds and then good for twenty."""
FIRST = """() => document.querySelector(".tile.first:not([hidden]) .who")?.textContent ?? ''"""
"""A script of the page that returns who has the large place; "" if nobody has."""
HANDS = """(wanted) =>
  [...document.querySelectorAll("#hands-list li")].map((row) => row.firstChild.data).join() === wanted"""
"""A script of the page: whether these people have a hand up, in this order, joined by commas."""
SHOWN = """() => [...document.querySelectorAll(".tile:not([hidden]) .who")].map((who) => who.textContent).join()"""
"""A script of the page that returns the names on the tiles that are shown, joined by commas."""
STAGES = """async () => {
  const start = document.querySelector("script[type=module]").src;
  const { stageOf } = await import(start.replace("join.js", "stage.js"));
  const people = ["Me", "Ann", "Ben", "Cem", "Dan", "Eve"].map((id) => ({ id, me: id === "Me", pictured: id < "D" }));
  const screen = { id: "screen Ann", screen: true, pictured: true };
  const own = { view: "tiles", pin: "", page: 0, talker: "Ben" };
  const free = { style: "", ids: [], only: false };
  const chosen = { style: "2", ids: ["Dan", "Me"], only: true };
  const told = ({ first, tiles, list, pages }) => `${first}: ${tiles} (${list}) of ${pages}`;
  return [
    stageOf(people, free, own, 9),
    stageOf(people, free, { ...own, page: 1 }, 3),
    stageOf(people.slice(2), free, own, 9),
    stageOf(people, free, { ...own, view: "speaker" }, 9),
    stageOf(people, chosen, { ...own, view: "speaker" }, 9),
    stageOf([...people, screen], chosen, own, 9),
    stageOf([...people, screen], chosen, { ...own, pin: "Eve" }, 3),
  ].map(told);
}"""
"""A script of the page that returns what stages are made of six people, of whom three others have a picture."""
STAGED = [
    ": Me,Ann,Ben,Cem (Dan,Eve) of 1",
    ": Cem (Dan,Eve) of 2",
    ": Ben,Cem,Dan,Eve () of 1",
    "Ben: Ben,Me,Ann,Cem (Dan,Eve) of 1",
    "Dan: Dan,Me () of 1",
    "screen Ann: screen Ann,Dan,Me,Ann,Ben (Eve) of 2",
    "Eve: Eve,Dan,Me,Ann () of 2",
]
"""STAGES returns this: who is large, the tiles, those who are listed by name, and the number of pages."""
HAND_STEPS = """async () => {
  const start = document.querySelector("script[type=module]").src;
  const { OwnHand, ReactionLimit, handsOf } = await import(start.replace("join.js", "hands.js"));
  const hand = new OwnHand();
  const said = [];
  const hear = (isUp, second) =>
    said.push(`${hand.hear(isUp, second * 1000) ? "says " : ""}${hand.isUp ? "up" : "down"}`);
  hand.toggle(1000);
  hear(false, 2); hear(false, 5); hear(true, 6);
  hand.enter();
  hear(false, 7); hear(true, 8); hear(false, 9); hear(false, 20);
  const limit = new ReactionLimit();
  said.push([0, 1, 2, 3, 4].map((second) => limit.allows("a", second)).join());
  said.push(limit.allows("b", 4), limit.allows("a", 4001));
  const people = [{ mtid: "1", ids: ["a"] }, { mtid: "2", ids: ["x", "b"] }];
  const hands = handsOf({ arrangement: { hands: ["2", "3", "1"] }, people }, (id) => id !== "x");
  return [...said, hands.map(({ mtid, id }) => mtid + id).join()];
}"""
"""A script of the page: a hand goes up, the unit hears late of it, the page moves, and the chair lowers it."""
HAND_STORY = [
    *("up", "says up", "up"),
    *("says up", "up", "down", "down"),
    *("true,true,true,true,false", True, True),
    "2b,1a",
]
"""HAND_STEPS returns this: what the page says and shows at each step, which reactions are let through, and hands."""
TEXT_STEPS = """async () => {
  const start = document.querySelector("script[type=module]").src;
  const { difference, moved, partsOf } = await import(start.replace("join.js", "text_changes.js"));
  const changed = (before, after) => Object.values(difference(before, after)).join();
  const delta = [{ retain: 2 }, { insert: "xyz" }, { retain: 2 }, { delete: 4 }];
  return [
    changed("abc", "abXc"), changed("aaa", "aa"), changed("same", "same"), changed("会议 🎉", "会议 🎊"),
    [0, 2, 3, 5, 6, 9].map((place) => moved(place, delta)).join(),
    partsOf("ab🎉cd", 3).join(), partsOf("", 3).length,
  ];
}"""
"""A script of the page: texts change, places move with the changes of others, a long text is cut into parts."""
TEXT_STORY = ["2,2,X", "2,3,", "4,4,", "3,5,🎊", "0,2,6,7,7,8", "ab,🎉c,d", 0]
"""TEXT_STEPS returns this: start, end and text of each change, the places, and the parts."""
ELEMENT_STEPS = """async () => {
  const start = document.querySelector("script[type=module]").src;
  const { nodeOf, read } = await import(start.replace("join.js", "board_elements.js"));
  const line = { t: "line", c: 1, w: 4, p: [1, 2, 3, 4] };
  const wrong = [{ t: "toString" }, { c: 6 }, { c: "at" }, { w: 0 }, { w: 1e3 }, { w: "4" }, { p: [1, 2, 3] },
    { p: [1, 2, 3, "4"] }, { p: [1, 2, 3, 1e9] }, { p: "1234" }, { t: "pen", p: Array(602).fill(1) },
    { t: "text", p: [1, 2], s: {} }];
  const readAll = wrong.map((part) => read(JSON.stringify({ ...line, ...part })));
  const text = nodeOf(read(JSON.stringify({ t: "text", c: 0, w: 4, p: [1, 2], s: "<b>&" })));
  return [
    nodeOf(read(JSON.stringify(line))).getAttribute("x2"), text.textContent, text.children.length,
    ...[...readAll, read("{"), read("null"), read(undefined)].filter(Boolean),
  ];
}"""
"""A script of the page: elements of a whiteboard are drawn, and those that no page writes are not."""
ELEMENT_STORY = ["3", "<b>&", 0]
"""ELEMENT_STEPS returns this: a place of the line, the text as it was typed, and nothing of what is wrong."""
