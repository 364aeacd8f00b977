/**
 * output: the output side as a whole: which exposed has which name and labels on /metrics.  Private
 * to aggregate/.
 *
 * It knows tuples, but no series: a series hands in its exposed and gets back the one to add to
 * from then on.
 *   thread   control
 */
#ifndef AGGREGATE_OUTPUT_H
#define AGGREGATE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/claim.h"
#include "aggregate/exposed_pool.h"
#include "aggregate/families.h"
#include "aggregate/kind.h"
#include "aggregate/spelling.h"
#include "aggregate/tuple.h"

struct output {
    const struct symbols *symbols; /* borrowed */
    struct families families;
    struct exposed_pool pool;
    struct claim_desk desk;
    struct off_page_list notes;
    struct spelling spelling;
};

struct output_opts {
    const struct symbols *symbols; /* borrowed */
    const struct mapping *mapping; /* these are those of registry_opts */
    bool suffixes, births;
};

/* desk: type_idle_s, on_off_page, cookie and stats are taken from it. */
void output_init(struct output *o, const struct output_opts *opts, const struct claim_desk *desk);
void output_release(struct output *o); /* all series have left */

/* A name of our own: no series stands under it. */
void output_reserve(struct output *o, const char *name);

/* A sample came for a series that is not on the page. */
struct output_request {
    const struct tuple *tuple;
    uint32_t samples; /* how many: counted when they are kept off */
    uint32_t now_s;
};

/**
 * output_show(o, e, q, now):
 * Try to put e, which is off the page, under the name and labels of q->tuple.
 *   e        the series' own, from exposed_pool_new; or shared since it lost its name
 *   returns  the exposed of the series from now on: e, on the page or still off it; or another one,
 *            which stood there already and now has all that e had brought.  Then the series no
 *            longer points to e
 */
struct exposed *output_show(struct output *o, struct exposed *e, const struct output_request *q,
                            struct kind_now *now);

/**
 * output_stays(o, e, name, type):
 * Is e on the page, and where a series of that family type would be put now whose name has just
 * been asked for (spelling_name)?  Then the rule's help is its family's, unless that has one.
 */
bool output_stays(struct output *o, const struct exposed *e, struct slice name,
                  enum family_type type);

/**
 * output_restore(o, e, name, labels):
 * Put e, which is off the page and of a saved state, under that name and those labels.
 *   returns  false: the name is reserved or of another type, or something stands there already
 */
bool output_restore(struct output *o, struct exposed *e, struct slice name, struct slice labels);

/* As output_leave, for what pointed to e before any series did (restored.h). */
void output_leave_restored(struct output *o, struct exposed *e);

/* The series of that tuple no longer points to e; the last one takes e with it.   cost  O(1) */
void output_leave(struct output *o, struct exposed *e, const struct tuple *t);

#endif
