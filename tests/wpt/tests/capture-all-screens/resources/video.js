// Reads what a stream shows. Load monitors.js first.

// A `video` that plays a stream until the end of the test.
async function play(t, stream) {
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = stream;
  document.body.append(video);
  t.add_cleanup(() => {
    video.srcObject = null;
    video.remove();
  });
  await video.play();
  return video;
}

function delay(t, milliseconds) {
  return new Promise(resolve => t.step_timeout(resolve, milliseconds));
}

// Waits until a condition holds, and resolves with its value.
async function until(t, condition, description) {
  const deadline = performance.now() + 20000;
  for (;;) {
    const value = condition();
    if (value) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within twenty seconds: ${description}`);
    }
    await delay(t, 20);
  }
}

// The pixels of an image from its upper left corner on, unscaled.
function pixelsOf(image, width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, width, height);
}

// The corner of a video that has the time code and some of the rest.
function cornerOf(video) {
  return pixelsOf(video, 512, 240);
}

function isBlack({data}) {
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] || data[at + 1] || data[at + 2] || data[at + 3] !== 255) {
      return false;
    }
  }
  return true;
}

// The number of the frame that pixels show; NaN if they show no intact time
// code, as those of a torn frame would.
function frameNumberOf(pixels) {
  const {left, top, cell, columns} = picture.timeCode;
  const words = [0, 0];
  for (let index = 0; index < 64; index++) {
    const x = left + (index % columns) * cell + cell / 2;
    const y = top + Math.floor(index / columns) * cell + cell / 2;
    const at = 4 * (y * pixels.width + x);
    const [red, green, blue] = pixels.data.subarray(at, at + 3);
    if (red !== green || green !== blue || (red !== 0 && red !== 255)) {
      return NaN;
    }
    words[index >> 5] = (words[index >> 5] << 1) | (red & 1);
  }
  return words[1] === ~words[0] ? words[0] >>> 0 : NaN;
}

function frameNumber(video) {
  return frameNumberOf(cornerOf(video));
}

// Waits until a video shows a frame; resolves with its number.
async function waitForFrame(t, video) {
  await until(t, () => video.videoWidth > 0, 'the video has a size');
  let number;
  await until(t, () => {
    number = frameNumber(video);
    return !Number.isNaN(number);
  }, 'the video shows a frame');
  return number;
}

// Waits until a video shows a later frame; resolves with its number.
async function waitForLaterFrame(t, video, before = frameNumber(video)) {
  let number;
  await until(t, () => {
    number = frameNumber(video);
    return number > before;
  }, `the video shows a frame after ${before}`);
  return number;
}

// The monitors show a running clock: a video that shows the same frame for
// this long gets no more of them.
async function assertStandsStill(t, video) {
  await delay(t, 500);
  const before = cornerOf(video).data;
  await delay(t, 700);
  const after = cornerOf(video).data;
  assert_true(before.every((value, index) => value === after[index]), 'the picture stands still');
}

// Every pixel of a monitor's picture below the indicator is what it must be.
function assertPicture(index, pixels, description) {
  const {width, height} = monitors[index];
  assert_equals(pixels.width, width, `${description}: width`);
  assert_equals(pixels.height, height, `${description}: height`);
  const number = frameNumberOf(pixels);
  assert_false(Number.isNaN(number), `${description}: the time code is intact`);
  const {data} = pixels;
  let wrong = 0;
  let first = '';
  for (let y = picture.indicatorRows; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      const found = data[at] << 16 | data[at + 1] << 8 | data[at + 2];
      const expected = colorOf(index, x, y, number);
      if (found !== expected || data[at + 3] !== 255) {
        first = first || `at ${x},${y} #${found.toString(16)} instead of #${expected.toString(16)}`;
        wrong++;
      }
    }
  }
  assert_equals(wrong, 0, `${description}: wrong pixels, the first ${first}`);
}
