/**
 * redis_url: where Redis is and who we are there.
 *
 *   redis://[user[:password]@]host[:port][/db]
 *   redis://:password@host                            (no user: the old AUTH)
 *   unix:///path/to.sock[?db=N]
 *
 * User, password and path are percent-encoded where they hold one of  : @ / ? # %.  An IPv6 address
 * stands in [ ].
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_URL_H
#define SINKS_REDIS_URL_H

#include <stddef.h>
#include <stdint.h>

#include "sinks/redis.h"

enum { REDIS_URL_PORT = 6379, REDIS_URL_DB_MAX = 65535 };

/* Either host or path. */
struct redis_url {
    char *host;     /* NULL for a Unix socket */
    char *path;     /* NULL for TCP */
    char *user;     /* NULL: none given */
    char *password; /* NULL: do not authenticate */
    uint32_t db;
    uint16_t port;
};

/**
 * redis_url_parse(url, ret, ret_error):
 *   ret        owned by the caller, who calls redis_url_release
 *   ret_error  on failure a static text for people; may be NULL
 *   returns    0 or -EINVAL; *ret is untouched on failure
 */
int redis_url_parse(const char *url, struct redis_url *ret, const char **ret_error);
/* The URL for people and logs, *** for the password.  returns  as snprintf */
int redis_url_print(const struct redis_url *u, char *out, size_t n);

void redis_url_release(struct redis_url *u); /* forgets the password too */

#endif
