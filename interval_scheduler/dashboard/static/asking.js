// Asks for a page of this dashboard in the background.

// What these say of a page, the browser shows better than we do: that somebody has to sign in, or that it is gone.
const OVER = new Set([401, 403, 404]);

/**
 * Fetch a page. Returns the answer; null if the page is over, which is loaded anew then, as the browser does it.
 *
 * A redirection is not followed: it leads to where somebody signs in, and nothing of that may be shown in this page.
 */
export async function ask(url, options) {
  const answer = await fetch(url, { ...options, redirect: "manual" });
  if (answer.type !== "opaqueredirect" && !OVER.has(answer.status)) return answer;
  location.reload();
  return null;
}

/** The page in an answer; null if it is none of this dashboard, as where the application asks to sign in. */
export async function pageIn(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.querySelector("main#main[data-refresh]") && page.getElementById("read")) return page;
  location.reload();
  return null;
}
