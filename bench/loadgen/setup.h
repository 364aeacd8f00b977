/**
 * setup: what the options ask for, made ready before the load begins: target, shape, datagrams, and
 * what is watched.
 *
 * Whatever is wrong with them is said here, and not after a minute of load.
 *   thread   main
 */
#ifndef LOADGEN_SETUP_H
#define LOADGEN_SETUP_H

#include <stdbool.h>

#include "opts.h"
#include "run.h"
#include "send/shape.h"
#include "send/target.h"

struct setup {
    struct target target;
    struct shape shape;
    struct payload payload;
    /* Points to the three above; wait, on_row and their cookie are the caller's to set */
    struct run_opts run;
    struct buf error; /* what was wrong, a line without its end */
};

/**
 * setup_init(s, o, block_max):
 *   o          borrowed by s, as the strings in it are; a CSV shape sets its duration_s, a stream
 *              its framing
 *   block_max  bytes of all datagrams together; 0: no bound
 *   returns    false: what was wrong is in s->error.  s is to be released in any case
 */
bool setup_init(struct setup *s, struct opts *o, size_t block_max);
void setup_release(struct setup *s);

#endif
