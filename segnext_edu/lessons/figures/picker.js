// A photograph with a cross on it. Clicking, dragging and the arrow keys move the cross; `at` follows, as per cent of
// the way down and across. Nothing is fetched: the photograph comes over the widget's own connection.

const clamp = (value) => Math.min(100, Math.max(0, Math.round(value)));

const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -100], End: [0, 100],
};

function render({ model, el }) {
  const box = document.createElement("div");
  const photo = document.createElement("img");
  const cross = document.createElement("div");
  box.className = "segnext-picker";
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-roledescription", "pixel picker");
  photo.draggable = false;
  photo.alt = "";
  cross.className = "segnext-cross";
  box.append(photo, cross);
  el.append(box);

  let address = null;
  const show = () => {
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/jpeg" }));
    photo.src = address;
  };
  const place = () => {
    const [row, column] = model.get("at");
    cross.style.top = `${row}%`;
    cross.style.left = `${column}%`;
    box.setAttribute("aria-label", `${model.get("label")} The cross is at row ${row} %, column ${column} %.`);
  };
  const move = (row, column) => {
    const at = [clamp(row), clamp(column)];
    if (at.join() === model.get("at").join()) return;
    model.set("at", at);
    model.save_changes();
  };
  const follow = (event) => {
    const frame = photo.getBoundingClientRect();
    move((100 * (event.clientY - frame.top)) / frame.height, (100 * (event.clientX - frame.left)) / frame.width);
  };

  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    box.focus({ preventScroll: true });
    box.setPointerCapture(event.pointerId);
    follow(event);
  });
  box.addEventListener("pointermove", (event) => {
    if (box.hasPointerCapture(event.pointerId)) follow(event);
  });
  box.addEventListener("keydown", (event) => {
    const step = MOVES[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook has its own use for arrow keys
    const [row, column] = model.get("at");
    const many = event.shiftKey ? 10 : 1;
    move(row + many * step[0], column + many * step[1]);
  });

  model.on("change:picture", show);
  model.on("change:at change:label", place);
  show();
  place();
  return () => {
    model.off("change:picture", show);
    model.off("change:at change:label", place);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
