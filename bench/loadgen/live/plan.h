/**
 * plan: the load that somebody asks for, as arguments of the command line: so that a worker, the
 * page and the command line ask for it in the same words, and are told of mistakes in the same.
 *   thread   the owner's
 */
#ifndef LIVE_PLAN_H
#define LIVE_PLAN_H

#include <jansson.h>

#include "opts.h"
#include "setup.h"

/* NULL-terminated, as main has them; strings owned. */
struct args {
    char **v;
    int n;
    size_t cap;
};

/* The load of o and where it goes, but not what is watched or written. */
void args_of(const struct opts *o, struct args *ret);
/* Instead of what is there; an empty value: back to the usual one. */
void args_set(struct args *a, const char *name, const char *value);
void args_copy(struct args *to, const struct args *from);
bool args_equal(const struct args *a, const struct args *b);
json_t *args_json(const struct args *a);
/* returns  false: it is no list of strings; ret is empty then */
bool args_read(const json_t *list, struct args *ret);
void args_release(struct args *a);

enum { PLAN_LINES_MAX = 5000000, PLAN_BYTES_MAX = 1 << 30 };

struct plan {
    struct args args;
    struct opts opts;
    struct setup setup;
};

/**
 * plan_new(args, own, error):
 *   args     taken in any case
 *   own      of this command line.  Others may not have a file read as a shape, nor ask for more
 *            series or lines than PLAN_LINES_MAX, or for more bytes of them than PLAN_BYTES_MAX
 *   returns  owned; NULL with the reason in error: one line, without its end
 */
struct plan *plan_new(struct args *args, bool own, struct buf *error);
void plan_free(struct plan *p); /* NULL is fine */

#endif
