/**
 * core_web: the web config (config/web_config.h) with what its TLS goes by.
 *
 * The server and `statsd check` both take it from here.
 *   thread   control
 */
#ifndef CORE_WEB_H
#define CORE_WEB_H

#include <stdint.h>

#include "base/buf.h"
#include "config/web_values.h"
#include "tls/store.h"

/* { 0 } says nothing: plain HTTP for everybody. */
struct core_web {
    struct web_config config;
    struct tls_store *tls; /* NULL: plain HTTP */
};

/**
 * core_web_load(path, now, ret, errors, warnings):
 * Read the file, and the certificates and keys that it names.
 *   now        unix time in seconds
 *   ret        to be released.  After a failure what the file says, if it is right by itself, else
 *              nothing
 *   errors, warnings   get lines (with LF), which begin with a file's name
 *   returns    0; -EINVAL
 */
int core_web_load(const char *path, int64_t now, struct core_web *ret, struct buf *errors,
                  struct buf *warnings);

void core_web_release(struct core_web *w);

#endif
