"use strict";
// Everything from the trace is set as text. An episode's inside is made when it is opened and dropped when it is closed.
const data = JSON.parse(document.getElementById("data").textContent);
const list = document.getElementById("episodes");
const search = document.getElementById("search");
const filter = document.getElementById("filter");
const count = document.getElementById("count");
const all = document.getElementById("all");

function make(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined && text !== null) element.textContent = String(text);
  return element;
}

function request(number) {
  const [base, shared, rest] = data.requests[number];
  return base < 0 ? rest : Array.from(request(base)).slice(0, shared).join("") + rest;
}

const TOKENS = /(#[^\n]*)|("""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|\b(\d[\w.]*)|\b(False|None|True|and|as|assert|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b/g;

function highlighted(program) {
  const block = make("pre", "program");
  let end = 0;
  for (const found of program.matchAll(TOKENS)) {
    block.append(program.slice(end, found.index));
    const kind = found[1] ? "comment" : found[2] ? "text" : found[3] ? "number" : "word";
    block.append(make("span", kind, found[0]));
    end = found.index + found[0].length;
  }
  block.append(program.slice(end));
  return block;
}

function line(kind, label, text) {
  const row = make("div", kind);
  row.append(make("span", "label", label), make("span", "words", text));
  return row;
}

function prompt(item) {
  const box = make("details", "prompt");
  const tokens = item.tokens ? `, ${item.tokens[0]} + ${item.tokens[1]} tokens` : "";
  box.append(make("summary", "", `Prompt as sent, and what the model wrote (${item.place}${tokens}, ${item.seconds} s)`));
  box.addEventListener("toggle", () => {
    if (!box.open || box.querySelector("pre")) return;
    box.append(make("pre", "request", item.request === undefined ? "(not recorded)" : request(item.request)));
    box.append(make("pre", "said", item.said));
  });
  return box;
}

function marks(row, item) {
  if (item.cut) row.append(make("span", "mark bad", "cut at max_tokens"));
  for (const mark of [...(item.marks || []), ...(item.notices || [])]) row.append(make("span", "mark", mark));
  if (item.status && item.status !== "ok") row.append(make("span", "mark bad", item.status));
  if (item.inherited) row.append(make("span", "mark", "taken over"));
}

function shown(item) {
  const row = make("div", item.path === "0" ? "item" : "item branch");
  row.dataset.kind = item.kind;
  if (item.kind === "step") {
    if (item.thought) row.append(line("thought", `Thought ${item.number}`, item.thought));
    if (item.action) row.append(line("action", `Action ${item.number}`, item.action));
    if (item.observation !== null) row.append(line("observation", `Observation ${item.number}`, item.observation));
  } else if (item.kind === "complete") {
    row.append(line("thought", item.cue || "Model", item.said));
  } else if (item.kind === "act") {
    row.append(line("action", "Tool", `${item.tool}[${item.argument}]`), line("observation", "Said", item.said));
  } else if (item.kind === "program") {
    row.append(make("span", "label", "Program"), highlighted(item.program), line("observation", "Value", item.said));
    if (item.stdout) row.append(make("pre", "", item.stdout));
  } else if (item.kind === "sample") {
    row.append(line("action", "Sample", item.answer === null ? "no answer" : item.answer));
  } else {
    row.append(make("span", "words", item.text));
  }
  marks(row, item);
  for (const raw of item.raw || []) {
    marks(row, raw);
    if (raw.kind === "complete") row.append(prompt(raw));
  }
  if (item.kind === "complete") row.append(prompt(item));
  return row;
}

function votes(episode) {
  const chart = make("div", "votes");
  const total = episode.votes.reduce((sum, vote) => sum + vote[1], episode.abstained);
  for (const [answer, number] of [...episode.votes, ...(episode.abstained ? [["no answer", episode.abstained]] : [])]) {
    const bar = make("progress");
    bar.max = total;
    bar.value = number;
    chart.append(make("span", "", answer), bar, make("span", "soft", `${number} of ${total}`));
  }
  return chart;
}

function inside(episode) {
  const body = make("div", "inside");
  const facts = [`${episode.tokens[0]} + ${episode.tokens[1]} tokens`, `${episode.seconds} s`, `ended: ${episode.stop}`];
  if (episode.gold.length) facts.push(`gold: ${episode.gold.join(" | ")}`);
  body.append(make("div", "soft", facts.join(" · ")));
  if (episode.error) body.append(make("div", "bad", episode.error));
  if (episode.votes.length) body.append(votes(episode));
  for (const item of episode.items) body.append(shown(item));
  return body;
}

const cards = data.episodes.map((episode) => {
  const card = make("details", "episode");
  const head = make("summary");
  const answered = episode.answer !== null && episode.answer !== undefined;
  head.append(
    make("span", "number", `#${episode.number}`),
    make("span", "question", episode.question),
    make("span", answered ? "answer" : "bad", answered ? episode.answer : `no answer (${episode.stop})`),
    make("span", "soft", episode.size),
  );
  card.append(head);
  card.addEventListener("toggle", () => {
    const body = card.querySelector(".inside");
    if (card.open && !body) card.append(inside(episode));
    else if (!card.open && body) body.remove();
  });
  list.append(card);
  return { card, episode, words: null };
});

function wordsOf(entry) {
  if (entry.words === null) {
    const parts = [entry.episode.question, entry.episode.answer, entry.episode.id];
    for (const item of entry.episode.items.flatMap((one) => [one, ...(one.raw || [])])) {
      parts.push(item.thought, item.action, item.observation, item.said, item.program, item.argument, ...(item.marks || []));
    }
    entry.words = parts.filter((part) => part !== null && part !== undefined).join("\n").toLowerCase();
  }
  return entry.words;
}

function apply() {
  const wanted = search.value.trim().toLowerCase();
  let visible = 0;
  for (const entry of cards) {
    const fits = (!filter.value || entry.episode.stop === filter.value) && (!wanted || wordsOf(entry).includes(wanted));
    entry.card.hidden = !fits;
    visible += fits ? 1 : 0;
  }
  const noun = cards.length === 1 ? "episode" : "episodes";
  count.textContent = visible === cards.length ? `${visible} ${noun}` : `${visible} of ${cards.length} ${noun}`;
}

for (const [name, value] of data.run) {
  const pair = make("div");
  pair.append(make("dt", "", name), make("dd", "", value));
  document.getElementById("run").append(pair);
}
const ends = [...new Set(data.episodes.map((episode) => episode.stop))].sort();
for (const end of ["", ...ends]) {
  const option = make("option", "", end || "every end");
  option.value = end;
  filter.append(option);
}
let waiting = 0;
search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 80); });
filter.addEventListener("change", apply);
function openAll(open) {
  for (const { card } of cards) if (!card.hidden) card.open = open;
  all.setAttribute("aria-expanded", String(open));
  all.textContent = open ? "Close all" : "Open all";
}

function follow() {
  // #3 is episode 3, #all opens all of them, #everything their prompts too, #q=WORDS searches
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted.startsWith("q=")) {
    search.value = wanted.slice(2);
    apply();
  } else if (wanted === "all" || wanted === "everything") {
    openAll(true);
    if (wanted === "everything") {
      setTimeout(() => { for (const box of document.querySelectorAll("details.prompt")) box.open = true; }, 200);
    }
  } else {
    const entry = cards.find(({ episode }) => String(episode.number) === wanted);
    if (entry) {
      entry.card.open = true;
      entry.card.scrollIntoView();
    }
  }
}

all.addEventListener("click", () => openAll(all.getAttribute("aria-expanded") === "false"));
window.addEventListener("hashchange", follow);
if (cards.length === 1) cards[0].card.open = true;
apply();
follow();
