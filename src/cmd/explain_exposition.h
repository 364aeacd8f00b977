/**
 * explain_exposition: a server in a nutshell: one worker, one registry, one scrape, on one thread.
 */
#ifndef CMD_EXPLAIN_EXPOSITION_H
#define CMD_EXPLAIN_EXPOSITION_H

#include "cmd/explain_core.h"
#include "config/config.h"
#include "protocol/sample.h"

struct explain_exposition;

struct explain_exposition *explain_exposition_new(const struct config *c);
void explain_exposition_free(struct explain_exposition *e);
void explain_exposition_add(struct explain_exposition *e, struct batch *b);

/* Close the interval and append the lines of /metrics, sorted, joined by LF. */
void explain_exposition_render(struct explain_exposition *e, struct buf *out);

/* What the page leaves out, and the samples that were refused, as of the last rendering. */
const struct off_page_note *const *explain_exposition_off_page(const struct explain_exposition *e, size_t *ret_n);
struct explain_refused explain_exposition_refused(const struct explain_exposition *e);

#endif
