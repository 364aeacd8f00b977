/**
 * explain_exposition: a server in a nutshell: one lane, one registry, one scrape, on one thread.
 */
#ifndef CMD_EXPLAIN_EXPOSITION_H
#define CMD_EXPLAIN_EXPOSITION_H

#include "aggregate/lane.h"
#include "aggregate/off_page.h"
#include "base/buf.h"
#include "config/config.h"

struct explain_exposition;

/* taps and refusals are called in explain_exposition_datagram. */
struct explain_exposition *explain_exposition_new(const struct config *c,
                                                  const struct lane_taps *taps,
                                                  const struct lane_refusals *refusals);
void explain_exposition_free(struct explain_exposition *e);

/* In the page, with all its hooks called, when it returns. */
void explain_exposition_datagram(struct explain_exposition *e, const struct lane_datagram *d);

/* Close the interval and append the lines of /metrics, sorted, joined by LF. */
void explain_exposition_render(struct explain_exposition *e, struct buf *out);

/*
 * As of the last rendering: what the page leaves out, and how many sums the registry refused as not
 * finite.
 */
const struct off_page_note *const *explain_exposition_off_page(const struct explain_exposition *e,
                                                               size_t *ret_n);
uint64_t explain_exposition_sums_refused(const struct explain_exposition *e);

#endif
