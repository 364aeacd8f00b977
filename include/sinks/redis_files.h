/**
 * redis_files: where Redis is, and the files with secrets and certificates beside that URL.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_FILES_H
#define SINKS_REDIS_FILES_H

#include <stdint.h>

#include "base/buf.h"

/* Beside the URL; NULL or "": there is none. */
struct redis_files {
    const char *password;           /* one line: the password, in place of one in the URL */
    const char *sentinel_password;  /* of the Sentinels */
    const char *tls_ca;             /* PEM: who signs Redis' certificate; none: the system's CAs */
    const char *tls_cert, *tls_key; /* PEM: ours, for a Redis that asks for one */
};

/**
 * redis_url_check(url, files, ret_error):
 * Is the URL well-formed, and do the files fit it?  None of them is read.
 *   files    may be NULL
 *   returns  0, or -EINVAL with *ret_error a static text: what is wrong, and how it should look
 */
int redis_url_check(const char *url, const struct redis_files *files, const char **ret_error);

/*
 * How many connections a server is reckoned to have to Redis at a time; /cluster/metrics has as
 * many of its own.  One by a Unix socket or with a database; three with Sentinels, for two masters
 * and the Sentinel; three with one host, whose cluster has no fewer masters; and with several hosts
 * twice as many, at least six, as the nodes that come stand beside those that leave.  What a larger
 * cluster has is not known before it is asked.  0: the URL is empty, or not well-formed.
 */
uint32_t redis_url_nodes(const char *url);

/*
 * The most memory of one of them, in bytes, but for the session of TLS: a window of batches, with
 * the one that fills it, in a buffer that doubles; and an answer.
 */
enum { REDIS_NODE_BYTES = 5 << 20 };

/**
 * redis_files_check(url, files, errors, warnings):
 * For `statsd check`: can the files be read, and are they what they should be?
 *   url       as redis_url_check has found good
 *   errors, warnings   get a line (with LF) for each, which begins with the file's name
 *   returns   0; -EINVAL
 *   cost      reads a disk
 */
int redis_files_check(const char *url, const struct redis_files *files, struct buf *errors,
                      struct buf *warnings);

#endif
