// Reads what a constrained track shows. Load monitors.js and video.js first.

// Where a pixel of a monitor is in frames of another format: `from` is the part
// that they show, by default all, and they are `width` by `height`.
function placeIn({from, width, height}, x, y) {
  return [
    Math.floor((x + 0.5 - from.left) * width / from.width),
    Math.floor((y + 0.5 - from.top) * height / from.height),
  ];
}

function pixelAt({data, width}, x, y) {
  const at = 4 * (y * width + x);
  return data[at] << 16 | data[at + 1] << 8 | data[at + 2];
}

// The number of the frame that pixels of another format show; NaN if they show
// no intact time code. The middle of a cell has its color however it is scaled.
function scaledFrameNumber(pixels, format) {
  const {left, top, cell, columns} = picture.timeCode;
  const words = [0, 0];
  for (let index = 0; index < 64; index++) {
    const x = left + (index % columns + 0.5) * cell;
    const y = top + (Math.floor(index / columns) + 0.5) * cell;
    const color = pixelAt(pixels, ...placeIn(format, x, y));
    const levels = [color >> 16, color >> 8 & 255, color & 255];
    const isLight = levels.every(level => level > 223);
    if (!isLight && !levels.every(level => level < 32)) {
      return NaN;
    }
    words[index >> 5] = (words[index >> 5] << 1) | isLight;
  }
  return words[1] === ~words[0] ? words[0] >>> 0 : NaN;
}

// Waits until a video shows frames of a size, and resolves with their pixels.
async function pixelsOfSize(t, video, width, height) {
  await until(t, () => video.videoWidth === width && video.videoHeight === height,
      `frames of ${width}x${height}, not ${video.videoWidth}x${video.videoHeight}`);
  let pixels;
  await until(t, () => {
    pixels = pixelsOf(video, width, height);
    return !isBlack(pixels);
  }, 'the video shows a frame');
  return pixels;
}

function assertColor(pixels, [x, y], expected, description) {
  const found = pixelAt(pixels, x, y);
  for (const shift of [16, 8, 0]) {
    assert_approx_equals(found >> shift & 255, expected >> shift & 255, 2,
        `${description} at ${x},${y}: #${found.toString(16)} instead of #${expected.toString(16)}`);
  }
}

// The markers of a monitor's corners that are in frames, and its background.
function assertMarkers(index, pixels, format) {
  const {marker, rowScale} = picture;
  const {width, height} = monitors[index];
  const {from} = format;
  const half = marker.size / 2;
  const points = [
    [half, marker.top + half], [width - half, marker.top + half],
    [half, height - half], [width - half, height - half],
    [rowScale.right + 100, height / 2], [width / 2, height - 20],
  ];
  let seen = 0;
  for (const [x, y] of points) {
    const isShown = x - half >= from.left && x + half <= from.left + from.width
        && y - half >= from.top && y + half <= from.top + from.height;
    if (isShown) {
      assertColor(pixels, placeIn(format, x, y), colorOf(index, x, y, 0), `monitor ${index} ${x},${y}`);
      seen++;
    }
  }
  return seen;
}

// How many frames a video shows within some seconds, by their numbers.
async function countFrames(t, video, seconds, numberOf) {
  const numbers = new Set();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const number = numberOf(video);
    if (!Number.isNaN(number)) {
      numbers.add(number);
    }
    await delay(t, 10);
  }
  return numbers.size;
}
