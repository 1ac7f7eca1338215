// What the tests know of the monitors that they run with: those of the
// browser's synthetic capture backend. Nothing else in these tests depends on
// a certain number, size or place of monitors.

const monitors = [
  {label: 'Synthetic-1', left: 0, top: 0, width: 1920, height: 1080, isPrimary: true},
  {label: 'Synthetic-2', left: 1920, top: 0, width: 1280, height: 1024, isPrimary: false},
  {label: 'Synthetic-3', left: 3200, top: 0, width: 2560, height: 1440, isPrimary: false},
];

// What a synthetic monitor shows, in device pixels: a background, a marker in
// each corner, a scale along each axis, and a time code, which is all that
// moves. The uppermost rows are left to the privacy indicator.
const picture = {
  backgrounds: [[0x1f, 0x4e, 0x79], [0x2e, 0x7d, 0x32], [0x8e, 0x3b, 0x46]],
  indicatorRows: 40,
  timeCode: {left: 48, top: 96, cell: 24, columns: 16, rows: 4},
  marker: {size: 32, top: 48},
  columnScale: {top: 224, bottom: 256},
  rowScale: {left: 464, right: 496},
};

// The color of a pixel, as 0xRRGGBB, while a monitor shows a certain frame.
function colorOf(index, x, y, frameNumber) {
  const {timeCode, marker, columnScale, rowScale} = picture;
  const {width, height} = monitors[index];
  const column = Math.floor((x - timeCode.left) / timeCode.cell);
  const row = Math.floor((y - timeCode.top) / timeCode.cell);
  if (column >= 0 && column < timeCode.columns && row >= 0 && row < timeCode.rows) {
    const cell = row * timeCode.columns + column;
    const word = cell < 32 ? frameNumber : ~frameNumber;
    return (word >>> (31 - cell % 32)) & 1 ? 0xffffff : 0;
  }
  const left = x < marker.size;
  const right = x >= width - marker.size;
  const upper = y >= marker.top && y < marker.top + marker.size;
  const lower = y >= height - marker.size;
  if (upper && (left || right)) {
    return left ? 0xff0000 : 0x00ff00;
  }
  if (lower && (left || right)) {
    return left ? 0x0000ff : 0xffffff;
  }
  if (y >= columnScale.top && y < columnScale.bottom) {
    return x;
  }
  if (y >= columnScale.bottom && x >= rowScale.left && x < rowScale.right) {
    return 0xff0000 | y;
  }
  const [red, green, blue] = picture.backgrounds[index];
  return red << 16 | green << 8 | blue;
}

function stopAll(streams) {
  for (const stream of streams) {
    for (const track of stream.getTracks()) {
      track.stop();
    }
  }
}

// Captures all screens until the end of the test.
async function captureAllScreens(t, mediaDevices = navigator.mediaDevices) {
  const streams = await mediaDevices.getAllScreensMedia();
  t.add_cleanup(() => stopAll(streams));
  return streams;
}

// The tracks of a capture of all screens that lasts until the end of the test.
async function captureAllTracks(t, mediaDevices = navigator.mediaDevices) {
  const streams = await captureAllScreens(t, mediaDevices);
  return streams.flatMap(stream => stream.getTracks());
}

// One track of such a capture.
async function captureOneTrack(t) {
  const [track] = await captureAllTracks(t);
  return track;
}

function waitForMessage(t, source) {
  return new Promise(resolve => {
    const listener = event => {
      if (event.source === source) {
        removeEventListener('message', listener);
        resolve(event.data);
      }
    };
    addEventListener('message', listener);
    t.add_cleanup(() => removeEventListener('message', listener));
  });
}

// Adds a frame until the end of the test and waits until it has loaded.
async function addFrame(t, attributes) {
  const frame = document.createElement('iframe');
  for (const [name, value] of Object.entries(attributes)) {
    frame.setAttribute(name, value);
  }
  const loaded = new Promise(resolve => frame.addEventListener('load', resolve, {once: true}));
  document.body.append(frame);
  t.add_cleanup(() => frame.remove());
  await loaded;
  return frame;
}

// Asks a frame with `frame.js` to capture all screens. The answer is
// {streams: number}, {error: name of the DOMException}, or {absent: true}.
async function captureInFrame(t, frame) {
  const answer = waitForMessage(t, frame.contentWindow);
  frame.contentWindow.postMessage('capture', '*');
  return answer;
}
