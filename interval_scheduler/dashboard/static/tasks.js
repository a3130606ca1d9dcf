// Comfort on the pages of tasks: a search that goes on by itself, copying, and choosing all. Everything works without
// this script.
import { ask, pageIn } from "./asking.js";
import { localize } from "./moments.js";

document.documentElement.classList.add("has-js");

/** Fetch the next step of a search, and put what it found below what is shown. Returns false at the end. */
async function step(found, signal) {
  const answer = await ask(found.dataset.next, { signal });
  if (!answer) return false;
  if (answer.status === 429) {
    await new Promise((resolve) => setTimeout(resolve, 1000)); // somebody else has the turn
    return true;
  }
  if (!answer.ok) throw new Error(`The search stopped: ${answer.status}`);
  const next = await pageIn(answer);
  if (!next) return false;
  const section = next.querySelector(".found");
  const rows = document.querySelector("table.tasks tbody");
  const added = next.querySelector("table.tasks tbody");
  localize(next);
  if (added && rows) rows.append(...added.children);
  else if (added) found.after(added.closest(".scroll"), ...next.querySelectorAll("#chosen"));
  for (const each of ["h2", "[role=status]"]) found.querySelector(each).textContent = section.querySelector(each).textContent;
  found.querySelector("progress").value = section.querySelector("progress").value;
  found.querySelector("progress").max = section.querySelector("progress").max;
  found.querySelector(".go-on").href = section.dataset.next ?? "";
  found.dataset.next = section.dataset.next ?? "";
  return found.dataset.next !== "" && document.querySelectorAll("table.tasks tbody tr").length < 500;
}

async function search(found) {
  const stop = found.querySelector(".stop");
  const goOn = found.querySelector(".go-on");
  const stopping = new AbortController();
  stop.addEventListener("click", () => stopping.abort());
  goOn.hidden = true;
  try {
    while (await step(found, stopping.signal));
  } catch (error) {
    if (error.name !== "AbortError") found.querySelector("[role=status]").textContent = error.message;
  }
  stop.hidden = true;
  goOn.hidden = found.dataset.next === "";
}

document.addEventListener("click", async (event) => {
  const copy = event.target.closest?.("[data-copy]");
  if (!copy) return;
  const before = copy.textContent;
  try {
    await navigator.clipboard.writeText(document.querySelector(copy.dataset.copy).textContent);
    copy.textContent = "Copied";
  } catch {
    copy.textContent = "Not allowed by the browser"; // the text can be selected all the same
  }
  setTimeout(() => (copy.textContent = before), 2000);
});

document.addEventListener("change", (event) => {
  if (!event.target.matches?.(".all")) return;
  for (const each of document.querySelectorAll("td.pick input")) each.checked = event.target.checked;
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.dataset.busy) return;
  button.textContent = button.dataset.busy;
  setTimeout(() => (button.disabled = true)); // not before the form is sent: it would lack its button
});

const found = document.querySelector(".found[data-next]");
if (found) search(found);
