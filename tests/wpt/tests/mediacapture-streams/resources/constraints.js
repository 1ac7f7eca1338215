// Constraints that every captured monitor of these tests can or cannot satisfy.

// The OverconstrainedError that a promise is rejected with.
async function overconstrained(promise, constraint, description) {
  let error;
  try {
    await promise;
  } catch (reason) {
    error = reason;
  }
  assert_not_equals(error, undefined, `${description}: rejected`);
  assert_equals(error.name, 'OverconstrainedError', `${description}: ${error.message}`);
  assert_true(error instanceof OverconstrainedError, `${description}: interface`);
  assert_equals(error.constraint, constraint, `${description}: constraint`);
  assert_equals(typeof error.message, 'string', `${description}: message`);
  return error;
}

// A track whose source tells nothing about itself and cannot be set.
function audioTrack(t) {
  const context = new AudioContext();
  t.add_cleanup(() => { context.close(); });
  const [track] = context.createMediaStreamDestination().stream.getAudioTracks();
  return track;
}
