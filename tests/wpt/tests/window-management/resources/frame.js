// Answers its parent with how many screens it is told of, or the name of the
// error.
addEventListener('message', async event => {
  if (event.source !== parent) {
    return;
  }
  const answer = {isExtended: screen.isExtended};
  try {
    const details = await getScreenDetails();
    answer.screens = details.screens.length;
  } catch (error) {
    answer.error = error.name;
  }
  parent.postMessage(answer, '*');
});
