// Moments: in the zone of the browser, and how far away they are. Without this script they are in UTC.
const inZone = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const zone = new Intl.DateTimeFormat("en", { timeZoneName: "short" });
const relative = new Intl.RelativeTimeFormat("en", { style: "short", numeric: "auto" });
const STEPS = [["second", 1, 60], ["minute", 60, 60], ["hour", 3600, 36], ["day", 86400, Infinity]];

const zoneAt = (moment) => zone.formatToParts(moment).find((part) => part.type === "timeZoneName").value;

/** The time of the day, with the zone of the browser. */
export const clock = (moment) => `${inZone.format(moment).slice(11)} ${zoneAt(moment)}`;

function away(moment) {
  const seconds = (moment - Date.now()) / 1000;
  const [unit, size] = STEPS.find(([, each, most]) => Math.abs(seconds) < each * most);
  return relative.format(Math.round(seconds / size), unit);
}

export function localize(root) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(each.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    if (!each.title) {
      each.title = each.textContent.trim();
      const distance = document.createElement("span");
      distance.className = "away";
      each.replaceChildren(`${inZone.format(moment)} ${zoneAt(moment)} `, distance);
    }
    const distance = each.querySelector(".away");
    const text = away(moment);
    if (distance && distance.textContent !== text) distance.textContent = text;
  }
}
