/**
 * socket_url: `[listen] socket`, where to receive and how.
 *
 *     udp://127.0.0.1:8125   udp://[::1]:8125   udp://localhost:0   udp://0.0.0.0
 *                                                                (port 8125 when left out)
 *     unixgram:///run/statsd/dsd.sock     unixgram://@name       (abstract: no file)
 *     tcp://...      as udp://            unix://...             as unixgram://, of streams;
 *                                                                unixstream:// is the same
 *     ...?gauge_sign=auto|delta|absolute&rcvbuf=32MiB&spread=auto|source|payload&mode=0666
 *     ...?framing=line|dsd&idle_timeout=1h&max_connections=8192&max_per_address=6144
 *     ...?tls_cert=FILE&tls_key=FILE&tls_client_ca=FILE
 *     ...?allow=10.0.0.0/8,fd00::/8      whose bytes are taken: base/networks.h; may repeat
 *
 * Which options a URL may have depends on its transport: listen/socket_options.h.
 *
 * The host and port of udp:// and tcp:// are as in base/address.h: numeric, localhost, or an
 * asterisk for 0.0.0.0; nothing is looked up.  An IPv4 address inside IPv6 ([::ffff:127.0.0.1])
 * becomes that IPv4 address.  localhost stands for two addresses, since many clients resolve it to
 * ::1 first: 127.0.0.1, which socket_url_parse returns, and its twin [::1], from socket_url_twin.
 *
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
 *   defaults   of options that the URL does not give.  Streams do not take rcvbuf from there
 *   error      on failure gets what is wrong and what would be right, for people; no LF
 *   returns    0; -EINVAL with ret untouched
 */
int socket_url_parse(struct slice url, const struct listen_address *defaults,
                     struct listen_address *ret, struct buf *error);

/* What follows the scheme in a's name: `127.0.0.1:8125`, `/run/statsd/dsd.sock`, `@name`. */
const char *socket_url_where(const struct listen_address *a);

/* The number of sockets that a listener on a opens in a server with that many workers. */
unsigned socket_url_sockets(const struct listen_address *a, unsigned workers);

/* Connections at a time, at most; 0: it has none. */
uint32_t socket_url_connections(const struct listen_address *a);

/* File descriptors that a listener on a takes, without those of connections. */
uint64_t socket_url_descriptors(const struct listen_address *a, unsigned workers);

/* The [::1] that belongs to a localhost.  returns  false, ret untouched: a is no localhost */
bool socket_url_twin(const struct listen_address *a, struct listen_address *ret);

/* Set a->name to its scheme and `where`: `udp://127.0.0.1:8125` for "127.0.0.1:8125". */
void socket_url_name(struct listen_address *a, const char *where);

/*
 * Would a socket on a receive what is sent to b's address?  Not where a's port is 0: the kernel
 * picks a free one.
 */
bool socket_url_includes(const struct listen_address *a, const struct listen_address *b);

#endif
