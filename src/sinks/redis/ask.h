/**
 * redis_ask: any command to the node of a place, whose answer goes to who asked.
 *   thread   one owner
 */
#ifndef SINKS_REDIS_ASK_H
#define SINKS_REDIS_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "sinks/redis/cargo.h"

struct redis_ask {
    enum redis_cargo cargo; /* first: REDIS_CARGO_ASK */
    uint8_t place;          /* of its keys (keys.h) */
    const char *bytes;      /* a whole command in RESP; stays until the answer */
    size_t len;
    uint8_t redirects; /* the route's: how often it was sent on */
};

#endif
