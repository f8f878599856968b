// A button that takes a photograph from the reader's machine. What is too large for the way to the kernel is made smaller
// here, in the browser; whether it is a picture at all is for the kernel to say.

const LONGEST = 1600; // pixels a side

async function smaller(file) {
  const photo = await createImageBitmap(file);
  const factor = Math.min(1, LONGEST / Math.max(photo.width, photo.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(photo.width * factor));
  canvas.height = Math.max(1, Math.round(photo.height * factor));
  canvas.getContext("2d").drawImage(photo, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}

async function content(file, most) {
  if (file.size <= most) return file;
  try {
    return await smaller(file);
  } catch {
    return file.slice(0, 1000); // no picture that this browser knows: enough for the kernel to say so
  }
}

function render({ model, el }) {
  const button = document.createElement("button");
  const input = document.createElement("input");
  button.className = "jupyter-widgets jupyter-button lm-Widget";
  button.textContent = model.get("label");
  button.style.width = "auto";
  input.type = "file";
  input.accept = "image/*";
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    const sent = await content(file, model.get("most_bytes"));
    model.set("file", { name: file.name, content: new DataView(await sent.arrayBuffer()) });
    model.save_changes();
    input.value = ""; // so that the same file can be taken again
  });
  el.append(button);
}

export default { render };
