/**
 * redis_cargo: what an answer of Redis is for.
 *
 * It is the first member of everything that a route sends: so a pointer to the whole, which is all
 * that comes back with an answer, tells what the whole is.
 */
#ifndef SINKS_REDIS_CARGO_H
#define SINKS_REDIS_CARGO_H

enum redis_cargo {
    REDIS_CARGO_BATCH, /* struct redis_batch */
    REDIS_CARGO_ENTRY, /* struct redis_entry */
    REDIS_CARGO_ASK,   /* struct redis_ask */
    REDIS_CARGO_ROUTE  /* a question of the route itself */
};

#endif
