// A frame that captures all screens when its parent says so, and answers with
// what came of it.
addEventListener('message', async event => {
  if (event.data !== 'capture') {
    return;
  }
  let answer;
  if (!navigator.mediaDevices || !navigator.mediaDevices.getAllScreensMedia) {
    answer = {absent: true};
  } else {
    try {
      const streams = await navigator.mediaDevices.getAllScreensMedia();
      answer = {streams: streams.length};
      for (const stream of streams) {
        stream.getTracks().forEach(track => track.stop());
      }
    } catch (error) {
      answer = {error: error.name};
    }
  }
  event.source.postMessage(answer, '*');
});
