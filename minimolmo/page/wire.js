// The maker's requests, and photos made ready for them.

import { PageError, get, post } from "/picture.js";

export const PHOTO_LIMIT = 32e6;  // bytes of one picture that the server takes
const LONGEST_SIDE = 2048;        // pixels that the server keeps, and of a picture that this browser converts
const LIKE_JPEG = /^image\/(jpeg|png|gif|webp|bmp|tiff)$/;

export const problem = (given, why, attempt, status = 0) => new PageError({ given, why, try: attempt, status });

const TOO_LATE = ["The server did not answer.", "It was stopped, or the connection broke.",
  "Start it again with make mine."];
const STRANGER = ["The server was started anew.", "It has another key now, so it does not know this page.",
  "Open the address that it printed once; this page then goes on."];

export const api = {
  state: () => get("/api/mine"),
  photoPath: (id) => `/api/photo/${id}`,
  takePath: (photo, take) => `/api/speech/${photo}/${take}`,
  takeOffered: (n) => post("/api/offered", { n }),
  write: () => post("/api/write", {}),

  // One record of the outbox. Throws a PageError with status and, as `body`, the whole refusal.
  async send(record) {
    if (record.kind === "photo") return checked("/api/photo", record.blob);
    if (record.kind === "chunk") {
      return checked(`/api/speech/${record.photo}/${record.take}?n=${record.n}`, record.blob, record.blob.type);
    }
    const { photo, key, base, set } = record;
    return checked("/api/edit", JSON.stringify({ photo, key, base, set }), "application/json");
  },
};

async function checked(path, body, type = "application/octet-stream") {
  let reply;
  try {
    reply = await fetch(path, { method: "POST", body, headers: { "Content-Type": type, "X-Minimolmo": "1" } });
    if (reply.ok) return await reply.json();
  } catch {  // also: the connection broke within the answer
    throw problem(...TOO_LATE);
  }
  const refusal = await reply.json().catch(() => ({ given: `The server answered ${reply.status}.` }));
  const error = reply.status === 401 || reply.status === 403 ? problem(...STRANGER, reply.status)
    : new PageError({ ...refusal, status: reply.status });
  error.body = refusal;
  throw error;
}

// A file as a picture that the server can read: itself, or what this browser makes of it (a HEIC photo in Safari,
// a picture of more than 32 MB). Throws a PageError that says what to do.
export async function readable(file) {
  const kind = await kindOf(file);
  if (LIKE_JPEG.test(kind) && file.size <= PHOTO_LIMIT) return file;
  try {
    return await asJpeg(file);
  } catch {
    throw problem(`${file.name || "The picture"} (${kind || "of an unknown kind"}).`, ...advice(kind, file));
  }
}

function advice(kind, file) {
  if (kind === "image/heic") {
    return ["It is a HEIC photo, and this browser has no reader for them.",
      "Export it as JPEG, or on an iPhone set Settings, Camera, Formats to Most Compatible."];
  }
  if (file.size > PHOTO_LIMIT) {
    return ["It has more than 32 MB, and this browser cannot shrink it.", "Make it smaller first."];
  }
  return ["This browser cannot read it as a picture.", "Try JPEG, PNG or WebP."];
}

// By its first bytes: names and types lie.
async function kindOf(file) {
  const bytes = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...bytes);
  const kinds = [["\xff\xd8\xff", "image/jpeg"], ["\x89PNG", "image/png"], ["GIF8", "image/gif"], ["BM", "image/bmp"],
    ["II*\0", "image/tiff"], ["MM\0*", "image/tiff"]];
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "image/webp";
  if (/^ftyp(heic|heix|heim|heis|hevc|mif1|msf1)$/.test(text.slice(4))) return "image/heic";
  return kinds.find(([start]) => text.startsWith(start))?.[1] ?? file.type;
}

async function asJpeg(file) {
  const picture = await createImageBitmap(file);  // upright: EXIF is obeyed
  const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(scale * picture.width));
  canvas.height = Math.max(1, Math.round(scale * picture.height));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";  // JPEG has no transparency
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => blob ? resolve(blob) : reject(new Error("too large")), "image/jpeg", 0.92);
  });
}
