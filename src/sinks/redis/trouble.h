/**
 * redis_trouble: what the log says of a connection that does not work.
 *
 *   redis not reachable     nobody answers there
 *   redis refused           Redis answers with an error: password, rights, database, memory ..; the
 *                           line says what to do
 *   redis connection lost   it worked, and ended
 *   redis connected         it works again
 *
 *   thread   one owner
 */
#ifndef SINKS_REDIS_TROUBLE_H
#define SINKS_REDIS_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "sinks/redis/url.h"

struct redis_trouble {
    struct log_gate gate, refused_gate;
    bool connected; /* is what the log said last */
};

enum redis_trouble_kind { REDIS_TROUBLE_UNREACHABLE, REDIS_TROUBLE_REFUSED, REDIS_TROUBLE_LOST };

/* Logs at most one `redis refused` in 10 s, and one of the other two kinds. */
void redis_trouble_log(struct redis_trouble *t, enum redis_trouble_kind kind,
                       const struct redis_url *u, const struct redis_host *at, const char *error,
                       uint64_t retry_ms);

/* `redis connected`, once for each trouble that was written to the log. */
void redis_trouble_over(struct redis_trouble *t, const struct redis_url *u,
                        const struct redis_host *at);

#endif
