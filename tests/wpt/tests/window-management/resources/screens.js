// Needs testdriver.js and, for the monitors, /capture-all-screens/resources/monitors.js.

const permission = {name: 'window-management'};

// Gives the permission to this page's origin until the end of the test.
async function grantScreens(t, state = 'granted') {
  t.add_cleanup(() => test_driver.set_permission(permission, 'granted'));
  await test_driver.set_permission(permission, state);
}

async function permissionState() {
  return (await navigator.permissions.query(permission)).state;
}

// Moves the window until the end of the test.
async function moveWindow(t, x, y) {
  const before = await test_driver.get_window_rect();
  t.add_cleanup(() => test_driver.set_window_rect({...before, x: 0, y: 0}));
  await test_driver.set_window_rect({...before, x, y});
}

// Notes every event of these types, as [target's name, type], from now on.
function recordEvents(t, targets, seen = () => {}) {
  const events = [];
  for (const [name, target, type] of targets) {
    const listener = event => {
      events.push([name, event.type]);
      seen(event);
    };
    target.addEventListener(type, listener);
    t.add_cleanup(() => target.removeEventListener(type, listener));
  }
  return events;
}

// Waits until `condition` holds.
async function eventually(t, condition) {
  while (!condition()) {
    await new Promise(resolve => t.step_timeout(resolve, 20));
  }
}
