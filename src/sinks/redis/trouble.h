/**
 * redis_trouble: what the log says of a connection that does not work.
 *
 *   redis not reachable     nobody answers there
 *   redis refused           Redis answers, and not as we need it: password, rights, database, memory ..; with what to do
 *   redis connection lost   it worked, and ended
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
    bool connected;    /* is what the log said last */
};

enum redis_trouble_kind { REDIS_TROUBLE_UNREACHABLE, REDIS_TROUBLE_REFUSED, REDIS_TROUBLE_LOST };

/* At most a line in 10 s of what is refused, and one of the rest. */
void redis_trouble_log(struct redis_trouble *t, enum redis_trouble_kind kind, const struct redis_url *u, const char *error,
                       uint64_t retry_ms);

/* `redis connected`, once for each trouble that was written to the log. */
void redis_trouble_over(struct redis_trouble *t, const struct redis_url *u);

#endif
