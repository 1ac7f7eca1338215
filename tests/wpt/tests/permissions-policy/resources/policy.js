// All features that are policy-controlled here, in the order of their names.
const features = [
  'all-screens-capture',
  'camera',
  'display-capture',
  'microphone',
  'screenshot',
  'window-management',
];

const framePath = '/permissions-policy/resources/frame.html';
const deniedPath = '/permissions-policy/resources/frame-without-camera.html';

function loadOf(frame) {
  return new Promise(resolve => frame.addEventListener('load', resolve, {once: true}));
}

// Adds a frame until the end of the test and waits until it has loaded.
async function addFrame(t, attributes) {
  const frame = document.createElement('iframe');
  for (const [name, value] of Object.entries(attributes)) {
    frame.setAttribute(name, value);
  }
  const loaded = loadOf(frame);
  document.body.append(frame);
  t.add_cleanup(() => frame.remove());
  await loaded;
  return frame;
}

// Asks a frame with `frame.js`.
function ask(t, frame, question) {
  return new Promise(resolve => {
    const listener = event => {
      if (event.source === frame.contentWindow) {
        removeEventListener('message', listener);
        resolve(event.data);
      }
    };
    addEventListener('message', listener);
    t.add_cleanup(() => removeEventListener('message', listener));
    frame.contentWindow.postMessage(question, '*');
  });
}

async function featuresIn(t, attributes) {
  const frame = await addFrame(t, attributes);
  return ask(t, frame, {ask: 'features'});
}
