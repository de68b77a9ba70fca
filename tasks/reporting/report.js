// Lightbox: all pictures of one board side by side, zoomed and moved together; pixels stay square.
// Without JavaScript the page is complete, only this comparison is missing.
(() => {
  "use strict";
  const dialog = document.getElementById("lightbox");
  const stage = document.getElementById("lightbox-frames");
  const boards = [...document.querySelectorAll("article.board")];
  if (!dialog.showModal || boards.length === 0) return;

  const view = { board: 0, scale: 1, x: 0.5, y: 0.5 };
  const MAX_SCALE = 32;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const draw = () => {
    const half = 0.5 / view.scale;
    view.x = clamp(view.x, half, 1 - half);
    view.y = clamp(view.y, half, 1 - half);
    for (const image of stage.querySelectorAll("img")) {
      image.style.width = `${100 * view.scale}%`;
      image.style.left = `${100 * (0.5 - view.x * view.scale)}%`;
      image.style.top = `${100 * (0.5 - view.y * view.scale)}%`;
    }
    document.getElementById("lightbox-scale").value = `${Math.round(view.scale * 10) / 10}×`;
  };

  const zoom = (factor, x = 0.5, y = 0.5) => {
    // (x, y) is the place inside a frame, 0 to 1, that must not move.
    const scale = clamp(view.scale * factor, 1, MAX_SCALE);
    view.x += (x - 0.5) * (1 / view.scale - 1 / scale);
    view.y += (y - 0.5) * (1 / view.scale - 1 / scale);
    view.scale = scale;
    draw();
  };

  const placeOf = (event, frame) => {
    const area = frame.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
  };

  const point = (event) => {
    const frame = event.target.closest(".frame");
    if (!frame) return;
    const [x, y] = placeOf(event, frame);
    for (const cross of stage.querySelectorAll(".cross")) {
      cross.style.left = `${100 * x}%`;
      cross.style.top = `${100 * y}%`;
      cross.hidden = false;
    }
    const image = frame.querySelector("img");
    const column = Math.floor((view.x + (x - 0.5) / view.scale) * image.dataset.columns);
    const row = Math.floor((view.y + (y - 0.5) / view.scale) * image.dataset.rows);
    document.getElementById("lightbox-place").textContent = `row ${row}, column ${column}`;
  };

  const frameOf = (figure) => {
    const source = figure.querySelector("img");
    const panel = document.createElement("figure");
    const frame = document.createElement("div");
    const image = new Image();
    const cross = document.createElement("span");
    frame.className = "frame";
    frame.style.aspectRatio = `${source.getAttribute("width")} / ${source.getAttribute("height")}`;
    image.src = source.src;
    image.alt = source.alt;
    // The board's own size: a large board is embedded smaller, yet places are the board's.
    image.dataset.columns = source.getAttribute("width");
    image.dataset.rows = source.getAttribute("height");
    image.draggable = false;
    cross.className = "cross";
    cross.hidden = true;
    frame.append(image, cross);
    panel.append(frame, figure.querySelector("figcaption").cloneNode(true));
    return panel;
  };

  // As many columns as make the frames largest; 12 px gaps and 24 px captions as in the style sheet.
  const arrange = () => {
    const frames = [...stage.querySelectorAll(".frame")];
    if (frames.length === 0) return;
    const [across, down] = frames[0].style.aspectRatio.split("/").map(Number);
    let best = { columns: 1, side: 0 };
    for (let columns = 1; columns <= frames.length; columns += 1) {
      const lines = Math.ceil(frames.length / columns);
      const wide = (stage.clientWidth - 12 * (columns - 1)) / columns;
      const high = (stage.clientHeight - 12 * (lines - 1)) / lines - 24;
      const side = Math.floor(Math.min(wide, (high * across) / down));
      if (side > best.side) best = { columns, side };
    }
    stage.style.setProperty("--columns", best.columns);
    stage.style.setProperty("--side", `${best.side}px`);
  };

  const show = (index) => {
    view.board = (index + boards.length) % boards.length;
    const board = boards[view.board];
    const words = board.querySelector(".board-head").cloneNode(true);
    document.getElementById("lightbox-name").replaceChildren(
      ...[...words.children].slice(0, 3).map((part) => {
        const span = document.createElement("span");
        span.className = part.className;
        span.textContent = part.textContent;
        return span;
      }),
    );
    document.getElementById("lightbox-place").textContent = "";
    const figures = [...board.querySelectorAll(".pictures figure")].map(frameOf);
    stage.replaceChildren(...figures);
    Object.assign(view, { scale: 1, x: 0.5, y: 0.5 });
    if (!dialog.open) dialog.showModal();
    arrange();
    draw();
    stage.focus({ preventScroll: true });
  };

  const actions = {
    previous: () => show(view.board - 1),
    next: () => show(view.board + 1),
    in: () => zoom(1.5),
    out: () => zoom(1 / 1.5),
    reset: () => { view.scale = 1; draw(); },
    close: () => dialog.close(),
  };
  const move = (x, y) => { view.x += x / view.scale; view.y += y / view.scale; draw(); };
  const keys = {
    "+": actions.in, "=": actions.in, "-": actions.out, "0": actions.reset,
    n: actions.next, p: actions.previous,
    ArrowLeft: () => move(-0.1, 0), ArrowRight: () => move(0.1, 0),
    ArrowUp: () => move(0, -0.1), ArrowDown: () => move(0, 0.1),
  };

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("button.zoom");
    if (opener) show(boards.indexOf(opener.closest("article.board")));
  });
  dialog.addEventListener("click", (event) => {
    const tool = event.target.closest("[data-do]");
    if (tool) actions[tool.dataset.do]();
    else if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  dialog.addEventListener("close", () => {
    const opener = boards[view.board].querySelector("button.zoom");
    const folded = opener.closest("details");
    if (folded) folded.open = true;
    opener.focus();
  });
  stage.addEventListener("wheel", (event) => {
    const frame = event.target.closest(".frame");
    if (!frame) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.002), ...placeOf(event, frame));
    point(event);
  }, { passive: false });

  addEventListener("resize", () => { if (dialog.open) arrange(); });

  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    const frame = event.target.closest(".frame");
    if (!frame) return;
    drag = { x: event.clientX, y: event.clientY, size: frame.getBoundingClientRect() };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    point(event);
    if (!drag) return;
    move((drag.x - event.clientX) / drag.size.width, (drag.y - event.clientY) / drag.size.height);
    drag = { ...drag, x: event.clientX, y: event.clientY };
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, () => { drag = null; });
  }

  // A link that ends in #zoom=board-3 opens that board, so a colleague can be pointed at it.
  const wanted = /^#zoom=([\w-]+)$/.exec(location.hash);
  const linked = wanted ? boards.findIndex((board) => board.id === wanted[1]) : -1;
  if (linked >= 0) show(linked);

  // Paper cannot unfold.
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
})();
