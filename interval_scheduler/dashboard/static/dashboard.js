// Keeps a page fresh, and knows keys. Everything works without this script.
import { ask, pageIn } from "./asking.js";
import { clock, localize } from "./moments.js";
import "./tasks.js";
const main = document.getElementById("main");
const live = document.getElementById("live");
const LONGEST_PAUSE = 30_000;

// What the browser remembers for this dashboard; a browser may forbid it.
const memory = {
  has: (name) => { try { return localStorage.getItem(`interval_scheduler.${name}`) !== null; } catch { return false; } },
  set: (name, is) => {
    try { if (is) localStorage.setItem(`interval_scheduler.${name}`, "1"); else localStorage.removeItem(`interval_scheduler.${name}`); } catch { /* it is forgotten with the page */ }
  },
};

// Refreshing: the page as it is now is brought to what the server shows, node by node, so that nothing jumps. A form
// that somebody has begun to fill in stays as it is, and so do the words after an action.
const isTyped = (node) => node.matches("input, select, textarea");
const isBegun = (form) => (form.contains(document.activeElement) && isTyped(document.activeElement)) || [...form.elements].some((field) =>
  field.options ? [...field.options].some((each) => each.selected !== each.defaultSelected && field.dataset.touched)
    : field.checked !== field.defaultChecked || (field.value !== field.defaultValue && "defaultValue" in field));
const stays = (node) => node.nodeType === Node.ELEMENT_NODE
  && (node.matches(".said, [data-keep]") || (node.tagName === "FORM" && isBegun(node)));
// The words after an action have no like in the fresh page: nothing of that may be taken for them.
const isSaid = (node) => node.nodeType === Node.ELEMENT_NODE && node.matches(".said");
const holds = (node) => node.nodeType === Node.ELEMENT_NODE
  && (stays(node) || [...node.querySelectorAll("form, [data-keep]")].some(stays));
const keyOf = (node) => node.nodeType !== Node.ELEMENT_NODE ? null
  : node.id || node.dataset.key || (node.tagName === "TR" && node.querySelector("a[href]")?.getAttribute("href")) || null;

function morph(old, fresh) {
  if (stays(old) || old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) { old.data = fresh.data; return; }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const keyed = new Map([...old.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = keyOf(next);
    while (at && (isSaid(at) || (stays(at) && keyOf(at) !== key))) at = at.nextSibling;
    const same = key ? keyed.get(key) : at && !keyOf(at) && at.nodeName === next.nodeName ? at : null;
    if (same && same.nodeName === next.nodeName) {
      if (same === at) at = at.nextSibling; else old.insertBefore(same, at);
      keyed.delete(key);
      morph(same, next);
    } else {
      old.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    if (!holds(gone)) gone.remove();
  }
}

function show(page) {
  const fresh = page.getElementById("main");
  localize(fresh);
  const focused = document.activeElement;
  morph(main, fresh);
  // What had the focus may be gone, as a link to look again is in the end: who uses keys goes on from here.
  if (focused !== document.activeElement) (focused.isConnected ? focused : main).focus({ preventScroll: true });
  const foot = page.getElementById("read");
  localize(foot);
  document.getElementById("read").replaceWith(foot);
  document.title = page.title;
}

let tag = null;
let timer = 0;
let failures = 0;
let isAsking = false;
let isOver = false; // the browser loads the page anew
let since = new Date();
let isPaused = memory.has("paused");

function tell() {
  const words = isPaused ? "Paused" : failures > 1 ? `Stale since ${clock(since)}` : "Live";
  const state = document.getElementById("state");
  if (state.textContent !== words) state.textContent = words;
  live.dataset.state = words.split(" ")[0].toLowerCase();
  document.getElementById("pause").textContent = isPaused ? "Refresh again" : "Pause refresh";
  const isFinal = !Number(main.dataset.refresh); // what somebody waited for is there, and stays as it is
  if (isFinal && live.contains(document.activeElement)) main.focus({ preventScroll: true });
  live.hidden = isFinal;
}

function plan() {
  clearTimeout(timer);
  const seconds = Number(main.dataset.refresh);
  if (!seconds || isPaused || isOver || document.hidden) return;
  timer = setTimeout(refresh, Math.min(seconds * 1000 * 2 ** failures, LONGEST_PAUSE));
}

async function refresh() {
  if (isAsking || isOver) return;
  isAsking = true;
  try {
    const answer = await ask(location.href, {
      headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", signal: AbortSignal.timeout(LONGEST_PAUSE),
    });
    isOver = !answer;
    if (isOver) return;
    if (!answer.ok && answer.status !== 304) throw new Error(String(answer.status));
    if (answer.ok) {
      const page = await pageIn(answer);
      isOver = !page;
      if (isOver) return;
      show(page);
      tag = answer.headers.get("etag");
    }
    failures = 0;
    since = new Date();
  } catch {
    failures = Math.min(failures + 1, 8);
  } finally {
    isAsking = false;
    localize(document);
    tell();
    plan();
  }
}

function pause() {
  isPaused = !isPaused;
  memory.set("paused", isPaused);
  tell();
  if (isPaused) plan(); else refresh();
}

// Keys: single characters, which somebody who dictates to the browser can switch off.
const dialog = document.getElementById("shortcuts");
const areOn = document.getElementById("shortcuts-on");
let goes = 0;

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || memory.has("no-keys")) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const key = event.key;
  const link = Date.now() < goes && document.querySelector(`nav a[data-go="${CSS.escape(key)}"]`);
  goes = key === "g" ? Date.now() + 1500 : 0;
  if (link) link.click();
  else if (key === "?") dialog.showModal();
  else if (key === "/") document.querySelector("main [type=search]")?.focus();
  else if (key === "r") refresh();
  else if (key === "p" && !live.hidden) pause();
  else return;
  event.preventDefault();
}

function click(event) {
  const button = event.target.closest("button");
  if (button?.id === "pause") pause();
  else if (button?.id === "show-shortcuts") dialog.showModal();
}

localize(document);
document.addEventListener("click", click);
document.addEventListener("change", (event) => { event.target.dataset.touched = "1"; });
document.addEventListener("keydown", press);
document.addEventListener("visibilitychange", () => { if (document.hidden) plan(); else if (!isPaused && Number(main.dataset.refresh)) refresh(); });
areOn.checked = !memory.has("no-keys");
areOn.addEventListener("change", () => memory.set("no-keys", !areOn.checked));
document.getElementById("show-shortcuts").hidden = false;
tell();
plan();
