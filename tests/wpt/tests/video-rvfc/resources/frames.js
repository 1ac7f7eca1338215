// Waits for frames of videos by their callbacks.

// What `numbers.webm` shows: frames of one gray each, which tells their number.
const numbers = {width: 64, height: 48, frames: 20, frameRate: 10};

function delay(t, milliseconds) {
  return new Promise(resolve => t.step_timeout(resolve, milliseconds));
}

// A `video` that lasts until the end of the test, and is not in the document.
function newVideo(t, source = {}) {
  const video = document.createElement('video');
  video.muted = true;
  Object.assign(video, source);
  t.add_cleanup(() => {
    video.removeAttribute('src');
    video.srcObject = null;
    video.remove();
  });
  return video;
}

// A `video` in the document that shows the first frame of `numbers.webm`, and
// for which no callback has been called.
async function loadNumbers(t) {
  const video = newVideo(t);
  document.body.append(video);
  const loaded = new Promise(resolve => video.addEventListener('loadeddata', resolve, {once: true}));
  video.src = 'resources/numbers.webm';
  await loaded;
  return video;
}

// The number of the frame of `numbers.webm` that a video shows now.
function numberShown(video) {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  const [red] = context.getImageData(numbers.width / 2, numbers.height / 2, 1, 1).data;
  // Back from full to limited range, in which frame n has 20 + 10 n. No -0.
  return Math.max(0, Math.round((red * 219 / 255 + 16 - 20) / 10));
}

// Resolves with the arguments of a callback for the next frame.
function nextFrame(video) {
  return new Promise(resolve => {
    video.requestVideoFrameCallback((now, metadata) => resolve({now, metadata}));
  });
}

// Collects the arguments of the callbacks for all frames from now on; each is
// registered in the one before. `look` may add what is seen in a callback.
function collectFrames(t, video, look = () => ({})) {
  const frames = [];
  let handle;
  const callback = (now, metadata) => {
    handle = video.requestVideoFrameCallback(callback);
    frames.push({now, metadata, ...look()});
  };
  handle = video.requestVideoFrameCallback(callback);
  t.add_cleanup(() => video.cancelVideoFrameCallback(handle));
  return frames;
}

// Waits until that many frames are collected.
async function waitForFrames(t, frames, count) {
  const deadline = performance.now() + 20000;
  while (frames.length < count) {
    assert_less_than(performance.now(), deadline, `time for ${count} frames, found ${frames.length}`);
    await delay(t, 20);
  }
}

// No further frame is collected.
async function assertNoMoreFrames(t, frames, description) {
  // What is on its way may come.
  await delay(t, 500);
  const {length} = frames;
  await delay(t, 700);
  assert_equals(frames.length, length, description);
}

// What holds for the metadata of any frame.
function assertMetadata({now, metadata}, {width, height}) {
  assert_equals(metadata.width, width, 'width');
  assert_equals(metadata.height, height, 'height');
  assert_greater_than(metadata.presentationTime, 0, 'presentationTime');
  assert_less_than_equal(metadata.presentationTime, now, 'presentationTime is over');
  assert_greater_than(metadata.expectedDisplayTime, metadata.presentationTime, 'expectedDisplayTime');
  assert_greater_than_equal(metadata.presentedFrames, 1, 'presentedFrames');
  assert_greater_than_equal(metadata.mediaTime, 0, 'mediaTime');
  if ('captureTime' in metadata) {
    assert_less_than_equal(metadata.captureTime, metadata.presentationTime, 'captureTime');
  }
  assert_false('receiveTime' in metadata, 'receiveTime of a local source');
  assert_false('rtpTimestamp' in metadata, 'rtpTimestamp of a local source');
}

// What holds for frames that followed each other in one resource.
function assertInOrder(frames) {
  for (let index = 1; index < frames.length; index++) {
    const [before, after] = [frames[index - 1], frames[index]];
    assert_greater_than(after.now, before.now, 'now');
    for (const name of ['presentedFrames', 'presentationTime', 'expectedDisplayTime', 'mediaTime']) {
      assert_greater_than(after.metadata[name], before.metadata[name], name);
    }
  }
}
