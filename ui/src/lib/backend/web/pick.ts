/** The browser's dialog for files. One field for all time: some browsers open none for a field that is not in the page. */
let field: HTMLInputElement | undefined;

export function pickFiles(picked: (files: File[]) => void): void {
  if (!field) {
    field = document.createElement("input");
    field.type = "file";
    field.multiple = true;
    field.hidden = true;
    field.dataset.testid = "file-field";
    document.body.append(field);
  }
  const input = field;
  input.onchange = () => {
    const files = [...(input.files ?? [])];
    // The same one may be picked again.
    input.value = "";
    if (files.length > 0) picked(files);
  };
  input.click();
}
