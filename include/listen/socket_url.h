/**
 * socket_url: `[listen] socket`, where to receive and how.
 *
 *     udp://127.0.0.1:8125   udp://[::1]:8125   udp://localhost:0   udp://0.0.0.0
 *                                                                (port 8125 when left out)
 *     unixgram:///run/statsd/dsd.sock     unixgram://@name       (abstract: no file)
 *     ...?gauge_sign=auto|delta|absolute&rcvbuf=32MiB&spread=auto|source|payload&mode=0666
 *
 * Which options a URL may have is its transport's affair: listen/socket_options.h.
 *
 * The host and port of udp:// are as in base/address.h: numeric, localhost, or an asterisk for
 * 0.0.0.0; nothing is looked up.  localhost is two addresses, since clients resolve it to ::1
 * first: 127.0.0.1, which the URL gives, and its twin [::1].  An IPv4 address inside IPv6 is that
 * IPv4 address.
 *   thread   any
 */
#ifndef LISTEN_SOCKET_URL_H
#define LISTEN_SOCKET_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "listen/address.h"

/**
 * socket_url_parse(url, defaults, ret, error):
 *   defaults   spread, gauge_sign, rcvbuf, mode of a URL that does not say
 *   error      on failure gets what is wrong and what would be right, for people; no LF
 *   returns    0; -EINVAL with ret untouched
 */
int socket_url_parse(struct slice url, const struct listen_address *defaults,
                     struct listen_address *ret, struct buf *error);

/* What follows the scheme in a's name: `127.0.0.1:8125`, `/run/statsd/dsd.sock`, `@name`. */
const char *socket_url_where(const struct listen_address *a);

/* How many sockets a listener on a opens for so many workers. */
unsigned socket_url_sockets(const struct listen_address *a, unsigned workers);

/* The other address of a localhost, to be opened after a.  returns  false, ret untouched: none */
bool socket_url_twin(const struct listen_address *a, struct listen_address *ret);

/* Give a the name of an address: `udp://127.0.0.1:8125` for "127.0.0.1:8125". */
void socket_url_name(struct listen_address *a, const char *where);

/* Does a socket on a receive what is sent to b's address, too?  Port 0 is another one each time. */
bool socket_url_includes(const struct listen_address *a, const struct listen_address *b);

#endif
