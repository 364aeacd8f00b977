/**
 * connections: who is connected, who may still connect, and who is closed to make room.  For
 * http.c, request.c, stream.c and feed.c only.
 *
 *   admit -> opened -> (reading a request -> answering it)* -> closed
 *
 * libmicrohttpd closes a connection on which no byte moves for http_opts.timeout_s.  Here is what
 * that timer cannot see:
 *
 *   deadline   A request (head and body) that is not complete HTTP_REQUEST_S after its first byte
 *              ends its connection, however steadily its bytes come.  The pause between two
 *              requests of a connection does not count.
 *   room       At max_connections, or at max_per_ip of one address, a newcomer takes the place of
 *              the connection with the most quiet time x connections of its address.  It never
 *              takes the place of one that waits for an answer of ours, nor of one on which bytes
 *              moved within the last second, unless that one is still sending its request and the
 *              newcomer's address holds fewer connections.  If none can go, the newcomer is closed
 *              at once.  (Seen as moving are the end of a request, its reply's begin and end, and
 *              what a stream's reader reads; not the bytes of a request on their way in.)
 *
 * An address is an IPv4 address, or the first 64 bits of an IPv6 one: whoever has one of those has
 * them all.
 *
 *   thread   HTTP, but for streams, sweep, stats, who and quiet: any
 */
#ifndef HTTP_CONNECTIONS_H
#define HTTP_CONNECTIONS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "http/counters.h"

enum { HTTP_REQUEST_S = 10 };

struct http_connections;
struct http_connection;
struct http_handshake;

struct http_connections_opts {
    uint32_t max, max_per_ip, timeout_s;
};

struct http_connections *http_connections_new(const struct http_connections_opts *opts);

/* After the last connection is closed.  NULL is fine. */
void http_connections_free(struct http_connections *cs);

/* An address as a number: the same one for addresses that count as one. */
uint64_t http_connections_who(const struct sockaddr *from);
bool http_connections_is_loopback(uint64_t who);

/* May a connection from there come in?  Counted if not.  If so, another one may have been shut down
 * for it, and http_connection_opened comes next. */
bool http_connections_admit(struct http_connections *cs, const struct sockaddr *from,
                            uint64_t now_ns);

struct http_connection *http_connection_opened(struct http_connections *cs,
                                               struct MHD_Connection *mhd, uint64_t now_ns);

/* Of a connection with TLS; not looked at here.  NULL: it has none */
void http_connection_secure(struct http_connection *c, struct http_handshake *h);
struct http_handshake *http_connection_handshake(const struct http_connection *c);

/* It reads a feed until its answer has left, and is not counted for max_per_ip as long.  returns
 * false: not so, as many others of its address do */
bool http_connection_streams(struct http_connection *c, uint32_t most);

/* End it as soon as libmicrohttpd looks. */
void http_connection_abandon(struct http_connection *c);

/* Before its socket is closed; c is gone. */
void http_connection_closed(struct http_connection *c);

struct http_connection *http_connection_of(struct MHD_Connection *mhd);

/* The whole request is here; its answer has left, and the next request may come. */
void http_connection_answers(struct http_connection *c);
void http_connection_reads(struct http_connection *c);

/* The connection ends in the middle of a request.  timed_out: no byte moved for timeout_s */
void http_connection_ends(struct http_connection *c, bool timed_out);

/* Bytes moved; or it is suspended until we have an answer, or more of one, for it. */
void http_connection_moved(struct http_connection *c);
void http_connection_waits(struct http_connection *c);

/* Its address as a number; and since when nothing has moved, 0 while it waits for us. */
uint64_t http_connection_who(const struct http_connection *c);
uint64_t http_connection_quiet_ns(const struct http_connection *c, uint64_t now_ns);

/* Close the connections whose request is late.  To be called about once a second. */
void http_connections_sweep(struct http_connections *cs, uint64_t now_ns);

/* Fills in the numbers of connections; the others of ret stay as they are. */
void http_connections_stats(struct http_connections *cs, struct http_stats *ret);

#endif
