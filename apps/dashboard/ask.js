// Questions to /v1: JSON both ways, and what went wrong in its own words.
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export async function ask(method, path, body, patience = 65000) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body,
    signal: AbortSignal.timeout(patience),
  });
  const text = await response.text();
  let answer = {};
  try {
    answer = text ? JSON.parse(text) : {};
  } catch {
    answer = { detail: text.slice(0, 500) };
  }
  if (!response.ok) throw new Refused(response.status, answer);
  return { answer, text };
}
