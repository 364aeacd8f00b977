/**
 * exposed_exemplars: the exemplars that stand on /metrics, by what is exposed.  Private to
 * aggregate/.
 *
 * What had none takes no memory here; what had one takes a struct exemplar for each of its buckets,
 * and the text of each that there is.
 *   thread   control; without memory the process ends (base/mem.h)
 */
#ifndef AGGREGATE_EXPOSED_EXEMPLARS_H
#define AGGREGATE_EXPOSED_EXEMPLARS_H

#include "aggregate/exposed.h"
#include "aggregate/index.h"

struct exposed_exemplars {
    struct index by_exposed;
};

void exposed_exemplars_init(struct exposed_exemplars *x);
void exposed_exemplars_release(struct exposed_exemplars *x); /* all were forgotten */

/* Of e, a counter or histogram, in that place of exposed_view.exemplars; an older one goes. */
void exposed_exemplars_put(struct exposed_exemplars *x, const struct exposed *e, uint32_t place,
                           const struct exemplar *copied);

/* As exposed_view.exemplars. */
const struct exemplar *exposed_exemplars_of(const struct exposed_exemplars *x,
                                            const struct exposed *e);

/* e is about to go. */
void exposed_exemplars_forget(struct exposed_exemplars *x, const struct exposed *e);

#endif
