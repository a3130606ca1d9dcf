// Shows moments in the zone of the browser as well. Everything works without this script.
import "./tasks.js";
for (const each of document.querySelectorAll("time[datetime]")) {
  each.title = new Date(each.dateTime).toString();
}
