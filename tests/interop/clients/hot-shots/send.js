const net = require('net');
const StatsD = require('hot-shots');

const [transport, address] = process.argv.slice(2);
if (transport === 'unixgram') {
  try {
    require('unix-dgram');
  } catch (e) {
    console.error('its module unix-dgram was not built');
    process.exit(77);
  }
}
const [host, port] = address.split(':');
const options = {
  udp: () => ({ host, port: Number(port) }),
  tcp: () => ({ protocol: 'tcp', host, port: Number(port) }),
  unixgram: () => ({ protocol: 'uds', path: address }),
  unix: () => ({ protocol: 'stream', stream: net.connect(address) }),
}[transport]();
let failed = 0;
const c = new StatsD({ ...options, errorHandler: (e) => { if (failed++ === 0) console.error(String(e)); } });

c.increment('shop.hits', 1, { path: '/a' });
c.increment('shop.hits', 4, ['path:/a']);
c.gauge('shop.level', 7.5);
c.gauge('shop.cold', 30);
c.gauge('shop.cold', -12);
c.timing('shop.lat', 250);
c.histogram('shop.size', 512);
c.distribution('shop.dist', 3);
c.set('shop.users', 'alice');
c.set('shop.users', 'bob');
c.event('deploy', 'version 2\nis out', { alert_type: 'info' }, ['path:/a']);
c.check('shop.db', c.CHECKS.OK, { message: 'fine' });
for (let i = 0; i < 1000; i++) c.increment('shop.sampled', 1, 0.5);
for (let i = 0; i < 1000; i++) c.increment('shop.burst');
c.close(() => {
  if (failed > 0) console.error(`errors told to the program: ${failed}`);
});
