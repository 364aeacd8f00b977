/**
 * secure: TLS of the HTTP server: the bundle of new connections, how many handshakes may begin, and
 * what came of them.  For http.c and settings.c.
 *
 * A handshake runs on the HTTP thread, 0.5 ms to 12 ms by the certificate's key, and keeps scrapes
 * waiting meanwhile.  So only so many begin in a second, and one address (as connections.h counts
 * them) begins one in HTTP_HANDSHAKES_PART of these; further connections are closed at once.  What
 * strangers have begun is not counted against an address from which a good password, or a
 * certificate of a CA, came in the last HTTP_TRUSTED_S: it has its own part, which no other address
 * shares.  About a thousand addresses are trusted at a time.
 *
 * A client's certificates may cost more than the handshake itself: more bytes of them than
 * HTTP_HANDSHAKE_BYTES count as one more for each HTTP_HANDSHAKE_STEP of them, also when that is
 * more than there are in this second.
 *
 *   thread   HTTP, but for set and stats: any
 */
#ifndef HTTP_SECURE_H
#define HTTP_SECURE_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "http/counters.h"
#include "tls/bundle.h"

/* One address begins one in so many handshakes of a second, but at least one. */
enum { HTTP_HANDSHAKES_PART = 8, HTTP_TRUSTED_S = 3600 };
enum { HTTP_HANDSHAKE_BYTES = 6144, HTTP_HANDSHAKE_STEP = 256 };

struct http_secure;
struct http_handshake;

struct http_secure_opts {
    struct tls_bundle *bundle; /* a reference is taken */
    uint32_t per_second;       /* handshakes that begin */
    uint32_t timeout_s;        /* after which libmicrohttpd ends one */
};

struct http_secure *http_secure_new(const struct http_secure_opts *o);

/* After the last connection is closed.  NULL is fine. */
void http_secure_free(struct http_secure *s);

void http_secure_set(struct http_secure *s, struct tls_bundle *b);

/* May an address (of http_connections_who) begin a handshake?  If not, it is counted. */
bool http_secure_admits(struct http_secure *s, uint64_t who, uint64_t now_ns);

/* What one that was begun has cost beyond the usual: so many bytes of certificates came. */
void http_secure_charge(struct http_secure *s, uint64_t who, size_t bytes, uint64_t now_ns);

/* A connection is here, its handshake not begun.  NULL: no memory, end it. */
struct http_handshake *http_secure_begin(struct http_secure *s, struct MHD_Connection *mhd,
                                         uint64_t now_ns);

/* A request's head, or a part of its body, is here: nothing but that ends what may be sent.  NULL
 * is fine. */
void http_secure_heard(struct http_handshake *h);

/* Does a CA that was asked for vouch for the client? */
bool http_secure_vouched(const struct http_handshake *h);

/* The address has shown who it is. */
void http_secure_trust(struct http_secure *s, uint64_t who, uint64_t now_ns);

/* A request is here.  returns  false: the client lacks a certificate that is wanted of it */
bool http_secure_request(struct http_secure *s, struct http_handshake *h);

/* The connection is over, and its session gone; h too.  NULL is fine. */
void http_secure_over(struct http_secure *s, struct http_handshake *h, const struct sockaddr *from,
                      uint64_t now_ns);

/* Fills in the numbers of TLS; the others of ret stay as they are. */
void http_secure_stats(struct http_secure *s, struct http_stats *ret);

#endif
