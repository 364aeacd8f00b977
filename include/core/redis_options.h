/**
 * redis_options: the options of Redis as the sink, and what checks it, take them.
 *   thread   any (no state)
 */
#ifndef CORE_REDIS_OPTIONS_H
#define CORE_REDIS_OPTIONS_H

#include "config/config.h"
#include "sinks/redis.h"

/* Borrowed from c. */
static inline struct redis_files core_redis_files(const struct config *c)
{
    return (struct redis_files){ .password = c->redis_password_file,
                                 .sentinel_password = c->redis_sentinel_password_file,
                                 .tls_ca = c->redis_tls_ca_file,
                                 .tls_cert = c->redis_tls_cert_file,
                                 .tls_key = c->redis_tls_key_file };
}

#endif
