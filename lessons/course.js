/* A button on each block of code that copies it. Without this script every page can still be read. */
"use strict";

async function copy(block, button) {
    const code = block.querySelector("code");
    try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
    } catch {  // not allowed: the reader's own keys do it
        getSelection().selectAllChildren(code);
        button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

for (const block of document.querySelectorAll("figure.code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small quiet copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", () => copy(block, button));
    block.querySelector("figcaption").append(button);
}

// The page's own line in a column of contents that is longer than the window
const side = document.querySelector(".side"), current = side.querySelector("[aria-current]");
if (current) side.scrollTop = current.offsetTop - 60;
