"use strict";

// Playing: the cursor follows the sound, the word that is spoken lights up, and a click on picture or word goes there.
for (const article of document.querySelectorAll("article")) {
  const audio = article.querySelector("audio");
  if (!audio) continue;
  const picture = article.querySelector(".recording"); // a long recording has none
  const cursor = picture?.querySelector(".cursor");
  const words = [...article.querySelectorAll(".word")];

  const show = () => {
    article.classList.add("heard");
    cursor?.setAttribute("transform", `translate(${audio.currentTime * picture.dataset.scale} 0)`);
    for (const word of words) {
      word.classList.toggle("now", word.dataset.start <= audio.currentTime && audio.currentTime < word.dataset.end);
    }
    if (!audio.paused) requestAnimationFrame(show);
  };
  const goTo = (seconds) => {
    audio.currentTime = seconds;
    audio.play();
  };
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    show();
  });
  audio.addEventListener("seeked", show);
  picture?.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    goTo(((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width / picture.dataset.scale);
  });
  for (const word of words) word.addEventListener("click", () => goTo(Number(word.dataset.start)));
}

// Finding: the boxes choose and order the utterances.
const controls = document.querySelector(".controls");
const list = document.querySelector(".utterances");
const articles = [...list.children];
const orders = {
  errors: () => 0, // as they come
  rate: (a, b) => b.dataset.rate - a.dataset.rate,
  confidence: (a, b) => a.dataset.confidence - b.dataset.confidence,
  duration: (a, b) => b.dataset.duration - a.dataset.duration,
};
const update = () => {
  const { find, corpus, show, sort, count } = controls.elements;
  const text = find.value.trim().toLowerCase();
  let shown = 0;
  for (const article of articles) {
    const isWrong = article.dataset.errors !== "0";
    article.hidden =
      (text && !article.dataset.text.includes(text)) ||
      (corpus.value && article.dataset.corpus !== corpus.value) ||
      (show.value !== "all" && isWrong !== (show.value === "wrong"));
    shown += article.hidden ? 0 : 1;
  }
  list.append(...[...articles].sort(orders[sort.value]));
  count.value = `${shown} of ${articles.length}`;
};
controls.hidden = false;
controls.addEventListener("input", update);
controls.addEventListener("submit", (event) => event.preventDefault());
update();
