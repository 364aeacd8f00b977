/**
 * connections: who is connected, who may still come in, and who has to go.  For http.c and stream.c only.
 *
 *   accept -> admit -> opened -> (reading a request -> answering it)* -> closed
 *
 * libmicrohttpd closes a connection on which no byte moves for http_opts.timeout_s.  What that timer cannot see is here:
 *
 *   deadline   a request (head and body) that is not complete HTTP_REQUEST_S after its first byte ends its connection, however
 *              steadily its bytes come.  The pause between two requests of a connection does not count.
 *   room       at max_connections, or at max_per_ip of one address, a newcomer takes the place of the connection that has been
 *              quiet for the longest, weighed by how many its address holds.  Nothing is taken from who was active within the
 *              last second, unless it is not being answered and the newcomer's address holds fewer; nothing ever from who waits
 *              for an answer of ours.
 *              Where nobody has to go, the newcomer is closed at once.
 *
 * An address is an IPv4 address or the first 64 bits of an IPv6 one: who has one of those has them all.
 *
 *   thread   HTTP, but for sweep, stats, who and quiet: any
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

struct http_connections_opts {
    uint32_t max, max_per_ip, timeout_s;
};

struct http_connections *http_connections_new(const struct http_connections_opts *opts);
void http_connections_free(struct http_connections *cs);    /* all are closed.  NULL is fine */

/* An address as a number: equal for those that count as one. */
uint64_t http_connections_who(const struct sockaddr *from);

/* May a connection from there come in?  Counted if not. */
bool http_connections_admit(struct http_connections *cs, const struct sockaddr *from, uint64_t now_ns);

struct http_connection *http_connection_opened(struct http_connections *cs, struct MHD_Connection *mhd, uint64_t now_ns);
void http_connection_closed(struct http_connection *c);     /* before its socket is */

struct http_connection *http_connection_of(struct MHD_Connection *mhd);

/* The whole request is here; its answer has left, or the next request may come. */
void http_connection_answers(struct http_connection *c);
void http_connection_reads(struct http_connection *c);

/* A request came to no good end, and the connection ends with it.  timed_out: no byte moved for timeout_s */
void http_connection_ends(struct http_connection *c, bool timed_out);

/* Bytes move; or it is suspended until we have some for it. */
void http_connection_moved(struct http_connection *c);
void http_connection_waits(struct http_connection *c);

/* Its address as a number, and for how long nothing has moved; 0 while it waits for us. */
uint64_t http_connection_who(const struct http_connection *c);
uint64_t http_connection_quiet_ns(const struct http_connection *c, uint64_t now_ns);

/* Ends the connections whose request is late.  To be called about once a second. */
void http_connections_sweep(struct http_connections *cs, uint64_t now_ns);

/* Fills what is known here. */
void http_connections_stats(struct http_connections *cs, struct http_stats *ret);

#endif
