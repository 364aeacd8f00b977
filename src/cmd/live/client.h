/**
 * client: GET from the API of a server, here or far away, over HTTP or HTTPS (libcurl).
 *
 * libcurl and the thirty libraries below it are loaded by client_new, so that the server itself,
 * which is the same program, never has them.
 *
 * A user and a password come from the URL or from ~/.netrc.
 *
 *   thread   main
 */
#ifndef CMD_LIVE_CLIENT_H
#define CMD_LIVE_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"

enum { CLIENT_ANSWER_BYTES = 16 << 20 /* a larger answer is an error */ };

struct client;

struct client_opts {
    const char *url;     /* "http://host:9102", "https://user:password@host"; borrowed */
    const char *ca_file; /* PEM; NULL: the CAs of this system */
    bool insecure;       /* take any certificate */
    /*
     * While it waits: at least every wait_ms, and when fd can be read.  returns  false: enough
     */
    bool (*idle)(void *cookie); /* NULL: it waits */
    void *cookie;
    int fd; /* negative: none */
    unsigned wait_ms;
};

/* returns  NULL: error has a line for people, without its end */
struct client *client_new(const struct client_opts *opts, struct buf *error);

/* Its URL as it may be shown: without user and password. */
const char *client_shown(const struct client *c);
void client_free(struct client *c); /* NULL is fine */

enum client_result {
    CLIENT_OK,
    CLIENT_AWAY,    /* not reached, or broken off: it may be back in a moment.  Also for a 503 */
    CLIENT_REFUSED, /* it answered, but not with 200 */
    CLIENT_ENOUGH   /* idle or data said so */
};

/**
 * client_get(c, path, out, error):
 *   path    with its query, encoded: "/api/v1/status"
 *   out     the body is appended
 */
enum client_result client_get(struct client *c, const char *path, struct buf *out,
                              struct buf *error);

/**
 * client_stream(c, path, data, cookie, error):
 * The body of a reply without an end, piece by piece.
 *   data     returns  false: enough
 *   returns  CLIENT_OK: the server ended it
 */
enum client_result client_stream(struct client *c, const char *path,
                                 bool (*data)(void *cookie, struct slice piece), void *cookie,
                                 struct buf *error);

/* Append s as a value of a query. */
void client_encode(struct buf *out, struct slice s);

#endif
