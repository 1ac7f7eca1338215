// A frame that answers its parent's questions: {ask: 'features'}, {ask: 'use'},
// {ask: 'nested', url, allow} for the features of a frame in this one, and
// {navigate: url}, which has no answer.

// The names of the errors of what captures; null where there is none.
async function use() {
  const outcome = async call => {
    try {
      const result = await call();
      for (const stream of [result].flat()) {
        stream.getTracks().forEach(track => track.stop());
      }
      return null;
    } catch (error) {
      return error.name;
    }
  };
  const devices = navigator.mediaDevices;
  return {
    allScreens: await outcome(() => devices.getAllScreensMedia()),
    camera: await outcome(() => devices.getUserMedia({video: true})),
    microphone: await outcome(() => devices.getUserMedia({audio: true})),
  };
}

async function nested(url, allow) {
  const frame = document.createElement('iframe');
  frame.allow = allow;
  frame.src = url;
  const loaded = new Promise(resolve => frame.addEventListener('load', resolve, {once: true}));
  document.documentElement.append(frame);
  await loaded;
  const answer = new Promise(resolve => {
    addEventListener('message', event => {
      if (event.source === frame.contentWindow) {
        resolve(event.data);
      }
    });
  });
  frame.contentWindow.postMessage({ask: 'features'}, '*');
  return answer;
}

addEventListener('message', async event => {
  if (event.source !== parent) {
    return;
  }
  const {ask, navigate, url, allow} = event.data;
  if (navigate) {
    location.href = navigate;
  } else if (ask === 'features') {
    parent.postMessage(document.permissionsPolicy.allowedFeatures(), '*');
  } else if (ask === 'use') {
    parent.postMessage(await use(), '*');
  } else if (ask === 'nested') {
    parent.postMessage(await nested(url, allow), '*');
  }
});
